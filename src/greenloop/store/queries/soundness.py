"""Whether the books are sound: since when they are broken, as far as anybody has found out."""

from dataclasses import dataclass
from datetime import datetime

from greenloop.store import sql


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """The books are broken: since when that is known, who or which verb found it out, and what doesn't hold."""

    since_at: datetime
    by: str
    what: str


def broken() -> BrokenRow | None:
    """Return since when the books are broken, None while nothing says so."""
    found = sql.rows("SELECT since_at, by, what FROM books_broken WHERE cleared_at IS NULL ORDER BY id LIMIT 1")
    return BrokenRow(sql.moment(found[0][0]), found[0][1], found[0][2]) if found else None


def broken_by(who: str) -> BrokenRow | None:
    """Return what one finder has found broken, None while it has found nothing."""
    query = "SELECT since_at, by, what FROM books_broken WHERE cleared_at IS NULL AND by = %s ORDER BY id LIMIT 1"
    found = sql.rows(query, [who])
    return BrokenRow(sql.moment(found[0][0]), found[0][1], found[0][2]) if found else None
