"""The list of who was forgotten, outside the database: a copy made before still knows them, and a restore asks here.

A text file beside the database and one in its archive: a line of JSON for each time that somebody was forgotten, with
the account's number and the instant, and nothing else of them. It only grows. Nothing that is pruned takes it along.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import connection

from greenloop.core.faults import Refusal
from greenloop.store import sql
from greenloop.store.backup import files
from greenloop.store.backup import folder as folders

FILE = "forgotten.jsonl"
Named = Mapping[int, datetime]
"""Accounts, and when each was forgotten last."""


def beside() -> Path:
    """Return the list beside the database in use: beside an SQLite file, else in the home."""
    return _beside("postgresql" if sql.is_postgresql() else "sqlite", str(connection.settings_dict["NAME"]))


def _beside(engine: str, database: str) -> Path:
    named = Path(database)
    folder = named.parent if engine == "sqlite" else Path(settings.HOME)
    return folder / f"{named.name}-{FILE}"


def archived() -> Path | None:
    """Return the list in the archive that GREENLOOP_ARCHIVE names; None where that isn't of the database in use."""
    if not settings.GREENLOOP_ARCHIVE:
        return None
    return _in_archive_of(_identity())


def _in_archive_of(database: Mapping[str, str]) -> Path | None:
    folder = Path(settings.GREENLOOP_ARCHIVE)
    try:
        note = folders.read(folder)
    except Refusal:  # there is no archive yet
        return None
    return folder / FILE if all(note.get(name) == database.get(name) for name in folders.SAME) else None


def _identity() -> Mapping[str, str]:
    if not sql.is_postgresql():
        return {"engine": "sqlite", "database": str(Path(connection.settings_dict["NAME"]).absolute())}
    from greenloop.store.backup import postgresql

    return {"engine": "postgresql", **postgresql.identity()}


def here() -> Named:
    """Return whom the lists name that are at hand for the database in use."""
    return read(*filter(None, (beside(), archived())))


def of_archive(folder: Path) -> Named:
    """Return whom any list names that is at hand for an archive: its own, and those of the database it is of.

    An archive that was copied elsewhere has an older one than the database that went on.

    :raises Refusal: the folder is no archive.
    """
    note = folders.read(folder)
    named = _in_archive_of(note) if settings.GREENLOOP_ARCHIVE else None
    return read(*filter(None, (folder / FILE, _beside(note["engine"], note["database"]), named)))


def read(*paths: Path) -> Named:
    """Return whom lists name, by the last time that each was forgotten; a list that isn't there names nobody.

    A line that was cut off is passed over: whoever wrote it writes it again, from the audit log.

    :raises OSError: a list may not be read.
    """
    found: dict[int, datetime] = {}
    for path in paths:
        with suppress(FileNotFoundError):
            for line in path.read_bytes().splitlines():
                with suppress(ValueError, KeyError, TypeError):
                    told = json.loads(line)
                    number, at = int(told["account"]), datetime.fromisoformat(told["at"]).astimezone(UTC)
                    found[number] = max(at, found.get(number, at))
    return found


def add(path: Path, named: Named) -> int:
    """Append to a list who is missing in it, and wait until that is on the disk; return how many.

    :raises OSError: it can't be written.
    """
    had = read(path)
    new = {number: at for number, at in named.items() if number not in had or had[number] < at}
    if not new:
        return 0
    lines = [json.dumps({"account": str(number), "at": at.isoformat()}) + "\n" for number, at in sorted(new.items())]
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(handle, "ab") as stream:
        size = os.fstat(handle).st_size
        cut_off = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
        stream.write(("\n" * cut_off + "".join(lines)).encode("ascii"))
        stream.flush()
        os.fsync(handle)
    files.sync(path.parent)
    return len(new)


def take(folder: Path) -> int:
    """Copy into an archive what its list lacks of the one beside the database in use, which isn't opened for it.

    :raises OSError: one of the two can't be read or written.
    """
    return add(folder / FILE, read(beside()))


def write_over() -> None:
    """Let an SQLite file that was opened without the service's settings keep no byte of what is deleted from it."""
    if not sql.is_postgresql():
        sql.run("PRAGMA secure_delete = ON")
