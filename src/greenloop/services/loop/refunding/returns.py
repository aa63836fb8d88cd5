"""What a refund returns and takes back outside the pools: vouchers, coupons, the first-order rebate."""

from collections.abc import MutableMapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from greenloop.core.faults import ensure
from greenloop.core.loop import wallet as wallets
from greenloop.services.loop.refunding.effects import take_coupons
from greenloop.services.loop.refunding.state import PaperNow
from greenloop.services.loop.refunding.work import PAYABLE, Work
from greenloop.store.queries.refunds import OrderFact


def return_vouchers(work: Work, amount_fen: int, at: datetime) -> None:
    """Give vouchers back to the pools they came from, last taken first, valid for at least the return days."""
    state, order = work.state, work.order
    until = at + timedelta(days=work.ruling.rules.return_days)
    for use in work.index.voucher_uses.get(order.id, ()):
        key = ("voucher", order.id, use.line)
        back_fen = min(amount_fen, use.amount_fen - state.returned_fen.get(key, use.returned_fen))
        if not back_fen:
            continue
        amount_fen -= back_fen
        state.returned_fen[key] = state.returned_fen.get(key, use.returned_fen) + back_fen
        _extend(state.vouchers, use.paper, back_fen, until)
        state.changes.append((order.member_id, use.paper, use.pool_id, "return", back_fen, order.id))
        holding = order.member_id, use.pool_id
        now = state.wallets[holding]
        state.wallets[holding] = replace(now, wallet=wallets.give_back(now.wallet, back_fen))
        state.entries.append((*holding, "return", back_fen, order.id))
        state.move_pool(use.pool_id, spent_fen=-back_fen)
        work.amounts.append((PAYABLE, f"trust:voucher:{state.pools[use.pool_id].name}", back_fen))
    ensure(amount_fen == 0, "a refund returns more vouchers than its order took")


def return_coupons(work: Work, amount_fen: int, at: datetime) -> None:
    """Give coupons back, last taken first, valid for at least the return days."""
    state, order = work.state, work.order
    until = at + timedelta(days=work.ruling.rules.return_days)
    work.amounts.append((PAYABLE, "trust:coupon", amount_fen))
    for use in work.index.coupon_uses.get(order.id, ()):
        key = ("coupon", order.id, use.line)
        back_fen = min(amount_fen, use.amount_fen - state.returned_fen.get(key, use.returned_fen))
        if back_fen:
            amount_fen -= back_fen
            state.returned_fen[key] = state.returned_fen.get(key, use.returned_fen) + back_fen
            _extend(state.coupons, (order.member_id, *use.paper), back_fen, until)
    ensure(amount_fen == 0, "a refund returns more coupons than its order took")


def _extend(papers: MutableMapping[Any, PaperNow], key: object, back_fen: int, until: datetime) -> None:
    paper = papers[key]
    papers[key] = PaperNow(paper.left_fen + back_fen, max(paper.expires_at, until))


def take_back_rebate(work: Work, order: OrderFact) -> OrderFact:
    """Take the first-order rebate of a fully refunded order back into its grant."""
    if order.grant_id is None or not order.rebate_fen:
        return order
    grants = work.state.grants_fen
    if order.entry_cycle is None:
        grants[order.grant_id, "committed"] = grants.get((order.grant_id, "committed"), 0) - order.rebate_fen
        return replace(order, rebate_fen=0, grant_id=None)
    taken_fen = take_coupons(work.state, work.index, order.member_id, (order.id, "grant"), order.rebate_fen)
    short_fen = work.withhold(order.rebate_fen - taken_fen)
    back_fen = taken_fen + short_fen
    for column, fen in (("unused", back_fen), ("committed", -back_fen)):
        grants[order.grant_id, column] = grants.get((order.grant_id, column), 0) + fen
    work.amounts += [("trust:coupon", "trust:grant_unused", taken_fen), (PAYABLE, "trust:grant_unused", short_fen)]
    return order
