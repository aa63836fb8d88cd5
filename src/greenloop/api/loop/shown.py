"""Orders and refunds as answers show them, and who may see them."""

from datetime import date, datetime

from django.http import HttpRequest
from ninja import Schema

from greenloop.api import access
from greenloop.api.callers import Client
from greenloop.api.fields import number
from greenloop.api.problems import Problem
from greenloop.core.faults import say
from greenloop.store.queries import orders
from greenloop.store.queries.orders import OrderRow, RefundRow


class OrderShown(Schema):
    """An order as it stands. Amounts are fen, points 1/100 point, what refunds took is off both.

    It vests once it is delivered and its refund window has passed (`vests_at`), its cash is confirmed, and it is not
    held; `vested_cycle` is the cycle in which it did.
    """

    id: str
    merchant: str
    order_no: str
    member: str
    shop: str | None
    paid_at: datetime
    cash_fen: int
    voucher_fen: int
    coupon_fen: int
    rate_ppm: int
    concession_fen: int
    refunded_fen: int
    left_fen: int
    pool: str
    member_points: int
    merchant_points: int
    member_coupon_fen: int
    delivered: bool
    vests_at: datetime | None
    cash_confirmed_at: datetime | None
    held: bool
    vested_cycle: int | None
    paid_out_date: date | None


class RefundShown(Schema):
    """A refund. Amounts are fen, points 1/100 point; all that it moves is 0 while it is `pending`.

    `cash_fen`, `voucher_fen` and `coupon_fen` are what of the price went back; `withheld_fen` of that cash paid for
    vouchers and coupons that the shopper no longer had. `dues_fen` is what it took from the merchant's dues. `effect`
    is `applied`, `waiting` where a held settlement goes first, or empty where there were no points yet. A dry run has
    no id and no times.
    """

    id: str | None
    order_id: str
    merchant: str
    order_no: str
    refund_no: str
    state: str
    amount_fen: int
    cash_fen: int
    voucher_fen: int
    coupon_fen: int
    withheld_fen: int
    concession_lost_fen: int
    dues_fen: int
    member_points_lost: int
    merchant_points_lost: int
    red_points_lost: int
    effect: str
    asked_at: datetime | None
    paid_at: datetime | None
    dry_run: bool


def order_shown(row: OrderRow) -> OrderShown:
    """Return an order as answers show it."""
    return OrderShown(
        id=str(row.id),
        merchant=row.merchant,
        order_no=row.order_no,
        member=row.member,
        shop=row.shop,
        paid_at=row.paid_at,
        cash_fen=row.cash_fen,
        voucher_fen=row.voucher_fen,
        coupon_fen=row.coupon_fen,
        rate_ppm=row.rate_ppm,
        concession_fen=row.concession_fen - row.concession_lost_fen,
        refunded_fen=row.refunded_fen,
        left_fen=row.left_fen,
        pool=row.pool,
        member_points=row.member_points,
        merchant_points=row.merchant_points,
        member_coupon_fen=row.coupon_part_fen + row.rebate_fen,
        delivered=row.vests_at is not None,
        vests_at=row.vests_at,
        cash_confirmed_at=row.confirmed_at,
        held=row.held,
        vested_cycle=row.entry_cycle,
        paid_out_date=row.paid_out_date,
    )


def refund_shown(row: RefundRow) -> RefundShown:
    """Return a refund as answers show it."""
    return RefundShown(
        id=str(row.id),
        order_id=str(row.order_id),
        merchant=row.merchant,
        order_no=row.order_no,
        refund_no=row.refund_no,
        state=row.state,
        amount_fen=row.amount_fen,
        cash_fen=row.cash_fen,
        voucher_fen=row.voucher_fen,
        coupon_fen=row.coupon_fen,
        withheld_fen=row.withheld_fen,
        concession_lost_fen=row.concession_lost_fen,
        dues_fen=row.dues_fen,
        member_points_lost=row.member_points_lost,
        merchant_points_lost=row.merchant_points_lost,
        red_points_lost=row.red_points_lost,
        effect=row.effect,
        asked_at=row.asked_at,
        paid_at=row.paid_at,
        dry_run=False,
    )


def order_of(request: HttpRequest, text: str) -> OrderRow:
    """Return the order that an address names, if the caller may see it.

    :raises Refusal: there is no such order.
    :raises Problem: it is somebody else's; the two are not told apart.
    """
    row = orders.order(number(text, "order.unknown"))
    if not sees(request, row.merchant, row.member_id):
        raise Problem(404, "order.unknown", say("There is no order {order}."), field="order", order=text)
    return row


def sees(request: HttpRequest, merchant: str, member_id: int) -> bool:
    """Tell whether the caller may see what a merchant sold to a member: both sides may, and the platform's people."""
    caller = access.of(request)
    if isinstance(caller, Client):
        return merchant in caller.merchants
    who = caller.visitor
    return bool(who.staff) or merchant in who.merchant_refs or who.account_id == member_id
