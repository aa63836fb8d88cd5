"""Connections to the database are dropped, many after COMMIT was sent: whoever asks again finds its own effect."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from django.conf import settings

from greenloop.api import callers, limits
from greenloop.api.loop import till as orders
from tests.faults.cluster import cluster_in, empty_folder, server_folder
from tests.faults.counting import count
from tests.faults.profile import PROFILE, SEED, Tally, chance, tallied
from tests.faults.proxy import STARTUP, Proxy, Reader, proxy_to
from tests.faults.tills import django_at, tills
from tests.faults.trade import MERCHANTS, found_alliance
from tests.support.calling import Answer, Caller, partner_of
from tests.support.databases import point_django_at
from tests.support.ledger import fetch
from tests.support.threads import at_once
from tests.support.town import Town

DROPS = 600 if PROFILE.scale > 1 else 30
CALLERS = 8
PATIENCE_S = 60 * PROFILE.scale
_DOUBLED = "SELECT COUNT(*) FROM (SELECT 1 FROM orders GROUP BY merchant_id, order_no HAVING COUNT(*) > 1) AS twice"


@pytest.fixture
def line(tmp_path: Path) -> Iterator[tuple[Proxy, str, Town]]:
    """A proxy, the server's own address behind it, and the alliance that trades there."""
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # Django's own lane warns where there is none
    with ExitStack() as open_:
        folder = open_.enter_context(server_folder())
        server = open_.enter_context(cluster_in(folder, empty_folder(folder / "data")))
        open_.enter_context(django_at(server.url))
        town = found_alliance()
        proxy = open_.enter_context(proxy_to(folder, chance("drops")))
        yield proxy, server.url, town
        orders.writer.rest()
        callers.forget()
        limits.forget()


def wait_for_drops(proxy: Proxy) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while proxy.counts["drops"] < DROPS or proxy.counts["drops_after_commit"] < DROPS // 3:
        assert time.monotonic() < deadline, f"seed {SEED}: too few connections were dropped: {proxy.counts}"
        time.sleep(0.05)


def test_a_till_whose_connection_is_dropped_again_and_again_finds_what_it_has_done(
    line: tuple[Proxy, str, Town], tmp_path: Path
) -> None:
    proxy, _, _ = line
    proxy.after_commit, proxy.anywhere = 0.2, 0.005
    with (
        tallied("connection dropped, verbs", "postgresql") as tally,
        tills(["d1", "d2"], proxy.url("trade"), tmp_path) as sellers,
    ):
        for seller in sellers:
            seller.start()
        wait_for_drops(proxy)
        proxy.spare()
        for seller in sellers:
            seller.wait_for_more(2)
            seller.finish()
        tally.counts.update(proxy.counts)
        count(tally, sellers)
        assert tally.counts["errors"] >= tally.counts["drops_after_commit"] > 0
        tally.assert_exact()


def order_of(town: Town, number: str, **changes: Any) -> dict[str, Any]:
    told = {"merchant": "grocer", "order_no": number, "member": "mei", "paid_at": town.at.isoformat()}
    return told | {"cash_fen": 12_345, "voucher_fen": 7, "delivered": True} | changes


def insist(till: Caller, order: dict[str, Any], tally: Tally) -> Answer:
    """Send an order with its idempotency key until it is taken; nothing but yes and 503 may come back."""
    while True:
        answer = till.post("/v1/orders", order, idempotency_key=f"key-{order['order_no']}")
        if answer.status == 201:
            return answer
        tally.counts["unavailable"] += 1
        assert (answer.status, answer.code) == (503, "service.unavailable"), answer.body
        assert int(answer.headers["retry-after"]) > 0


def sell(till: Caller, town: Town, name: int, done: Event, tally: Tally) -> dict[str, bytes]:
    """Sell until it is enough; return what was acknowledged, by order number."""
    told: dict[str, bytes] = {}
    while not done.is_set():
        number = f"c{name}-{len(told)}"
        told[number] = insist(till, order_of(town, number, merchant=MERCHANTS[name % 2]), tally).body
    return told


def test_an_order_sent_again_with_its_key_after_503_is_there_once_and_gets_the_answer_that_was_kept(
    line: tuple[Proxy, str, Town], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, url, town = line
    monkeypatch.setattr(limits, "count", lambda *_, **__: None)  # how often a key may call is not what is tried
    till = partner_of(*MERCHANTS)
    till.ahead = True
    before_fen = int(fetch("SELECT SUM(redeemed_fen) FROM wallet")[0][0])
    point_django_at(proxy.url("trade"))
    proxy.after_commit, proxy.anywhere = 0.2, 0.005
    done = Event()
    with tallied("connection dropped, API", "postgresql") as tally:

        def watch() -> dict[str, bytes]:
            try:
                wait_for_drops(proxy)
            finally:
                done.set()
            return {}

        calls: list[Callable[[], dict[str, bytes]]] = [watch]
        calls += [partial(sell, till, town, name, done, tally) for name in range(CALLERS)]
        told = {number: body for each in at_once(calls) for number, body in each.items()}
        proxy.spare()
        orders.writer.rest()
        callers.forget()
        point_django_at(url)
        tally.counts.update(proxy.counts)
        tally.acknowledged = len(told)
        there = {number: (fen, vouchers) for number, fen, vouchers in fetch(_THERE)}
        tally.lost = sum(there.get(number) != (12_345, 7) for number in told)
        tally.doubled = int(fetch(_DOUBLED)[0][0]) + len(there.keys() - told.keys())
        spent_fen = int(fetch("SELECT SUM(redeemed_fen) FROM wallet")[0][0]) - before_fen
        tally.double_spent = abs(spent_fen - 7 * len(told))
        for number, body in told.items():
            again = insist(till, order_of(town, number, merchant=MERCHANTS[int(number[1]) % 2]), Tally("", ""))
            assert (again.body, again.headers["idempotency-replayed"]) == (body, "true")
        tally.prove_books()
        assert tally.counts["unavailable"] > 0
        tally.assert_exact()


def answer_lost(proxy: Proxy, till: Caller, path: str, body: dict[str, Any]) -> Answer:
    """Ask while the answer to COMMIT is swallowed, be told that it isn't known, ask again, and return that answer."""
    proxy.after_commit = 1.0
    lost = till.post(path, body, idempotency_key="k")
    assert (lost.status, lost.code, lost.headers["retry-after"]) == (503, "service.unavailable", "2")
    assert proxy.counts["drops_after_commit"] == 1
    proxy.spare()
    again = till.post(path, body, idempotency_key="k")
    assert (again.status, again.headers["idempotency-replayed"]) == (201, "true")
    orders.writer.rest()
    callers.forget()
    return again


@pytest.mark.parametrize("ahead", [False, True], ids=["django", "ahead"])
def test_when_the_answer_to_commit_is_lost_the_caller_is_told_503_and_finds_its_order(
    line: tuple[Proxy, str, Town], ahead: bool
) -> None:
    proxy, url, town = line
    till = partner_of(*MERCHANTS)
    till.ahead = ahead
    point_django_at(proxy.url("trade"))
    again = answer_lost(proxy, till, "/v1/orders", order_of(town, "x"))
    point_django_at(url)
    assert fetch("SELECT id, cash_fen FROM orders WHERE order_no = 'x'") == [(int(again.json["id"]), 12_345)]


def test_when_the_answer_to_commit_is_lost_the_caller_is_told_503_and_finds_its_refund(
    line: tuple[Proxy, str, Town], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, url, town = line
    till = partner_of(*MERCHANTS)
    order = town.sell("mei", "grocer", 9_200)
    monkeypatch.setattr("greenloop.api.clock.now", lambda: town.at)
    point_django_at(proxy.url("trade"))
    again = answer_lost(proxy, till, f"/v1/orders/{order}/refunds", {"refund_no": "r-1", "amount_fen": 5_000})
    point_django_at(url)
    assert fetch("SELECT id, amount_fen, state FROM refund") == [(int(again.json["id"]), 5_000, "paid")]


def test_the_proxy_sees_a_commit_in_whatever_pieces_it_comes() -> None:
    startup = (9).to_bytes(4, "big") + STARTUP.to_bytes(4, "big") + b"\0"
    said = startup + b"Q\0\0\0\x0bSELECT\0" + b"Q\0\0\0\x0bCOMMIT\0"
    for size in (1, 5, len(said)):
        reader = Reader()
        seen = [reader.commits(said[start : start + size]) for start in range(0, len(said), size)]
        assert (sum(seen), seen[-1]) == (1, True)


_THERE = "SELECT order_no, cash_fen, voucher_fen FROM orders WHERE order_no LIKE 'c%%-%%'"
