"""The sandbox institution as a process: HTTP on loopback, signed both ways, with a clock that may be held."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event as Flag
from threading import Lock, Thread
from typing import Any
from urllib.parse import urlsplit

from greenloop.core import instants
from greenloop.core.faults import Refusal
from greenloop.services.books.institution import signed
from greenloop.services.books.institution.connections import Connections
from greenloop.services.books.institution.gateway import Unreachable
from greenloop.sim.institution.account import Account, Event, Refused

KINDS = ("collect", "split", "refund", "payout", "close")
AT_ONCE = 8
BODY_MAX = 65_536
LOOK_S = 0.5
RETRY = timedelta(minutes=1)
OPENS_AT = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass(slots=True)
class Clock:
    """Time as this machine has it, or one that stands still until it is set."""

    held_at: datetime | None = None

    def now(self) -> datetime:
        """Return the institution's time."""
        return self.held_at or datetime.now(UTC)


@dataclass(slots=True)
class Sender:
    """Sends notices to the platform, several at once, and counts them."""

    url: str
    secret: bytes
    clock: Clock
    account: Account
    counts: dict[str, int] = field(default_factory=lambda: {"sent": 0, "taken": 0})
    lock: Lock = field(default_factory=Lock)
    connections: Connections = field(init=False)

    def __post_init__(self) -> None:
        self.connections = Connections(urlsplit(self.url).netloc)

    def send(self, events: list[Event]) -> None:
        """Send the notices among events; what nobody takes is sent again a minute later."""
        with ThreadPoolExecutor(AT_ONCE) as threads:
            list(threads.map(self._send, [event for event in events if event.what == "notice"]))

    def _send(self, event: Event) -> None:
        body, path = event.body.encode(), urlsplit(self.url).path
        headers = signed.headers(self.secret, "POST", path, body, at=self.clock.now())
        taken = self._post(path, body, headers)
        with self.lock:
            self.counts["sent"] += 1
            self.counts["taken"] += taken
        if not taken:
            self.account.again(event, self.clock.now() + RETRY)

    def _post(self, path: str, body: bytes, headers: dict[str, str]) -> bool:
        try:
            status, _ = self.connections.ask("POST", path, body, headers)
        except Unreachable:
            return False
        return 200 <= status < 300


class Door(BaseHTTPRequestHandler):
    """One caller's connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    account: Account
    sender: Sender
    clock: Clock
    secret: bytes

    def do_POST(self) -> None:
        """Take an instruction, or set the clock."""
        body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), BODY_MAX))
        if not self._is_signed(body):
            return self._answer(401, {"fault": "unsigned"})
        what = self.path.rpartition("/")[2]
        try:
            told = json.loads(body)
            if self.path == "/sandbox/clock":
                return self._set_clock(told)
            if self.path != f"/v1/{what}" or what not in KINDS:
                return self._answer(404, {"fault": "no such address"})
            if what == "close":
                self.account.close_payment(str(told["number"]), at=self.clock.now())
                return self._answer(200, {})
            return self._answer(200, {"show": self.account.tell(what, told, at=self.clock.now())})
        except Refused as fault:
            return self._answer(409, {"fault": str(fault)})
        except (ValueError, KeyError, TypeError):
            return self._answer(400, {"fault": "a body that can't be read"})

    def do_GET(self) -> None:
        """Say what became of an instruction, or hand out a statement."""
        if not self._is_signed(b""):
            return self._answer(401, {"fault": "unsigned"})
        what, _, which = self.path.removeprefix("/v1/").partition("/")
        if what == "statements":
            return self._statement(which)
        found = self.account.said_of(which) if what == "instructions" else None
        if what == "sandbox":
            found = dict(self.account.fates())
        return self._answer(404, {"fault": "unknown"}) if found is None else self._answer(200, found)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing of each call."""

    def _statement(self, which: str) -> None:
        try:
            day = date.fromisoformat(which)
        except ValueError:
            return self._answer(404, {"fault": "no such day"})
        if day > self.account.day(self.clock.now()):
            return self._answer(404, {"fault": "that day has not begun"})
        return self._send(200, self.account.statement(day).encode(), "text/csv; charset=utf-8")

    def _set_clock(self, told: dict[str, str]) -> None:
        at = instants.read(told["at"])
        if self.clock.held_at is None or at is None or at < self.clock.held_at:
            return self._answer(409, {"fault": "the clock isn't held, or it never runs back"})
        self.clock.held_at = at
        events = self.account.due(at)
        self.sender.send(events)
        return self._answer(200, self.sender.counts | {"more": len(events)})

    def _is_signed(self, body: bytes) -> bool:
        try:
            signed.check(self.secret, self.command, self.path, dict(self.headers), body, at=self._signed_at())
        except Refusal:
            return False
        return True

    def _signed_at(self) -> datetime:
        """Return the time to judge a signature by: a held clock is behind those who set it."""
        stamp = self.headers.get(signed.TIMESTAMP) or ""
        held = self.clock.held_at is not None and stamp.isdigit() and len(stamp) < 11
        return datetime.fromtimestamp(int(stamp), UTC) if held else self.clock.now()

    def _answer(self, status: int, told: object) -> None:
        self._send(status, json.dumps(told).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@dataclass(frozen=True, slots=True)
class Terms:
    """How an institution is set up: the secret it shares, where notices go, and whether its time stands still."""

    secret: str
    notices_to: str
    port: int = 0
    is_held: bool = False


def opened(account: Account, terms: Terms) -> tuple[ThreadingHTTPServer, Sender]:
    """Return a server that listens on loopback and serves once it is told to, and what sends its notices."""
    clock = Clock(OPENS_AT if terms.is_held else None)
    sender = Sender(terms.notices_to, terms.secret.encode(), clock, account)
    facts = {"account": account, "sender": sender, "clock": clock, "secret": terms.secret.encode()}
    server = ThreadingHTTPServer(("127.0.0.1", terms.port), type("OwnDoor", (Door,), facts))
    server.daemon_threads = True
    return server, sender


def serve(account: Account, terms: Terms, *, told: Callable[[str], None]) -> None:
    """Serve until the process is told to end; `told` is given the address once there is one."""
    server, sender = opened(account, terms)
    ended = Flag()
    if not terms.is_held:
        Thread(target=partial(_go_on, sender, ended), name="sandbox-clock", daemon=True).start()
    told(f"http://127.0.0.1:{server.server_port}")
    try:
        server.serve_forever()
    finally:
        ended.set()
        server.server_close()
        sender.connections.close()


def _go_on(sender: Sender, ended: Flag) -> None:
    """Let happen what is due, by this machine's time."""
    while not ended.wait(LOOK_S):
        while events := sender.account.due(sender.clock.now()):
            sender.send(events)
