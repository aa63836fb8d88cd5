"""A database that is archived while tills sell: the follower as a process, and restores opened to look into them."""

import json
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.faults.cluster import (
    AT_ONCE,
    Cluster,
    as_owner,
    children,
    cluster_in,
    empty_folder,
    give,
    server_folder,
    with_luck,
)
from tests.faults.file import file_in
from tests.faults.tills import PATIENCE_S, Till
from tests.support.serving import GREENLOOP, environment

EVERY_S = 0.1
COPY_HOURS = 0.002
"""A copy every seven seconds, so that a restore has to choose one."""


@dataclass(slots=True)
class Clocked(Till):
    """A till that also notes when each of its batches was acknowledged, as heard from it."""

    heard_at: dict[int, datetime] = field(default_factory=dict)

    def hear(self, told: dict[str, Any]) -> None:
        if told.get("verb") == "take":
            self.heard_at[told["batch"]] = datetime.now(UTC)
        Till.hear(self, told)

    def sold_by(self, at: datetime) -> set[str]:
        """Return the order numbers that were acknowledged until then."""
        batches = [batch for batch, heard in list(self.heard_at.items()) if heard <= at]
        return {f"{self.name}-{batch}-{place}" for batch in batches for place in range(len(self.taken[batch]["ids"]))}


@dataclass(frozen=True, slots=True)
class Site:
    """One database, and a folder for its archive and for what is restored from it."""

    engine: str
    url: str
    folder: Path
    home: Path

    @property
    def archive(self) -> Path:
        return self.folder / "archive"

    def run(self, *words: str, code: int = 0) -> dict[str, Any]:
        """Run a command of the product and return what it says to programs."""
        command = [str(GREENLOOP), *words, *self.as_server(), "--json"]
        done = subprocess.run(command, env=self.env(), capture_output=True, text=True, check=False)
        assert done.returncode == code, (done.stdout, done.stderr)
        assert "Traceback" not in done.stderr, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    def env(self) -> dict[str, str]:
        # What a killed follower leaves in a folder for a while goes with the test's own.
        return {**environment(self.url, self.home), "TMPDIR": str(self.folder)}

    def as_server(self) -> list[str]:
        owner = as_owner()
        return ["--as", pwd.getpwuid(owner["user"]).pw_name] if owner and self.engine == "postgresql" else []

    def restore(self, name: str, *until: str) -> dict[str, Any]:
        """Restore into `name`, of the last moment or of an instant."""
        told = [word for at in until for word in ("--until", at)]
        return self.run("restore", "--from", str(self.archive), "--into", str(self.folder / name), *told)

    @contextmanager
    def opened(self, name: str) -> Iterator[str]:
        """Give the URL of what was restored, with a server running on it where it takes one."""
        path = self.folder / name
        if self.engine == "sqlite":
            yield f"sqlite:///{path}"
            return
        beside = self.folder / f"{name}.socket"
        beside.mkdir()
        give(beside)
        server = Cluster(path, beside)
        server.start()
        try:
            yield server.url
        finally:
            server.stop(AT_ONCE)

    @contextmanager
    def followed(self) -> Iterator[subprocess.Popen[bytes]]:
        """Archive from now on; the first copy is there when this begins."""
        said = self.home / "follower.log"
        words = ["--follow", "--every", str(EVERY_S), "--copy-every", str(COPY_HOURS)]
        command = [str(GREENLOOP), "backup", "--to", str(self.archive), *words, *self.as_server(), "--json"]
        with said.open("w", encoding="utf-8") as stream:
            process = subprocess.Popen(command, env=self.env(), stdout=stream, stderr=stream, start_new_session=True)
        deadline = time.monotonic() + PATIENCE_S
        try:
            while "copied in" not in said.read_text("utf-8"):
                assert process.poll() is None, said.read_text("utf-8")
                assert time.monotonic() < deadline, said.read_text("utf-8")
                time.sleep(0.02)
            yield process
        finally:
            lose(process)


def lose(process: subprocess.Popen[bytes]) -> None:
    """Kill the follower and what it has started, where they stand: what is on its disk by now is all there will be."""
    if process.poll() is not None:
        return
    for pid in [process.pid, *children(process.pid)]:
        with_luck(pid, signal.SIGKILL)
    process.wait(PATIENCE_S)


@contextmanager
def site(engine: str, home: Path) -> Iterator[Site]:
    """Give an empty, migrated database of one kind, of the test's own."""
    with server_folder() as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101, S103  the server's user restores here, whoever runs the test
        if engine == "sqlite":
            yield Site(engine, file_in(home), folder, home)
            return
        with cluster_in(folder, empty_folder(folder / "data")) as server:
            yield Site(engine, server.url, folder, home)
