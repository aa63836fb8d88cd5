"""Decide on large draws and spends that are held, take one back, and let those end that nobody used."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from greenloop.core.faults import Refusal, ensure, say
from greenloop.core.loop import spending
from greenloop.core.loop.fence import reserve
from greenloop.core.loop.spending import Purse
from greenloop.core.people.roles import CLAIM_DECIDERS
from greenloop.core.trust.commitment import commitment
from greenloop.services.loop.claiming import let_go
from greenloop.services.loop.drawing import record_draw
from greenloop.services.loop.rules import in_force, rulings
from greenloop.services.loop.steps import WalletWork
from greenloop.services.outbox import news
from greenloop.services.trust.steps import ACCOUNT, may, note, other_than, person
from greenloop.services.verb import verb
from greenloop.store import locks, sql
from greenloop.store.models import Claim
from greenloop.store.queries import claims, parties, pools, wallets

LIFE = timedelta(hours=72)
"""How long an approved spend may wait for its order to come again."""
REASON_MAX = 500
ENDED_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Decided:
    """A claim as it was decided: `done` for a draw, `approved` for a spend until `until_at`, or `rejected`."""

    claim_id: int
    state: str
    amount_fen: int
    until_at: datetime | None = None


@verb
def approve(*, claim_id: int, seen: str, by: str, at: datetime) -> Decided:
    """Let a held claim through, as a second person: a draw is drawn now, a spend taken once when its order comes again.

    Exactly what was held is drawn, by the arithmetic of any draw. `seen` is the SHA-256 of the claim that was looked
    at.

    :raises Refusal: there is no such held claim, `by` is no second person or has no role that decides, the account is
        on hold, less is there than was reserved (a refund took it back), or the sale was paid otherwise meanwhile.
    """
    claim = _decidable(claim_id, seen, by)
    if parties.held_accounts([claim.account_id]):
        message = say("The account {account} is on hold. Release the hold first, or reject the claim.")
        raise Refusal("claim.on_hold", message, field="claim", account=str(claim.account_id))
    if claim.kind == "draw":
        _draw(claim, at)
        decided = Decided(claim.id, "done", claim.amount_fen)
    else:
        _check_spend(claim)
        decided = Decided(claim.id, "approved", claim.amount_fen, at + LIFE)
    ended_at = at if decided.state == "done" else None
    _decide(claim, decided.state, by=by, at=at, until_at=decided.until_at, ended_at=ended_at)
    _note(claim, "approve", by, at)
    news.claim("approved", claim.id, at=at)
    return decided


@verb
def reject(*, claim_id: int, seen: str, reason: str, by: str, at: datetime) -> Decided:
    """Turn a held claim down, as a second person who says why: nothing moves, and the reserved amount is free again.

    :raises Refusal: there is no such held claim, `by` is no second person or has no role that decides, or no reason is
        given.
    """
    why = reason.strip()
    if not 0 < len(why) <= REASON_MAX or "\x00" in why:
        raise Refusal("claim.reason", say("Say why, in 1 to {most} characters."), field="reason", most=REASON_MAX)
    claim = _decidable(claim_id, seen, by)
    let_go([(claim.id, claim.kind)])
    _decide(claim, "rejected", by=by, at=at, reason=why, ended_at=at)
    _note(claim, "reject", by, at)
    news.claim("rejected", claim.id, at=at)
    return Decided(claim.id, "rejected", claim.amount_fen)


@verb
def withdraw(*, claim_id: int, account_id: int, by: str, at: datetime) -> None:
    """Take a claim back for its holder, held or approved and not used: the reserved amount is free again.

    :raises Refusal: the holder has no such claim, or it has ended.
    """
    claim = _locked(claim_id)
    if claim.account_id != account_id:
        raise claims.unknown(claim_id)
    if claim.ended_at is not None:
        raise _closed(claim_id)
    _end([(claim.id, claim.kind)], "withdrawn", at)
    _note(claim, "withdraw", by, at)


@dataclass(frozen=True, slots=True)
class Lapsed:
    """How many claims ended by themselves. `more` says that some are left for another call."""

    claims: int
    more: bool


@verb
def lapse(*, at: datetime) -> Lapsed:
    """End approvals that weren't used in time, and claims of sales that were paid otherwise, up to 1 000 of them."""
    found = sql.rows(_OVER, [sql.instant(at), ENDED_MAX + 1])
    more, found = len(found) > ENDED_MAX, found[:ENDED_MAX]
    if not found:
        return Lapsed(0, more=False)
    locks.holders({account for _, account in found})
    # Until their holders were locked, some may have been used or withdrawn.
    now = sql.rows_in(_STILL_LIVE, [number for number, _ in found])
    _end([(number, kind) for number, kind in now], "lapsed", at)
    return Lapsed(len(now), more)


def end_claims_of(account_id: int, *, at: datetime) -> None:
    """End all that a holder has asked for, inside a verb that has locked the holder."""
    found = Claim.objects.filter(account_id=account_id, ended_at=None).values_list("id", "kind")
    _end(list(found), "withdrawn", at)


def _end(ended: Sequence[tuple[int, str]], state: str, at: datetime) -> None:
    let_go(ended)
    Claim.objects.filter(id__in=[number for number, _ in ended]).update(state=state, ended_at=at)


def _locked(claim_id: int) -> Claim:
    """Return a claim as it stands once its holder is locked."""
    account = Claim.objects.filter(id=claim_id).values_list("account_id", flat=True).first()
    if account is None:
        raise claims.unknown(claim_id)
    locks.holders([account])
    return Claim.objects.get(id=claim_id)


def _decidable(claim_id: int, seen: str, by: str) -> Claim:
    claim = _locked(claim_id)
    if claim.state != "held":
        raise _closed(claim_id)
    may(by, *CLAIM_DECIDERS)
    message = say("{by} asked for this, or is behind it; another person has to decide.")
    other_than(proposed_by=claim.asked_by, by=by, code="claim.two_people", message=message)
    who = person(by)
    if who in {f"{ACCOUNT}{number}" for number in claims.behind(claim.account_id, claim.merchant_id)}:
        raise Refusal("claim.two_people", message, field="by", by=by)
    if seen != claim.content_hash:
        message = say("This isn't what you have looked at. Look at the claim again, then decide.")
        raise Refusal("claim.changed", message, field="seen")
    return claim


def _draw(claim: Claim, at: datetime) -> None:
    """Draw what was held, once: the draw is posted under the claim's own number."""
    names = pools.names()
    work = WalletWork()
    work.open(wallets.purses_of([claim.account_id]))
    there = [
        reserve(purse, draw_fen=-claim.amount_fen) if purse.pool_id == claim.pool_id else purse
        for purse in work.purses(claim.account_id)
    ]
    there.sort(key=lambda each: each.pool_id != claim.pool_id)
    purse, *others = spending.place_debt(there)
    if spending.drawable_fen(purse) < claim.amount_fen:
        raise _short(claim, spending.drawable_fen(purse))
    after, drawn = spending.draw(purse, claim.amount_fen)
    ensure(drawn.drawn_fen == claim.amount_fen, f"claim {claim.id} drew another amount than was held")
    record_draw(
        work,
        number=claim.id,
        account_id=claim.account_id,
        pool=names[purse.pool_id],
        purses=(after, *others),
        drawn=drawn,
        voucher_days=in_force(rulings(), at).rules.voucher_days,
        at=at,
    )


def _check_spend(claim: Claim) -> None:
    if sql.value("SELECT 1 FROM orders WHERE merchant_id = %s AND order_no = %s", [claim.merchant_id, claim.order_no]):
        message = say("The sale was paid otherwise since. Reject the claim.")
        raise Refusal("claim.past", message, field="claim")
    parts = dict(claims.parts(claim.id))
    there: list[Purse] = [
        reserve(purse, spend_fen=-parts.get(purse.pool_id, 0))
        for purse in wallets.purses_of([claim.account_id]).get(claim.account_id, ())
    ]
    available_fen = sum(map(spending.available_fen, spending.place_debt(there)))
    if available_fen < claim.amount_fen:
        raise _short(claim, available_fen)


def _decide(
    claim: Claim,
    state: str,
    *,
    by: str,
    at: datetime,
    reason: str = "",
    until_at: datetime | None = None,
    ended_at: datetime | None = None,
) -> None:
    Claim.objects.filter(id=claim.id).update(
        state=state, decided_by=person(by), decided_at=at, reason=reason, until_at=until_at, ended_at=ended_at
    )


def _note(claim: Claim, what: str, by: str, at: datetime) -> None:
    """Note who decided, on what; the public log tells a commitment to the claim, and nothing that is in it."""
    detail = {
        "claim": str(claim.id),
        "sha256": claim.content_hash,
        "commitment": commitment(salt=claim.salt, content_hash=claim.content_hash),
    }
    note(act=f"claim.{what}", about=f"claim/{claim.id}", detail=detail, at=at, by=by)


def _short(claim: Claim, left_fen: int) -> Refusal:
    message = say("Of the {amount} fen that were held {left} are left: a refund took the rest back. Reject the claim.")
    return Refusal("claim.short", message, field="claim", amount=claim.amount_fen, left=left_fen)


def _closed(claim_id: int) -> Refusal:
    return Refusal("claim.closed", say("Claim {claim} is decided already."), field="claim", claim=str(claim_id))


_OVER = """
    SELECT id, account_id FROM claim WHERE state = 'approved' AND until_at <= %s
    UNION
    SELECT c.id, c.account_id FROM claim c JOIN orders o ON o.merchant_id = c.merchant_id AND o.order_no = c.order_no
    WHERE c.state IN ('held', 'approved')
    ORDER BY 1 LIMIT %s
"""
_STILL_LIVE = "SELECT id, kind FROM claim WHERE ended_at IS NULL AND id IN ({keys})"
