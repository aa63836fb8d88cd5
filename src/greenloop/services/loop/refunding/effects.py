"""What a refund does to points: lots shrink, backing returns, and what was claimed too much is taken back (R10)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from greenloop.core.faults import Refusal, say
from greenloop.core.loop.refund import claw_back
from greenloop.services.loop.refunding.state import Index, State, backing_now
from greenloop.store.sql import Row

Amounts = list[tuple[str, str, int]]


@dataclass(frozen=True, slots=True)
class Shrink:
    """What one refund takes from the lots of an order: (account, points) by pool and cohort.

    `shopper` and `merchant` are accounts. The shopper's part of an over-claim comes from `cash_fen` of the refund, the
    merchant's from its dues where `merchant_pays`, all else from the reserve.
    """

    refund_id: int
    order_id: int
    lots: Mapping[tuple[int, int], tuple[tuple[int, int], ...]]
    shopper: int
    merchant: int
    merchant_id: int
    cash_fen: int
    merchant_pays: bool


@dataclass(slots=True)
class Effect:
    """What came of it: postings, clawback rows, and the cash withheld from the refund, in fen."""

    amounts: Amounts
    clawbacks: list[Row]
    withheld_fen: int = 0


def shrink(state: State, index: Index, what: Shrink) -> Effect:
    """Take points from lots and claw back what was claimed above what is left.

    :raises Refusal: the reserve can't pay what it would have to; the refund has to wait.
    """
    effect = Effect([], [])
    for (pool, cohort_id), losses in what.lots.items():
        _lose_points(state, cohort_id, pool, losses)
        _return_backing(state, index, pool, effect)
        for account in dict.fromkeys(account for account, _ in losses):
            _claw_back(state, index, what, (account, pool), effect)
    return effect


def _lose_points(state: State, cohort_id: int, pool: int, losses: tuple[tuple[int, int], ...]) -> None:
    for account, points in losses:
        cohort = state.cohorts[cohort_id]
        state.cohorts[cohort_id] = cohort._replace(points=cohort.points - points)
        key = account, cohort_id
        state.lost_points[key] = state.lost_points.get(key, 0) + points
        now = state.wallets[account, pool]
        state.wallets[account, pool] = replace(now, released=now.released - points * cohort.index)


def _return_backing(state: State, index: Index, pool: int, effect: Effect) -> None:
    now = state.pools[pool]
    backing_fen = backing_now(state, index, pool)
    returned_fen = now.backing_fen - backing_fen
    state.pools[pool] = replace(now, backing_fen=backing_fen, free_fen=now.free_fen + returned_fen)
    effect.amounts.append((f"trust:accrued:{now.name}", f"trust:pool:{now.name}", returned_fen))


def _claw_back(state: State, index: Index, what: Shrink, holding: tuple[int, int], effect: Effect) -> None:
    account, pool = holding
    now, at = state.wallets[account, pool], state.pools[pool]
    wallet, taken = claw_back(now.wallet, now.accrued_fen, at.free_fen)
    if not taken.total:
        return
    for number, fen in take_vouchers(state, index, account, pool, taken.voucher_fen):
        state.changes.append((account, number, pool, "claw", fen, what.order_id))
    state.move_pool(pool, free_fen=-taken.expired_fen, spent_fen=-taken.expired_fen - taken.cash_fen)
    cash_fen, dues_fen, reserve_fen = _payers(state, what, account, taken.cash_fen, effect)
    state.wallets[account, pool] = replace(now, wallet=wallet, debt_fen=now.debt_fen + reserve_fen)
    state.entries.append((account, pool, "claw", taken.total, what.order_id))
    accrued = f"trust:accrued:{at.name}"
    effect.amounts += [
        (f"trust:voucher:{at.name}", accrued, taken.voucher_fen),
        (f"trust:pool:{at.name}", accrued, taken.expired_fen),
        ("trust:merchant_payable", accrued, cash_fen + dues_fen),
        ("trust:reserve", accrued, reserve_fen),
    ]
    row = (account, what.refund_id, pool, taken.voucher_fen, taken.expired_fen, cash_fen, dues_fen, reserve_fen)
    effect.clawbacks.append(row)
    effect.withheld_fen += cash_fen


def _payers(state: State, what: Shrink, account: int, due_fen: int, effect: Effect) -> tuple[int, int, int]:
    """Return who pays an over-claim in cash, in fen: the refund's cash, the merchant's dues, the reserve."""
    cash_fen = dues_fen = 0
    if account == what.shopper:
        cash_fen = min(due_fen, what.cash_fen - effect.withheld_fen)
    elif account == what.merchant and what.merchant_pays:
        dues_fen = min(due_fen, max(0, state.dues_fen[what.merchant_id]))
        state.dues_fen[what.merchant_id] -= dues_fen
    reserve_fen = due_fen - cash_fen - dues_fen
    state.reserve["fen"] -= reserve_fen
    check_reserve(state)
    return cash_fen, dues_fen, reserve_fen


def check_reserve(state: State) -> None:
    """Make sure that the reserve can pay what was decided.

    :raises Refusal: it can't; the refund has to wait.
    """
    if state.reserve["fen"] < 0:
        message = say("The reserve holds too little for this refund. It waits until there is more.")
        raise Refusal("refund.reserve", message, field="amount_fen")


def take_vouchers(state: State, index: Index, account: int, pool: int, amount_fen: int) -> list[tuple[int, int]]:
    """Take an amount from a holder's unspent vouchers, first to expire first; return (voucher, fen) of each."""
    taken = []
    for number in index.vouchers.get((account, pool), ()):
        paper = state.vouchers[number]
        part = min(amount_fen, paper.left_fen)
        amount_fen -= part
        if part:
            state.vouchers[number] = replace(paper, left_fen=paper.left_fen - part)
            taken.append((number, part))
    return taken


def take_coupons(state: State, index: Index, account: int, first: tuple[int, str], amount_fen: int) -> int:
    """Take an amount from a holder's coupons, the order's own `first`; return the fen that were there to take."""
    own = (account, *first)
    taken_fen = 0
    for key in [own, *(key for key in index.coupons.get(account, ()) if key != own)]:
        paper = state.coupons.get(key)
        part = min(amount_fen - taken_fen, paper.left_fen) if paper else 0
        if paper and part:
            state.coupons[key] = replace(paper, left_fen=paper.left_fen - part)
            taken_fen += part
    return taken_fen
