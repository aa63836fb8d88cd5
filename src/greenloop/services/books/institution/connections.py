"""A few connections to one host that stay open between calls, shared by threads."""

from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from queue import Empty, LifoQueue

from greenloop.services.books.institution.gateway import Unreachable

TIMEOUT_S = 15
ANSWER_MAX = 64 * 1024 * 1024


class Connections:
    """Connections to one host over HTTP. Who calls has one of them alone; one that failed isn't used again."""

    def __init__(self, host: str) -> None:
        """Speak to `host`, with its port."""
        self._host = host
        self._free: LifoQueue[HTTPConnection] = LifoQueue()

    def ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Send a request and return its answer's status and body.

        :raises Unreachable: there is none.
        """
        try:
            connection = self._free.get_nowait()
        except Empty:
            connection = HTTPConnection(self._host, timeout=TIMEOUT_S)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json", **headers})
            answer = connection.getresponse()
            found = answer.status, answer.read(ANSWER_MAX)
        except (OSError, HTTPException) as fault:
            connection.close()
            raise Unreachable(f"no answer ({type(fault).__name__})") from fault
        self._free.put(connection)
        return found

    def close(self) -> None:
        """Close what is open."""
        with suppress(Empty):
            while True:
                self._free.get_nowait().close()
