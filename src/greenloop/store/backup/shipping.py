"""Shipping SQLite's log to an archive while the server writes, without losing a frame between two checkpoints.

SQLite starts its log again once all of it is in the database file and no reader needs it. The shipper decides when: it
always holds a read transaction, begun when everything up to its mark was shipped. While such a reader stands inside
the log, no writer can start the log again. When it begins with the whole log already in the database file, the log may
start again once, and then nothing of the new log can reach the file before this reader ends. So at each moment every
frame that could be overwritten has been shipped. The log's end is brought into the file under the write lock (`_turn`),
which is held for as long as the last few frames take.

POSIX drops a process's locks on a file when it closes any descriptor of it. So the index is opened once and closed
after SQLite's own connections, and the database file is never opened here but by SQLite.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from threading import Event, Lock
from time import monotonic, sleep

from greenloop.core.faults import Breach, ensure
from greenloop.store.backup import chain, files, packing, wal

PATIENCE_S = 60.0
TRY_S, PAUSE_S = 0.05, 0.0005
"""How long and how often the write lock is asked for at a time; nothing is shipped meanwhile. SQLite's own waiting asks
ten times a second in the end: beside long transactions 1 ms apart it waited up to 1.5 s, this 0.08 s (measured)."""
READ_PATIENCE_S = 5.0
TURN_FRAMES = 1000
"""Checkpoint when the log has so many frames: well before SQLite's own 4 000, at which each commit would try."""
LOOK_S = 0.02
"""How often a busy writer's log is looked at, so that it is checkpointed in time whatever the interval."""
ROUNDS, LAST_FRAMES = 4, 200


class Busy(Exception):
    """Others kept writing for as long as we waited."""


class Shipper:
    """Ships one database's log into one run of an archive. Its methods may be called by several threads."""

    def __init__(self, database: Path, run: Path, *, now: Callable[[], datetime]) -> None:
        self.database, self.run, self.now = database, run, now
        self.number = self.restart = self.position = self.bytes = 0
        self.shipped_at = now()
        self.fault: Exception | None = None
        self._one = Lock()
        self._file = database.stat().st_ino
        self._writer, self._reader, self._other = (
            _connected(database, t) for t in (0, READ_PATIENCE_S, READ_PATIENCE_S)
        )
        with self._alone(PATIENCE_S):
            self._read(self._reader)
        self._index = os.open(f"{database}-shm", os.O_RDONLY)
        self._log = os.open(f"{database}-wal", os.O_RDONLY)
        run.mkdir(mode=0o700, parents=True)
        files.sync(run.parent)
        self._salts = wal.committed(self._index).salts

    def ship(self) -> int:
        """Ship what was committed since last time and return its frames; move the checkpoint when the log is long.

        :raises Breach: the database file was replaced, or a frame is missing: then a new run has to begin.
        """
        with self._one:
            ensure(self._here(), f"{self.database} isn't the file any more that this archive is of")
            shipped = self._ship()
            if self.position >= TURN_FRAMES:
                self._checkpoint()
            return shipped

    @contextmanager
    def still(self) -> Iterator[tuple[sqlite3.Connection, chain.Link]]:
        """Give a connection that sees the database as it is now and goes on seeing it, and the name of its snapshot."""
        held = _connected(self.database, READ_PATIENCE_S)
        end = monotonic() + PATIENCE_S
        try:
            while (name := self._held(held)) is None:
                ensure(monotonic() < end, "others kept writing, and no moment was found to copy the database")
                sleep(PAUSE_S)  # shipping goes on meanwhile
            yield held, name
        finally:
            held.close()

    def _held(self, held: sqlite3.Connection) -> chain.Link | None:
        with suppress(Busy), self._one, self._alone(TRY_S):
            self._ship()
            self._read(held)
            self.shipped_at = self.now()
            return chain.link(self.run, "snapshot", number=self.number, restart=self.restart, at=self.shipped_at)
        return None

    def keep_on(self, stop: Event, every_s: float) -> None:
        """Ship every so many seconds, or when much is waiting, until `stop`; what went wrong is kept in `fault`."""
        try:
            due = monotonic()
            while not stop.wait(min(LOOK_S, every_s)):
                if monotonic() >= due or self.waiting() >= TURN_FRAMES:
                    due = monotonic() + every_s
                    self.ship()
            self.ship()
        except (Breach, OSError, sqlite3.Error) as fault:
            self.fault = fault
            stop.set()

    def waiting(self) -> int:
        """Return how many frames are committed and not shipped; a glance, for which nobody waits."""
        end = wal.committed(self._index)
        return end.frames - (self.position if end.salts == self._salts else 0)

    def close(self) -> None:
        """Let go of the database."""
        for connection in (self._writer, self._reader, self._other):
            connection.close()
        os.close(self._log)
        os.close(self._index)

    def _ship(self) -> int:
        end = wal.committed(self._index)
        # Whatever is committed now is in the log up to `end`; this instant comes after all of it.
        at = self.now()
        if end.salts != self._salts:
            again = (int.from_bytes(self._salts[:4], "big") + 1) & 0xFFFFFFFF
            once = self.position == 0 or end.restarts == again
            ensure(once, "SQLite's log started again more than once since it was last shipped")
            self._salts, self.position = end.salts, 0
        if (new := end.frames - self.position) == 0:
            return 0
        ensure(new > 0, "SQLite's log became shorter without starting again")
        if self.position == 0 and self.number:
            self.restart += 1
        data = packing.pack(wal.frames(self._log, end, first=self.position))
        piece = chain.link(self.run, "log", number=self.number + 1, restart=self.restart, at=at)
        files.put(piece.path, data)
        self.number, self.position, self.shipped_at = piece.number, end.frames, at
        self.bytes += len(data)
        return new

    def _checkpoint(self) -> None:
        """Come close to the log's end first, so that writers wait for no more than the last few frames."""
        for _ in range(ROUNDS):
            mark = self._advance()
            if wal.committed(self._index).frames - mark <= LAST_FRAMES:
                break
        with suppress(Busy):  # the next time will do
            self._turn()

    def _advance(self) -> int:
        """Bring most of the log into the file while others write: the next reader begins before this one ends.

        Return the frames up to which the log was shipped.
        """
        self._read(self._other)
        self._ship()
        mark = self.position
        self._reader.rollback()
        self._reader, self._other = self._other, self._reader
        self._other.execute("PRAGMA wal_checkpoint(PASSIVE)")
        return mark

    def _turn(self) -> None:
        """Bring the rest of it into the file while nobody may write; then the next writer starts the log again."""
        with self._alone(TRY_S):
            self._ship()
            self._reader.rollback()
            try:
                self._reader.execute("PRAGMA wal_checkpoint(PASSIVE)")
            finally:
                self._read(self._reader)

    @contextmanager
    def _alone(self, patience_s: float) -> Iterator[None]:
        end = monotonic() + patience_s
        while True:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                break
            except sqlite3.OperationalError as fault:
                if fault.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                if monotonic() > end:
                    raise Busy from fault
                sleep(PAUSE_S)
        try:
            yield
        finally:
            self._writer.rollback()

    @staticmethod
    def _read(connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN")
        connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()

    def _here(self) -> bool:
        with suppress(OSError):
            return self.database.stat().st_ino == self._file
        return False


def _connected(database: Path, timeout_s: float) -> sqlite3.Connection:
    made = sqlite3.connect(
        f"{database.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=timeout_s,
        isolation_level=None,
        check_same_thread=False,
    )
    made.execute("PRAGMA synchronous=FULL")
    made.execute("PRAGMA wal_autocheckpoint=0")
    return made
