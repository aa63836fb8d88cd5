"""An archive of the database in use, on either kind of database: make a copy, look into it, follow the log."""

import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from greenloop.cli import database
from greenloop.core.faults import Refusal, say
from greenloop.store.backup import folder as folders

if TYPE_CHECKING:
    from greenloop.store.backup.programs import Source
    from greenloop.store.backup.shipping import Shipper

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of the database as of `at`."""

    path: Path
    at: datetime


class Archive(Protocol):
    """What both kinds of database do, each in its own way."""

    folder: Path

    def copy(self, progress: Progress) -> Copy:
        """Copy the database while others write, and check the copy's every page."""

    @contextmanager
    def opened(self, copy: Copy, progress: Progress) -> Iterator[None]:
        """Let everything read the copy until the block ends."""

    def follow(self, stop: Event, every_s: float) -> None:
        """Keep on archiving the log in the background until `stop`."""

    def fault(self) -> str | None:
        """Return why the log isn't followed any more, None while it is."""

    def prune(self, before: datetime) -> int:
        """Remove what no restore to `before` or later needs; return how many files or folders."""


@contextmanager
def archive(folder: Path, *, owner: str | None) -> Iterator[Archive]:
    """Open the archive of the database in use, alone.

    :raises Refusal: it is another database's, another process is at it, or the server can't be archived.
    """
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(folder / folders.LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        message = say("Another process archives into {folder}. Stop it first, or name another folder.")
        raise Refusal("backup.busy", message, field="--to", folder=folder) from None
    with ExitStack() as last:
        last.callback(lock.release)
        yield _sqlite(folder, last) if database.file() is not None else _postgresql(folder, last, owner)


def _sqlite(folder: Path, last: ExitStack) -> Archive:
    from django.db import connections

    from greenloop.store.backup import chain
    from greenloop.store.backup.shipping import Shipper

    path = (database.file() or Path()).absolute()
    folders.claim(folder, {"engine": "sqlite", "database": str(path)})
    connections.close_all()  # the shipper's own connections are this process's only ones to the file
    shipper = Shipper(path, folder / chain.stamp(_now()), now=_now)
    last.callback(shipper.close)
    return SqliteArchive(folder, shipper, last)


def _postgresql(folder: Path, last: ExitStack, owner: str | None) -> Archive:
    from django.db import connection

    from greenloop.store.backup import postgresql, programs

    postgresql.ready()
    folders.claim(folder, {"engine": "postgresql", **postgresql.identity()})
    source = postgresql.source(connection.settings_dict)
    programs.folder(source.major)
    return PostgresArchive(folder, source, programs.owner(owner), last)


@dataclass(slots=True)
class SqliteArchive:
    """Copies by SQLite's backup interface; the log is shipped by a thread."""

    folder: Path
    shipper: "Shipper"
    last: ExitStack

    def copy(self, progress: Progress) -> Copy:
        """Copy the file as it is now."""
        from greenloop.store.backup import sqlite

        made = sqlite.snapshot(self.shipper, progress)
        return Copy(made.path, made.at)

    @contextmanager
    def opened(self, copy: Copy, progress: Progress) -> Iterator[None]:
        """Read the copy where it lies."""
        del progress
        with database.elsewhere(f"sqlite:///{copy.path.absolute().as_posix()}"):
            yield

    def follow(self, stop: Event, every_s: float) -> None:
        """Ship what is new every so many seconds."""
        thread = Thread(target=self.shipper.keep_on, args=(stop, every_s), daemon=True)
        thread.start()
        self.last.callback(thread.join)
        self.last.callback(stop.set)

    def fault(self) -> str | None:
        """Return what the thread ended with."""
        return str(self.shipper.fault) if self.shipper.fault else None

    def prune(self, before: datetime) -> int:
        """Remove snapshots and pieces of the log."""
        from greenloop.store.backup import chain

        return len(chain.prune(self.folder, before=before))


@dataclass(slots=True)
class PostgresArchive:
    """Base backups by pg_basebackup; the log is received by pg_receivewal."""

    folder: Path
    source: "Source"
    owner: Mapping[str, Any]
    last: ExitStack
    receiver: "subprocess.Popen[bytes] | None" = field(default=None)

    def copy(self, progress: Progress) -> Copy:
        """Make a base backup and verify it."""
        from greenloop.store.backup import postgresql

        made = postgresql.back_up(self.folder, source=self.source, progress=progress)
        return Copy(made.path, made.at)

    @contextmanager
    def opened(self, copy: Copy, progress: Progress) -> Iterator[None]:
        """Restore the copy for a while, run a private server on it, and remove that again."""
        import shutil

        from greenloop.store.backup import postgresql

        # The archive is its owner's alone: another user's server runs beside it.
        beside = self.folder.with_name(f"{self.folder.name}.proving") if self.owner else self.folder / "proving"
        note = folders.read(self.folder)
        only = postgresql.Base(copy.path, copy.at)
        shutil.rmtree(beside, ignore_errors=True)
        try:
            told: dict[str, Any] = {"owner": self.owner, "note": note, "progress": progress, "only": only}
            with standing(self.folder, into=beside, until=None, **told):
                yield
        finally:
            shutil.rmtree(beside, ignore_errors=True)

    def follow(self, stop: Event, every_s: float) -> None:
        """Receive the log; it comes as it is written, whatever the interval."""
        del every_s
        from greenloop.store.backup import postgresql

        self.receiver = postgresql.receive(self.folder, source=self.source)
        self.last.callback(self.receiver.wait)
        self.last.callback(self.receiver.terminate)
        self.last.callback(stop.set)

    def fault(self) -> str | None:
        """Return how the receiver ended."""
        code = self.receiver.poll() if self.receiver else None
        return None if code is None else f"pg_receivewal: {code}"

    def prune(self, before: datetime) -> int:
        """Remove base backups, and the log before the oldest that stays."""
        from greenloop.store.backup import postgresql

        return len(postgresql.prune(self.folder, before=before))


@contextmanager
def standing(
    folder: Path,
    *,
    into: Path,
    until: datetime | None,
    owner: Mapping[str, Any],
    note: Mapping[str, str],
    progress: Progress,
    only: Any = None,
) -> Iterator[Any]:
    """Restore a PostgreSQL archive and let everything read the restored server until the block ends."""
    from greenloop.store.backup import postgresql

    to = {"dbname": note["database"], "user": note["role"]}
    with postgresql.restored(
        folder, into=into, until=until, owner=owner, database=to, progress=progress, only=only
    ) as server:
        host = quote(server.host, safe="")
        with database.elsewhere(f"postgresql://{quote(note['role'])}@{host}/{quote(note['database'])}"):
            yield server


def _now() -> datetime:
    return datetime.now(UTC)
