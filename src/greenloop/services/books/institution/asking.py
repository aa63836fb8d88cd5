"""Payments that tills ask for: the cash of an order that was taken, shown to its payer until it expires.

The order is taken first, so what vouchers and coupons pay of it is spent by then. That its cash was paid is the
institution's word, never the till's; where nobody pays, the order goes with its payment (`ending`).
"""

from datetime import datetime, timedelta

from greenloop.core.faults import Refusal, say
from greenloop.services.books.institution.instructing import COLLECT, Wish, write
from greenloop.services.verb import verb
from greenloop.store import locks, sql
from greenloop.store.queries.collections import payment

MINUTES, MINUTES_MAX = 15, 120
"""How long a payer is given where the till doesn't say, and at most."""


@verb
def ask_payment(*, order_id: int, minutes: int = MINUTES, at: datetime) -> str:
    """Ask an order's payer for its cash, once per order for ever, and return the payment's number.

    It is sent after the commit. Asked again, it is the same payment, whatever has become of it.

    :raises Refusal: there is no such order, nothing of it is paid in cash, its cash is there already, or some of it was
        given back.
    """
    if not 1 <= minutes <= MINUTES_MAX:
        message = say("A payer is given 1 to {most} minutes, not {minutes}.")
        raise Refusal("payment.minutes", message, field="minutes", most=MINUTES_MAX, minutes=minutes)
    # Who confirms cash that was paid elsewhere must see the payment, and this must see what was confirmed.
    locks.beside_the_dues()
    locks.orders([order_id])
    found = sql.rows(_ORDER, [order_id])
    if not found:
        raise Refusal("order.unknown", say("There is no order {order}."), field="order", order=str(order_id))
    merchant_id, order_no, cash_fen, is_confirmed, is_refunded, known = found[0]
    if known is not None:
        return str(known)
    if not cash_fen:
        message = say("Nothing of the order {order_no} is paid in cash.")
        raise Refusal("payment.nothing", message, field="order", order_no=order_no)
    if is_confirmed:
        message = say("The cash of the order {order_no} has arrived already.")
        raise Refusal("payment.made", message, field="order", order_no=order_no)
    if is_refunded:
        message = say("The order {order_no} was refunded. Take the sale anew, under a number of its own.")
        raise Refusal("payment.refunded", message, field="order", order_no=order_no)
    until = at + timedelta(minutes=minutes)
    key = f"collect/{merchant_id}/{order_no}"
    (number,) = write([Wish(COLLECT, key, cash_fen, merchant_id, order_no, order_id, expires_at=until)], at=at)
    return number


@verb
def end_payment(*, order_id: int, at: datetime) -> str:
    """Let nobody pay an order any more from now on, and return the payment's number.

    It is closed once the institution says that it takes no money for it; then its order is cancelled.

    :raises Refusal: no payment was asked for, or it is made.
    """
    number = payment(order_id).number
    locks.instructions([number])
    state, is_confirmed = sql.rows(_STATE, [number])[0]
    if is_confirmed or state in {"done", "disputed"}:
        message = say("The payment is made. Refund the order.")
        raise Refusal("payment.made", message, field="order")
    if state != "closed":
        now = sql.instant(at)
        sql.run(_ENDS, [now, now, now, number])
    return number


_ORDER = """
    SELECT o.merchant_id, o.order_no, o.cash_fen, o.confirmed_at IS NOT NULL,
        EXISTS (SELECT 1 FROM refund r WHERE r.merchant_id = o.merchant_id AND r.order_id = o.id), i.number
    FROM orders o LEFT JOIN payment_instruction i
        ON i.kind = 'collect' AND i.merchant_id = o.merchant_id AND i.order_no = o.order_no
    WHERE o.id = %s
"""
_STATE = """
    SELECT i.state, o.confirmed_at IS NOT NULL
    FROM payment_instruction i JOIN orders o ON o.merchant_id = i.merchant_id AND o.order_no = i.order_no
    WHERE i.number = %s
"""
_ENDS = """
    UPDATE payment_instruction SET close_at = %s,
        expires_at = CASE WHEN expires_at IS NULL OR expires_at > %s THEN %s ELSE expires_at END
    WHERE number = %s
"""
