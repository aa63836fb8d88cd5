"""Book what payers' banks took back: the order is refunded whole, and the merchant bears it as it bears any refund."""

from datetime import datetime

from greenloop.services.books.institution.instructing import CHARGEBACK
from greenloop.services.loop.refund import Refunded, RefundForm, refund
from greenloop.store import sql


def book_chargebacks(*, at: datetime) -> Refunded:
    """Refund each order whose payment went back by a statement line, once; what can't be funded yet is pending.

    The institution is told nothing, for it has moved the money. Vouchers and coupons of the order go back too.
    """
    forms = [RefundForm(ref, order_no, CHARGEBACK, int(left)) for ref, order_no, left in sql.rows(_GONE)]
    return refund(forms=forms, at=at)


_GONE = """
    SELECT m.ref, o.order_no, o.cash_fen + o.voucher_fen + o.coupon_fen - o.refunded_fen
    FROM reconciliation_case c
    JOIN payment_instruction i ON i.number = c.number AND i.kind = 'collect'
    JOIN orders o ON o.merchant_id = i.merchant_id AND o.order_no = i.order_no
    JOIN merchant m ON m.id = o.merchant_id
    WHERE c.account = 'institution' AND c.kind = 'chargeback' AND c.difference = 'chargeback' AND c.state = 'open'
        AND o.confirmed_at IS NOT NULL AND o.cash_fen + o.voucher_fen + o.coupon_fen > o.refunded_fen
        AND NOT EXISTS (SELECT 1 FROM refund r WHERE r.merchant_id = o.merchant_id AND r.order_id = o.id
            AND (r.state = 'pending' OR r.refund_no = 'chargeback'))
    ORDER BY o.id
"""
