"""Requests of the load, prepared by the client: orders one by one and in bulk, by a bearer or signed; and wallets."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bench import driving
from bench.world import MEMBERS, MERCHANTS
from greenloop_client import Client, Drafting, Request, draft

if TYPE_CHECKING:
    from greenloop_client.models import OrderIn

BASE = "http://localhost"


def _sale(number: int, paid_at: str) -> "OrderIn":
    return {
        "merchant": f"s{number * 7 % MERCHANTS}",
        "order_no": f"load-{number}",
        "member": f"m{number * 13 % MEMBERS}",
        "paid_at": paid_at,
        "cash_fen": 500 + number * 37 % 30_000,
        "delivered": True,
    }


def _desk(token: str, *, signs: bool = False) -> Client:
    return Client(BASE, token, signs=signs, carrier=Drafting())


def _wire(request: Request) -> bytes:
    """Return a request as HTTP/1.1 has it, with what whoever sends a request adds to it."""
    told = {"Host": "localhost", **request.headers, "Content-Length": str(len(request.body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"{request.method} {request.target} HTTP/1.1\r\n{lines}\r\n".encode() + request.body


def singles(token: str, numbers: range, *, signs: bool = False) -> Iterator[driving.Request]:
    """Prepare single orders that each carry an idempotency key, by a bearer or signed just now."""
    desk, paid_at = _desk(token, signs=signs), datetime.now(UTC).isoformat()
    for number in numbers:
        key = f"load-{number}"
        yield driving.Request(_wire(draft(desk.take_order, _sale(number, paid_at), idempotency_key=key)), key)


def bulks(token: str, numbers: range, size: int) -> Iterator[driving.Request]:
    """Prepare calls of `size` orders each."""
    desk, paid_at = _desk(token), datetime.now(UTC).isoformat()
    for first in range(numbers.start, numbers.stop, size):
        orders = [_sale(number, paid_at) for number in range(first, first + size)]
        yield driving.Request(_wire(draft(desk.take_orders, {"orders": orders})), items=size)


def reads(token: str, accounts: list[int], count: int) -> Iterator[driving.Request]:
    """Prepare reads of wallets, in no order that the database would like."""
    desk = _desk(token)
    for number in range(count):
        account = accounts[number * 7919 % len(accounts)]
        yield driving.Request(_wire(draft(desk.read_wallet, str(account))))


def health() -> driving.Request:
    """Prepare what a machine asks that only wants to know whether the server lives."""
    return driving.Request(_wire(Client(BASE).prepare("GET", "/healthz")))
