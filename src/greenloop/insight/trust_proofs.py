"""Both books that hold the trust book agree (architecture.md, "The trust book"): keys, hashes, totals by account.

They are compared at a cut-off: the newest number that the keeper told. Up to it everything is in both and nothing
waits, whatever is handed over meanwhile.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from greenloop.core.faults import say
from greenloop.insight.proof import Proof
from greenloop.store import sql
from greenloop.store.queries import keeping
from greenloop.store.queries.keeping import HeadRow
from greenloop.store.trustbook import book, place, tables
from greenloop.store.trustbook.session import Session, opened

PART = 2_000
NAMED_MAX = 5


@dataclass(slots=True)
class _Compared:
    """Keys at which the two sides differ, and how many were looked at."""

    looked_at: int = 0
    missing_here: list[str] = field(default_factory=list)
    missing_there: list[str] = field(default_factory=list)
    differing_here: list[str] = field(default_factory=list)
    differing_there: list[str] = field(default_factory=list)


def compared(found: Sequence[Proof]) -> bool:
    """Tell whether a check has looked into the trust book."""
    return any(proof.name == "trust-head" for proof in found)


def agreement() -> list[Proof]:
    """Compare both by themselves, as the keeper does, and return what was proved."""
    began = datetime.now(UTC)
    with sql.snapshot():
        return list(proofs(began=began))


def proofs(*, began: datetime) -> Iterator[Proof]:
    """Prove that what waits is what it should be, and, where there is a trust book, that it agrees; part of a check.

    `began` is an instant before the state of this database that is looked at: what is posted after it may be in the
    trust book already, and isn't here yet.
    """
    waiting, strangers = keeping.lag(), keeping.orphans()
    what = say("What waits for the trust book is journals of it.")
    yield Proof("1", "trust-waiting", what, waiting.pending, strangers)
    url, file, kept = place.address(), place.file(), keeping.kept_count()
    if url is None:
        return
    if file is not None and not file.exists():
        what = say("The trust book that held journals is there.")
        yield Proof("1", "trust-book", what, kept, kept, str(file) if kept else "")
        return
    with opened(url) as session, session.snapshot():
        tables.ensure_version(session)
        yield from _agreement(session, keeping.head(), kept, began)


def _agreement(session: Session, head: HeadRow, kept: int, began: datetime) -> Iterator[Proof]:
    known = book.at_number(session, head.number)
    same = head.number == 0 or (known is not None and (known.key, known.sha256) == (head.key, head.sha256))
    what = say("The trust book gave the newest number to the journal that its keeper told of.")
    yield Proof("1", "trust-head", what, head.number, 0 if same else 1, head.key)
    found = _compared(session, head.number, kept)
    looked_at = found.looked_at
    yield _named(
        say("Every journal that doesn't wait is in the trust book."), "trust-holds", looked_at, found.missing_there
    )
    what = say("Every journal of the trust book up to the cut-off is here and doesn't wait.")
    yield _named(what, "trust-known", looked_at, found.missing_here)
    what = say("Each journal here has the SHA-256 that the trust book holds.")
    yield _named(what, "trust-hashes", looked_at, found.differing_here)
    what = say("Each journal of the trust book has the SHA-256 that it holds.")
    yield _named(what, "trust-sealed", looked_at, found.differing_there)
    yield from _totals(session, head.number)
    yield _ahead(session, head.number, began)
    listed = book.listed(session)
    what = say("The trust book lets exactly the listed postings pass.")
    yield Proof("6", "trust-list", what, len(listed), len(listed ^ set(tables.TRIPLES)))


def _compared(session: Session, cutoff: int, kept: int) -> _Compared:
    """Recompute each hash from both sides, part after part: never more than one part in memory."""
    found, number = _Compared(), 0
    while part := book.entries(session, after=number, upto=cutoff, limit=PART):
        number = part[-1][0].number
        here = keeping.kept_entries([each.key for each, _ in part])
        found.looked_at += len(part)
        for each, there in part:
            own = here.get(each.key)
            if own is None:
                found.missing_here.append(each.key)
            elif own.sha256() != each.sha256:
                found.differing_here.append(each.key)
            if there.sha256() != each.sha256:
                found.differing_there.append(each.key)
    # As many on both sides, and each of one side is on the other: only else is it worth looking which are missing.
    if kept != found.looked_at - len(found.missing_here):
        found.missing_there = list(_missing_there(session))
    return found


def _missing_there(session: Session) -> Iterator[str]:
    after = 0
    while part := keeping.kept_keys(after=after, limit=PART):
        after = part[-1][0]
        known = book.hashes(session, [key for _, key in part])
        yield from (key for _, key in part if key not in known)


def _totals(session: Session, cutoff: int) -> Iterator[Proof]:
    there, here = book.summed(session, upto=cutoff), keeping.kept_totals()
    yield _equal(
        say("Each account's totals up to the cut-off are the same on both sides."), "trust-totals", there, here
    )
    own = {name: fen for name, fen in book.totals(session).items() if fen != (0, 0)}
    what = say("The trust book's own totals are the sums of its postings.")
    yield _equal(what, "trust-sums", own, book.summed(session))
    what = say("No account of the trust book is negative.")
    negative = book.negative(session)
    yield Proof("2", "trust-covered", what, len(own), len(negative), ", ".join(negative[:NAMED_MAX]))


def _equal(what: str, name: str, one: dict[str, tuple[int, int]], other: dict[str, tuple[int, int]]) -> Proof:
    wrong = book.differing(one, other)
    told = ", ".join(f"{account} {fen}" for account, fen in list(wrong.items())[:NAMED_MAX])
    return Proof("2", name, what, len(one), sum(wrong.values()), told)


def _ahead(session: Session, cutoff: int, began: datetime) -> Proof:
    """Judge what lies behind the cut-off: what waits here, or was posted after this check began to look."""
    beyond = book.recorded_before(session, began - keeping.BEHIND, after=cutoff)
    waiting = {each.entry.key: each.entry.sha256() for each in keeping.waiting_of([each.key for each in beyond])}
    strange = [each.key for each in beyond if waiting.get(each.key) != each.sha256]
    what = say("The trust book isn't ahead of this database: no older copy was restored.")
    return _named(what, "trust-ahead", len(beyond), strange)


def _named(what: str, name: str, looked_at: int, keys: Sequence[str]) -> Proof:
    return Proof("1", name, what, looked_at, len(keys), ", ".join(keys[:NAMED_MAX]))
