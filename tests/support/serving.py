"""The product as a stranger runs it: `greenloop demo` into a database, `greenloop serve` over it, both as processes."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GREENLOOP = Path(sys.executable).parent / "greenloop"
PATIENCE_S = 30
CODE = re.compile(r"\b(\d{6})\b")


@dataclass(frozen=True, slots=True)
class Served:
    """Pages being served: their address, what the server prints, who may sign in, by role, and the process itself."""

    base: str
    log: Path
    people: Mapping[str, Mapping[str, Any]]
    server: subprocess.Popen[bytes]

    def newest_code(self, *, after: int) -> str:
        """Return the code that the server has shown on its console since its log was `after` bytes long."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if found := CODE.findall(self.log.read_text("utf-8")[after:]):
                return str(found[-1])
            time.sleep(0.05)
        message = f"no code in {self.log}: {self.log.read_text('utf-8')[after:]!r}"
        raise AssertionError(message)

    def said(self) -> int:
        """Return how much the server has printed so far."""
        return len(self.log.read_text("utf-8"))


def environment(url: str, home: Path) -> dict[str, str]:
    """Return the environment of a command on the database at `url`; nothing of this machine's own settings is in it."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GREENLOOP_")}
    return {**plain, "GREENLOOP_DATABASE_URL": url, "GREENLOOP_HOME": str(home), "GREENLOOP_LANG": "en"}


def demo(url: str, home: Path, *args: str) -> dict[str, Any]:
    """Run the demo into an empty database and return what it says to programs."""
    command = [str(GREENLOOP), "demo", "--seed", "7", "--home", str(home / "demo"), "--json", *args]
    done = subprocess.run(command, env=environment(url, home), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def tills(url: str, home: Path, told: Mapping[str, Any]) -> None:
    """Register the tills of the demo's merchant as a caller of the API; `told` is what the demo said."""
    (merchant,) = [each["holder"] for each in told["invitations"] if each["role"] == "merchant"]
    command = [str(GREENLOOP), "client", "the tills", "--merchant", merchant]
    subprocess.run(command, env=environment(url, home), capture_output=True, check=True)


@contextmanager
def served(url: str, home: Path, invitations: list[dict[str, Any]], *more: str, **named: str) -> Iterator[Served]:
    """Serve a database on a free port until the block ends; with `more` options, in an environment that is `named`."""
    port = _free_port()
    log = home / "server.log"
    with log.open("w", encoding="utf-8") as stream:
        command = [str(GREENLOOP), "serve", "--port", str(port), *more]
        env = environment(url, home) | named
        server = subprocess.Popen(command, env=env, stdout=stream, stderr=stream, start_new_session=True)
        try:
            _wait(port, server, log)
            yield Served(f"http://127.0.0.1:{port}", log, {each["role"]: each for each in invitations}, server)
        finally:
            server.terminate()
            server.wait(PATIENCE_S)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text("utf-8")
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    message = f"the pages are not served: {log.read_text('utf-8')}"
    raise AssertionError(message)
