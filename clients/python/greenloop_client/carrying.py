"""Requests and their answers as values, and what carries them: by itself http.client, over one kept connection."""

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it goes to a server, signed if its client signs; `target` is path and query.

    Host and Content-Length are added by what carries it.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; headers by their names in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Carrier(Protocol):
    """What brings a request to a server and its answer back."""

    def carry(self, request: Request) -> Answer:
        """Return the answer.

        :raises OSError: there is none; the call is tried again.
        """
        ...

    def close(self) -> None:
        """Let go of the server; the next request finds it again."""
        ...


class Line:
    """One connection to one server, kept open from request to request."""

    def __init__(self, base: str) -> None:
        parts = urlsplit(base)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._line = kind(parts.netloc, timeout=TIMEOUT_S)

    def carry(self, request: Request) -> Answer:
        """Return the answer.

        :raises OSError: there is none, or none that can be read.
        """
        try:
            self._line.request(request.method, request.target, request.body, dict(request.headers))
            answer = self._line.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, headers, answer.read())
        except http.client.HTTPException as fault:
            raise ConnectionError(str(fault)) from fault

    def close(self) -> None:
        """Close the connection."""
        self._line.close()
