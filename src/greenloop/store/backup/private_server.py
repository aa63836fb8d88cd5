"""A PostgreSQL server of our own on a restored folder: reached by a socket in a private folder alone.

It runs with settings given here alone: none of the folder's own may send its log to the archive of the server it came
from, or listen where that one does.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from greenloop.core.faults import Refusal
from greenloop.store.backup import programs

ENDED_EARLY = "recovery ended before configured recovery target was reached"
SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "archive_mode": "off",
    "hot_standby": "off",
    "ssl": "off",
    "primary_conninfo": "",
    "shared_preload_libraries": "",
    "logging_collector": "off",
    "log_destination": "stderr",
    "external_pid_file": "",
    "recovery_target_timeline": "latest",
    "recovery_target_inclusive": "on",
    "recovery_target_action": "promote",
}
POLL_S = 0.1
NOT_YET = ("starting up", "not yet accepting", "not accepting", "No such file", "refused", "recovery")


@dataclass(frozen=True, slots=True)
class Running:
    """The server: the folder of its socket, when the last recovered transaction was committed, and how that ended.

    `ended_early`: the log holds no transaction after the instant that was asked for.
    """

    host: str
    at: datetime | None
    ended_early: bool


@contextmanager
def running(
    data: Path, *, major: int, owner: Mapping[str, Any], settings: Mapping[str, str], database: Mapping[str, str]
) -> Iterator[Running]:
    """Start a server on `data`, wait until its recovery is done, hand it over, and stop it at the end.

    :raises Refusal: it doesn't come up; the reason is its own.
    """
    aside = Path(tempfile.mkdtemp(prefix="greenloop-server-"))
    early = False
    try:
        _lay_out(aside, owner)
        told = {**SETTINGS, **settings, "unix_socket_directories": str(aside)}
        process = _started(data, aside, major, owner, told)
        if not _up(process, aside, database) and (early := ENDED_EARLY in _said(aside)):
            process = _started(data, aside, major, owner, told | {"recovery_target_time": ""})
            _up(process, aside, database)
        if process.poll() is not None:
            raise _fallen(aside)
        try:
            yield Running(str(aside), _last(aside, database), early)
        finally:
            _stop(process)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _lay_out(aside: Path, owner: Mapping[str, Any]) -> None:
    (aside / "hba").write_text("local all all trust\n", "ascii")
    for empty in ("ident", "conf", "said"):
        (aside / empty).write_text("", "ascii")
    give(aside, owner)


def give(path: Path, owner: Mapping[str, Any]) -> None:
    """Give a file, or a folder with all in it, to the user that the server runs as."""
    if not owner:
        return
    for each in (path, *path.rglob("*")):
        os.chown(each, owner["user"], owner["group"], follow_symlinks=False)


def _started(
    data: Path, aside: Path, major: int, owner: Mapping[str, Any], told: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    files = {"config_file": aside / "conf", "hba_file": aside / "hba", "ident_file": aside / "ident"}
    words = [str(programs.folder(major) / "postgres"), "-D", str(data)]
    for name, value in {**files, **told}.items():
        words += ["-c", f"{name}={value}"]
    with (aside / "said").open("ab") as said:
        return subprocess.Popen(  # noqa: S603  no shell, words of ours  # nosec B603
            words, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True, **owner
        )


def _up(process: subprocess.Popen[bytes], aside: Path, database: Mapping[str, str]) -> bool:
    """Wait until the server lets us in, which it does once its recovery is done; False when it ended instead."""
    while process.poll() is None:
        try:
            with psycopg.connect(host=str(aside), **database) as connection:  # type: ignore[arg-type]
                if not connection.execute("SELECT pg_is_in_recovery()").fetchone()[0]:  # type: ignore[index]
                    return True
        except psycopg.OperationalError as fault:
            if not any(words in str(fault) for words in NOT_YET):
                _stop(process)
                raise programs.failed("postgres", str(fault)) from fault
        time.sleep(POLL_S)
    return False


def _last(aside: Path, database: Mapping[str, str]) -> datetime | None:
    with psycopg.connect(host=str(aside), **database) as connection:  # type: ignore[arg-type]
        row = connection.execute("SELECT pg_last_xact_replay_timestamp()").fetchone()
        return row[0] if row else None


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)  # a fast shutdown: a checkpoint, then the end
    process.wait()


def _said(aside: Path) -> str:
    return (aside / "said").read_text("utf-8", "replace")


def _fallen(aside: Path) -> Refusal:
    lines = [line for line in _said(aside).splitlines() if "FATAL" in line or "PANIC" in line]
    return programs.failed("postgres", (lines or _said(aside).splitlines() or [""])[-1])
