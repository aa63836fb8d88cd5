"""Payments of orders through the institution, as tills and payers look them up."""

from dataclasses import dataclass
from datetime import datetime

from greenloop.core.faults import Refusal, say
from greenloop.store import sql


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """The payment of one order's cash, in fen; `told` is what the institution has said, `show` what a phone opens."""

    number: str
    amount_fen: int
    told: str
    show: str
    asked_at: datetime
    expires_at: datetime | None
    confirmed_at: datetime | None

    def state(self, now: datetime) -> str:
        """Return how it stands at an instant.

        `waiting` for the institution to take it, then `asked`; `paid` by its word, `confirmed` by its statement;
        `closing` once its time is over, then `closed`; `failed` or `disputed` where people have to look.
        """
        if self.confirmed_at is not None:
            return "confirmed"
        if self.told not in {"waiting", "sent"}:
            return "paid" if self.told == "done" else self.told
        if self.expires_at is not None and self.expires_at <= now:
            return "closing"
        return "asked" if self.told == "sent" else "waiting"


def payment_of(order_id: int) -> PaymentRow | None:
    """Return the payment that was asked for an order, None where none was."""
    for number, fen, told, show, asked, expires, confirmed in sql.rows(_PAYMENT, [order_id]):
        return PaymentRow(
            *(number, fen, told, show, sql.moment(asked)),
            expires_at=None if expires is None else sql.moment(expires),
            confirmed_at=None if confirmed is None else sql.moment(confirmed),
        )
    return None


def payment(order_id: int) -> PaymentRow:
    """Return the payment of an order.

    :raises Refusal: none was asked for.
    """
    if found := payment_of(order_id):
        return found
    message = say("No payment was asked for the order {order}.")
    raise Refusal("payment.unknown", message, field="order", order=str(order_id))


_PAYMENT = """
    SELECT i.number, i.amount_fen, i.state, i.show, i.made_at, i.expires_at, o.confirmed_at
    FROM orders o JOIN payment_instruction i
        ON i.kind = 'collect' AND i.merchant_id = o.merchant_id AND i.order_no = o.order_no
    WHERE o.id = %s
"""
