"""What a statement says, whatever its format."""

import re
from dataclasses import dataclass
from datetime import datetime

PAYMENT, SPLIT, REFUND, PAYOUT, BRING, CHARGEBACK = "payment", "split", "refund", "payout", "bring", "chargeback"
SETTLEMENT, OTHER = "settlement", "other"
INSTITUTION, BANK = "institution", "bank"
"""Whose statement: the payment institution's, line by line; or the bank's behind it, day by day."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: fen in above 0, out below. `number` is what it is for, as we know it.

    A split moves nothing: its amount is the part that went to the trust account.
    """

    kind: str
    number: str
    trade_no: str
    amount_fen: int
    booked_at: datetime
    text: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """A statement as it was read: its lines, and what the account holds after the last, where the file says so."""

    account: str
    lines: tuple[Line, ...]
    balance_fen: int | None = None


_DAY = re.compile(r"(?<!\d)(\d{4})-?(\d{2})-?(\d{2})(?!\d)")


def settlement_of(text: str, trade_no: str) -> tuple[str, str]:
    """Return the kind and number of a bank's line: a day's settlement names its day; all else is to be looked at."""
    if found := _DAY.search(text):
        return SETTLEMENT, f"day/{'-'.join(found.groups())}"
    return OTHER, trade_no
