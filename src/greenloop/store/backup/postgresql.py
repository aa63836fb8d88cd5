"""PostgreSQL: base backups, the log received as it is written, and a new server folder as of an instant.

As PostgreSQL's own documentation says it, chapter "Continuous Archiving and Point-in-Time Recovery". The folder of an
archive holds `base/<when it was done>/`, each a data folder with a manifest, and `wal/`, the log's segments, of which
the newest may end in `.partial`. A server whose `archive_command` fills `wal/` does as well as ours that receives it.
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from psycopg.conninfo import make_conninfo

from greenloop.core.faults import Refusal, say
from greenloop.store import sql
from greenloop.store.backup import chain, files, private_server, programs
from greenloop.store.backup.programs import Source

Progress = Callable[[str, int, int], None]
SLOT = "greenloop_archive"
SEGMENT = re.compile(r"([0-9A-F]{24})(\.partial)?")
HISTORY = re.compile(r"[0-9A-F]{8}\.history")
START = re.compile(r"^START WAL LOCATION: .*\(file ([0-9A-F]{24})\)", re.MULTILINE)
COPIED = re.compile(r"(\d+)/(\d+) kB")


@dataclass(frozen=True, slots=True)
class Base:
    """One base backup; a restore can reach any instant from `at` on."""

    path: Path
    at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """A restored server that runs: how to reach it, from which base, its last transaction, and how many segments."""

    host: str
    base: Base
    at: datetime
    ended_early: bool
    segments: int


def ready() -> None:
    """See whether the server in use can be archived by the role that is connected.

    :raises Refusal: a setting or a right is missing; it says which and where to write it.
    """
    wal_level, senders, slots = (sql.value(f"SHOW {name}") for name in _NEEDED)
    if wal_level == "minimal" or int(senders) < 2 or int(slots) < 1:
        message = say(
            "The server isn't set up for archiving: wal_level is {level}, max_wal_senders {senders}, "
            "max_replication_slots {slots}. Write wal_level = replica, max_wal_senders = 10 and "
            "max_replication_slots = 10 into postgresql.conf and restart it."
        )
        raise Refusal("backup.server", message, field="wal_level", level=wal_level, senders=senders, slots=slots)
    role, may = sql.rows("SELECT rolname, rolreplication OR rolsuper FROM pg_roles WHERE rolname = current_user")[0]
    if not may:
        message = say(
            "The role {role} may not read the server's log. Let a superuser run: ALTER ROLE {role} REPLICATION; "
            "and let pg_hba.conf have a line: host replication {role} samehost scram-sha-256"
        )
        raise Refusal("backup.role", message, field="GREENLOOP_DATABASE_URL", role=role)


def source(settings: Mapping[str, Any]) -> Source:
    """Return how PostgreSQL's programs reach the database that Django has these settings of."""
    told = {"host": settings["HOST"], "port": settings["PORT"], "user": settings["USER"], "dbname": settings["NAME"]}
    conninfo = make_conninfo(**{name: value for name, value in told.items() if value})
    return Source(conninfo, settings["PASSWORD"], int(sql.value("SHOW server_version_num")) // 10_000)


def identity() -> Mapping[str, str]:
    """Return what tells the database in use apart from any other: its server's number, its name; and who asks."""
    row = sql.rows("SELECT system_identifier, current_database(), current_user FROM pg_control_system()")[0]
    return dict(zip(("system", "database", "role"), map(str, row), strict=True))


_NEEDED = ("wal_level", "max_wal_senders", "max_replication_slots")


def back_up(folder: Path, *, source: Source, progress: Progress) -> Base:
    """Make a base backup with the log it needs, and verify every file of it against its manifest.

    :raises Refusal: one of PostgreSQL's programs fails.
    """
    place = programs.folder(source.major)
    part = folder / "base" / "unfinished.part"
    shutil.rmtree(part, ignore_errors=True)
    part.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    words = [place / "pg_basebackup", "-d", source.conninfo, "-D", part, "--format=plain", "--wal-method=stream"]
    words += ["--checkpoint=fast", "--manifest-checksums=SHA256", "--progress"]

    def hear(line: str) -> None:
        if found := COPIED.search(line):
            progress("backup", int(found[1]), max(int(found[1]), int(found[2])))

    programs.told(words, environment=source.environment, hear=hear)
    verify(part, major=source.major)
    at = sql.value("SELECT clock_timestamp()").astimezone(UTC)
    made = part.with_name(chain.stamp(at))
    part.rename(made)
    files.sync(made.parent)
    return Base(made, at)


def verify(base: Path, *, major: int) -> None:
    """Check each file of a base backup against its manifest, and that its log can be read.

    :raises Refusal: something is missing or changed.
    """
    programs.run([programs.folder(major) / "pg_verifybackup", "--exit-on-error", "--quiet", base])


def prune(folder: Path, *, before: datetime) -> Sequence[Path]:
    """Remove what no restore to `before` or later needs: older bases, and the log from before the oldest that stays."""
    old = [base for base in bases(folder) if base.at <= before]
    if not old:
        return []
    for base in old[:-1]:
        shutil.rmtree(base.path)
    major = int((old[-1].path / "PG_VERSION").read_text("ascii"))
    if (folder / "wal").is_dir():
        programs.run([programs.folder(major) / "pg_archivecleanup", folder / "wal", _start(old[-1])])
    return [base.path for base in old[:-1]]


def receive(folder: Path, *, source: Source) -> "subprocess.Popen[bytes]":
    """Start receiving the log, each write synced at once. A slot makes the server keep what wasn't received yet.

    :raises Refusal: the slot can't be made.
    """
    log = folder / "wal"
    log.mkdir(mode=0o700, parents=True, exist_ok=True)
    words = [programs.folder(source.major) / "pg_receivewal", "-d", source.conninfo, f"--slot={SLOT}"]
    programs.run([*words, "--create-slot", "--if-not-exists"], environment=source.environment)
    return subprocess.Popen(  # noqa: S603  no shell, words of ours  # nosec B603
        [*map(str, words), "-D", str(log), "--synchronous"],
        env=dict(source.environment),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


def bases(folder: Path) -> Sequence[Base]:
    """Return the base backups of an archive, the oldest first."""
    found = sorted(path for path in (folder / "base").glob("*Z") if chain.RUN.fullmatch(path.name))
    return [Base(path, datetime.strptime(path.name, chain.STAMP).replace(tzinfo=UTC)) for path in found]


@contextmanager
def restored(
    folder: Path,
    *,
    into: Path,
    until: datetime | None,
    owner: Mapping[str, Any],
    database: Mapping[str, str],
    progress: Progress,
    only: Base | None = None,
) -> Iterator[Standing]:
    """Make a new data folder as of `until`, run a private server on it, and stop that when the block ends.

    `database` names the database and the role to reach it with. `only` restores one base without the archived log.

    :raises Refusal: `into` is there already, no base is that old, or one of PostgreSQL's programs fails.
    """
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        message = say("{path} is there already, and a restore never overwrites. Name a folder that isn't there yet.")
        raise Refusal("restore.exists", message, field="--into", path=into)
    base = only or next((each for each in reversed(bases(folder)) if until is None or each.at <= until), None)
    if base is None:
        message = say("Nothing in {folder} is as old as that. Leave --until out, or name a later instant.")
        raise Refusal("restore.nothing", message, field="--until", folder=folder)
    major = int((base.path / "PG_VERSION").read_text("ascii"))
    verify(base.path, major=major)
    progress("restore", 0, 3)
    pieces, part = (into.with_name(f"{into.name}.{end}") for end in ("log-pieces", "part"))
    for left in (pieces, part):
        shutil.rmtree(left, ignore_errors=True)
    try:
        segments = _fetched(folder / "wal", pieces, since=_start(base)) if only is None else _nothing(pieces)
        _laid(base.path, part)
        progress("restore", 1, 3)
        for each in (part, pieces):
            private_server.give(each, owner)
        settings = {"restore_command": f'cp "{_quoted(pieces)}/%f" "%p"'}
        if until is not None:
            settings["recovery_target_time"] = until.astimezone(UTC).isoformat(" ")
        with private_server.running(part, major=major, owner=owner, settings=settings, database=database) as up:
            progress("restore", 3, 3)
            yield Standing(up.host, base, up.at or base.at, up.ended_early, segments)
        part.rename(into)
        files.sync(into.parent)
    finally:
        shutil.rmtree(pieces, ignore_errors=True)


def _laid(base: Path, into: Path) -> None:
    shutil.copytree(base, into, symlinks=True, dirs_exist_ok=True)
    into.chmod(0o700)
    (into / "recovery.signal").touch()


def _start(base: Base) -> str:
    found = START.search((base.path / "backup_label").read_text("utf-8"))
    if found is None:
        raise programs.failed("backup_label", str(base.path))
    return found[1]


def _fetched(log: Path, pieces: Path, *, since: str) -> int:
    """Copy the segments that a base needs to where the server may read them; the newest loses its `.partial`."""
    pieces.mkdir(mode=0o700, parents=True)
    fetched = 0
    for path in sorted(log.iterdir()) if log.is_dir() else ():
        found = SEGMENT.fullmatch(path.name)
        if HISTORY.fullmatch(path.name) or (found and found[1][8:] >= since[8:]):
            name = found[1] if found else path.name
            if not (pieces / name).exists():  # a whole segment comes before its partial one
                shutil.copyfile(path, pieces / name)
                fetched += 1
    return fetched


def _nothing(pieces: Path) -> int:
    pieces.mkdir(mode=0o700, parents=True)
    return 0


def _quoted(path: Path) -> str:
    """Write a path for PostgreSQL's restore_command, which a shell reads inside double quotes."""
    if any(character in '"$`\\\n' for character in str(path)):
        message = say("PostgreSQL can't be told of {path}: choose a name without quotes, dollars and backslashes.")
        raise Refusal("restore.name", message, field="--into", path=path)
    return str(path.absolute()).replace("%", "%%")
