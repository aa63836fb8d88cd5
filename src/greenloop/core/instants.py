"""Instants as people and programs write them, and the years in which any instant of ours lies."""

import re
from datetime import UTC, datetime

from greenloop.core.faults import Refusal, say

YEAR_MIN, YEAR_MAX = 2000, 2199
"""Beyond them lies a slip of the finger; and a clock east of UTC runs out of years at the end of 9999."""
_WRITTEN = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})",
    re.ASCII,
)


def read(written: str) -> datetime | None:
    """Return the instant that a text of RFC 3339 names, in UTC; None for any other text, and for years out of range."""
    if not _WRITTEN.fullmatch(written):
        return None
    try:
        found = datetime.fromisoformat(written.upper())
    except ValueError:
        return None
    return found.astimezone(UTC) if in_range(found) else None


def in_range(at: datetime) -> bool:
    """Tell whether an instant lies in the years 2000 to 2199, by its own clock and by UTC's."""
    return YEAR_MIN <= at.year <= YEAR_MAX and YEAR_MIN <= at.astimezone(UTC).year <= YEAR_MAX


def check(at: datetime, field: str) -> None:
    """Accept an instant of those years.

    :raises Refusal: it lies in others.
    """
    if not in_range(at):
        raise Refusal("time.year", say("The year must lie between 2000 and 2199."), field=field)
