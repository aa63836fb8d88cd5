"""A connection to the trust book's own database, apart from every other, for as long as a block."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import dj_database_url
from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

from greenloop.core.faults import Refusal, say
from greenloop.store.sql import IN_MAX, Row, instants_on, load_into, marks
from greenloop.store.trustbook.place import SQLITE

PATIENCE_S = 10
_SQLITE_OPTIONS = {
    "timeout": PATIENCE_S,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON",
}


class Session:
    """Statements on the trust book, each by itself unless `transaction` holds them together."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection
        self.is_postgresql = connection.vendor == "postgresql"

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """Return all rows of a query."""
        with self._connection.cursor() as cursor:
            cursor.execute(sql, params)
            return [tuple(row) for row in cursor.fetchall()]

    def value(self, sql: str, params: Sequence[Any] = ()) -> Any:
        """Return the first column of the first row, None where there is none."""
        found = self.rows(sql, params)
        return found[0][0] if found else None

    def run(self, sql: str, params: Sequence[Any] | None = None) -> None:
        """Run one statement; without parameters its percent signs stand for themselves."""
        with self._connection.cursor() as cursor:
            cursor.execute(sql, params)

    def rows_in(self, sql: str, keys: Sequence[object]) -> list[Row]:
        """Return the rows of a query whose `{keys}` stands for an IN list, asked in slices."""
        found: list[Row] = []
        for first in range(0, len(keys), IN_MAX):
            part = keys[first : first + IN_MAX]
            found += self.rows(sql.format(keys=marks(len(part))), part)
        return found

    def load(self, table: str, columns: Sequence[str], lines: Sequence[Row]) -> None:
        """Insert rows; on PostgreSQL as one statement, whose triggers see all of them together."""
        load_into(self._connection, table, columns, lines)

    def instants(self) -> Callable[[datetime], Any]:
        """Return the function that turns an instant into what this database's raw SQL takes."""
        return instants_on(self._connection)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep the statements of a block together: all of them are committed at its end, or none."""
        self.run("BEGIN" if self.is_postgresql else "BEGIN IMMEDIATE")
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            self._undo()
            raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all reads of a block see one state."""
        self.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if self.is_postgresql else "BEGIN")
        try:
            yield
        finally:
            self._undo()

    def _undo(self) -> None:
        try:
            self.run("ROLLBACK")
        except DatabaseError:
            # The connection is gone, or COMMIT has ended the transaction by refusing it: nothing is left to undo.
            self._connection.close()


@contextmanager
def opened(url: str, *, new: bool = False) -> Iterator[Session]:
    """Open the trust book at `url` until the block ends; a file has to be there, unless a `new` one is made.

    :raises Refusal: there is no such file, or the address can't be read.
    """
    if url.startswith(SQLITE) and not new and not Path(url.removeprefix(SQLITE)).exists():
        message = say("There is no trust book at {path} yet. Make it with: greenloop migrate")
        raise Refusal("trust.none", message, field="GREENLOOP_TRUST_URL", path=url.removeprefix(SQLITE))
    try:
        parsed: dict[str, Any] = dict(dj_database_url.parse(url))
    except ValueError as fault:
        message = say("GREENLOOP_TRUST_URL names no database: {reason}.")
        raise Refusal("trust.url", message, field="GREENLOOP_TRUST_URL", reason=str(fault)) from fault
    if parsed["ENGINE"] == "django.db.backends.sqlite3":
        parsed["OPTIONS"] = _SQLITE_OPTIONS
    connection = ConnectionHandler({"default": parsed})["default"]
    try:
        yield Session(connection)
    finally:
        connection.close()
