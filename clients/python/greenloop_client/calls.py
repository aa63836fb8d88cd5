"""Calls over one kept connection. A write has an Idempotency-Key, drawn once per call, so sending it again is safe."""

import http.client
import json
import secrets
import time
from typing import Any
from urllib.parse import urlsplit

from greenloop_client.signing import signature

ATTEMPTS = 4
TIMEOUT_S = 30.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0


class ProblemError(Exception):
    """The API said no: its status, its code, the field that it is about ("" if none) and a sentence."""

    def __init__(self, status: int, told: dict[str, Any]) -> None:
        self.status, self.code = status, str(told.get("code", ""))
        self.field, self.detail = str(told.get("field") or ""), str(told.get("detail", ""))
        super().__init__(f"{status} {self.code}: {self.detail}")


class Connection:
    """A connection to one server, for one thread."""

    def __init__(self, base: str, token: str, *, signs: bool = False) -> None:
        parts = urlsplit(base)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._line = kind(parts.netloc, timeout=TIMEOUT_S)
        self._token, self._signs = token, signs

    def call(self, method: str, target: str, body: Any = None) -> Any:
        """Call `target` (path and query) and return what its JSON says.

        :raises ProblemError: the API said no.
        :raises OSError: the server can't be reached, or dropped every attempt.
        """
        content = b"" if body is None else json.dumps(body).encode()
        key = "" if method == "GET" else secrets.token_hex(16)
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
                if answer.status != http.HTTPStatus.SERVICE_UNAVAILABLE or not after or attempt == ATTEMPTS:
                    return _understood(answer.status, read)
                pause_s = float(after) if after.isdecimal() else pause_s
            time.sleep(min(pause_s, LONGEST_PAUSE_S))
        raise AssertionError

    def close(self) -> None:
        """Close the connection; the next call opens it again."""
        self._line.close()

    def _send(self, method: str, target: str, body: bytes, key: str) -> tuple[http.client.HTTPResponse, bytes]:
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        if self._signs:  # Each attempt is signed anew: a nonce is good for one.
            headers |= signature(self._token, method=method, target=target, body=body, key=key)
        else:
            headers["Authorization"] = f"Bearer {self._token}"
        self._line.request(method, target, body, headers)
        answer = self._line.getresponse()
        return answer, answer.read()


def _understood(status: int, content: bytes) -> Any:
    try:
        told = json.loads(content) if content else None
    except ValueError:
        told = {"detail": content.decode("utf-8", "replace")}
    if status >= http.HTTPStatus.BAD_REQUEST:
        raise ProblemError(status, told if isinstance(told, dict) else {})
    return told
