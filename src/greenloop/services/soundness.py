"""One fact: the books are broken since then. Whoever finds it out notes it; no payout and no fee leave trust meanwhile.

A proof of all the books that holds clears it, or somebody who has looked (settlement.md, R11).
"""

from datetime import datetime

from greenloop.core.faults import Refusal, say
from greenloop.store import sql
from greenloop.store.queries.soundness import broken

WHAT_MAX = 2_000


def note_broken(*, what: str, by: str, at: datetime | None) -> None:
    """Note that the books are broken, unless the same was found before; part of the caller's transaction.

    Without `at` it is the database's own time.
    """
    when = None if at is None else sql.instant(at)
    found = (by[:64], what[:WHAT_MAX])
    sql.run(_BROKEN, [when, *found, *found])


def clear(*, by: str, at: datetime, known_by: datetime | None = None, but_by: str = "") -> None:
    """Note that the books hold, whatever was found, or was until `known_by`; part of the caller's transaction.

    What `but_by` has found stays.
    """
    done = [sql.instant(at), by[:64], but_by]
    if known_by is None:
        sql.run(_CLEAR, done)
    else:
        sql.run(f"{_CLEAR} AND since_at <= %s", [*done, sql.instant(known_by)])


def may_leave_trust() -> None:
    """Accept that a payout or a fee leaves trust.

    :raises Refusal: the books are broken.
    """
    if found := broken():
        message = say(
            "The books are broken since {since}: no payout and no fee leave trust. Prove them with greenloop check; "
            "they go on once the books hold."
        )
        raise Refusal("books.broken", message, since=found.since_at)


_BROKEN = """
    INSERT INTO books_broken (since_at, by, what)
    SELECT COALESCE(%s, CURRENT_TIMESTAMP), %s, %s
    WHERE NOT EXISTS (SELECT 1 FROM books_broken WHERE cleared_at IS NULL AND by = %s AND what = %s)
"""
_CLEAR = "UPDATE books_broken SET cleared_at = %s, cleared_by = %s WHERE cleared_at IS NULL AND by <> %s"
