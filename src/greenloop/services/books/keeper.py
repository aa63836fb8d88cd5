"""The keeper: hands the trust book's journals over to its own database, which nobody else writes.

A pass reads what waits in one snapshot, a cause never behind its effect, adds it there in one transaction, and after
that has committed takes it off the list here. Whatever ends in between, the next pass finds what is there by its key.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DataError, IntegrityError

from greenloop.core.faults import Breach, Refusal, breach, ensure, say
from greenloop.core.people.roles import DECIDERS
from greenloop.services import measures
from greenloop.services.books.checked import KEEPER
from greenloop.services.soundness import note_broken
from greenloop.services.trust.steps import may, note
from greenloop.services.verb import verb
from greenloop.store import sql
from greenloop.store.queries import keeping
from greenloop.store.queries.keeping import HeadRow, Waiting
from greenloop.store.queries.soundness import broken_by
from greenloop.store.trustbook import book, place, roles, tables
from greenloop.store.trustbook.book import Numbered
from greenloop.store.trustbook.session import Session, opened

PASS_MAX = 10_000
"""Journals of one pass. They go in the order of their numbers, in which those that share an account were committed."""
LEASE = timedelta(minutes=2)
log = logging.getLogger("greenloop.keeper")


@dataclass(frozen=True, slots=True)
class Kept:
    """What one pass handed over: how many journals, and the trust book's newest number after it."""

    journals: int
    number: int


NOTHING = Kept(0, 0)


def keep_all(*, holder: str, now: Callable[[], datetime]) -> Kept:
    """Keep pass after pass until nothing waits, or another keeper is at it; return what all of them did.

    Each pass asks `now` for its instant, so that many passes go on holding the lease.

    :raises Refusal: as `keep` does.
    :raises Breach: as `keep` does.
    """
    journals, found = 0, keep(holder=holder, at=now())
    while found.journals:
        journals += found.journals
        number, found = found.number, keep(holder=holder, at=now())
        found = Kept(found.journals, found.number or number)
    return Kept(journals, found.number)


def keep(*, holder: str, at: datetime) -> Kept:
    """Hand over what waits, up to 10 000 journals, in one pass; nothing where no trust book is named.

    :raises Refusal: there is no trust book at its address, its tables are of another release, or it stands still since
        a breach.
    :raises Breach: the trust book refuses a journal, holds another under its key, or isn't the one that was kept so
        far. The keeper and payouts stand still until people have looked; nothing is corrected by itself.
    """
    url = place.address()
    if url is None or not keeping.any_pending():
        return NOTHING
    _may_go_on()
    with opened(url) as session:
        tables.ensure_version(session)
        if not roles.may_keep(session) or not (_leased(holder, at) or _lease(holder=holder, at=at)):
            return NOTHING
        try:
            waiting, newest = _handed_over(session)
        except Breach as found:
            measures.BREACHES.inc()
            log.critical("ALARM: the trust book and this one disagree: %s", found)
            _stop(what=str(found), at=at)
            raise
    if waiting:
        _take_off([each.journal_id for each in waiting], newest, at=at)
    return Kept(len(waiting), newest.number)


def _may_go_on() -> None:
    if found := broken_by(KEEPER):
        message = say(
            "The trust book's keeper stands still since {since}: {what}. Prove the books with greenloop check; it goes "
            "on once they hold."
        )
        raise Refusal("trust.stopped", message, since=found.since_at, what=found.what)


def _handed_over(session: Session) -> tuple[Sequence[Waiting], Numbered]:
    """Add what waits in one transaction of the trust book; return it with the newest journal up to which all is known.

    How far the last keeper came and what waits are read as of one state, and only once nobody else adds: a keeper that
    has added and not yet taken off may do so at any instant.
    """
    try:
        with session.transaction():
            if not book.alone(session):
                return [], book.NONE
            with sql.snapshot():
                waiting, known = _to_hand_over(session, keeping.head())
            return waiting, _added(session, waiting, known)
    except (IntegrityError, DataError) as fault:
        raise Breach(f"the trust book refuses: {' '.join(str(fault).split())}") from fault


def _to_hand_over(session: Session, head: HeadRow) -> tuple[Sequence[Waiting], Numbered]:
    """Return what an earlier pass added and didn't live to take off the list, else the oldest of what waits.

    With it comes the last journal of the trust book up to which all is known: behind what is left from an earlier pass
    there may be more, behind all else there is none. One statement finds both.
    """
    found = book.since(session, head.number, limit=PASS_MAX + 1)
    known = found[0] if found and found[0].number == head.number else None
    if head.number and (known is None or known.sha256 != head.sha256):
        there = known.key if known else "nothing"
        breach(f"number {head.number} is {head.key} as it was kept, and the trust book has {there} there")
    left = (found[1:] if known else found)[:PASS_MAX]
    if not left:
        return keeping.oldest_waiting(PASS_MAX), known or book.NONE
    waiting = keeping.waiting_of([each.key for each in left])
    if len(waiting) < len(left):
        strangers = sorted({each.key for each in left} - {each.entry.key for each in waiting})
        breach(
            f"the trust book is ahead: {strangers[0]} and {len(strangers) - 1} more are no journals that wait here; "
            "was an older copy of this database restored?"
        )
    return waiting, left[-1]


def _added(session: Session, waiting: Sequence[Waiting], last: Numbered) -> Numbered:
    """Add the journals that the trust book doesn't hold yet behind its `last`; return the one up to which all is known.

    What waits where something is left behind `last` is there already, so nothing is added then.
    """
    sealed = [(each, each.entry.sha256()) for each in waiting]
    for each, sha256 in sealed:
        ensure(each.noted in ("", sha256), f"{each.entry.key} is no longer what was posted")
    known = book.hashes(session, [each.entry.key for each in waiting])
    for each, sha256 in sealed:
        there = known.get(each.entry.key, sha256)
        ensure(there == sha256, f"the trust book holds another journal under the key {each.entry.key}")
    new = [(each.entry, sha256) for each, sha256 in sealed if each.entry.key not in known]
    if not new:
        return last
    book.add(session, new, first=last.number + 1)
    negative = book.negative(session)
    ensure(not negative, f"accounts of the trust book would be negative: {', '.join(negative)}")
    entry, sha256 = new[-1]
    return Numbered(last.number + len(new), entry.key, sha256)


def _leased(holder: str, at: datetime) -> bool:
    """Tell whether the lease is the caller's for another minute at least: each pass need not write it anew."""
    soon, later = sql.instant(at + LEASE / 2), sql.instant(at + LEASE)
    return sql.value(_STILL_LEASED, [holder[:64], soon, later]) is not None


@verb
def _lease(*, holder: str, at: datetime) -> bool:
    """Be the one keeper for two minutes, or go on being it; tell whether the caller is."""
    now = sql.instant(at)
    return sql.run(_LEASED, [holder[:64], sql.instant(at + LEASE), holder[:64], now, sql.instant(at + 2 * LEASE)]) == 1


@verb
def _take_off(journal_ids: Sequence[int], newest: Numbered, *, at: datetime) -> None:
    """Note that the trust book holds these journals, and its newest number."""
    sql.rows_in("DELETE FROM pending_journal WHERE journal_id IN ({keys}) RETURNING journal_id", journal_ids)
    sql.run(_HEAD, [newest.number, newest.key, newest.sha256, sql.instant(at), newest.number])


@verb
def _stop(*, what: str, at: datetime) -> None:
    """Let the keeper and payouts stand still."""
    note_broken(what=what, by=KEEPER, at=at)


@verb
def note_difference(*, what: str, at: datetime) -> None:
    """Let the keeper and payouts stand still, since both databases were compared and differ."""
    measures.BREACHES.inc()
    note_broken(what=what, by=KEEPER, at=at)


@verb
def hand_over_again(*, by: str, at: datetime) -> int:
    """Hand over every journal once more, after the trust book was restored from a copy; return how many wait then.

    What it holds is known by its key and stays as it is.

    :raises Refusal: `by` has no role that decides.
    """
    may(by, *DECIDERS)
    sql.run(_AGAIN)
    sql.run("UPDATE trust_head SET number = 0, key = '', sha256 = '' WHERE id = 1")
    pending = int(sql.value("SELECT COUNT(*) FROM pending_journal"))
    note(act="trust.again", about="trust", detail={"pending": pending}, at=at, by=by)
    return pending


_STILL_LEASED = "SELECT 1 FROM trust_head WHERE id = 1 AND holder = %s AND leased_until_at BETWEEN %s AND %s"
_LEASED = """
    UPDATE trust_head SET holder = %s, leased_until_at = %s
    WHERE id = 1 AND (holder = %s OR leased_until_at IS NULL OR NOT leased_until_at BETWEEN %s AND %s)
"""
_HEAD = """
    UPDATE trust_head SET number = %s, key = %s, sha256 = %s, kept_at = %s WHERE id = 1 AND number < %s
"""
_AGAIN = """
    INSERT INTO pending_journal (journal_id, sha256) SELECT id, '' FROM journal WHERE book = 'trust'
    ON CONFLICT (journal_id) DO NOTHING
"""
