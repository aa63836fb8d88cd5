"""The trust book's rows: journals with their own numbers, totals by account; read by anybody, written by the keeper."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from greenloop.core.books.accounts import account_class
from greenloop.core.books.fingerprint import Entry
from greenloop.core.books.posting import Posting
from greenloop.store.sql import moment
from greenloop.store.trustbook.session import Session

KEEPER_LOCK = 7_340_101


@dataclass(frozen=True, slots=True)
class Numbered:
    """A journal that the trust book holds: its number there, its key, the SHA-256 that it was handed over with."""

    number: int
    key: str
    sha256: str


NONE = Numbered(0, "", "")


def alone(session: Session) -> bool:
    """Be the only keeper until the transaction ends; tell whether nobody else was. A file has one writer anyway."""
    return not session.is_postgresql or bool(session.value("SELECT pg_try_advisory_xact_lock(%s)", [KEEPER_LOCK]))


def at_number(session: Session, number: int) -> Numbered | None:
    """Return the journal that has a number, None where none has."""
    found = session.rows("SELECT number, key, sha256 FROM trust_journal WHERE number = %s", [number])
    return Numbered(*found[0]) if found else None


def since(session: Session, number: int, *, limit: int) -> list[Numbered]:
    """Return the journals from a number on, in order."""
    found = session.rows(
        "SELECT number, key, sha256 FROM trust_journal WHERE number >= %s ORDER BY number LIMIT %s", [number, limit]
    )
    return [Numbered(*row) for row in found]


def hashes(session: Session, keys: Sequence[str]) -> dict[str, str]:
    """Return the SHA-256 of each of the keys that the book holds."""
    return dict(session.rows_in("SELECT key, sha256 FROM trust_journal WHERE key IN ({keys})", keys))


def add(session: Session, entries: Sequence[tuple[Entry, str]], *, first: int) -> None:
    """Insert journals with their SHA-256 under the numbers from `first` on, in their order."""
    instants = session.instants()
    names = {name for entry, _ in entries for each in entry.postings for name in (each.debit, each.credit)}
    known = {row[0] for row in session.rows_in("SELECT name FROM trust_account WHERE name IN ({keys})", sorted(names))}
    opened = [(name, account_class(name)) for name in sorted(names - known)]
    session.load("trust_account", ("name", "account_class"), opened)
    journals = [
        (number, entry.key, sha256, entry.kind, instants(entry.effective_at), instants(entry.recorded_at))
        for number, (entry, sha256) in enumerate(entries, first)
    ]
    session.load("trust_journal", ("number", "key", "sha256", "kind", "effective_at", "recorded_at"), journals)
    postings = [
        (number, each.debit, each.credit, each.amount_fen)
        for number, (entry, _) in enumerate(entries, first)
        for each in entry.postings
    ]
    session.load("trust_posting", ("number", "debit", "credit", "amount_fen"), postings)


def negative(session: Session) -> list[str]:
    """Return the accounts whose balance is negative."""
    return [row[0] for row in session.rows(_NEGATIVE)]


def entries(session: Session, *, after: int, upto: int, limit: int) -> list[tuple[Numbered, Entry]]:
    """Return journals with numbers in (after, upto], with their postings, in order."""
    found = session.rows(_JOURNALS, [after, upto, limit])
    if not found:
        return []
    lines: dict[int, list[Posting]] = {}
    for number, debit, credit, fen in session.rows(_POSTINGS, [found[0][0], found[-1][0]]):
        lines.setdefault(number, []).append(Posting(debit, credit, fen))
    return [
        (Numbered(number, key, sha), Entry(key, kind, moment(eff), moment(rec), tuple(lines.get(number, ()))))
        for number, key, sha, kind, eff, rec in found
    ]


def count(session: Session, *, upto: int) -> int:
    """Return how many journals have a number up to `upto`."""
    return int(session.value("SELECT COUNT(*) FROM trust_journal WHERE number <= %s", [upto]))


def recorded_before(session: Session, at: datetime, *, after: int) -> list[Numbered]:
    """Return journals behind a number that were posted before an instant."""
    found = session.rows(_BEFORE, [after, session.instants()(at)])
    return [Numbered(*row) for row in found]


def totals(session: Session) -> dict[str, tuple[int, int]]:
    """Return (debits, credits) of each account, in fen, as the database keeps them."""
    return {name: (int(d), int(c)) for name, d, c in session.rows(_TOTALS)}


def summed(session: Session, *, upto: int | None = None) -> dict[str, tuple[int, int]]:
    """Return (debits, credits) of each account, in fen, summed anew from postings up to a number."""
    number = 2**63 - 1 if upto is None else upto
    return {name: (int(d), int(c)) for name, d, c in session.rows(_SUMMED, [number, number])}


def summed_before(session: Session, at: datetime, *, upto: int) -> dict[str, tuple[int, int]]:
    """Return (debits, credits) of each account, in fen, of journals up to a number that took effect before `at`."""
    before = session.instants()(at)
    return {name: (int(d), int(c)) for name, d, c in session.rows(_SUMMED_BEFORE, [before, upto, before, upto])}


def listed(session: Session) -> set[tuple[str, str, str]]:
    """Return the (kind, debit class, credit class) that a posting may be."""
    found = session.rows("SELECT kind, debit_class, credit_class FROM trust_allowed")
    return {(kind, debit, credit) for kind, debit, credit in found}


def differing(one: Mapping[str, tuple[int, int]], other: Mapping[str, tuple[int, int]]) -> dict[str, int]:
    """Return by how many fen two sets of totals differ, by account; accounts that agree are left out."""
    found = {
        name: sum(abs(a - b) for a, b in zip(one.get(name, (0, 0)), other.get(name, (0, 0)), strict=True))
        for name in {*one, *other}
    }
    return {name: fen for name, fen in sorted(found.items()) if fen}


_NEGATIVE = """
    SELECT a.name FROM trust_account a JOIN trust_class c ON c.account_class = a.account_class
    WHERE CASE WHEN c.is_asset THEN a.debits_fen < a.credits_fen ELSE a.credits_fen < a.debits_fen END ORDER BY a.name
"""
_JOURNALS = """
    SELECT number, key, sha256, kind, effective_at, recorded_at FROM trust_journal
    WHERE number > %s AND number <= %s ORDER BY number LIMIT %s
"""
_POSTINGS = "SELECT number, debit, credit, amount_fen FROM trust_posting WHERE number BETWEEN %s AND %s ORDER BY number"
_BEFORE = """
    SELECT number, key, sha256 FROM trust_journal WHERE number > %s AND recorded_at < %s ORDER BY number LIMIT 1000
"""
_TOTALS = "SELECT name, debits_fen, credits_fen FROM trust_account"
_SUMMED = """
    SELECT name, SUM(debits), SUM(credits) FROM (
        SELECT debit AS name, amount_fen AS debits, 0 AS credits FROM trust_posting WHERE number <= %s
        UNION ALL SELECT credit, 0, amount_fen FROM trust_posting WHERE number <= %s) AS sides GROUP BY name
"""
_SUMMED_BEFORE = """
    SELECT name, SUM(debits), SUM(credits) FROM (
        SELECT p.debit AS name, p.amount_fen AS debits, 0 AS credits
        FROM trust_posting p JOIN trust_journal j ON j.number = p.number WHERE j.effective_at < %s AND j.number <= %s
        UNION ALL SELECT p.credit, 0, p.amount_fen
        FROM trust_posting p JOIN trust_journal j ON j.number = p.number
        WHERE j.effective_at < %s AND j.number <= %s) AS sides
    GROUP BY name
"""
