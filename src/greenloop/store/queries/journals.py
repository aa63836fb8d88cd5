"""The general ledger as its readers see it: journals with their postings, and what proofs of it have found."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from greenloop.core.faults import Refusal, say
from greenloop.store import sql

LAST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class JournalRow:
    """One balanced entry of one book (trust or ops); its key is unique in it for ever."""

    id: int
    book: str
    key: str
    kind: str
    effective_at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class PostingRow:
    """One positive amount in fen from one control account to another."""

    debit: str
    credit: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One proof of the books: how many statements, and those that don't hold (name, what it says, by how much)."""

    id: int
    at: datetime
    by: str
    took_ms: int
    replayed: bool
    statements: int
    broken: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True, slots=True)
class ReconciliationRow:
    """One comparison of the ledger with its subledgers; `differences` are (ledger, subledger) fen by account."""

    id: int
    at: datetime
    by: str
    accounts: int
    differences: dict[str, Any]


def journals(*, book: str = "", kind: str = "", before: int = LAST, limit: int) -> list[JournalRow]:
    """Return journals, newest first: of one book, of one kind, where they are named."""
    return [_journal(row) for row in sql.rows(_JOURNALS, [before, book, book, kind, kind, limit])]


def journal(journal_id: int) -> JournalRow:
    """Return one journal.

    :raises Refusal: there is none.
    """
    found = sql.rows(f"{_OF} WHERE id = %s", [journal_id])
    if not found:
        message = say("There is no journal {journal}.")
        raise Refusal("journal.unknown", message, field="journal", journal=str(journal_id))
    return _journal(found[0])


def known(key: str, book: str = "trust") -> bool:
    """Tell whether a journal with this key was posted in a book."""
    return sql.value("SELECT 1 FROM journal WHERE key = %s AND book = %s", [key, book]) is not None


def postings(journal_id: int) -> list[PostingRow]:
    """Return a journal's postings, in their order."""
    return [PostingRow(*row) for row in sql.rows(_POSTINGS, [journal_id])]


def checks(*, before: int = LAST, limit: int) -> list[CheckRow]:
    """Return proofs of the books that were kept, newest first."""
    return [
        CheckRow(
            number, sql.moment(at), by, took, bool(replayed), count, tuple(tuple(each) for each in json.loads(told))
        )
        for number, at, by, took, replayed, count, told in sql.rows(_CHECKS, [before, limit])
    ]


def reconciliations(*, before: int = LAST, limit: int) -> list[ReconciliationRow]:
    """Return comparisons of the ledger with its subledgers, newest first."""
    return [
        ReconciliationRow(number, sql.moment(at), by, accounts, json.loads(told))
        for number, at, by, accounts, told in sql.rows(_RECONCILIATIONS, [before, limit])
    ]


def _journal(row: sql.Row) -> JournalRow:
    number, book, key, kind, effective, recorded = row
    return JournalRow(number, book, key, kind, sql.moment(effective), sql.moment(recorded))


_OF = "SELECT id, book, key, kind, effective_at, recorded_at FROM journal"
_JOURNALS = f"{_OF} WHERE id < %s AND (%s = '' OR book = %s) AND (%s = '' OR kind = %s) ORDER BY id DESC LIMIT %s"
_POSTINGS = """
    SELECT d.name, c.name, p.amount_fen FROM posting p
    JOIN ledger_account d ON d.id = p.debit_id JOIN ledger_account c ON c.id = p.credit_id
    WHERE p.journal_id = %s ORDER BY p.id
"""
_CHECKS = """
    SELECT id, at, by, took_ms, replayed, statements, broken FROM book_check WHERE id < %s ORDER BY id DESC LIMIT %s
"""
_RECONCILIATIONS = """
    SELECT id, at, by, accounts, differences FROM reconciliation WHERE id < %s ORDER BY id DESC LIMIT %s
"""
