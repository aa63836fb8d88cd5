"""Send one event to one endpoint, within a time, to an address that was looked at, and read no more than a little."""

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPException
from threading import Timer
from time import monotonic

from greenloop.core.faults import Refusal
from greenloop.services.outbox.addresses import resolved, target

TIMEOUT_S = 15
"""From connecting to the answer's last byte that is read, however slowly they come."""
ANSWER_MAX = 1_024
USER_AGENT = "Greenloop-Webhooks/1"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try: the answer's status, None where there was none, and why not.

    `retry_after` is what the answer says of when to come again, as it was written. `code` is a refusal's: a log takes
    it in place of the sentence, which names the receiver.
    """

    status: int | None
    took_ms: int
    fault: str = ""
    retry_after: str = ""
    code: str = ""

    @property
    def arrived(self) -> bool:
        """Tell whether the endpoint has it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        """Tell whether the endpoint wants nothing any more."""
        return self.status == 410


def send(url: str, body: bytes, headers: Mapping[str, str], *, tls: Callable[[], ssl.SSLContext]) -> Outcome:
    """Send a body and return what came of it; no fault of the other side is raised."""
    begun, code = monotonic(), ""
    try:
        (status, retry_after), fault = _asked(url, body, headers, tls), ""
    except Refusal as refusal:
        status, retry_after, fault, code = None, "", str(refusal), refusal.code
    except ssl.SSLError as error:
        status, retry_after, fault = None, "", f"TLS: {error.reason or type(error).__name__}"
    except (OSError, HTTPException, ValueError) as error:
        status, retry_after, fault = None, "", type(error).__name__
    took_s = monotonic() - begun
    if status is None and took_s >= TIMEOUT_S:
        fault = f"no answer within {TIMEOUT_S} s"
    return Outcome(status, round(took_s * 1_000), fault, retry_after, code)


def _asked(url: str, body: bytes, headers: Mapping[str, str], tls: Callable[[], ssl.SSLContext]) -> tuple[int, str]:
    """Send, and return the status of the answer and its Retry-After."""
    to = target(url)
    pinned = resolved(to)
    until_s = monotonic() + TIMEOUT_S
    plain = socket.create_connection((pinned, to.port), timeout=TIMEOUT_S)
    # The handshake and the answer may trickle: each read is timed, and all of them together by the watch.
    wire = tls().wrap_socket(plain, server_hostname=to.host, do_handshake_on_connect=False) if to.is_https else plain
    with wire, _watched(wire, until_s):
        if isinstance(wire, ssl.SSLSocket):
            wire.do_handshake()
        connection = HTTPConnection(to.host, to.port, timeout=TIMEOUT_S)
        connection.sock = wire
        host = f"[{to.host}]" if ":" in to.host else to.host
        named = host if to.port == (443 if to.is_https else 80) else f"{host}:{to.port}"
        sent = {"Host": named, "Content-Type": "application/json", "User-Agent": USER_AGENT, "Connection": "close"}
        connection.request("POST", to.path, body=body, headers={**sent, **headers})
        answer = connection.getresponse()
        with suppress(OSError, HTTPException):  # its head is all that was asked for
            answer.read(ANSWER_MAX)
        return answer.status, answer.getheader("Retry-After", "")


@contextmanager
def _watched(wire: socket.socket, until_s: float) -> Iterator[None]:
    """Cut a connection when its time is over, whatever it is waiting for."""
    watch = Timer(max(0, until_s - monotonic()), partial(_cut, wire))
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()


def _cut(wire: socket.socket) -> None:
    with suppress(OSError):
        # The plain socket's own: TLS would want to say goodbye first.
        socket.socket.shutdown(wire, socket.SHUT_RDWR)
