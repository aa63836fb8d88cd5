"""Whole tables, row after row, for exports: never more in memory than one part of a table."""

from collections.abc import Iterator, Sequence

from django.db import connection

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
