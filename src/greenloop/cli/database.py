"""Opening the database for a command, and the lock that keeps the writers of an SQLite file apart."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from greenloop.cli.words import spoken
from greenloop.core.faults import Refusal, say

PATIENCE_S = 5
"""How long a command waits for another writer before it says who that is."""


def start(url: str | None = None) -> None:
    """Start the framework on the configured database, or on `url`. The first call of a process decides.

    :raises Refusal: the database's address can't be read.
    """
    import django
    from django.apps import apps
    from django.core.exceptions import ImproperlyConfigured
    from django.utils import translation

    if url:
        os.environ["GREENLOOP_DATABASE_URL"] = url
    try:
        if not apps.ready:
            django.setup()
    except (ValueError, ImproperlyConfigured, ModuleNotFoundError) as fault:
        message = say(
            "GREENLOOP_DATABASE_URL names no database: {reason}. Write sqlite:///path or postgresql://host/name."
        )
        raise Refusal(
            "database.url", message, field="GREENLOOP_DATABASE_URL", reason=str(fault).split("\n")[0]
        ) from fault
    translation.activate("zh-hans" if spoken() == "zh" else "en")


def file() -> Path | None:
    """Return the SQLite file in use, None on a server."""
    from django.db import connection

    return Path(connection.settings_dict["NAME"]) if connection.vendor == "sqlite" else None


def reading() -> None:
    """Get ready to read.

    :raises Refusal: there is no database yet.
    """
    start()
    path = file()
    if path is not None and not path.exists():
        raise Refusal(
            "database.none",
            say("There is no database at {path} yet. Make it with: greenloop migrate"),
            field="GREENLOOP_DATABASE_URL",
            path=path,
        )


@contextmanager
def elsewhere(url: str) -> Iterator[None]:
    """Let everything read the database at `url` until the block ends: a copy, to prove it."""
    import dj_database_url
    from django.db import connections

    from greenloop.store.trustbook.place import apart

    before = connections.settings["default"]
    connections.close_all()
    parsed: dict[str, Any] = {"default": dict(dj_database_url.parse(url))}
    connections.settings["default"] = connections.configure_settings(parsed)["default"]
    connections["default"] = connections.create_connection("default")
    try:
        with apart():
            yield
    finally:
        connections.close_all()
        connections.settings["default"] = before
        connections["default"] = connections.create_connection("default")


@contextmanager
def writing() -> Iterator[None]:
    """Get ready to write, and keep other commands from it until the block ends (SQLite has one writing process).

    :raises Refusal: there is no database yet, or another process is writing.
    """
    reading()
    with alone(), _own_ids():
        yield


@contextmanager
def _own_ids() -> Iterator[None]:
    """Make new ids under a worker number that no other process has, and give it back at the end."""
    from greenloop.services import ids, worker

    maker = worker.lease(holder=_me(), at=datetime.now(UTC))
    before = ids.use(maker)
    try:
        yield
    finally:
        ids.use(before)
        worker.give_back(maker=maker, at=datetime.now(UTC))


@contextmanager
def alone() -> Iterator[None]:
    """Hold the writer's file lock beside an SQLite file; a server keeps its writers apart by itself.

    :raises Refusal: another process holds it, and says who.
    """
    path = file()
    if path is None:
        yield
        return
    from filelock import FileLock, Timeout

    holder = path.with_name(f"{path.name}-writer")
    lock = FileLock(path.with_name(f"{path.name}-lock"))
    try:
        lock.acquire(timeout=PATIENCE_S)
    except Timeout:
        message = say("The database is being written by {holder}. Wait until it is done, or stop it first.")
        raise Refusal("database.busy", message, field="GREENLOOP_DATABASE_URL", holder=_held_by(holder)) from None
    try:
        holder.write_text(_me(), "utf-8")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _me() -> str:
    verb = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    return f"greenloop {verb} (process {os.getpid()}, since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC)"


def _held_by(holder: Path) -> str:
    with suppress(OSError):
        return holder.read_text("utf-8").strip()
    return "another process"


def fresh(folder: Path) -> None:
    """Start on an SQLite file of its own in `folder`, without what an earlier run left there.

    :raises Refusal: an earlier run is still writing it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = (folder / "greenloop.sqlite3").absolute()
    start(f"sqlite:///{path.as_posix()}")
    from greenloop.store.backup import forgotten
    from greenloop.store.trustbook import place

    with alone():
        forgotten.beside().unlink(missing_ok=True)
        for made in filter(None, (path, place.file())):
            for left in (made, *(made.with_name(f"{made.name}-{part}") for part in ("wal", "shm", "journal"))):
                left.unlink(missing_ok=True)


def migrate() -> Path | None:
    """Make the tables, or bring them up to date, and keep the keys; return the SQLite file, None on a server.

    What a database that is older than the public log has to tell is appended to it, once.
    """
    from django.conf import settings
    from django.core.management import call_command

    from greenloop.services.trust.log.keeping import fill_log
    from greenloop.store import keys
    from greenloop.store.trustbook.founding import found_file

    path = file()
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    with alone():
        for name, key_file in settings.GREENLOOP_KEY_FILES.items():
            keys.keep(key_file, getattr(settings, name))
            setattr(settings, f"{name}_KEPT", True)
        call_command("migrate", verbosity=0, interactive=False)
        found_file()
        fill_log(at=datetime.now(UTC))
    return path
