"""Who is who, by the refs that tills and files use."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from greenloop.store import sql

NO_FIRST_ORDER = -1
"""Stands for the first order of a buyer that gets no rebate for one."""


@dataclass(frozen=True, slots=True)
class MemberFact:
    """A member as an order needs it."""

    id: int
    city: str
    enrolled_at: datetime
    referrer_id: int | None
    first_order_id: int | None


@dataclass(frozen=True, slots=True)
class MerchantFact:
    """A merchant as an order needs it; `rates` are (valid from, ppm), oldest first; `shops` are ids by ref."""

    id: int
    account_id: int
    city: str
    grade: str
    multiple_ppm: int
    accepts_coupons: bool
    rates: tuple[tuple[datetime, int], ...]
    shops: dict[str, int]

    def rate_ppm(self, at: datetime) -> int | None:
        """Return the concession rate at an instant, None before the first rate card."""
        for valid_from_at, rate_ppm in reversed(self.rates):
            if valid_from_at <= at:
                return rate_ppm
        return None


def members(refs: Iterable[str]) -> dict[str, MemberFact]:
    """Return the buyers among the refs: enrolled members, and merchants, which buy with what they have earned.

    A merchant has no referrer and no first-order rebate.
    """
    wanted = set(refs)
    return members_of(wanted, *sql.together([member_ask(wanted)]))


def member_ask(refs: set[str]) -> sql.Ask:
    """Return the query that finds members by their refs."""
    return sql.Ask(_MEMBERS, refs)


def members_of(refs: set[str], found: Sequence[sql.Row]) -> dict[str, MemberFact]:
    """Return the buyers among the refs, of whom these members were found."""
    facts = {
        ref: MemberFact(number, city, sql.moment(enrolled), referrer, first)
        for ref, number, city, enrolled, referrer, first in found
    }
    others = [ref for ref in refs if ref not in facts]
    for ref, number, city, enrolled in sql.rows_in(_BUYING_MERCHANTS, others):
        facts[ref] = MemberFact(number, city, sql.moment(enrolled), None, NO_FIRST_ORDER)
    return facts


def merchants(refs: Iterable[str]) -> dict[str, MerchantFact]:
    """Return the enrolled merchants among the refs, with their rate cards and stores."""
    wanted = set(refs)
    found, cards, stores = sql.together([sql.Ask(each, wanted) for each in (_MERCHANTS, _RATES, _SHOPS)])
    rates: dict[int, list[tuple[datetime, int]]] = {}
    for merchant, rate_ppm, valid_from in cards:
        rates.setdefault(merchant, []).append((sql.moment(valid_from), rate_ppm))
    shops: dict[int, dict[str, int]] = {}
    for merchant, ref, number in stores:
        shops.setdefault(merchant, {})[ref] = number
    return {
        ref: MerchantFact(
            number, account, city, grade, multiple, bool(coupons), tuple(rates.get(number, ())), shops.get(number, {})
        )
        for ref, number, account, city, grade, multiple, coupons in found
    }


def accounts_of_merchants(merchant_ids: Iterable[int]) -> dict[int, int]:
    """Return the account that holds each merchant's points."""
    found = sql.rows_in("SELECT id, account_id FROM merchant WHERE id IN ({keys})", merchant_ids)
    return dict(found)


def held_accounts(account_ids: Iterable[int]) -> frozenset[int]:
    """Return those of the accounts that can't draw or spend at present.

    An account is held itself, or by a hold on a vested order that gave it points: as shopper, merchant or referrer.
    """
    wanted = set(account_ids)
    return frozenset(row[0] for row in sql.rows(_HELD) if row[0] in wanted) if wanted else frozenset()


def own_shops(account_ids: Iterable[int]) -> frozenset[tuple[int, int]]:
    """Return the (account, merchant) pairs in which the account owns, works for or is linked to the merchant."""
    wanted = list(account_ids)
    linked = sql.rows_in("SELECT account_id, merchant_id FROM merchant_link WHERE account_id IN ({keys})", wanted)
    owned = sql.rows_in("SELECT account_id, id FROM merchant WHERE account_id IN ({keys})", wanted)
    return frozenset((account, merchant) for account, merchant in [*linked, *owned])


_MEMBERS = "SELECT ref, account_id, city, enrolled_at, referrer_id, first_order_id FROM member WHERE ref IN ({keys})"
_MERCHANTS = (
    "SELECT ref, id, account_id, city, grade, multiple_ppm, accepts_coupons FROM merchant WHERE ref IN ({keys})"
)
_RATES = """
    SELECT merchant_id, rate_ppm, valid_from_at FROM rate_card
    WHERE merchant_id IN (SELECT id FROM merchant WHERE ref IN ({keys})) ORDER BY valid_from_at
"""
_SHOPS = "SELECT merchant_id, ref, id FROM shop WHERE merchant_id IN (SELECT id FROM merchant WHERE ref IN ({keys}))"
VERSION_ASK = sql.Ask("SELECT version FROM directory")
"""Asks for the version of all merchants, rate cards and stores: it is another one after any change of them."""
_BUYING_MERCHANTS = "SELECT ref, account_id, city, enrolled_at FROM merchant WHERE ref IN ({keys})"
# Few holds stand at a time: CROSS JOIN keeps SQLite from starting at the orders.
_HELD_ORDERS = "FROM hold h CROSS JOIN orders o CROSS JOIN merchant m"
_STANDING = "WHERE h.released_at IS NULL AND o.id = h.order_id AND m.id = o.merchant_id AND o.entry_cycle IS NOT NULL"
_HELD = f"""
    SELECT account_id FROM hold WHERE released_at IS NULL AND account_id IS NOT NULL
    UNION SELECT o.member_id {_HELD_ORDERS} {_STANDING}
    UNION SELECT m.account_id {_HELD_ORDERS} {_STANDING}
    UNION SELECT o.referrer_id {_HELD_ORDERS} {_STANDING} AND o.red_points > 0
"""  # noqa: S608  constants of this file
