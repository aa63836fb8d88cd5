"""Calls over one kept connection. A write has one Idempotency-Key at all attempts: sending again is safe."""

import http.client
import json
import secrets
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from greenloop_client.addresses import with_query
from greenloop_client.signing import signature

ATTEMPTS = 4
TIMEOUT_S = 30.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0
BUSY = {http.HTTPStatus.TOO_MANY_REQUESTS, http.HTTPStatus.SERVICE_UNAVAILABLE}


class ProblemError(Exception):
    """The API said no: its status, its code, the field that it is about ("" if none) and a sentence."""

    def __init__(self, status: int, told: dict[str, Any]) -> None:
        self.status, self.code = status, str(told.get("code", ""))
        self.field, self.detail = str(told.get("field") or ""), str(told.get("detail", ""))
        super().__init__(f"{status} {self.code}: {self.detail}")


class Connection:
    """A connection to one server, for one thread: with a key as `token`, or with `headers` that carry a session.

    `replayed` says of the last answer that it was given before: the write had its effect already.
    """

    def __init__(
        self, base: str, token: str = "", *, signs: bool = False, headers: Mapping[str, str] | None = None
    ) -> None:
        parts = urlsplit(base)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._line = kind(parts.netloc, timeout=TIMEOUT_S)
        self._token, self._signs, self._headers = token, signs, dict(headers or {})
        self.replayed = False

    def call(self, method: str, target: str, body: Any = None, *, key: str | None = None) -> Any:
        """Call `target` (path and query) and return what its JSON says. `key` is a write's own Idempotency-Key.

        :raises ProblemError: the API said no.
        :raises OSError: the server can't be reached, or dropped every attempt.
        """
        content = self._ask(method, target, body, key)[1]
        return json.loads(content) if content else None

    def content(self, target: str) -> bytes:
        """Return a file.

        :raises ProblemError: the API said no.
        """
        return self._ask("GET", target)[1]

    def pages(self, target: str) -> Iterator[dict[str, Any]]:
        """Yield the pages of a list, each asked for when it is reached.

        :raises ProblemError: the API said no.
        """
        page = self.call("GET", target)
        yield page
        while page["next_cursor"] is not None:
            page = self.call("GET", with_query(target, cursor=page["next_cursor"]))
            yield page

    def items(self, target: str) -> Iterator[Any]:
        """Yield what stands on the pages of a list.

        :raises ProblemError: the API said no.
        """
        for page in self.pages(target):
            yield from page["items"]

    def lines(self, target: str) -> Iterator[dict[str, Any]]:
        """Yield the rows of an export, one JSON object a line, part after part.

        :raises ProblemError: the API said no.
        """
        after: str | None = ""
        while after is not None:
            answer, content = self._ask("GET", with_query(target, after=after) if after else target)
            yield from map(json.loads, content.splitlines())
            after = answer.getheader("Next-After")

    def close(self) -> None:
        """Close the connection; the next call opens it again."""
        self._line.close()

    def _ask(
        self, method: str, target: str, body: Any = None, key: str | None = None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        content = b"" if body is None else json.dumps(body).encode()
        key = "" if method == "GET" else key or secrets.token_hex(16)
        for attempt in range(1, ATTEMPTS + 1):
            pause_s = FIRST_PAUSE_S * 2**attempt
            try:
                answer, read = self._send(method, target, content, key)
            except (OSError, http.client.HTTPException) as fault:
                self.close()
                if attempt == ATTEMPTS:
                    raise ConnectionError(str(fault)) from fault
            else:
                after = answer.getheader("Retry-After") or ""
                if answer.status not in BUSY or not after or attempt == ATTEMPTS:
                    return self._understood(answer, read)
                pause_s = float(after) if after.isdecimal() else pause_s
            time.sleep(min(pause_s, LONGEST_PAUSE_S))
        raise AssertionError

    def _send(self, method: str, target: str, body: bytes, key: str) -> tuple[http.client.HTTPResponse, bytes]:
        headers = self._headers | {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        if self._signs:  # Each attempt is signed anew: a nonce is good for one.
            headers |= signature(self._token, method=method, target=target, body=body, key=key)
        elif self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        self._line.request(method, target, body, headers)
        answer = self._line.getresponse()
        return answer, answer.read()

    def _understood(self, answer: http.client.HTTPResponse, content: bytes) -> tuple[http.client.HTTPResponse, bytes]:
        self.replayed = answer.getheader("Idempotency-Replayed") == "true"
        if answer.status < http.HTTPStatus.BAD_REQUEST:
            return answer, content
        try:
            told = json.loads(content)
        except ValueError:
            told = {"detail": content.decode("utf-8", "replace")}
        raise ProblemError(answer.status, told if isinstance(told, dict) else {})
