"""The lots of a refunded order: how many points they lose, and when."""

from dataclasses import dataclass

from greenloop.core.loop.concession import MIN_CONCESSION_FEN
from greenloop.core.money import share_ppm
from greenloop.services.loop.refunding.effects import Shrink, shrink
from greenloop.services.loop.refunding.state import Index, State
from greenloop.services.loop.refunding.work import Work, cycle_now
from greenloop.services.loop.rules import Ruling
from greenloop.store.queries.refunds import OrderFact
from greenloop.store.sql import Row


@dataclass(frozen=True, slots=True)
class Shrunk:
    """What the lots of an order lost: points of shopper, merchant and referrer, and what followed."""

    points: tuple[int, int, int] = (0, 0, 0)
    effect: str = ""
    amounts: tuple[tuple[str, str, int], ...] = ()
    clawbacks: tuple[Row, ...] = ()


def shrink_lots(work: Work, left_fen: int, refund_id: int) -> Shrunk:
    """Take the points that the order no longer earns from its lots; after a held settlement, if one waits."""
    order, state = work.order, work.state
    points = _points_lost(work, left_fen)
    if not any(points):
        return Shrunk(points, "applied")
    what = shrink_of(
        work.index,
        order,
        work.ruling,
        points,
        refund_id=refund_id,
        cash_fen=work.open_fen,
        merchant_pays=True,
        at=state,
    )
    # The effects of one order's refunds follow each other in the order in which the refunds were paid.
    if order.waiting or any(
        state.pools[pool].held and entry < cycle_now(state, pool) for pool, entry in _entries(work)
    ):
        return Shrunk(points, "waiting")
    effect = shrink(state, work.index, what)
    work.withhold(effect.withheld_fen)
    return Shrunk(points, "applied", tuple(effect.amounts), tuple(effect.clawbacks))


def _entries(work: Work) -> tuple[tuple[int, int], ...]:
    entry = work.order.entry_cycle or 0
    return (work.order.pool_id, entry), (work.red_pool, entry)


def _points_lost(work: Work, left_fen: int) -> tuple[int, int, int]:
    order = work.order
    if (order.entered_fen or 0) < MIN_CONCESSION_FEN:
        return 0, 0, 0
    before_fen = order.concession_left_fen
    red_left = min(order.red_points, share_ppm(left_fen, work.ruling.rules.split.red_ppm))
    return (
        share_ppm(before_fen, order.member_multiple_ppm) - share_ppm(left_fen, order.member_multiple_ppm),
        share_ppm(before_fen, order.merchant_multiple_ppm) - share_ppm(left_fen, order.merchant_multiple_ppm),
        order.red_points - red_left,
    )


def shrink_of(
    index: Index,
    order: OrderFact,
    ruling: Ruling,
    points: tuple[int, int, int],
    *,
    refund_id: int,
    cash_fen: int,
    merchant_pays: bool,
    at: State,
) -> Shrink:
    """Name the lots that lose points: the shopper's and the merchant's in the green pool, the referrer's in the red."""
    member, merchant, red = points
    account = index.merchant_accounts[order.merchant_id]
    red_pool, red_plan = ruling.pools[ruling.rules.red_pool], ruling.plans[ruling.rules.red_plan]
    lots: dict[tuple[int, int], tuple[tuple[int, int], ...]] = {}
    entry = order.entry_cycle or 0
    if member or merchant:
        cohort = index.cohort_ids[order.pool_id, order.plan_id, entry - at.pools[order.pool_id].first_cycle + 1]
        lots[order.pool_id, cohort] = ((order.member_id, member), (account, merchant))
    if red and order.referrer_id is not None:
        cohort = index.cohort_ids[red_pool, red_plan, entry - at.pools[red_pool].first_cycle + 1]
        lots[red_pool, cohort] = ((order.referrer_id, red),)
    return Shrink(refund_id, order.id, lots, order.member_id, account, order.merchant_id, cash_fen, merchant_pays)
