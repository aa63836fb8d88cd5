"""Set-based SQL with parameters: the few differences between SQLite and PostgreSQL end here."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any

import msgspec
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

Row = tuple[Any, ...]
Params = Sequence[Any] | Mapping[str, Any]
IN_MAX = 10_000
MANY = 50
"""From so many keys on, SQLite is sent a list as JSON."""
INSERT_MAX = 1_000
"""Rows of one INSERT: SQLite takes 32 766 values in a statement."""

_as_json = msgspec.json.Encoder().encode


def rows(sql: str, params: Params = ()) -> list[Row]:
    """Return all rows of a query."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def parts(sql: str, params: Params, *, rows_max: int) -> Iterator[list[Row]]:
    """Yield all rows of a query, up to `rows_max` at a time; one statement, so one state."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql, params)
        while part := cursor.fetchmany(rows_max):
            yield part


def value(sql: str, params: Params = ()) -> Any:
    """Return the first column of the first row, None where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        row = cursor.fetchone()
    return row[0] if row else None


def run(sql: str, params: Params = ()) -> int:
    """Run a plain UPDATE, DELETE or INSERT … VALUES and return the rows it touched (not for INSERT … SELECT)."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return int(cursor.rowcount)


def run_many(sql: str, params: Sequence[Row]) -> int:
    """Run one statement for each row of parameters, in one round trip, and return the rows touched."""
    if not params:
        return 0
    with connection.cursor() as cursor:
        cursor.executemany(sql, params)
        return int(cursor.rowcount)


def marks(count: int) -> str:
    """Return `count` placeholders for an IN list."""
    return ",".join(["%s"] * count)


def rows_in(sql: str, keys: Iterable[object], params: Sequence[object] = ()) -> list[Row]:
    """Return the rows of a query whose `{keys}` stands for an IN list, asking in slices that both databases take.

    A list is one parameter where it is long, an array or JSON: a thousand placeholders take PostgreSQL and its driver
    15 ms to read, and SQLite a third longer than the list (measured).
    """
    found: list[Row] = []
    waiting = iter(keys)
    while part := list(islice(waiting, IN_MAX)):
        text, lists = _over_list(sql, part)
        found.extend(rows(text, [*params, *lists]))
    return found


@dataclass(frozen=True, slots=True)
class Ask:
    """A query that is asked together with others; `{keys}` in it stands for the IN list of `keys`."""

    sql: str
    keys: Collection[object] = ()

    @property
    def finds_nothing(self) -> bool:
        """Tell whether it asks for none of anything."""
        return not self.keys and "{keys}" in self.sql


def together(asks: Sequence[Ask]) -> list[list[Row]]:
    """Return the rows of queries none of which needs another's answer.

    To PostgreSQL they travel as one: of a small batch's time the way there and back is the greater part (measured).
    """
    if not is_postgresql():
        return [rows_in(ask.sql, ask.keys) if ask.keys or ask.finds_nothing else rows(ask.sql) for ask in asks]
    connection.ensure_connection()
    cursors = {place: connection.cursor() for place, ask in enumerate(asks) if not ask.finds_nothing}
    with connection.wrap_database_errors, connection.connection.pipeline():
        for place, cursor in cursors.items():
            ask = asks[place]
            text, params = _over_list(ask.sql, list(ask.keys)) if ask.keys else (ask.sql, [])
            cursor.execute(text, params)
        found = {place: list(cursor.fetchall()) for place, cursor in cursors.items()}
    for cursor in cursors.values():
        cursor.close()
    return [found.get(place, []) for place in range(len(asks))]


def _over_list(sql: str, keys: Sequence[object]) -> tuple[str, list[Any]]:
    """Return a query whose `{keys}` is a list of so many keys, all text or all whole numbers, and its parameters."""
    if is_postgresql():
        kind = "text" if isinstance(keys[0], str) else "bigint"
        return sql.format(keys=f"SELECT unnest(%s::{kind}[])"), [keys]
    if len(keys) < MANY:  # few are told to the planner one by one
        return sql.format(keys=marks(len(keys))), [*keys]
    return sql.format(keys="SELECT value FROM json_each(%s)"), [_as_json(keys).decode()]


def load(table: str, columns: Sequence[str], lines: Sequence[Row]) -> None:
    """Insert rows. On PostgreSQL through COPY, which takes an order in a third of the time of INSERT (measured)."""
    load_into(connection, table, columns, lines)


def load_into(connection: BaseDatabaseWrapper, table: str, columns: Sequence[str], lines: Sequence[Row]) -> None:
    """Insert rows over a connection of the caller's; on PostgreSQL as one statement."""
    if not lines:
        return
    names = ", ".join(columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # COPY goes past Django's cursor, so its errors are turned into Django's here.
            with connection.wrap_database_errors, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for line in lines:
                    copy.write_row(line)
        else:
            cursor.executemany(
                f"INSERT INTO {table} ({names}) VALUES ({marks(len(columns))})",  # noqa: S608  names are ours
                lines,
            )


def insert(table: str, columns: Sequence[str], lines: Sequence[Row], returning: Sequence[str] = ("1",)) -> list[Row]:
    """Insert rows in their order, many by one statement, and return what the database knows of each, in any order."""
    found: list[Row] = []
    names, one, told = ", ".join(columns), f"({marks(len(columns))})", ", ".join(returning)
    for first in range(0, len(lines), INSERT_MAX):
        part = lines[first : first + INSERT_MAX]
        found += rows(
            f"INSERT INTO {table} ({names}) VALUES {', '.join([one] * len(part))} RETURNING {told}",  # noqa: S608  names are ours
            [value for line in part for value in line],
        )
    return found


def set_integers(table: str, columns: Sequence[str], lines: Sequence[tuple[int | None, ...]]) -> None:
    """Set integer columns of rows by their `id`, which comes last in each line.

    On PostgreSQL in one statement over arrays: 48 000 cohorts take a fifth of the time of single updates (measured).
    """
    if not lines:
        return
    if not is_postgresql():
        changes = ", ".join(f"{column} = %s" for column in columns)
        run_many(f"UPDATE {table} SET {changes} WHERE id = %s", lines)  # noqa: S608  names are ours
        return
    changes = ", ".join(f"{column} = line.{column}" for column in columns)
    names = ", ".join((*columns, "id"))
    arrays = ", ".join(["%s::bigint[]"] * (len(columns) + 1))
    run(
        f"UPDATE {table} SET {changes} FROM unnest({arrays}) AS line({names}) WHERE {table}.id = line.id",  # noqa: S608
        [list(values) for values in zip(*lines, strict=True)],
    )


@contextmanager
def snapshot() -> Iterator[None]:
    """Let all reads in this block see one state of the database, whatever is written meanwhile; it writes nothing.

    Inside a transaction it is the caller's state that they see.
    """
    if connection.in_atomic_block:
        yield
        return
    run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if is_postgresql() else "BEGIN")
    try:
        yield
    finally:
        run("ROLLBACK")


def see_one_state() -> None:
    """Let all reads of the transaction that has just begun see one state: on SQLite, whose writer is alone, they do."""
    if is_postgresql():
        run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def is_postgresql() -> bool:
    """Tell whether the database is PostgreSQL, which several processes may write at once; SQLite has one writer."""
    return connection.vendor == "postgresql"


def instants() -> Callable[[datetime], Any]:
    """Return the function that turns an instant into what this database's raw SQL takes; to be kept for many."""
    return instants_on(connection)


def instants_on(connection: BaseDatabaseWrapper) -> Callable[[datetime], Any]:
    """Return the function that turns an instant into what raw SQL over a connection of the caller's takes."""
    return _same if connection.vendor == "postgresql" else _utc_text


def instant(at: datetime) -> Any:
    """Return an instant as this database's raw SQL takes it."""
    return instants()(at)


def _same(at: datetime) -> datetime:
    return at


def _utc_text(at: datetime) -> str:
    # Django's own form on SQLite: UTC without an offset. `isoformat` takes five times as long (measured).
    return str(msgspec.to_builtins(at.astimezone(UTC)))[:-1].replace("T", " ")


def moment(raw: Any) -> datetime:
    """Return an instant that raw SQL has read."""
    if isinstance(raw, str):
        return datetime.fromisoformat(f"{raw}+00:00")
    at: datetime = raw
    if at.tzinfo is None:  # as Django reads a column of SQLite; both ways take a fifth of the time of `replace`
        return datetime.combine(at, at.time(), UTC)
    return at.astimezone(UTC)


def local_date(column: str) -> str:
    """Return the SQL of the local day of an instant; its one parameter is local time's distance from UTC in minutes."""
    if is_postgresql():
        return f"CAST({column} AT TIME ZONE 'UTC' + %s * INTERVAL '1 minute' AS date)"
    return f"date({column}, %s || ' minutes')"


def day(raw: Any) -> date:
    """Return a day that raw SQL has read."""
    return raw if isinstance(raw, date) else date.fromisoformat(raw)
