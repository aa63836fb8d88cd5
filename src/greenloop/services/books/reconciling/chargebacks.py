"""What payers' banks took back, and what has to be refunded for it: the merchant bears it as it bears any refund."""

from dataclasses import dataclass
from datetime import datetime

from greenloop.services.books.institution.instructing import CHARGEBACK
from greenloop.services.books.reconciling.statement import Taken, compare_if
from greenloop.services.loop.refund import refund_due
from greenloop.services.loop.refunding.one import RefundForm
from greenloop.store import sql


@dataclass(frozen=True, slots=True)
class Booked:
    """What became of payments that went back: refunds booked, those that wait for money, and those refused.

    `again` is what comparing once more came to, None where nothing was booked.
    """

    paid: int
    pending: int
    refused: int
    again: Taken | None


def book_charged_back(*, at: datetime) -> Booked:
    """Refund what was charged back, as far as there is money for it, and compare again what was booked.

    What waits for money is tried anew each time, so it goes through once the merchant's dues or the reserve allow it.
    """
    forms = charged_back()
    if not forms:
        return Booked(0, 0, 0, None)
    done = refund_due(forms=forms, at=at)
    paid, pending = (done.states.count(state) for state in ("paid", "pending"))
    return Booked(paid, pending, len(done.refusals), compare_if(changed=paid > 0, at=at))


def charged_back() -> list[RefundForm]:
    """Return a refund of each order whose payment went back by a statement line and that isn't refunded for it.

    It is of all that is left of the price, so vouchers and coupons go back too; a refund that waits for money is the
    same one again, also when people have closed its case since. The institution is told nothing of it, for it has moved
    the money. Where the bank took back another amount than what is left of the order's cash, people have to look:
    nothing is refunded.
    """
    return [RefundForm(ref, order_no, CHARGEBACK, int(left)) for ref, order_no, left in sql.rows(_GONE)]


_GONE = """
    SELECT m.ref, o.order_no, COALESCE(own.amount_fen, o.cash_fen + o.voucher_fen + o.coupon_fen - o.refunded_fen)
    FROM reconciliation_case c
    JOIN payment_instruction i ON i.number = c.number AND i.kind = 'collect'
    JOIN orders o ON o.merchant_id = i.merchant_id AND o.order_no = i.order_no
    JOIN merchant m ON m.id = o.merchant_id
    LEFT JOIN refund own ON own.merchant_id = o.merchant_id AND own.order_id = o.id AND own.refund_no = 'chargeback'
    WHERE c.account = 'institution' AND c.kind = 'chargeback' AND c.difference = 'chargeback'
        AND (c.state = 'open' OR own.state = 'pending')
        AND o.confirmed_at IS NOT NULL AND -c.found_fen = o.cash_fen - o.refunded_cash_fen
        AND COALESCE(own.state, 'pending') = 'pending'
        AND NOT EXISTS (SELECT 1 FROM refund r WHERE r.merchant_id = o.merchant_id AND r.order_id = o.id
            AND r.state = 'pending' AND r.refund_no <> 'chargeback')
    ORDER BY o.id
"""
