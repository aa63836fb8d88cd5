"""What payers' banks took back, and what has to be refunded for it: the merchant bears it as it bears any refund."""

from greenloop.services.books.institution.instructing import CHARGEBACK
from greenloop.services.loop.refunding.one import RefundForm
from greenloop.store import sql


def charged_back() -> list[RefundForm]:
    """Return a refund of each order whose payment went back by a statement line and that isn't refunded for it.

    It is of all that is left of the price, so vouchers and coupons go back too. The institution is told nothing of it,
    for it has moved the money; what can't be funded yet is pending, as any refund is.
    """
    return [RefundForm(ref, order_no, CHARGEBACK, int(left)) for ref, order_no, left in sql.rows(_GONE)]


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
