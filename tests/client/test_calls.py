"""The client's signature is accepted; a write that was dropped or put off is sent again with the same key."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from greenloop_client import Connection, ProblemError
from greenloop_client.signing import signature

TOKEN = "gl_7_secret"
SEEN: list[dict[str, str]] = []
ANSWERS: list[int] = []


class Moody(BaseHTTPRequestHandler):
    """A server that answers as ANSWERS says; 0 drops the connection without a word."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        SEEN.append({name.lower(): value for name, value in self.headers.items()})
        self.rfile.read(int(self.headers["Content-Length"]))
        status = ANSWERS.pop(0)
        if not status:
            self.close_connection = True
            return
        content = b'{"code": "a.code", "field": "a", "detail": "No."}'
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        if status in {429, 503}:
            self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def base() -> Iterator[str]:
    SEEN.clear()
    ANSWERS.clear()
    with HTTPServer(("127.0.0.1", 0), Moody) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("key", ["", "key-1"])
def test_the_api_accepts_what_the_client_signs(key: str) -> None:
    from greenloop.api import signing
    from greenloop.api.problems import Problem

    made = signature(TOKEN, method="POST", target="/v1/orders?a=1", body=b"{}", key=key)
    read = signing.read(made["Signature-Input"], made["Signature"])
    headers = {"content-digest": made["Content-Digest"], "idempotency-key": key}
    asked: dict[str, Any] = {"now_s": read.created_s, "method": "POST", "path": "/v1/orders", "query": "a=1"}
    signing.check(read, b"secret", **asked, headers=headers, body=b"{}")
    with pytest.raises(Problem):
        signing.check(read, b"secret", **asked, headers=headers, body=b"{ }")


def test_a_write_is_sent_again_with_its_key_and_a_new_nonce(base: str) -> None:
    ANSWERS.extend([0, 503, 429, 201])
    line = Connection(base, TOKEN, signs=True)
    assert line.call("POST", "/v1/orders", {})["code"] == "a.code"
    line.close()
    assert len(SEEN) == 4
    assert len({each["idempotency-key"] for each in SEEN}) == 1
    assert len({each["signature-input"] for each in SEEN}) == 4


def test_a_refusal_is_raised_and_not_sent_again(base: str) -> None:
    ANSWERS.append(409)
    line = Connection(base, TOKEN)
    with pytest.raises(ProblemError) as said:
        line.call("POST", "/v1/orders", {})
    line.close()
    assert (said.value.status, said.value.code, said.value.field) == (409, "a.code", "a")
    assert len(SEEN) == 1


def test_a_key_of_the_callers_own_is_sent_at_each_attempt(base: str) -> None:
    ANSWERS.extend([0, 201])
    line = Connection(base, TOKEN)
    line.call("POST", "/v1/orders", {}, key="till-7-000123")
    line.close()
    assert [each["idempotency-key"] for each in SEEN] == ["till-7-000123"] * 2
