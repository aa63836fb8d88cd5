"""One refund, decided: the tender that returns, the split recomputed, the lots shrunk, and who pays for it."""

from dataclasses import dataclass, replace
from datetime import datetime

from greenloop.core.faults import Refusal, say
from greenloop.core.loop.refund import Tender, concession_after, next_tender
from greenloop.services.books.institution.instructing import CHARGEBACK
from greenloop.services.loop.refunding.lots import Shrunk, shrink_lots
from greenloop.services.loop.refunding.returns import return_coupons, return_vouchers, take_back_rebate
from greenloop.services.loop.refunding.split import recompute_pending, recompute_vested
from greenloop.services.loop.refunding.state import Change, Entry, Index, State
from greenloop.services.loop.refunding.work import PAYABLE, Work, cycle_now
from greenloop.services.loop.rules import Ruling
from greenloop.store.queries.refunds import OrderFact
from greenloop.store.sql import Row


@dataclass(frozen=True, slots=True)
class RefundForm:
    """One refund that a merchant asks for: `amount_fen` of the order's price, under a number of the merchant's."""

    merchant: str
    order_no: str
    refund_no: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Paid:
    """A refund that is paid: the order after it, the postings, and what to record, in fen and points."""

    id: int
    form: RefundForm
    order: OrderFact
    tender: Tender
    withheld_fen: int
    concession_lost_fen: int
    points_lost: tuple[int, int, int]
    effect: str
    cycle: int
    dues_fen: int
    amounts: tuple[tuple[str, str, int], ...]
    clawbacks: tuple[Row, ...]
    entries: tuple[Entry, ...]
    changes: tuple[Change, ...]


def refund_one(
    state: State, index: Index, order: OrderFact, form: RefundForm, ruling: Ruling, *, refund_id: int, at: datetime
) -> Paid:
    """Decide one refund on a state whose changes its caller keeps or drops.

    :raises Refusal: with code `refund.dues` or `refund.reserve` where money is missing: the refund has to wait.
    """
    tender = _tender(order, form.amount_fen)
    cash_left_fen = order.cash_fen - order.refunded_cash_fen - tender.cash_fen
    left_fen = min(order.concession_left_fen, concession_after(cash_left_fen=cash_left_fen, rate_ppm=order.rate_ppm))
    less_fen = order.concession_left_fen - left_fen
    open_fen = 0 if form.refund_no == CHARGEBACK else tender.cash_fen
    work = Work(state, index, order, ruling, tender.cash_fen, open_fen)
    return_vouchers(work, tender.voucher_fen, at)
    return_coupons(work, tender.coupon_fen, at)

    vested = order.entry_cycle is not None
    after = recompute_vested(work, left_fen) if vested else recompute_pending(work, left_fen)
    if order.refunded_fen + form.amount_fen == order.tender.total:
        after = take_back_rebate(work, after)
    pending_fen = 0 if vested else less_fen
    fund(work, work.net_dues_fen() + work.cash_fen - pending_fen)
    shrunk = shrink_lots(work, left_fen, refund_id) if vested else Shrunk()
    work.amounts += shrunk.amounts
    bank = "trust:bank" if order.confirmed else "trust:in_transit"
    work.amounts += [
        ("trust:concession_pending", bank, pending_fen),
        (PAYABLE, bank, work.cash_fen - pending_fen),
    ]
    return Paid(
        id=refund_id,
        form=form,
        order=_refunded(after, tender, less_fen, shrunk),
        tender=tender,
        withheld_fen=tender.cash_fen - work.cash_fen,
        concession_lost_fen=less_fen,
        points_lost=shrunk.points,
        effect=shrunk.effect,
        cycle=cycle_now(state, order.pool_id),
        dues_fen=work.net_dues_fen(),
        amounts=tuple(work.amounts),
        clawbacks=shrunk.clawbacks,
        entries=tuple(state.entries),
        changes=tuple(state.changes),
    )


def _refunded(order: OrderFact, tender: Tender, less_fen: int, shrunk: Shrunk) -> OrderFact:
    """Return the order with what this refund adds to its cumulative sums."""
    return replace(
        order,
        refunded_fen=order.refunded_fen + tender.total,
        refunded_cash_fen=order.refunded_cash_fen + tender.cash_fen,
        refunded_voucher_fen=order.refunded_voucher_fen + tender.voucher_fen,
        concession_lost_fen=order.concession_lost_fen + less_fen,
        red_points=order.red_points - shrunk.points[2],
        waiting=order.waiting or shrunk.effect == "waiting",
    )


def _tender(order: OrderFact, amount_fen: int) -> Tender:
    coupon_fen = order.refunded_fen - order.refunded_cash_fen - order.refunded_voucher_fen
    returned = Tender(order.refunded_cash_fen, order.refunded_voucher_fen, coupon_fen)
    return next_tender(order=order.tender, returned=returned, refund_fen=amount_fen)


def fund(work: Work, dues_fen: int) -> None:
    """Take what a refund costs from its merchant's dues.

    An order whose cash has not arrived pays for its own refund; nothing of it counts among the dues yet.

    :raises Refusal: the merchant is owed less than that.
    """
    order = work.order
    if not order.confirmed:
        return
    if dues_fen > work.state.dues_fen[order.merchant_id]:
        message = say("The merchant is owed less than this refund costs. It waits until there is more.")
        raise Refusal("refund.dues", message, field="amount_fen")
    work.state.dues_fen[order.merchant_id] -= dues_fen
