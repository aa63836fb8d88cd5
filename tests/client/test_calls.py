"""The client's signature is accepted; a write that was dropped or put off is sent again with the same key.

What carries a request may be another than its HTTP connection, and what is prepared is what would be sent.
"""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from greenloop_client import Answer, Client, Connection, Drafting, ProblemError, Request, draft
from greenloop_client.signing import signature

if TYPE_CHECKING:
    from greenloop_client.models import OrderIn

TOKEN = "gl_7_secret"
SALE: "OrderIn" = {"merchant": "baker", "order_no": "面 1", "member": "mei", "paid_at": "2026-01-05", "cash_fen": 1}
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
    signing.check(read, b"secret", **asked, headers=headers)
    signing.check_digest(made["Content-Digest"], b"{}")
    with pytest.raises(Problem):
        signing.check(read, b"another", **asked, headers=headers)
    with pytest.raises(Problem):
        signing.check_digest(made["Content-Digest"], b"{ }")


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


class Hand:
    """Carries requests by hand: keeps each, and answers what it was given to answer, or fails where that is None."""

    def __init__(self, *answers: Answer | None) -> None:
        self.answers, self.seen, self.closed = list(answers), list[Request](), 0

    def carry(self, request: Request) -> Answer:
        self.seen.append(request)
        answer = self.answers.pop(0)
        if answer is None:
            raise OSError
        return answer

    def close(self) -> None:
        self.closed += 1


def test_whatever_carries_a_write_carries_it_again_with_its_key_and_a_new_signature() -> None:
    hand = Hand(None, Answer(503, {"retry-after": "0"}, b""), Answer(201, {"idempotency-replayed": "true"}, b"{}"))
    till = Client("", TOKEN, signs=True, carrier=hand)
    till.take_order(SALE)
    assert (till.replayed, hand.closed) == (True, 1)
    assert len({each.headers["Idempotency-Key"] for each in hand.seen}) == 1
    assert len({each.headers["Signature"] for each in hand.seen}) == 3


@pytest.mark.parametrize("signs", [False, True])
def test_what_is_drafted_is_what_would_have_been_sent(signs: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("greenloop_client.signing.time.time", lambda: 1_767_600_000.0)
    monkeypatch.setattr("greenloop_client.signing.secrets.token_hex", lambda _: "nonce")
    hand = Hand(Answer(201, {}, b"{}"))
    Client("", TOKEN, signs=signs, carrier=hand).take_order(SALE, idempotency_key="k-1")
    desk = Client("", TOKEN, signs=signs, carrier=Drafting())
    assert draft(desk.take_order, SALE, idempotency_key="k-1") == hand.seen[0]
    assert hand.seen[0].headers["Idempotency-Key"] == "k-1"
    assert ("Signature" in hand.seen[0].headers) == signs


def test_a_draft_of_a_list_asks_for_its_first_page() -> None:
    desk = Client("", TOKEN, carrier=Drafting())
    found = draft(desk.list_orders, merchant="baker", limit=2)
    assert (found.method, found.target, found.body) == ("GET", "/v1/orders?merchant=baker&limit=2", b"")
    assert "Idempotency-Key" not in found.headers


def test_a_client_that_sends_makes_no_draft() -> None:
    till = Client("", TOKEN, carrier=Hand(Answer(201, {}, b"{}")))
    with pytest.raises(TypeError, match="Drafting"):
        draft(till.take_order, SALE)
