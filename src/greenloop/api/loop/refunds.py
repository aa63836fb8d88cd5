"""Refunds: asked for by a merchant, tried out before, and looked up."""

from typing import Annotated

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status

from greenloop.api import access, clock, paging
from greenloop.api.access import Keyed, Session
from greenloop.api.callers import Client
from greenloop.api.fields import Amount, Body, Ref, number
from greenloop.api.loop.order import refunded
from greenloop.api.loop.shown import RefundShown, order_of, refund_shown, sees
from greenloop.api.paging import Asked, Page
from greenloop.api.problems import Problem
from greenloop.core.faults import say
from greenloop.services.loop.refund import unreserved
from greenloop.services.loop.refund_preview import RefundForm, preview
from greenloop.store.queries import orders
from greenloop.store.queries.orders import OrderRow

router = Router(tags=["refunds"])
READERS = [Keyed("orders:read"), Session()]


class RefundIn(Body):
    """Part of an order's price, or all of it, under a number that the merchant gives the refund."""

    refund_no: Ref
    amount_fen: Amount


class RefundsOut(Schema):
    """The refunds of one order, oldest first."""

    items: list[RefundShown]


class Trying(Schema):
    """With `dry_run` the refund is worked out, and nothing is written."""

    dry_run: bool = False


class Whose(Schema):
    """Whose refunds."""

    merchant: Ref | None = None


TryingAsked = Annotated[Trying, Query()]
WhoseAsked = Annotated[Whose, Query()]


@router.post(
    "/orders/{order_id}/refunds",
    auth=Keyed("refunds:write"),
    response={201: RefundShown, 200: RefundShown},
    summary="Refund an order",
    operation_id="refundOrder",
)
def refund_order(request: HttpRequest, order_id: str, body: RefundIn, trying: TryingAsked) -> object:
    """Give back part of an order's price or all of it, at any time.

    The same refund_no has one effect. A refund that the merchant's dues can't pay yet is `pending` and moves nothing:
    ask again once there is money. With `dry_run=true` the answer (200) says what would happen.
    """
    if unread := min(request.GET.keys() - Trying.model_fields.keys(), default=None):
        # Who misspells dry_run does not mean a refund.
        message = say("Nothing here is called {name}; write dry_run to try a refund.")
        raise Problem(422, "query.invalid", message, field=unread[:64], name=unread[:64])
    row = order_of(request, order_id)
    form = RefundForm(row.merchant, row.order_no, unreserved(body.refund_no), body.amount_fen)
    if trying.dry_run:
        return Status(200, _tried(row, form))
    earlier = (each for each in orders.refunds_of(row.id) if each.refund_no == body.refund_no)
    return refunded(request, form, again=any(each.state == "paid" for each in earlier))


def _tried(row: OrderRow, form: RefundForm) -> RefundShown:
    found = preview(form=form, at=clock.now())
    if found.state == "paid" and found.paid is None and found.earlier is not None:
        return refund_shown(orders.refund(found.earlier)).model_copy(update={"dry_run": True})
    paid = found.paid
    member, merchant, red = paid.points_lost if paid else (0, 0, 0)
    return RefundShown(
        id=None,
        order_id=str(row.id),
        merchant=row.merchant,
        order_no=row.order_no,
        refund_no=form.refund_no,
        state=found.state,
        amount_fen=form.amount_fen,
        cash_fen=paid.tender.cash_fen if paid else 0,
        voucher_fen=paid.tender.voucher_fen if paid else 0,
        coupon_fen=paid.tender.coupon_fen if paid else 0,
        withheld_fen=paid.withheld_fen if paid else 0,
        concession_lost_fen=paid.concession_lost_fen if paid else 0,
        dues_fen=paid.dues_fen if paid else 0,
        member_points_lost=member,
        merchant_points_lost=merchant,
        red_points_lost=red,
        effect=paid.effect if paid else "",
        asked_at=None,
        paid_at=None,
        dry_run=True,
    )


@router.get(
    "/orders/{order_id}/refunds",
    auth=READERS,
    response=RefundsOut,
    summary="List an order's refunds",
    operation_id="listOrderRefunds",
)
def list_order_refunds(request: HttpRequest, order_id: str) -> RefundsOut:
    """List the refunds of one order, oldest first."""
    row = order_of(request, order_id)
    return RefundsOut(items=[refund_shown(each) for each in orders.refunds_of(row.id)])


@router.get("/refunds", auth=READERS, response=Page[RefundShown], summary="List refunds", operation_id="listRefunds")
def list_refunds(request: HttpRequest, whose: WhoseAsked, page: Asked) -> object:
    """List a merchant's refunds, newest first. The platform's people may leave the merchant out."""
    caller = access.of(request)
    if whose.merchant is not None:
        access.sees_merchant(caller, whose.merchant)
    elif isinstance(caller, Client) or not caller.visitor.staff:
        raise Problem(422, "refunds.merchant", say("Name the merchant whose refunds you want."), field="merchant")
    (before,) = paging.numbers(page, 1, (orders.LAST,))
    rows = orders.refunds(merchant=whose.merchant, before=before, limit=page.limit + 1)
    return paging.page(rows, page, refund_shown, lambda row: (row.id,))


@router.get(
    "/refunds/{refund_id}", auth=READERS, response=RefundShown, summary="Read a refund", operation_id="readRefund"
)
def read_refund(request: HttpRequest, refund_id: str) -> RefundShown:
    """Return one refund: its merchant and the order's shopper may see it."""
    row = orders.refund(number(refund_id, "refund.unknown"))
    if not sees(request, row.merchant, row.member_id):
        raise Problem(404, "refund.unknown", say("There is no refund {refund}."), field="refund", refund=refund_id)
    return refund_shown(row)
