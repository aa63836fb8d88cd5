"""Requests of the load, prepared: orders one by one and in bulk, by a bearer or signed, and wallets to be read."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

from bench.driving import Request
from bench.world import MEMBERS, MERCHANTS
from tests.support.calling import signature

ORDERS, BULK = "/v1/orders", "/v1/orders/bulk"
HEALTH = Request(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")


def _sale(number: int, paid_at: str) -> bytes:
    return json.dumps(
        {
            "merchant": f"s{number * 7 % MERCHANTS}",
            "order_no": f"load-{number}",
            "member": f"m{number * 13 % MEMBERS}",
            "paid_at": paid_at,
            "cash_fen": 500 + number * 37 % 30_000,
            "delivered": True,
        }
    ).encode()


def _wire(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    told = {"host": "localhost", **headers}
    if body:
        told |= {"content-type": "application/json", "content-length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def singles(token: str, numbers: range, *, signs: bool = False) -> Iterator[Request]:
    """Prepare single orders that each carry an idempotency key, by a bearer or signed just now."""
    paid_at = datetime.now(UTC).isoformat()
    for number in numbers:
        body, key = _sale(number, paid_at), f"load-{number}"
        proof = signature(token, "POST", ORDERS, body, key) if signs else {"authorization": f"Bearer {token}"}
        yield Request(_wire("POST", ORDERS, {"idempotency-key": key, **proof}, body), key)


def bulks(token: str, numbers: range, size: int) -> Iterator[Request]:
    """Prepare calls of `size` orders each."""
    paid_at = datetime.now(UTC).isoformat()
    for first in range(numbers.start, numbers.stop, size):
        body = b'{"orders":[' + b",".join(_sale(number, paid_at) for number in range(first, first + size)) + b"]}"
        yield Request(_wire("POST", BULK, {"authorization": f"Bearer {token}"}, body), items=size)


def reads(token: str, accounts: list[int], count: int) -> Iterator[Request]:
    """Prepare reads of wallets, in no order that the database would like."""
    for number in range(count):
        account = accounts[number * 7919 % len(accounts)]
        yield Request(_wire("GET", f"/v1/wallets/{account}", {"authorization": f"Bearer {token}"}))
