"""Complaints: what they may be about, how they stand, and by when somebody has to answer."""

from datetime import datetime, timedelta

CATEGORIES = ("order", "refund", "points", "voucher", "referral", "merchant", "data", "other")
STATES = ("open", "answered", "closed")
DUE = timedelta(days=15)
"""Within so long a complaint is to be answered."""
A_DAY_MAX = 5
"""So many may come from one account in a day."""
SENT_AGAIN = timedelta(minutes=10)
"""Within so long, the same words about the same are one complaint that was sent twice."""
TEXT_MAX = 2_000


def is_late(*, state: str, due_at: datetime, answered_at: datetime | None, at: datetime) -> bool:
    """Tell whether nobody has answered in time: not yet and the time is over, or only after it."""
    if answered_at is not None:
        return answered_at > due_at
    return state == "open" and at > due_at
