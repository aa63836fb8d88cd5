"""Payments of orders through the payment institution: asked for by a till, shown to the payer, looked up, ended."""

from datetime import datetime
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from pydantic import Field, Strict

from greenloop.api import clock
from greenloop.api.access import Keyed, Session
from greenloop.api.fields import Body
from greenloop.api.loop.shown import order_of
from greenloop.api.problems import Problem
from greenloop.api.writing import write
from greenloop.core.faults import say
from greenloop.services.books.institution import named
from greenloop.services.books.institution.asking import MINUTES, MINUTES_MAX, ask_payment, end_payment
from greenloop.services.books.institution.ending import cancel_unpaid, close_due
from greenloop.services.books.institution.sending import send_now, turn
from greenloop.store.queries.collections import PaymentRow, payment, payment_of
from greenloop.store.queries.orders import OrderRow

router = Router(tags=["payments"])
READERS = [Keyed("orders:read"), Session()]


class PaymentIn(Body):
    """How long the payer may take."""

    minutes: Annotated[int, Strict(), Field(ge=1, le=MINUTES_MAX)] = MINUTES


class PaymentShown(Schema):
    """The payment of an order's cash, in fen.

    `state` is `waiting` until the institution has taken it, then `asked`: `show` is what the payer's phone opens, as a
    code to scan. It is `paid` once the institution says so, and `confirmed` once its statement lists it. Nobody can
    make it any more once it is `closing`, then `closed`. `failed` and `disputed` are for people to look at.
    """

    order_id: str
    merchant: str
    order_no: str
    number: str
    amount_fen: int
    state: str
    show: str | None
    asked_at: datetime
    expires_at: datetime | None
    confirmed_at: datetime | None


@router.post(
    "/orders/{order_id}/payment",
    auth=Keyed("orders:write"),
    response={201: PaymentShown},
    summary="Ask for an order's payment",
    operation_id="askPayment",
)
def ask_for_payment(request: HttpRequest, order_id: str, body: PaymentIn) -> HttpResponse:
    """Ask the payer of an order for its cash through the payment institution, and answer what to show.

    An order has one payment: asked again, it is the same, as it stands then. While it is `waiting`, read it until it
    is `asked`. That it is paid is the institution's word, not the till's. An order whose payment nobody makes in time
    is cancelled with it. Where no institution is named this is 409 `payment.closed`.
    """
    row = order_of(request, order_id)
    gateway = named.gateway()
    if gateway is None:
        message = say("No payment institution is named here. Take the money elsewhere, and report the order as paid.")
        raise Problem(409, "payment.closed", message, field="order")
    again = payment_of(row.id) is not None

    def sent(number: str) -> PaymentShown:
        send_now(gateway=gateway, number=number, at=clock.now())
        return _shown(row, payment(row.id))

    return write(
        request,
        lambda: ask_payment(order_id=row.id, minutes=body.minutes, at=clock.now()),
        sent,
        status=201,
        again=again,
        kept=lambda _: None,
    )


@router.get(
    "/orders/{order_id}/payment",
    auth=READERS,
    response=PaymentShown,
    summary="Read an order's payment",
    operation_id="readPayment",
)
def read_payment(request: HttpRequest, order_id: str) -> PaymentShown:
    """Return how an order's payment stands: its merchant and its shopper may see it."""
    row = order_of(request, order_id)
    return _shown(row, payment(row.id))


@router.post(
    "/orders/{order_id}/payment/cancel",
    auth=Keyed("refunds:write"),
    response=PaymentShown,
    summary="End an order's payment",
    operation_id="endPayment",
)
def cancel_payment(request: HttpRequest, order_id: str) -> HttpResponse:
    """Let nobody make an order's payment any more; once the institution has closed it, its order is cancelled.

    Until then it is `closing`. One that is made already is 409 `payment.made`: refund the order. Ended twice, it is
    ended once.
    """
    row = order_of(request, order_id)
    before = payment(row.id)

    def ended(number: str) -> PaymentShown:
        with turn() as is_mine:
            if is_mine:
                close_due(gateway=named.gateway(), at=clock.now(), number=number)
        cancel_unpaid(at=clock.now(), number=number)
        return _shown(row, payment(row.id))

    return write(
        request,
        lambda: end_payment(order_id=row.id, at=clock.now()),
        ended,
        again=before.state(clock.now()) in {"closing", "closed"},
        kept=lambda _: None,
    )


def _shown(row: OrderRow, found: PaymentRow) -> PaymentShown:
    state = found.state(clock.now())
    return PaymentShown(
        order_id=str(row.id),
        merchant=row.merchant,
        order_no=row.order_no,
        number=found.number,
        amount_fen=found.amount_fen,
        state=state,
        show=found.show if state == "asked" else None,
        asked_at=found.asked_at,
        expires_at=found.expires_at,
        confirmed_at=found.confirmed_at,
    )
