"""The ledger and the tables as a clerk with a database client sees them: plain SQL, nothing of the product's reads."""

from typing import Any

from django.db import connection

ASSETS = ("trust:bank", "trust:in_transit", "ops:bank", "ops:receivable", "ops:marketing")
"""The accounts that grow by debits; every other grows by credits."""


def fetch(query: str, *params: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        return [tuple(row) for row in cursor.fetchall()]


def execute(statement: str, *params: Any) -> int:
    """Run one statement in a transaction of its own and return the rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return int(cursor.rowcount)


def balances() -> dict[str, int]:
    """Return each control account's balance on its normal side, in fen."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, debits_fen, credits_fen FROM ledger_account")
        return {
            name: debits - credits_ if name in ASSETS else credits_ - debits
            for name, debits, credits_ in cursor.fetchall()
        }


def whole_database() -> dict[str, list[str]]:
    """Return every row of every table, sorted, so that two states can be compared."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
    return {table: sorted(map(str, fetch(f"SELECT * FROM {connection.ops.quote_name(table)}"))) for table in tables}


def last_postings() -> dict[tuple[str, str], int]:
    """Return the postings of the newest journal: fen by (debit, credit)."""
    found = fetch(
        "SELECT d.name, c.name, p.amount_fen FROM posting p JOIN ledger_account d ON d.id = p.debit_id "
        "JOIN ledger_account c ON c.id = p.credit_id WHERE p.journal_id = (SELECT MAX(id) FROM journal)"
    )
    return {(debit, credit): fen for debit, credit, fen in found}
