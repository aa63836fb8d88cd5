"""Sealing the ledger: the public log holds each journal's hash, so none can be changed, added or left out later.

Some thousand journals make one leaf, in the order of their numbers. All that was posted by an instant is sealed; what
is posted meanwhile is the next seal's.
"""

from datetime import datetime

from greenloop.services.trust.log.steps import append_leaves
from greenloop.services.verb import verb
from greenloop.store import locks, sql
from greenloop.store.queries import logged, seals
from greenloop.store.queries.seals import SealRow

COLUMNS = ("number", "until_id", "journals_until", "at")


def seal_journals(*, at: datetime) -> int:
    """Seal all journals that are posted by now, and return how many that were."""
    sealed, until = 0, posted_until()
    while found := seal_some(until=until, at=at):
        sealed += found
    return sealed


@verb
def posted_until() -> int:
    """Return the newest journal's number, once every journal with a lower one is to be seen."""
    # Whoever posts has let its accounts grow before its journal gets a number: while none can, nobody has one that is
    # not committed.
    locks.ledger()
    return seals.posted_until()


@verb
def seal_some(*, until: int, at: datetime) -> int:
    """Seal the first journals that no seal holds, of those up to a number, as one leaf; return how many: 0 if none.

    `until` is what `posted_until` has returned.
    """
    locks.log()
    before = seals.last()
    number, after, count = (before.number, before.until_id, before.journals_until) if before else (0, 0, 0)
    found = seals.journals(after=after, until=until, limit=seals.JOURNALS_MAX)
    if not found:
        return 0
    row = SealRow(number + 1, after, found[-1].id, count, count + len(found))
    sql.insert("journal_seal", COLUMNS, [(row.number, row.until_id, row.journals_until, sql.instant(at))])
    append_leaves([logged.seal(row, found)], at=at)
    return len(found)
