"""Whole tables, row after row, for exports: never more in memory than one part of a table."""

from collections.abc import Iterator, Sequence

from django.db import connection

from greenloop.store import sql
from greenloop.store.sql import Row


def parts(table: str, columns: Sequence[str], *, order: Sequence[str], rows_max: int) -> Iterator[list[Row]]:
    """Yield a table's rows in a fixed order, up to `rows_max` at a time; one statement, so one state of the table."""
    named, ordered = ", ".join(columns), ", ".join(order)
    statement = f"SELECT {named} FROM {table} ORDER BY {ordered}"  # noqa: S608  names are ours
    with connection.chunked_cursor() as cursor:
        cursor.execute(statement)
        while part := cursor.fetchmany(rows_max):
            yield part


def last_journal() -> int:
    """Return the number of the newest journal, 0 before any."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT COALESCE(MAX(id), 0) FROM journal")
        return int(cursor.fetchone()[0])


def page(table: str, columns: Sequence[str], *, order: Sequence[str], after: Sequence[object], limit: int) -> list[Row]:
    """Return up to `limit` rows that stand behind the one whose values of `order` are `after`; the first without."""
    named, ordered = ", ".join(columns), ", ".join(order)
    behind = f"WHERE ({ordered}) > ({sql.marks(len(order))})" if after else ""
    statement = f"SELECT {named} FROM {table} {behind} ORDER BY {ordered} LIMIT {int(limit)}"  # noqa: S608
    return sql.rows(statement, list(after))
