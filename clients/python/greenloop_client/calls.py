"""Calls: prepared, carried, tried again, understood. A write has one Idempotency-Key at all attempts: that is safe."""

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from greenloop_client.addresses import with_query
from greenloop_client.carrying import Answer, Carrier, Line, Request
from greenloop_client.signing import signature

ATTEMPTS = 4
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0
BUSY = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}


class ProblemError(Exception):
    """The API said no: its status, its code, the field that it is about ("" if none) and a sentence."""

    def __init__(self, status: int, told: dict[str, Any]) -> None:
        self.status, self.code = status, str(told.get("code", ""))
        self.field, self.detail = str(told.get("field") or ""), str(told.get("detail", ""))
        super().__init__(f"{status} {self.code}: {self.detail}")


class Connection:
    """A connection to one server, for one thread: with a key as `token`, or with `headers` that carry a session.

    `carrier` takes the place of the HTTP connection. `replayed` says of the last answer that it was given before: the
    write had its effect already.
    """

    def __init__(
        self,
        base: str,
        token: str = "",
        *,
        signs: bool = False,
        headers: Mapping[str, str] | None = None,
        carrier: Carrier | None = None,
    ) -> None:
        self._carrier = Line(base) if carrier is None else carrier
        self._token, self._signs, self._headers = token, signs, dict(headers or {})
        self.replayed = False

    def call(self, method: str, target: str, body: Any = None, *, key: str | None = None) -> Any:
        """Call `target` (path and query) and return what its JSON says. `key` is a write's own Idempotency-Key.

        :raises ProblemError: the API said no.
        :raises OSError: the server can't be reached, or dropped every attempt.
        """
        content = self._ask(method, target, body, key).body
        return json.loads(content) if content else None

    def content(self, target: str) -> bytes:
        """Return a file.

        :raises ProblemError: the API said no.
        """
        return self._ask("GET", target).body

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
            answer = self._ask("GET", with_query(target, after=after) if after else target)
            yield from map(json.loads, answer.body.splitlines())
            after = answer.headers.get("next-after")

    def prepare(self, method: str, target: str, body: Any = None, *, key: str | None = None) -> Request:
        """Return the request of a call, which nobody has sent yet. A write without a `key` is given one."""
        content = b"" if body is None else json.dumps(body).encode()
        key = "" if method == "GET" else key or secrets.token_hex(16)
        headers = self._headers | {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        if self._signs:
            headers |= signature(self._token, method=method, target=target, body=content, key=key)
        elif self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        return Request(method, target, headers, content)

    def close(self) -> None:
        """Close the connection; the next call opens it again."""
        self._carrier.close()

    def _ask(self, method: str, target: str, body: Any = None, key: str | None = None) -> Answer:
        key = key or secrets.token_hex(16)
        for attempt in range(1, ATTEMPTS + 1):
            pause_s = FIRST_PAUSE_S * 2**attempt
            request = self.prepare(method, target, body, key=key)  # Anew each time: a nonce is good for one.
            try:
                answer = self._carrier.carry(request)
            except OSError as fault:
                self.close()
                if attempt == ATTEMPTS:
                    raise ConnectionError(str(fault)) from fault
            else:
                after = answer.headers.get("retry-after", "")
                if answer.status not in BUSY or not after or attempt == ATTEMPTS:
                    return self._understood(answer)
                pause_s = float(after) if after.isdecimal() else pause_s
            time.sleep(min(pause_s, LONGEST_PAUSE_S))
        raise AssertionError

    def _understood(self, answer: Answer) -> Answer:
        self.replayed = answer.headers.get("idempotency-replayed") == "true"
        if answer.status < HTTPStatus.BAD_REQUEST:
            return answer
        try:
            told = json.loads(answer.body)
        except ValueError:
            told = {"detail": answer.body.decode("utf-8", "replace")}
        raise ProblemError(answer.status, told if isinstance(told, dict) else {})
