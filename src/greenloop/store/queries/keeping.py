"""What this database knows of the trust book's own: what it has yet to hold, how old that is, its newest number."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from greenloop.core.books.fingerprint import Entry
from greenloop.core.books.posting import Posting
from greenloop.store import sql

BEHIND = timedelta(minutes=5)
"""For how long a journal may wait before somebody should look."""


@dataclass(frozen=True, slots=True)
class HeadRow:
    """The trust book's newest number as its keeper told it; 0 before any. All up to it is here, and isn't pending."""

    number: int
    key: str
    sha256: str
    kept_at: datetime | None


@dataclass(frozen=True, slots=True)
class Lag:
    """How far the trust book is behind: how many journals wait, since when the oldest does, the last number given."""

    pending: int
    oldest_at: datetime | None
    number: int
    kept_at: datetime | None

    def seconds(self, now: datetime) -> int:
        """Return for how long the oldest journal has waited, 0 while none waits."""
        return 0 if self.oldest_at is None else max(0, int((now - self.oldest_at).total_seconds()))

    def behind(self, now: datetime) -> bool:
        """Tell whether a journal has waited for so long that somebody should look."""
        return self.oldest_at is not None and now - self.oldest_at > BEHIND


@dataclass(frozen=True, slots=True)
class Waiting:
    """A journal to be handed over: its number here, and the SHA-256 noted when it was posted, empty where none was."""

    journal_id: int
    noted: str
    entry: Entry


def head() -> HeadRow:
    """Return how far the keeper has come."""
    number, key, sha256, kept_at = sql.rows("SELECT number, key, sha256, kept_at FROM trust_head WHERE id = 1")[0]
    return HeadRow(number, key, sha256, None if kept_at is None else sql.moment(kept_at))


def lag() -> Lag:
    """Return how far the trust book is behind."""
    pending, oldest, number, kept_at = sql.rows(_LAG)[0]
    return Lag(
        int(pending),
        None if oldest is None else sql.moment(oldest),
        int(number),
        None if kept_at is None else sql.moment(kept_at),
    )


def any_pending() -> bool:
    """Tell whether a journal waits for the trust book."""
    return sql.value("SELECT 1 FROM pending_journal LIMIT 1") is not None


def unkept(journal_ids: Collection[int]) -> set[int]:
    """Return which of these journals the trust book isn't known to hold: nothing that rests on them may leave yet."""
    return {
        row[0]
        for row in sql.rows_in("SELECT journal_id FROM pending_journal WHERE journal_id IN ({keys})", journal_ids)
    }


def oldest_waiting(limit: int) -> list[Waiting]:
    """Return the oldest journals that wait, in the order of their numbers; asked inside a snapshot."""
    return _waiting(sql.rows(_OLDEST, [limit]))


def waiting_of(keys: Sequence[str]) -> list[Waiting]:
    """Return those of the keys whose journals wait; asked inside a snapshot."""
    return _waiting(sorted(sql.rows_in(_OF_KEYS, keys)))


def kept_entries(keys: Sequence[str]) -> dict[str, Entry]:
    """Return those of the keys whose journals don't wait, with their postings; asked inside a snapshot."""
    found = sql.rows_in(_BY_KEY, keys)
    lines = _postings([row[0] for row in found])
    return {row[1]: _entry(row[0], *row[1:], lines=lines) for row in found}


def _waiting(found: Sequence[sql.Row]) -> list[Waiting]:
    lines = _postings([row[0] for row in found])
    return [Waiting(row[0], row[5], _entry(row[0], *row[1:5], lines=lines)) for row in found]


def _entry(
    number: int, key: str, kind: str, effective: object, recorded: object, *, lines: dict[int, list[Posting]]
) -> Entry:
    return Entry(key, kind, sql.moment(effective), sql.moment(recorded), tuple(lines.get(number, ())))


def _postings(journal_ids: Sequence[int]) -> dict[int, list[Posting]]:
    lines: dict[int, list[Posting]] = {}
    for number, debit, credit, fen in sql.rows_in(_POSTINGS, journal_ids):
        lines.setdefault(number, []).append(Posting(debit, credit, fen))
    return lines


def kept_totals() -> dict[str, tuple[int, int]]:
    """Return (debits, credits) of each account, in fen, summed anew from the journals that don't wait."""
    return {name: (int(debits), int(credits_)) for name, debits, credits_ in sql.rows(_TOTALS)}


def kept_count() -> int:
    """Return how many journals of the trust book don't wait."""
    return int(sql.value(_KEPT))


def orphans() -> int:
    """Return how many journals wait that aren't there, or aren't the trust book's."""
    return int(sql.value(_ORPHANS))


def kept_keys(*, after: int, limit: int) -> list[tuple[int, str]]:
    """Return (number, key) of journals that don't wait, behind a number, in order."""
    return [(row[0], row[1]) for row in sql.rows(_KEYS, [after, limit])]


_LAG = """
    SELECT (SELECT COUNT(*) FROM pending_journal),
           (SELECT recorded_at FROM journal WHERE id = (SELECT MIN(journal_id) FROM pending_journal)),
           number, kept_at
    FROM trust_head WHERE id = 1
"""
_COLUMNS = "SELECT j.id, j.key, j.kind, j.effective_at, j.recorded_at"
_PENDING = f"{_COLUMNS}, w.sha256 FROM pending_journal w JOIN journal j ON j.id = w.journal_id"
_OLDEST = f"{_PENDING} WHERE j.book = 'trust' ORDER BY w.journal_id LIMIT %s"
_OF_KEYS = f"{_PENDING} WHERE j.book = 'trust' AND j.key IN ({{keys}})"
_POSTINGS = """
    SELECT p.journal_id, d.name, c.name, p.amount_fen FROM posting p
    JOIN ledger_account d ON d.id = p.debit_id JOIN ledger_account c ON c.id = p.credit_id
    WHERE p.journal_id IN ({keys})
"""
_NOT_PENDING = "NOT EXISTS (SELECT 1 FROM pending_journal w WHERE w.journal_id = j.id)"
_BY_KEY = f"{_COLUMNS} FROM journal j WHERE j.book = 'trust' AND j.key IN ({{keys}}) AND {_NOT_PENDING}"
_KEPT = f"SELECT COUNT(*) FROM journal j WHERE j.book = 'trust' AND {_NOT_PENDING}"  # noqa: S608  ours
_KEYS = (
    f"SELECT j.id, j.key FROM journal j WHERE j.book = 'trust' AND j.id > %s AND {_NOT_PENDING} ORDER BY j.id LIMIT %s"  # noqa: S608
)
_ORPHANS = """
    SELECT COUNT(*) FROM pending_journal w
    WHERE NOT EXISTS (SELECT 1 FROM journal j WHERE j.id = w.journal_id AND j.book = 'trust')
"""
_TOTALS = f"""
    SELECT a.name, SUM(s.debits), SUM(s.credits) FROM (
        SELECT p.journal_id, p.debit_id AS account_id, p.amount_fen AS debits, 0 AS credits FROM posting p
        UNION ALL SELECT p.journal_id, p.credit_id, 0, p.amount_fen FROM posting p) AS s
    JOIN journal j ON j.id = s.journal_id JOIN ledger_account a ON a.id = s.account_id
    WHERE j.book = 'trust' AND {_NOT_PENDING} GROUP BY a.name
"""  # noqa: S608
