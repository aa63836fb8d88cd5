"""Tills as the tests see them: started, killed, started again; what they were told is collected and counted."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

from tests.faults.cluster import with_luck
from tests.faults.profile import SEED
from tests.support.databases import NOWHERE, point_django_at
from tests.support.serving import environment

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60


@contextmanager
def django_at(url: str) -> Iterator[None]:
    """Point Django at the database at `url`, and nowhere afterwards."""
    point_django_at(url)
    try:
        yield
    finally:
        point_django_at(NOWHERE)


@dataclass(slots=True)
class Till:
    """One till: its processes, if they run, and everything it has been acknowledged in all its lives.

    `process` has loaded the product, `pid` is who sells, `ended` how that one did. `taken` and `refunded` are, by
    batch, what the verb answered. `errors` are the database's, by class.
    """

    name: str
    url: str
    home: Path
    extra: Mapping[str, str] = field(default_factory=dict)
    taken: dict[int, dict[str, Any]] = field(default_factory=dict)
    refunded: dict[int, dict[str, Any]] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    said: list[str] = field(default_factory=list)
    ready: bool = False
    pid: int | None = None
    ended: int | None = None
    process: subprocess.Popen[bytes] | None = None
    listener: Thread | None = None

    def start(self) -> "Till":
        """Start a process, which goes on with the first batch that wasn't acknowledged whole."""
        process = self.process or self.load()
        self.ready, self.pid, self.ended = False, None, None
        assert process.stdin is not None
        process.stdin.write(b"%d\n" % self.next_batch())
        process.stdin.flush()
        return self

    def load(self) -> subprocess.Popen[bytes]:
        """Load the product, from which each life of the till is forked."""
        command = [sys.executable, "-m", "tests.faults.till", self.name, str(SEED)]
        told = {name: os.environ[name] for name in ("DJANGO_SETTINGS_MODULE", "GREENLOOP_IDENTITY_KEY")}
        env = {**environment(self.url, self.home), **told, **self.extra}
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        self.listener = Thread(target=self.listen, args=(self.process,), daemon=True)
        self.listener.start()
        return self.process

    def next_batch(self) -> int:
        return 1 + max(self.refunded, default=0)

    def listen(self, process: subprocess.Popen[bytes]) -> None:
        """Collect what the process says; half a line, cut off by a kill, counts as not said."""
        assert process.stdout is not None
        for line in process.stdout:
            with suppress(json.JSONDecodeError):
                self.hear(json.loads(line))

    def hear(self, told: dict[str, Any]) -> None:
        if "ready" in told:
            self.ready = True
        elif "pid" in told:
            self.pid = told["pid"]
        elif "ended" in told:
            self.ended = told["ended"]
        elif "error" in told:
            self.errors[told["error"]] += 1
            self.said.append(told["said"])
        else:
            {"take": self.taken, "refund": self.refunded}[told["verb"]][told["batch"]] = told

    def acknowledged(self) -> int:
        """Return how many verbs have been acknowledged."""
        return len(self.taken) + len(self.refunded)

    def wait_for_more(self, verbs: int = 1) -> None:
        """Wait until that many more verbs are acknowledged."""
        goal = self.acknowledged() + verbs
        self.wait(lambda: self.acknowledged() >= goal, f"{verbs} more acknowledgements")

    def wait_ready(self) -> None:
        self.wait(lambda: self.ready, "its first connection")

    def wait(self, condition: Any, what: str) -> None:
        assert self.process is not None
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert self.ended is None, f"the till {self.name} ended with {self.ended}"
            assert self.process.poll() is None, f"the till {self.name} did not load: {self.process.returncode}"
            assert time.monotonic() < deadline, f"the till {self.name} waited in vain for {what}: {self.said[-3:]}"
            time.sleep(0.005)

    def kill(self) -> None:
        """Kill the process where it stands."""
        self.end(signal.SIGKILL)

    def finish(self) -> None:
        """Let the process end what it is doing, and end; the till has no other life."""
        self.end(signal.SIGTERM)
        self.leave()

    def end(self, by: signal.Signals) -> None:
        """End who sells, and hear all that it has said."""
        self.wait(lambda: self.pid is not None, "its process")
        assert self.pid is not None
        with_luck(self.pid, by)
        deadline = time.monotonic() + PATIENCE_S
        while self.ended is None:
            assert time.monotonic() < deadline, f"the till {self.name} doesn't end"
            time.sleep(0.005)

    def leave(self) -> None:
        """End whatever of the till still runs."""
        if self.process is None or self.listener is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE_S)
        self.listener.join(PATIENCE_S)
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
        self.process = None


@contextmanager
def tills(names: Iterable[str], url: str, home: Path, extra: Mapping[str, str] | None = None) -> Iterator[list[Till]]:
    """Tills of one database, not started yet; whatever happens, none of them outlives the block."""
    found = [Till(name, url, home, extra or {}) for name in names]
    try:
        yield found
    finally:
        for till in found:
            till.leave()
