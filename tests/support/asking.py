"""Asking a WSGI application as a server does, without a server."""

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from wsgiref.util import setup_testing_defaults

import msgspec


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, headers by their small-letter names, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


def ask(
    application: Callable[..., Iterable[bytes]], path: str, *, method: str = "GET", body: bytes = b"", **environ: Any
) -> Answer:
    """Ask for a path; `environ` is what the server says beside it (`HTTP_HOST="…"`)."""
    path, _, query = path.partition("?")
    told: dict[str, Any] = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost"} | environ
    told |= {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query}
    told |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
    setup_testing_defaults(told)
    begun: list[Any] = []
    parts = application(told, lambda status, headers, *_more: begun.append((status, headers)))
    try:
        whole = b"".join(parts)
    finally:
        if close := getattr(parts, "close", None):
            close()
    status, headers = begun[-1]
    return Answer(int(status[:3]), {name.lower(): value for name, value in headers}, whole)
