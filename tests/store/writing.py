"""A plain SQLite file that somebody writes, and its archive: what the product's tables are made of, without them."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from greenloop.store.backup import chain, sqlite
from greenloop.store.backup.shipping import Shipper

BEGINS_AT = datetime(2026, 1, 5, tzinfo=UTC)
ROW = bytes(1000)


def silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


def numbers(path: Path) -> list[int]:
    """Return the numbers in a file, which is closed again."""
    with closing(sqlite3.connect(path)) as database:
        return [number for (number,) in database.execute("SELECT number FROM written ORDER BY number")]


@dataclass(slots=True)
class Writing:
    """The file, its writer, its archive. The clock goes on by a second whenever it is looked at."""

    path: Path
    folder: Path
    writer: sqlite3.Connection
    seconds: Iterator[int] = field(default_factory=lambda: iter(range(10**6)))
    written: int = 0

    def now(self) -> datetime:
        return BEGINS_AT + timedelta(seconds=next(self.seconds))

    def write(self, rows: int = 1) -> int:
        """Commit so many numbers, each in a transaction of its own; return the newest."""
        for self.written in range(self.written + 1, self.written + rows + 1):  # noqa: B020  the counter is kept
            self.writer.execute("INSERT INTO written VALUES (?, ?)", (self.written, ROW))
        return self.written

    @contextmanager
    def shipped(self) -> Iterator[Shipper]:
        shipper = Shipper(self.path, self.folder / chain.stamp(self.now()), now=self.now)
        try:
            yield shipper
        finally:
            shipper.close()

    def copy(self, shipper: Shipper) -> datetime:
        return sqlite.snapshot(shipper, silent).at

    def restored(self, until: datetime | None = None) -> list[int]:
        """Restore into a new file and return the numbers in it."""
        into = self.folder.parent / f"restored-{next(self.seconds)}"
        sqlite.restore(self.folder, into=into, until=until, progress=silent)
        return numbers(into)


@contextmanager
def writing(folder: Path) -> Iterator[Writing]:
    """Give an empty file with a writer that checkpoints as SQLite does by itself."""
    path, archive = folder / "written.sqlite3", folder / "archive"
    archive.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("PRAGMA synchronous=OFF")
        writer.execute("CREATE TABLE written (number INTEGER PRIMARY KEY, filler BLOB)")
        yield Writing(path, archive, writer)
