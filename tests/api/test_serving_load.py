"""The server as it runs, under many callers at once: what it takes of the database, what is left when it stops."""

import http.client
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import pytest

from greenloop.config.settings import POOL
from tests.support.databases import Database
from tests.support.ledger import fetch
from tests.support.serving import Served, served

if TYPE_CHECKING:
    from tests.support.calling import Caller

CALLERS, PAGES, SELLERS, ENOUGH = 64, 6, 16, 200
_CONNECTIONS = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


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


def connected(site: Served) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(site.base.removeprefix("http://"), timeout=60)


def test_sixty_four_readers_of_pages_share_the_connections_of_the_pool(
    site: Served, till: "Caller", database: Database
) -> None:
    if database.engine == "sqlite":
        pytest.skip("an SQLite file has no server that counts connections")
    statuses: list[int] = []

    def read() -> None:
        line = connected(site)
        for _ in range(PAGES):
            line.request("GET", "/v1/orders?merchant=grocer", headers={"Authorization": f"Bearer {till.token}"})
            answer = line.getresponse()
            answer.read()
            statuses.append(answer.status)
        line.close()

    seen = []
    readers = [Thread(target=read, daemon=True) for _ in range(CALLERS)]
    for each in readers:
        each.start()
    while any(each.is_alive() for each in readers):
        seen.append(int(fetch(_CONNECTIONS)[0][0]))
        Event().wait(0.005)
    assert statuses == [200] * (CALLERS * PAGES)
    assert 1 < max(seen) <= POOL, seen


class Seller(Thread):
    """A till that sells one order after the other on one connection, until the server is gone."""

    def __init__(self, site: Served, token: str, name: str) -> None:
        super().__init__(daemon=True)
        self.line, self.token, self.till = connected(site), token, name
        self.answered: list[dict[str, Any]] = []
        self.strange: list[int] = []

    def run(self) -> None:
        for number in count():
            sale = {"merchant": "grocer", "order_no": f"{self.till}-{number}", "member": "mei"}
            body = json.dumps(sale | {"paid_at": datetime.now(UTC).isoformat(), "cash_fen": 1_000 + number})
            headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": sale["order_no"]}
            try:
                self.line.request("POST", "/v1/orders", body, headers | {"Content-Type": "application/json"})
                answer = self.line.getresponse()
                told = json.loads(answer.read())
            except (http.client.HTTPException, OSError):
                self.line.close()
                return
            if answer.status == 201:
                self.answered.append(told)
            else:
                self.strange.append(answer.status)


def test_every_order_that_was_answered_is_there_when_the_server_was_told_to_stop(site: Served, till: "Caller") -> None:
    sellers = [Seller(site, till.token, f"s{number}") for number in range(SELLERS)]
    for each in sellers:
        each.start()
    while sum(len(each.answered) for each in sellers) < ENOUGH:
        assert any(each.is_alive() for each in sellers), site.log.read_text("utf-8")
        Event().wait(0.01)
    site.server.terminate()
    site.server.wait(60)
    for each in sellers:
        each.join(60)
    assert [each.strange for each in sellers] == [[]] * SELLERS
    answered = {(told["order_no"], int(told["id"]), told["cash_fen"]) for each in sellers for told in each.answered}
    there = {(order_no, number, fen) for order_no, number, fen in fetch("SELECT order_no, id, cash_fen FROM orders")}
    assert answered <= there
    assert len(there) - len(answered) <= SELLERS, "each till had one order under way at most"
    lines = [json.loads(line) for line in site.log.read_text("utf-8").splitlines() if line.startswith("{")]
    told = [line for line in lines if line["event"] == "request" and line["status"] == 201]
    assert len(told) >= len(answered), "the log lacks requests that were answered"
