"""Booking what payers' banks took back, each minute: what waited for money goes through once there is some."""

from datetime import datetime

from greenloop.services.books.reconciling.chargebacks import charged_back
from greenloop.services.books.reconciling.statement import compare_again
from greenloop.services.loop.refund import refund


def book_charged_back(*, at: datetime) -> int:
    """Refund what was charged back, as far as there is money for it, and return how many orders that were.

    What waits for money is tried anew each time, so it goes through once the merchant's dues or the reserve allow it.
    """
    forms = charged_back()
    if not forms:
        return 0
    paid = refund(forms=forms, at=at).states.count("paid")
    if paid:
        compare_again(at=at)
    return paid
