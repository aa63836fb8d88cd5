"""Senders who dawdle: whoever sends the rest of a body late, or never, keeps nobody else from being answered."""

import http.client
import json
import select
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest

from greenloop.api import bodies
from greenloop.cli.serving import THREADS
from tests.support.databases import Database
from tests.support.serving import Served, served

if TYPE_CHECKING:
    from tests.support.calling import Caller

SENDERS, CALLERS, ORDERS, PATIENCE_S = 80, 64, 12, 30


@pytest.fixture
def site(till: "Caller", database: Database, tmp_path: Path) -> Iterator[Served]:
    """The town, served by the product's own command."""
    from django.conf import settings

    named = {
        "GREENLOOP_LOG_FORMAT": "json",
        "GREENLOOP_SECRET_KEY": "s" * 64,
        "GREENLOOP_IDENTITY_KEY": settings.GREENLOOP_IDENTITY_KEY,
    }
    with served(database.url, tmp_path, [], "--no-clock", **named) as found:
        yield found


def place(site: Served) -> str:
    return site.base.removeprefix("http://")


def bearer(till: "Caller") -> dict[str, str]:
    return {"Authorization": f"Bearer {till.token}"}


@contextmanager
def dawdling(site: Served, path: str, **headers: str) -> Iterator[list[socket.socket]]:
    """Hold connections that have sent the head of a request and one byte of its body."""
    head = {"Host": "localhost", "Content-Type": "application/json", "Content-Length": "1000"} | headers
    told = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    host, _, port = place(site).partition(":")
    with ExitStack() as held:
        found = [held.enter_context(socket.create_connection((host, int(port)), timeout=30)) for _ in range(SENDERS)]
        for each in found:
            each.sendall(f"POST {path} HTTP/1.1\r\n{told}\r\n".encode() + b"{")
        yield found


def told(held: list[socket.socket], count: int) -> list[int]:
    """Return the statuses of the first answers that come on connections, `count` of them."""
    found: list[int] = []
    left = list(held)
    while len(found) < count:
        ready, _, _ = select.select(left, [], [], PATIENCE_S)
        assert ready, f"{len(found)} answers came of {count}"
        for each in ready:
            found.append(int(each.recv(64).split()[1]))
            left.remove(each)
    return found


def asked(site: Served, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any]:
    line = http.client.HTTPConnection(place(site), timeout=PATIENCE_S)
    line.request(method, path, body, {"Content-Type": "application/json"} | headers)
    answer = line.getresponse()
    found = answer.status, json.loads(answer.read())
    line.close()
    return found


def sale(number: str) -> bytes:
    order = {"merchant": "grocer", "order_no": number, "member": "mei", "cash_fen": 1_000}
    return json.dumps(order | {"paid_at": datetime.now(UTC).isoformat()}).encode()


def test_three_quarters_of_the_threads_wait_for_bodies_at_most() -> None:
    assert bodies.WAITING_MAX * 4 == THREADS * 3
    assert 0 < bodies.STRANGERS_MAX < bodies.WAITING_MAX


def test_strangers_who_dawdle_are_refused_before_their_bodies_are_read(site: Served, till: "Caller") -> None:
    signed = {"Content-Digest": f"sha-256=:{'A' * 43}=:", "Signature": f"sig=:{'A' * 43}=:"}
    params = '("@method" "@path" "@query" "content-digest");created=1;keyid="1";nonce="0123456789abcdef"'
    signed["Signature-Input"] = f'sig={params};alg="hmac-sha256"'
    # A key that was good is heard on, however many from its address are wrong.
    assert asked(site, "POST", "/v1/orders", sale("A-1"), **bearer(till))[0] == 201
    for path, headers in (
        ("/v1/orders", {}),
        ("/v1/members", {}),
        ("/v1/orders", {"Authorization": "Bearer glk_1_x"}),
        ("/v1/members", {"Authorization": "Bearer glk_1_x"}),
        ("/v1/orders/bulk", signed),
        ("/v1/members", signed),
    ):
        with dawdling(site, path, **headers) as held:
            # From an address of which so many were wrong, some are told to wait.
            assert set(told(held, SENDERS)) <= {401, 429}, path
            assert asked(site, "GET", "/healthz") == (200, {"alive": True})
    assert asked(site, "POST", "/v1/orders", sale("A-2"), **bearer(till))[0] == 201


def test_while_forms_of_pages_dawdle_orders_are_taken(site: Served, till: "Caller") -> None:
    with dawdling(site, "/sign-in/") as held:
        # As many as may wait do so; all others are told to come again, and nothing of theirs was read.
        assert set(told(held, SENDERS - bodies.STRANGERS_MAX)) == {503}
        assert asked(site, "GET", "/healthz") == (200, {"alive": True})
        assert asked(site, "POST", "/v1/orders", sale("A-1"), **bearer(till))[0] == 201


def test_while_a_good_key_dawdles_the_service_lives_and_says_that_it_is_busy(site: Served, till: "Caller") -> None:
    for number, path in enumerate(("/v1/orders", "/v1/members")):
        order = sale(f"A-{number}")
        with dawdling(site, path, **bearer(till)) as held:
            assert set(told(held, SENDERS - bodies.WAITING_MAX)) == {503}
            assert asked(site, "GET", "/healthz") == (200, {"alive": True})
            status, answer = asked(site, "POST", "/v1/orders", order, **bearer(till))
            assert (status, answer["code"]) == (503, "service.busy")
            assert asked(site, "GET", "/v1/merchants/grocer", b"", **bearer(till))[0] == 200
        # They have hung up, so there is room again.
        deadline = time.monotonic() + PATIENCE_S
        while asked(site, "POST", "/v1/orders", order, **bearer(till))[0] != 201:
            assert time.monotonic() < deadline


def test_sixty_four_callers_at_once_are_all_answered(site: Served, till: "Caller") -> None:
    at_once = Barrier(CALLERS)

    def sell(number: int) -> set[int]:
        line = http.client.HTTPConnection(place(site), timeout=PATIENCE_S)
        line.connect()
        statuses = set()
        for order in range(ORDERS):
            at_once.wait()
            # The body comes in a packet of its own, after the head.
            line.request("POST", "/v1/orders", sale(f"{number}-{order}"), bearer(till))
            answer = line.getresponse()
            answer.read()
            statuses.add(answer.status)
        line.close()
        return statuses

    with ThreadPoolExecutor(CALLERS) as pool:
        assert set().union(*pool.map(sell, range(CALLERS))) == {201}


def test_of_a_body_that_breaks_off_nothing_is_taken(site: Served, till: "Caller") -> None:
    whole = sale("A-1") + b"\n" + sale("A-2") + b"\n"
    head = {"Host": "localhost", "Content-Type": "application/x-ndjson", "Content-Length": str(len(whole))} | bearer(
        till
    )
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    host, _, port = place(site).partition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as line:
        line.sendall(f"POST /v1/orders/bulk HTTP/1.1\r\n{lines}\r\n".encode() + whole[: whole.index(b"\n") + 1])
        line.shutdown(socket.SHUT_WR)
        assert told([line], 1) == [400]
    assert asked(site, "GET", "/v1/orders?merchant=grocer", b"", **bearer(till))[1]["items"] == []
