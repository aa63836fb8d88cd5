"""A trust book in a file refuses changed history too, also by the statements that only SQLite has."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import DatabaseError, IntegrityError

from greenloop.store.trustbook import book, tables
from greenloop.store.trustbook.session import Session, opened
from tests.separation.vault import CASH, SALE

KEPT = "(number, key, sha256, kind, effective_at, recorded_at)"
ATTEMPTS = {
    "change a posted amount": "UPDATE trust_posting SET amount_fen = 1",
    "replace a posted amount": "INSERT OR REPLACE INTO trust_posting VALUES (2, 'trust:bank', 'trust:in_transit', 1)",
    "replace by REPLACE": "REPLACE INTO trust_posting VALUES (2, 'trust:bank', 'trust:in_transit', 1)",
    "replace by ON CONFLICT": "INSERT INTO trust_posting VALUES (2, 'trust:bank', 'trust:in_transit', 1) "
    "ON CONFLICT DO UPDATE SET amount_fen = 1",
    "replace an earlier posting": "INSERT OR REPLACE INTO trust_posting "
    "VALUES (1, 'trust:in_transit', 'trust:merchant_payable', 1)",
    "replace a journal by its number": f"INSERT OR REPLACE INTO trust_journal {KEPT} "
    "SELECT number, 'forged/1', sha256, kind, effective_at, recorded_at FROM trust_journal WHERE number = 2",
    "replace a journal by its key": f"INSERT OR REPLACE INTO trust_journal {KEPT} "
    "SELECT 3, key, sha256, kind, effective_at, recorded_at FROM trust_journal WHERE number = 2",
    "give a journal no number": f"INSERT INTO trust_journal {KEPT} "
    "SELECT NULL, 'forged/1', sha256, kind, effective_at, recorded_at FROM trust_journal WHERE number = 2",
    "replace an account": "INSERT OR REPLACE INTO trust_account VALUES ('trust:bank', 'trust:bank', 0, 0)",
    "rename an account over another": "UPDATE OR REPLACE trust_account SET name = 'trust:bank'",
    "replace a class": "INSERT OR REPLACE INTO trust_class VALUES ('trust:bank', FALSE, TRUE)",
    "delete a posting": "DELETE FROM trust_posting",
    "delete a journal": "DELETE FROM trust_journal",
    "delete an account": "DELETE FROM trust_account",
}
BY_HIDDEN_NUMBER = {
    "trust_posting": ("number, debit, credit, amount_fen", "2, 'trust:bank', 'trust:merchant_payable', 1"),
    "trust_journal": (
        "number, key, sha256, kind, effective_at, recorded_at",
        "3, 'k', printf('%064d', 0), 'a', 'b', 'c'",
    ),
    "trust_account": ("name, account_class", "'trust:coupon', 'trust:coupon'"),
}
"""Each a row that has no key in its way."""


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A file that holds two journals."""
    with opened(f"sqlite:///{tmp_path / 'trust.sqlite3'}", new=True) as made:
        tables.make(made)
        with made.transaction():
            book.add(made, [(each, each.sha256()) for each in (SALE, CASH)], first=1)
        yield made


def rows(session: Session) -> dict[str, list[str]]:
    names = [name for (name,) in session.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {name: sorted(map(str, session.rows(f"SELECT * FROM {name}"))) for name in names}


@pytest.mark.parametrize("name", ATTEMPTS)
def test_a_file_refuses_each_attempt(session: Session, name: str) -> None:
    before = rows(session)
    # Not even a connection that looks at no foreign keys gets through.
    session.run("PRAGMA foreign_keys = OFF")
    with pytest.raises(IntegrityError):
        session.run(ATTEMPTS[name])
    assert rows(session) == before


@pytest.mark.parametrize("table", BY_HIDDEN_NUMBER)
def test_no_row_can_be_replaced_by_a_number_that_is_no_key(session: Session, table: str) -> None:
    before = rows(session)
    columns, values = BY_HIDDEN_NUMBER[table]
    session.run("PRAGMA foreign_keys = OFF")
    with pytest.raises(DatabaseError, match="rowid"):
        session.run(f"INSERT OR REPLACE INTO {table} (rowid, {columns}) VALUES (1, {values})")
    assert rows(session) == before
