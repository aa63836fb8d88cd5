"""One order after it was taken: looked up, quoted before, confirmed as delivered, cancelled."""

from datetime import datetime
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Query, Schema
from pydantic import Field

from greenloop.api import access, clock, paging
from greenloop.api.access import Keyed, Session
from greenloop.api.callers import Client
from greenloop.api.fields import Amount, Body, Flag, Id, Instant, Ref, number
from greenloop.api.limits import BATCH_MAX
from greenloop.api.loop.orders import router
from greenloop.api.loop.shown import OrderShown, RefundShown, order_of, order_shown, refund_shown, sees
from greenloop.api.paging import Asked, Page, Paging
from greenloop.api.problems import Problem
from greenloop.api.writing import write
from greenloop.core.faults import say
from greenloop.services.loop.confirm import confirm_delivery
from greenloop.services.loop.quote import quote
from greenloop.services.loop.refund import CANCEL, Refunded, RefundForm, refund
from greenloop.services.loop.take import Sale
from greenloop.store.queries import orders
from greenloop.store.queries.orders import OrderRow

__all__ = ["refunded", "router"]
READERS = [Keyed("orders:read"), Session()]


class Which(Schema):
    """Which orders: those of a merchant, of a period of payment, or the one of a number."""

    merchant: Ref | None = None
    order_no: Ref | None = None
    since: Instant | None = None
    until: Instant | None = None


WhichAsked = Annotated[Which, Query()]


class QuoteIn(Body):
    """A sale that might be; `paid_at` is now where it is left out."""

    merchant: Ref
    member: Ref
    price_fen: Amount
    shop: Ref | None = None
    paid_at: Instant | None = None
    use_vouchers: Flag = True
    use_coupons: Flag = True


class QuoteOut(Schema):
    """How the price would be paid, in fen: coupons first, vouchers, and cash the rest; and what would come of it.

    `voucher_max_fen` and `coupon_max_fen` are what of the price each could pay at most. Points are 1/100 point. `held`
    says that so many vouchers would wait for a second person first.
    """

    merchant: str
    member: str
    price_fen: int
    cash_fen: int
    voucher_fen: int
    coupon_fen: int
    voucher_max_fen: int
    coupon_max_fen: int
    held: bool
    rate_ppm: int
    concession_fen: int
    member_points: int
    merchant_points: int


class ConfirmIn(Body):
    """Orders that were delivered."""

    orders: Annotated[list[Id], Field(min_length=1, max_length=BATCH_MAX)]


class ConfirmedOut(Schema):
    """How many of the orders were not confirmed before."""

    confirmed: int


@router.get("/orders", auth=READERS, response=Page[OrderShown], summary="List orders", operation_id="listOrders")
def list_orders(request: HttpRequest, which: WhichAsked, page: Asked) -> object:
    """List a merchant's orders by time of payment, newest first; or the one that has a number.

    The platform's people may leave the merchant out, and see all orders as they were taken.
    """
    caller = access.of(request)
    if which.merchant is None:
        if isinstance(caller, Client) or not caller.visitor.staff:
            raise Problem(422, "orders.merchant", say("Name the merchant whose orders you want."), field="merchant")
        return _all(page)
    access.sees_merchant(caller, which.merchant)
    if which.order_no is not None:
        return paging.page(orders.by_number(which.merchant, which.order_no), page, order_shown, _place)
    until, last = paging.numbers(page, 2, orders.NEWEST)
    rows = orders.of_merchant(
        which.merchant,
        before=(until, last),
        limit=page.limit + 1,
        since_at=which.since or orders.SINCE,
        until_at=which.until or orders.UNTIL,
    )
    return paging.page(rows, page, order_shown, _place)


def _all(page: Paging) -> object:
    (before,) = paging.numbers(page, 1, (orders.LAST,))
    rows = orders.newest(before=before, limit=page.limit + 1)
    return paging.page(rows, page, order_shown, lambda row: (row.id,))


def _place(row: OrderRow) -> tuple[int, int]:
    return row.place


@router.post(
    "/orders/quote", auth=Keyed("orders:write"), response=QuoteOut, summary="Quote a sale", operation_id="quoteOrder"
)
def quote_order(request: HttpRequest, body: QuoteIn) -> QuoteOut:
    """Return what a sale would be if coupons and vouchers paid as much of it as they can. Nothing is written."""
    access.sees_merchant(access.of(request), body.merchant)
    at = clock.now()
    sale = Sale(body.merchant, "quote", body.member, body.paid_at or at, cash_fen=body.price_fen, shop=body.shop)
    found = quote(
        sale=sale, price_fen=body.price_fen, use_vouchers=body.use_vouchers, use_coupons=body.use_coupons, at=at
    )
    return QuoteOut(
        merchant=body.merchant,
        member=body.member,
        price_fen=body.price_fen,
        cash_fen=found.sale.cash_fen,
        voucher_fen=found.sale.voucher_fen,
        coupon_fen=found.sale.coupon_fen,
        voucher_max_fen=found.voucher_max_fen,
        coupon_max_fen=found.coupon_max_fen,
        held=found.held,
        rate_ppm=found.sold.rate_ppm,
        concession_fen=found.sold.concession_fen,
        member_points=found.sold.member_points,
        merchant_points=found.sold.merchant_points,
    )


@router.post(
    "/orders/confirm",
    auth=Keyed("orders:write"),
    response=ConfirmedOut,
    summary="Confirm many deliveries",
    operation_id="confirmOrders",
)
def confirm_orders(request: HttpRequest, body: ConfirmIn) -> HttpResponse:
    """Say that orders were delivered: their refund windows run from now. All of them, or none.

    Said twice, it counts once.
    """
    numbers = {number(text, "order.unknown") for text in body.orders}
    seen = {row.id for row in orders.by_id(numbers) if sees(request, row.merchant, row.member_id)}
    if missing := numbers - seen:
        message = say("There is no order {order}.")
        raise Problem(404, "order.unknown", message, field="orders", order=str(min(missing)))
    return write(
        request,
        lambda: confirm_delivery(at=clock.now(), order_ids=sorted(numbers)),
        lambda new: ConfirmedOut(confirmed=new),
        again=lambda new: not new,
    )


# The words that may follow /orders/ come before the ids.
@router.get("/orders/{order_id}", auth=READERS, response=OrderShown, summary="Read an order", operation_id="readOrder")
def read_order(request: HttpRequest, order_id: str) -> OrderShown:
    """Return an order as it stands: its merchant and its shopper may see it."""
    return order_shown(order_of(request, order_id))


@router.post(
    "/orders/{order_id}/confirm",
    auth=Keyed("orders:write"),
    response=OrderShown,
    summary="Confirm a delivery",
    operation_id="confirmOrder",
)
def confirm_order(request: HttpRequest, order_id: str) -> HttpResponse:
    """Say that an order was delivered: its refund window runs from now. Said twice, it counts once."""
    row = order_of(request, order_id)
    return write(
        request,
        lambda: confirm_delivery(at=clock.now(), order_ids=[row.id]),
        lambda _: order_shown(orders.order(row.id)),
        again=row.vests_at is not None,
    )


@router.post(
    "/orders/{order_id}/cancel",
    auth=Keyed("refunds:write"),
    response={201: RefundShown},
    summary="Cancel an order",
    operation_id="cancelOrder",
)
def cancel_order(request: HttpRequest, order_id: str) -> HttpResponse:
    """Take back an order before its delivery: all that is left of its price goes back, as the refund `cancel`.

    An order that was delivered is refunded instead. Cancelled twice, it is cancelled once.
    """
    row = order_of(request, order_id)
    earlier = next((each for each in orders.refunds_of(row.id) if each.refund_no == CANCEL), None)
    if earlier is None and (row.vests_at is not None or row.entry_cycle is not None):
        message = say("The order {order_no} was delivered and can't be cancelled any more. Refund it.")
        raise Problem(409, "order.delivered", message, field="order", order_no=row.order_no)
    if earlier is None and not row.left_fen:
        message = say("Nothing is left of the order {order_no}: all of it was refunded.")
        raise Problem(409, "order.refunded", message, field="order", order_no=row.order_no)
    form = RefundForm(row.merchant, row.order_no, CANCEL, earlier.amount_fen if earlier else row.left_fen)
    return refunded(request, form, again=earlier is not None and earlier.state == "paid")


def refunded(request: HttpRequest, form: RefundForm, *, again: bool) -> HttpResponse:
    """Refund, and answer with the refund as it was recorded. What is pending is asked for again, so it isn't kept.

    :raises Refusal: the refund is refused.
    """
    at: datetime = clock.now()
    return write(request, lambda: refund(forms=[form], at=at), _recorded, status=201, again=again, kept=_paid)


def _paid(done: Refunded) -> RefundShown | None:
    return None if done.states[0] == "pending" else _recorded(done)


def _recorded(done: Refunded) -> RefundShown:
    number = done.refund_ids[0]
    if number is None:
        raise done.refusals.get(0) or AssertionError
    return refund_shown(orders.refund(number))
