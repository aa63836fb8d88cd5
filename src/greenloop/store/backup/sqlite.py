"""A consistent copy of an SQLite file in use, and the way back: a snapshot, then its log replayed by SQLite itself."""

import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise
from pathlib import Path

from greenloop.core.faults import Refusal, say
from greenloop.store.backup import chain, files, packing, wal
from greenloop.store.backup.shipping import Shipper

Progress = Callable[[str, int, int], None]
STEP_PAGES = 4096


@dataclass(frozen=True, slots=True)
class Restored:
    """A file made from an archive: as of `at`, from the snapshot of `snapshot_at` and so many frames of the log.

    It `ended_early` where the archive has nothing later than the instant that was asked for.
    """

    path: Path
    at: datetime
    snapshot_at: datetime
    ended_early: bool
    frames: int
    bytes: int


def snapshot(shipper: Shipper, progress: Progress) -> chain.Link:
    """Copy the database as it is after the newest piece of the log, by SQLite's backup interface, and check the copy.

    :raises Refusal: the copy isn't sound.
    """
    with shipper.still() as (held, made), files.whole(made.path) as part:
        with closing(sqlite3.connect(part)) as copy:
            held.backup(copy, pages=STEP_PAGES, progress=_counted(progress))
        _sound(part)
        files.put(chain.sum_of(made.path), files.digest(part).encode())
    return made


def restore(folder: Path, *, into: Path, until: datetime | None, progress: Progress) -> Restored:
    """Make a new SQLite file that holds exactly what was committed at the newest mark at or before `until`.

    :raises Refusal: `into` is there already, nothing in the archive is that old, or the archive is damaged.
    """
    if into.exists():
        message = say("{path} is there already, and a restore never overwrites. Name a file that isn't there yet.")
        raise Refusal("restore.exists", message, field="--into", path=into)
    found = chain.snapshot_before(folder, until)
    if found is None:
        message = say("Nothing in {folder} is as old as that. Leave --until out, or name a later instant.")
        raise Refusal("restore.nothing", message, field="--until", folder=folder)
    run, start = found
    pieces = chain.since(run, start, until)
    _unbroken(pieces)
    into.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replayed = 0
    with files.whole(into) as part:
        for beside in _beside(part):
            beside.unlink(missing_ok=True)
        shutil.copyfile(start.path, part)
        if files.digest(part) != chain.sum_of(start.path).read_text("ascii"):
            raise _damaged(start.path)
        for done, (_, log) in enumerate(groupby(pieces, key=lambda piece: piece.restart)):
            progress("restore", done, pieces[-1].restart - pieces[0].restart + 1)
            replayed += _replay(part, list(log))
        progress("restore", 1, 1)
        _sound(part)
    at = max(start.at, pieces[-1].at) if pieces else start.at
    ended_early = until is not None and not chain.goes_on(run, until)
    return Restored(into, at, start.at, ended_early, replayed, into.stat().st_size)


def _replay(part: Path, log: Sequence[chain.Link]) -> int:
    """Let SQLite recover the file with one log, as after a crash; return the frames it believed, which must be all."""
    page_bytes, kept = 0, _beside(part)[0]
    kept.unlink(missing_ok=True)
    files.own(kept)
    with kept.open("wb") as stream:
        for piece in log:
            data = _inflated(piece)
            if not page_bytes:
                if data[:4] not in wal.MAGIC:
                    raise _damaged(piece.path)
                page_bytes = int.from_bytes(data[8:12], "big")
            stream.write(data)
        frames = (stream.tell() - wal.LOG_HEADER) // (wal.FRAME_HEADER + page_bytes)
    with closing(sqlite3.connect(part, isolation_level=None)) as database:
        database.execute("PRAGMA synchronous=OFF")  # it is synced as a whole at the end
        database.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        if database.execute("PRAGMA wal_checkpoint(FULL)").fetchone() != (0, frames, frames):
            raise _damaged(log[-1].path)
    return frames


def _inflated(piece: chain.Link) -> bytes:
    try:
        return packing.unpack(piece.path.read_bytes())
    except ValueError as fault:
        raise _damaged(piece.path) from fault


def _unbroken(pieces: list[chain.Link]) -> None:
    """Refuse a chain with a hole in it.

    :raises Refusal: a piece of the log is missing.
    """
    for before, after in pairwise(pieces):
        if after.number != before.number + 1 or after.restart - before.restart not in (0, 1):
            raise _damaged(after.path)


def _damaged(path: Path) -> Refusal:
    message = say(
        "The archive is damaged at {path}. Restore to an instant before that, or from another copy of the archive."
    )
    return Refusal("restore.damaged", message, field="--from", path=path)


def _sound(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        found = [row[0] for row in database.execute("PRAGMA integrity_check(3)")]
    if found != ["ok"]:
        message = say("{path} is no sound database: {reason}. Check the disks, then try again.")
        raise Refusal("backup.unsound", message, field="FOLDER", path=path, reason="; ".join(map(str, found)))


def _beside(path: Path) -> tuple[Path, Path]:
    return path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")


def _counted(progress: Progress) -> Callable[[int, int, int], None]:
    def tell(_: int, left: int, total: int) -> None:
        progress("backup", total - left, total)

    return tell
