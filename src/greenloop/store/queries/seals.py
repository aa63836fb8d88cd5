"""Journals as the public log seals them: in the order of their numbers, some together, known by one root.

The tree is the log's own (`core/trust/log.py`); its leaves are journals' fingerprints (`core/books/fingerprint.py`), 32
bytes each.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from greenloop.core.books.fingerprint import Entry
from greenloop.core.books.posting import Posting
from greenloop.core.trust.log import leaf_hash, root_of
from greenloop.store import sql

LEAF = "journals"
"""The kind of leaf that a seal is."""
JOURNALS_MAX = 2_500
"""Journals of one seal: so many are read and hashed at a time, and one of them is proved by twelve hashes."""


@dataclass(frozen=True, slots=True)
class SealRow:
    """A seal: the journals above `after_id` up to `until_id`. `before` counts those that earlier seals hold."""

    number: int
    after_id: int
    until_id: int
    before: int
    journals_until: int

    @property
    def about(self) -> str:
        """Return what its leaf is about."""
        return f"{LEAF}/{self.number}"


@dataclass(frozen=True, slots=True)
class SealedLeaf:
    """A seal with its leaf of the public log: the leaf's number and text."""

    seal: SealRow
    number: int
    body: str


@dataclass(frozen=True, slots=True)
class Booked:
    """A journal by its number here, with the book that it stands in."""

    id: int
    book: str
    entry: Entry


def posted_until() -> int:
    """Return the newest journal's number, 0 before any."""
    return int(sql.value("SELECT MAX(id) FROM journal") or 0)


def last() -> SealRow | None:
    """Return the newest seal, None before any."""
    found = sql.rows(f"{_SEALS} ORDER BY s.number DESC LIMIT 1")
    return SealRow(*found[0]) if found else None


def every() -> list[SealRow]:
    """Return all seals in their order."""
    return [SealRow(*row) for row in sql.rows(f"{_SEALS} ORDER BY s.number")]


def newest(*, size: int, journals_max: int) -> list[SealedLeaf]:
    """Return the newest seals in the log of `size` leaves that hold so many journals at most, oldest first."""
    rows = sql.rows(_UNDER, {"size": size, "most": journals_max})
    return [SealedLeaf(SealRow(*row[:5]), *row[5:]) for row in rows]


def journals(*, after: int, until: int, limit: int) -> list[Booked]:
    """Return the first `limit` journals above a number up to another, in the order of their numbers."""
    heads: dict[int, sql.Row] = {}
    postings: dict[int, list[Posting]] = defaultdict(list)
    for number, *head, debit, credit, fen in sql.rows(_JOURNALS, [after, until, limit]):
        heads[number] = tuple(head)
        postings[number].append(Posting(debit, credit, fen))
    return [
        Booked(number, book, Entry(key, kind, sql.moment(effective), sql.moment(recorded), tuple(postings[number])))
        for number, (book, key, kind, effective, recorded) in heads.items()
    ]


def sealed(seal: SealRow) -> list[Booked]:
    """Return the journals that a seal is over, as they stand."""
    return journals(after=seal.after_id, until=seal.until_id, limit=2**31)


def root(found: Sequence[Booked]) -> bytes:
    """Return the root over journals."""
    return root_of([leaf_hash(bytes.fromhex(each.entry.sha256())) for each in found])


_COLUMNS = """
    s.number, COALESCE(e.until_id, 0) AS after_id, s.until_id, COALESCE(e.journals_until, 0) AS before, s.journals_until
"""
_ROWS = "journal_seal s LEFT JOIN journal_seal e ON e.number = s.number - 1"
_SEALS = f"SELECT {_COLUMNS} FROM {_ROWS}"  # noqa: S608  names are ours
_UNDER = f"""
    WITH under AS (
        SELECT {_COLUMNS}, l.number AS leaf, l.body FROM {_ROWS}
        JOIN log_leaf l ON l.kind = '{LEAF}' AND l.about = '{LEAF}/' || CAST(s.number AS VARCHAR(20))
        WHERE l.number < %(size)s
    )
    SELECT number, after_id, until_id, before, journals_until, leaf, body FROM under
    WHERE before >= (SELECT MAX(journals_until) FROM under) - %(most)s ORDER BY number
"""  # noqa: S608  the kind's name
_JOURNALS = """
    SELECT j.id, j.book, j.key, j.kind, j.effective_at, j.recorded_at, d.name, c.name, p.amount_fen
    FROM (SELECT * FROM journal WHERE id > %s AND id <= %s ORDER BY id LIMIT %s) j
    JOIN posting p ON p.journal_id = j.id
    JOIN ledger_account d ON d.id = p.debit_id JOIN ledger_account c ON c.id = p.credit_id
    ORDER BY j.id, p.id
"""
