"""A PostgreSQL server of the test's own: made for it, killed by it, never the machine's.

Its settings are PostgreSQL's own where durability is concerned. The log's segments and its size are small, so that
checkpoints and recycled segments come within seconds; it listens on a socket in its folder and nowhere else. Its data
folder is a copy of one that is made and furnished once a process, in a hurry, as no copy's server runs.
"""

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from tests.faults.skipping import left_out
from tests.support.databases import migrate

PATIENCE_S = 60
AT_ONCE = signal.SIGQUIT
"""Ends a server whose folder nobody will look at: without a last checkpoint, and without shared memory left behind."""
DEBIAN = Path("/usr/lib/postgresql")
SETTINGS = {
    "listen_addresses": "",
    "dynamic_shared_memory_type": "mmap",  # nothing of a killed server stays behind outside its folder
    "shared_buffers": "16MB",
    "max_connections": "30",
    "min_wal_size": "4MB",
    "max_wal_size": "8MB",
    "checkpoint_timeout": "30s",
    "wal_sync_method": "fdatasync",
}
IN_A_HURRY = {"fsync": "off", "full_page_writes": "off"}
"""How the server runs that makes the template, and no other: its power isn't cut."""
kept = ExitStack()
"""Folders that are needed until this process ends."""
atexit.register(kept.close)


def as_owner() -> dict[str, Any]:
    """Return who runs the server, for subprocess: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    owner = names.get("postgres") or names["nobody"]
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}


def give(path: Path) -> None:
    """Make a file or folder the server's own."""
    if owner := as_owner():
        os.chown(path, owner["user"], owner["group"])


def binaries() -> Path:
    """Return the folder of PostgreSQL's server programs; skip the test where there is none, fail where CI wants one."""
    found = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    named = shutil.which("initdb")
    if found or named:
        return (found[-1] if found else Path(str(named)).resolve()).parent
    if not os.environ.get("GREENLOOP_TEST_REQUIRE_POSTGRES"):
        left_out("PostgreSQL's server programs were not found")
    return pytest.fail("GREENLOOP_TEST_REQUIRE_POSTGRES is set, but PostgreSQL's server programs were not found")


@dataclass(slots=True)
class Cluster:
    """One server on one data folder. `extra` are settings of the test's, `environment` what its processes see."""

    data: Path
    socket: Path
    extra: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The database that the tills trade in."""
        return self.url_of("trade")

    def url_of(self, name: str) -> str:
        return f"postgresql://greenloop@{quote(str(self.socket), safe='')}/{name}"

    def initialise(self) -> None:
        """Make an empty cluster with checksums."""
        command = [
            str(binaries() / "initdb"),
            "-D",
            str(self.data),
            "-U",
            "greenloop",
            "--auth=trust",
            "--encoding=UTF8",
        ]
        options = ["--locale=C", "--data-checksums", "--wal-segsize=1", "--no-sync"]
        subprocess.run([*command, *options], check=True, capture_output=True, cwd=self.socket, **as_owner())

    def furnish(self) -> None:
        """Make the trade's database and its tables; the server has to run."""
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as admin:
            admin.execute("CREATE DATABASE trade TEMPLATE template0")
        migrate(self.url)

    def start(self, *, patience_s: float = PATIENCE_S) -> float:
        """Start the server and return the seconds until it answered, its recovery included."""
        settings = {**SETTINGS, "unix_socket_directories": str(self.socket), **self.extra}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [str(binaries() / "postgres"), "-D", str(self.data), *options]
        env = {"PATH": os.environ["PATH"], "LC_ALL": "C", **self.environment}
        began = time.monotonic()
        with (self.socket / "log").open("ab") as log:
            told: dict[str, Any] = {"stdout": log, "stderr": log, "stdin": subprocess.DEVNULL}
            self.process = subprocess.Popen(command, env=env, cwd=self.socket, **told, **as_owner())
        while not self.answers():
            assert self.process.poll() is None, f"the server ended:\n{self.log()[-2000:]}"
            assert time.monotonic() < began + patience_s, f"the server doesn't answer:\n{self.log()[-2000:]}"
            time.sleep(0.02)
        return time.monotonic() - began

    def answers(self) -> bool:
        try:
            with psycopg.connect(self.url_of("postgres"), connect_timeout=5) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def log(self) -> str:
        return (self.socket / "log").read_text("utf-8", errors="replace")

    def kill(self) -> None:
        """Kill the server and all its processes where they stand. Stopped first, it can't start others meanwhile."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        family = [*children(self.process.pid), self.process.pid]
        for pid in family:
            with_luck(pid, signal.SIGKILL)
        self.process.wait(PATIENCE_S)
        self.process = None
        deadline = time.monotonic() + PATIENCE_S
        while any(alive(pid) for pid in family):
            assert time.monotonic() < deadline, f"processes of the server survive: {family}"
            time.sleep(0.005)

    def stop(self, by: signal.Signals = signal.SIGINT) -> None:
        """Shut the server down in order, or as another signal of PostgreSQL's says; kill it if it can't be."""
        if self.process is None:
            return
        self.process.send_signal(by)
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self.process = None


def with_luck(pid: int, sent: signal.Signals) -> None:
    """Send a signal to a process that may have ended by itself."""
    try:
        os.kill(pid, sent)
    except ProcessLookupError:
        return


def stat_of(pid: int) -> list[str]:
    """Return the kernel's facts of a process from its state on; none if it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def alive(pid: int) -> bool:
    return stat_of(pid)[:1] not in ([], ["Z"], ["X"])


def children(parent: int) -> list[int]:
    """Return the processes that a process has started itself."""
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [pid for pid in pids if stat_of(pid)[1:2] == [str(parent)]]


@contextmanager
def cluster_in(
    folder: Path, data: Path, *, log: Path | None = None, extra: Mapping[str, str] | None = None
) -> Iterator[Cluster]:
    """A running, furnished server whose socket and log lie in `folder`, whose rows lie in `data`.

    Its write-ahead log lies in `log`, or with the rows.
    """
    copy_furnished(data, log)
    cluster = Cluster(data, folder, extra or {})
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop(AT_ONCE)


@cache
def furnished() -> Path:
    """Return the data folder of a server that has the trade's database and its tables, and was shut down in order."""
    folder = kept.enter_context(server_folder())
    cluster = Cluster(empty_folder(folder / "data"), folder, IN_A_HURRY)
    cluster.initialise()
    try:
        cluster.start()
        cluster.furnish()
    finally:
        cluster.stop()
    return cluster.data


def copy_furnished(data: Path, log: Path | None) -> None:
    """Fill a server's empty data folder, and the folder of its write-ahead log if that one is apart."""
    subprocess.run(["cp", "-a", f"{furnished()}/.", str(data)], check=True)
    if log:
        subprocess.run(["cp", "-a", f"{data / 'pg_wal'}/.", str(log)], check=True)
        shutil.rmtree(data / "pg_wal")
        (data / "pg_wal").symlink_to(log)


@contextmanager
def server_folder() -> Iterator[Path]:
    """A folder that the server's user may enter, with a name short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="gl-"))
    give(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def empty_folder(path: Path) -> Path:
    """Make a folder that is the server's own."""
    path.mkdir(mode=0o700)
    give(path)
    return path
