"""The platform's side of a trial: a door for notices in this process, and a till that sells through the institution."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from django.db import connection

from greenloop.core.faults import Refusal
from greenloop.services.books.institution.gateway import Gateway
from greenloop.services.books.institution.notices import take_notices
from greenloop.services.books.institution.sandbox import NOTICE_PATH
from greenloop.services.loop.take import Sale, take
from greenloop.store import sql

BATCH = 500


class NoticeDoor(BaseHTTPRequestHandler):
    """Takes notices as the API's route does: checked, kept in one transaction, answered after its commit."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    gateway: Gateway
    now: Callable[[], datetime]

    def do_POST(self) -> None:
        """Take one notice."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        at = type(self).now()
        try:
            said = self.gateway.verified(dict(self.headers), body, at=at)
            take_notices(said=[said], at=at)
            status = 204
        except Refusal:
            status = 401
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def finish(self) -> None:
        """Let go of the connection's database."""
        super().finish()
        connection.close()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing of each notice."""


@contextmanager
def door(gateway: Gateway, now: Callable[[], datetime]) -> Iterator[str]:
    """Take notices on loopback until the block ends; give the address that they are sent to."""
    facts = {"gateway": gateway, "now": staticmethod(now)}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OwnNoticeDoor", (NoticeDoor,), facts))
    server.daemon_threads = True
    Thread(target=partial(server.serve_forever, poll_interval=0.1), name="notices", daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{NOTICE_PATH}"
    finally:
        server.shutdown()
        server.server_close()


@dataclass(frozen=True, slots=True)
class Basket:
    """What one payer buys: from whom, under which order number, for how much cash in fen."""

    merchant: str
    order_no: str
    member: str
    cash_fen: int


def ring_up(baskets: Sequence[Basket], *, at: datetime) -> int:
    """Report the orders whose payment the institution says is made, as a till does; return how many were new."""
    paid = {row[0] for row in sql.rows(_PAID)}
    ready = [basket for basket in baskets if basket.order_no in paid]
    for first in range(0, len(ready), BATCH):
        sales = [
            Sale(each.merchant, each.order_no, each.member, at, each.cash_fen, delivered=True)
            for each in ready[first : first + BATCH]
        ]
        taking = take(sales=sales, at=at)
        for refusal in taking.refusals.values():
            raise refusal
    return len(ready)


_PAID = """
    SELECT i.order_no FROM payment_instruction i WHERE i.kind = 'collect' AND i.state = 'done' AND NOT EXISTS (
        SELECT 1 FROM orders o WHERE o.merchant_id = i.merchant_id AND o.order_no = i.order_no)
"""
