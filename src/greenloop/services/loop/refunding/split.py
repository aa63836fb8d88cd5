"""The split of a refunded order, recomputed on what is left of its concession."""

from dataclasses import replace

from greenloop.core.loop.concession import MIN_CONCESSION_FEN, Parts, Split, split_concession
from greenloop.core.loop.refund import allotment_returned
from greenloop.core.money import share_ppm
from greenloop.services.loop.refunding.effects import check_reserve, take_coupons
from greenloop.services.loop.refunding.work import PAYABLE, Work, cycle_now
from greenloop.store.queries.refunds import OrderFact


def recompute_pending(work: Work, left_fen: int) -> OrderFact:
    """Recompute the split of an order that has not vested: nothing has left the pending concession yet."""
    order = work.order
    green, red, coupon, _, fee = split_concession(left_fen, work.ruling.rules.split, red_room_fen=order.red_part_fen)
    return replace(order, green_part_fen=green, red_part_fen=red, coupon_part_fen=coupon, fee_part_fen=fee)


def recompute_vested(work: Work, left_fen: int) -> OrderFact:
    """Recompute the split of a vested order on what is left of its concession.

    While its entry cycle is open, each part's difference goes from where it lies to the merchant. Later the parts stay
    where they are; only the coupon is taken back, to the reserve.
    """
    order = work.order
    parts = _parts_left(order, work.ruling.rules.split, left_fen)
    coupon_less_fen = max(0, order.coupon_part_fen - parts.coupon_fen)
    taken_fen = take_coupons(work.state, work.index, order.member_id, (order.id, "earned"), coupon_less_fen)
    short_fen = work.withhold(coupon_less_fen - taken_fen)
    coupon_fen = order.coupon_part_fen - taken_fen - short_fen
    if cycle_now(work.state, order.pool_id) != order.entry_cycle:
        work.amounts += [("trust:coupon", "trust:reserve", taken_fen), (PAYABLE, "trust:reserve", short_fen)]
        work.state.reserve["fen"] += taken_fen + short_fen
        return replace(order, coupon_part_fen=coupon_fen)
    green_fen = _leave_pool(work, order.pool_id, order.green_part_fen, parts.green_fen)
    red_fen = _leave_pool(work, work.red_pool, order.red_part_fen, parts.red_fen)
    kept_fen = order.kept_fen or 0
    others_fen = order.green_part_fen + order.red_part_fen + order.coupon_part_fen + order.fee_part_fen
    reserve_less_fen = kept_fen - others_fen - parts.reserve_fen
    work.state.reserve["fen"] -= reserve_less_fen
    check_reserve(work.state)
    work.amounts += [
        ("trust:coupon", PAYABLE, taken_fen),
        ("trust:fee_payable", PAYABLE, order.fee_part_fen - parts.fee_fen),
        ("trust:reserve", PAYABLE, max(0, reserve_less_fen)),
        # Rounding can leave the reserve a few fen more than before: it keeps every remainder.
        (PAYABLE, "trust:reserve", max(0, -reserve_less_fen)),
    ]
    return replace(
        order,
        green_part_fen=green_fen,
        red_part_fen=red_fen,
        coupon_part_fen=coupon_fen,
        fee_part_fen=parts.fee_fen,
        kept_fen=green_fen + red_fen + coupon_fen + parts.fee_fen + parts.reserve_fen,
    )


def _parts_left(order: OrderFact, split: Split, left_fen: int) -> Parts:
    if (order.entered_fen or 0) < MIN_CONCESSION_FEN:
        return Parts(0, 0, 0, left_fen, 0)
    green = share_ppm(left_fen, split.green_ppm)
    red = min(order.red_points, share_ppm(left_fen, split.red_ppm))
    coupon, fee = share_ppm(left_fen, split.coupon_ppm), share_ppm(left_fen, split.fee_ppm)
    return Parts(green, red, coupon, left_fen - green - red - coupon - fee, fee)


def _leave_pool(work: Work, pool: int, part_fen: int, left_fen: int) -> int:
    """Let a part leave a pool's free money and inflow, as far as there is free money; return what stays of it."""
    state = work.state
    out_fen = allotment_returned(allot_fen=part_fen, allot_left_fen=left_fen, free_fen=state.pools[pool].free_fen)
    state.move_pool(pool, free_fen=-out_fen)
    state.inflow_fen[pool] = state.inflow_fen.get(pool, 0) - out_fen
    work.amounts.append((f"trust:pool:{state.pools[pool].name}", PAYABLE, out_fen))
    return part_fen - out_fen
