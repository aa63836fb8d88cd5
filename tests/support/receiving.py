"""A receiver of webhooks on loopback, and the few lines by which one checks a signature; it shares no product code."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

LOOPBACK = "127.0.0.1"


def genuine(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Tell whether one of the signatures of a request is right."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    versions = (each.split(",") for each in headers["webhook-signature"].split())
    return any(version == "v1" and hmac.compare_digest(made, expected) for version, made in versions)


@dataclass(frozen=True, slots=True)
class Got:
    """One request that came in."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class Receiver:
    """What came in, and what is answered: a status, or a function that answers for itself."""

    port: int = 0
    answer: int | Callable[[BaseHTTPRequestHandler], None] = 204
    got: list[Got] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/hooks"

    @property
    def kinds(self) -> list[str]:
        """Return the kinds of what came in, in order."""
        return [each.json["type"] for each in self.got]


def trickle(handler: BaseHTTPRequestHandler) -> None:
    """Answer a byte at a time, for ever: each read is short, all of them have no end."""
    try:
        while True:
            handler.wfile.write(b"H")
            handler.wfile.flush()
            time.sleep(0.1)
    except OSError:
        pass


@contextmanager
def receiving(port: int = 0, answer: int | Callable[[BaseHTTPRequestHandler], None] = 204) -> Iterator[Receiver]:
    """Receive on a port of loopback until the block ends."""
    receiver = Receiver(answer=answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.got.append(Got(self.path, headers, body))
            if callable(receiver.answer):
                receiver.answer(self)
                return
            self.send_response(receiver.answer)
            if receiver.answer in {301, 302, 307}:
                self.send_header("Location", f"{receiver.url}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            receiver.got.append(Got(self.path, {}, b""))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base's name
            """Say nothing."""

    server = ThreadingHTTPServer((LOOPBACK, port), Handler)
    server.daemon_threads = True
    receiver.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
