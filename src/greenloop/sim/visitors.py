"""Who may look at a replayed year: one person for each role, made with what they sign in by.

The member and the merchant are those with the most to see. Passwords and second factors are drawn anew each time, not
from the world's seed: they are keys, if only to a demonstration.
"""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from greenloop.core.loop.concession import RATE_MAX_PPM, RATE_MIN_PPM
from greenloop.core.people.roles import ROLES
from greenloop.services.people.sign_in import PhoneForm, give_phones, seat
from greenloop.services.people.staff import appoint_staff, draw_password, set_up_second_factor
from greenloop.services.trust.proposals import propose, reject
from greenloop.store import sql
from greenloop.store.queries import lookups, trust

MEMBER_PHONE, MERCHANT_PHONE = "13800138000", "13900139000"
"""Numbers that everybody uses as examples; no message is sent to them by the console."""
OTHERS_MAX = 3
SECRET_BYTES = 20
STEP_PPM = 5_000


@dataclass(frozen=True, slots=True)
class Invitation:
    """How somebody signs in: staff by name, password and second factor; a member or merchant by phone.

    `holder` is the ref of the member or merchant, `others` are some of those that this person may not see;
    `held_cycle` is the settlement that waits for a decision, if one does.
    """

    role: str
    name: str | None = None
    password: str | None = None
    secret: str | None = None
    recovery_codes: tuple[str, ...] = ()
    phone: str | None = None
    holder: str | None = None
    others: tuple[str, ...] = ()
    held_cycle: int | None = None


def invite(*, at: datetime) -> Sequence[Invitation]:
    """Make one person for each role, and return how each of them signs in.

    :raises Refusal: the identity key is not kept, or the phones of the demo sign in somebody else already.
    """
    held = lookups.held_cycle()
    staff = [_staff(role, at, held) for role in ROLES]
    merchant = _merchant(at)
    _leave_proposals(str(merchant.holder), at)
    return [*staff, merchant, _member(at)]


def _staff(role: str, at: datetime, held_cycle: int | None) -> Invitation:
    name, password = role.capitalize(), draw_password()
    account_id = appoint_staff(name=name, roles=[role], at=at, password=password)
    secret = base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()
    factor = set_up_second_factor(account_id=account_id, secret=secret, at=at)
    return Invitation(role, name, password, factor.secret, factor.recovery_codes, held_cycle=held_cycle)


def _leave_proposals(merchant: str, at: datetime) -> None:
    """Leave rules and a rate card for a second person to decide on, and a rate card that was turned down."""
    from_at = (at + timedelta(days=14)).isoformat()
    rate_ppm = trust.rate_before(merchant, at) or RATE_MIN_PPM
    step_ppm = STEP_PPM if rate_ppm + 2 * STEP_PPM <= RATE_MAX_PPM else -STEP_PPM
    card = {"merchant": merchant, "valid_from_at": from_at}
    asked: dict[str, Any] = {"kind": "rate.set", "reason": "The shop asks for it.", "by": "Marketing", "at": at}
    made = propose(content={**card, "rate_ppm": rate_ppm + 2 * step_ppm}, **asked)
    reject(proposal_id=made.id, by="Finance", at=at, why="Half of it will do.")
    propose(content={**card, "rate_ppm": rate_ppm + step_ppm}, **asked)
    if rules := trust.rules_before(at):
        content = {"document": {**rules.document, "coupon_days": 120}, "effective_at": from_at}
        propose(kind="rules.publish", content=content, reason="A longer life for coupons.", by="Operator", at=at)


def _merchant(at: datetime) -> Invitation:
    refs = [str(ref) for ref, _ in sql.rows(_BUSIEST, [OTHERS_MAX + 1])]
    seat(merchant=refs[0], phone=MERCHANT_PHONE, relation="owner", at=at)
    return Invitation("merchant", phone=MERCHANT_PHONE, holder=refs[0], others=tuple(refs[1:]))


def _member(at: datetime) -> Invitation:
    """Choose a member who has every kind of thing to see, and of those one with points of many cohorts."""
    found = sorted(
        sql.rows(_MEMBERS),
        key=lambda row: (sum(each > 0 for each in row[2:]), row[2], row[0]),
        reverse=True,
    )
    ref, account_id = found[0][:2]
    give_phones(forms=[PhoneForm(account_id=account_id, phone=MEMBER_PHONE)], at=at)
    return Invitation(
        "member", phone=MEMBER_PHONE, holder=ref, others=tuple(row[0] for row in found[1 : OTHERS_MAX + 1])
    )


_BUSIEST = """
    SELECT m.ref, COUNT(*) FROM orders o JOIN merchant m ON m.id = o.merchant_id
    GROUP BY m.ref ORDER BY COUNT(*) DESC, m.ref LIMIT %s
"""
_MEMBERS = """
    SELECT m.ref, m.account_id, COALESCE(p.number, 0), COALESCE(v.number, 0), COALESCE(c.number, 0),
           COALESCE(r.number, 0)
    FROM member m
    LEFT JOIN (SELECT account_id, COUNT(*) AS number FROM position WHERE points > 0 GROUP BY account_id) p
        ON p.account_id = m.account_id
    LEFT JOIN (SELECT account_id, COUNT(*) AS number FROM voucher WHERE left_fen > 0 GROUP BY account_id) v
        ON v.account_id = m.account_id
    LEFT JOIN (SELECT account_id, COUNT(*) AS number FROM coupon WHERE left_fen > 0 GROUP BY account_id) c
        ON c.account_id = m.account_id
    LEFT JOIN (SELECT referrer_id, COUNT(*) AS number FROM orders WHERE red_points > 0 GROUP BY referrer_id) r
        ON r.referrer_id = m.account_id
"""
