"""How long what failed waits until it is sent again: a schedule of ours, or longer where the receiver asks for it."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from secrets import randbelow

from greenloop.services.outbox.sending import Outcome

REST = timedelta(seconds=5)
LONG_REST = timedelta(seconds=30)
"""How long an endpoint that failed is left alone at least, whatever is due there."""
WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
"""How long after its n-th try a delivery is tried again; after the last it is given up."""
ASKED_MAX = timedelta(days=1)
"""What a receiver asks for is granted up to here: an endpoint is looked at once a day, whatever it said."""
LONGEST = max(*WAITS, ASKED_MAX) * 12 / 10
"""What is to wait longer than this was written by a clock that ran ahead: it waits no more."""
BUSY = frozenset({429, 503})
DIGITS_MAX = 12


def asked(outcome: Outcome, at: datetime) -> timedelta:
    """Return how long the receiver asks to be left alone after a try at an instant, at most a day.

    It asks by Retry-After beside 429 or 503, in seconds or as a date; anything else asks for nothing.
    """
    if outcome.status not in BUSY:
        return timedelta()
    written = outcome.retry_after.strip()
    if written.isascii() and written.isdigit():
        return min(timedelta(seconds=int(written[:DIGITS_MAX])), ASKED_MAX)
    try:
        until_at = parsedate_to_datetime(written)
    except (ValueError, TypeError, OverflowError):
        return timedelta()
    until_at = until_at if until_at.tzinfo else until_at.replace(tzinfo=UTC)
    return min(max(until_at - at, timedelta()), ASKED_MAX)


def again_at(*, retries: int, outcome: Outcome, at: datetime) -> datetime | None:
    """Return when a delivery that failed for the n-th time is tried again; None once it is given up."""
    if retries > len(WAITS):
        return None
    wait = max(WAITS[retries - 1], asked(outcome, at))
    # Up to a tenth more, so that what failed together doesn't come back together.
    return at + wait + timedelta(milliseconds=randbelow(int(wait / timedelta(milliseconds=1)) // 10 + 1))


def rest(*, outcome: Outcome, at: datetime, is_more: bool) -> timedelta:
    """Return how long an endpoint that failed is left alone; `is_more` says that more stood behind it."""
    return max(LONG_REST if is_more else REST, asked(outcome, at))
