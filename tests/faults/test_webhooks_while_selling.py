"""A receiver of webhooks refuses, hangs, fails and comes back, while tills sell and refund: nothing waits for it.

Beside it stands one that is always well. Every refund's event has to arrive at both; what a receiver has acknowledged
is not sent again.
"""

import json
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler
from threading import Event
from time import monotonic

import pytest
from django.conf import settings

from greenloop.services.loop.refund import refund
from greenloop.services.loop.take import take
from greenloop.services.outbox import claims, sending
from greenloop.services.outbox.deliver import deliver_due
from greenloop.services.outbox.endpoints import register
from greenloop.services.people.clients import register_client
from tests.faults.profile import PROFILE, SEED, Tally, chance, tallied
from tests.faults.trade import MERCHANTS, TRADE_AT, batch, found_alliance
from tests.support.databases import Database
from tests.support.ledger import fetch
from tests.support.receiving import Receiver, receiving
from tests.support.threads import at_once

BATCHES = 20 * PROFILE.scale
TILLS = ("till-0", "till-1")
TIMEOUT_S = 1
Answer = int | Callable[[BaseHTTPRequestHandler], None]


def listen(*receivers: Receiver) -> None:
    register_client(name="mall", kind="partner", merchants=MERCHANTS, at=TRADE_AT)
    for each in receivers:
        kinds = ("refund.paid", "refund.pending")
        register(client="mall", url=each.url, kinds=kinds, by="console", at=TRADE_AT)


def till(name: str) -> Counter[str]:
    """Sell and refund batch after batch, and return what was acknowledged."""
    done: Counter[str] = Counter()
    slowest_ms = 0
    for number in range(BATCHES):
        work = batch(seed=SEED, till=name, number=number)
        began = monotonic()
        taking = take(sales=work.sales, at=work.at)
        slowest_ms = max(slowest_ms, round((monotonic() - began) * 1_000))
        refunded = refund(forms=work.refunds, at=work.at)
        assert not taking.refusals
        assert not refunded.refusals
        done += Counter(orders=len(work.sales), refunds=len(work.refunds))
    print(f"{name}: the slowest batch of {len(work.sales)} orders took {slowest_ms} ms")
    return done


def deliver(sold: Event) -> None:
    """Deliver as the clock does until the tills are done, while each second is a minute of the town's."""
    began = monotonic()
    while not sold.wait(0.02):
        deliver_due(at=TRADE_AT + timedelta(minutes=monotonic() - began))


def hang(over: Event, handler: BaseHTTPRequestHandler) -> None:
    """Take a request and never answer."""
    over.wait(TIMEOUT_S * 3)
    handler.close_connection = True


def trade(tally: Tally) -> None:
    """Let the tills sell while what happens is delivered."""
    sold = Event()

    def sell() -> None:
        try:
            tally.counts += sum(at_once([partial(till, name) for name in TILLS]), Counter())
        finally:
            sold.set()

    work: list[Callable[[], None]] = [sell, partial(deliver, sold)]
    at_once(work)
    tally.acknowledged = tally.counts["orders"] + tally.counts["refunds"]


@pytest.mark.parametrize("ill", ["refuses", "hangs", "fails"])
def test_a_receiver_that_is_ill_costs_no_order_and_loses_no_event(
    database: Database, monkeypatch: pytest.MonkeyPatch, ill: str
) -> None:
    monkeypatch.setattr(settings, "GREENLOOP_HOOKS_TO_LOOPBACK", True)
    monkeypatch.setattr(sending, "TIMEOUT_S", TIMEOUT_S)
    over = Event()
    failing = chance("webhooks").choice((400, 404, 429, 500, 503))
    answers: dict[str, Answer] = {"refuses": 204, "hangs": partial(hang, over), "fails": failing}
    with tallied(f"webhook receiver {ill}", database.engine) as tally, receiving() as well, ExitStack() as stack:
        down = stack.enter_context(receiving(answer=answers[ill]))
        found_alliance()
        listen(well, down)
        if ill == "refuses":
            stack.close()
        trade(tally)
        tally.counts["arrived elsewhere meanwhile"] = len(well.got)
        assert well.got, "the receiver that is well had to wait for the one that isn't"
        over.set()
        if ill == "refuses":
            down = stack.enter_context(receiving(port=down.port))
        down.answer, unanswered = 204, len(down.got)
        drain()
        count(tally, well, Counter(got.id for got in well.got))
        count(tally, down, Counter(got.id for got in down.got[unanswered:]))
        failed = "SELECT COUNT(*) FROM delivery_attempt WHERE status IS NULL OR status > 299"
        ((tally.counts["tries that failed"],),) = fetch(failed)
        tally.prove_books()
        tally.assert_exact()
        assert tally.counts["tries that failed"] > 0


def drain() -> None:
    """Let the clock tick, on and on, until nothing waits."""
    at = TRADE_AT + timedelta(hours=1) + claims.LEASE
    while fetch("SELECT COUNT(*) FROM delivery WHERE state = 'waiting'") != [(0,)]:
        at += timedelta(hours=3)
        assert at < TRADE_AT + timedelta(days=9), "what waits never arrives"
        deliver_due(at=at)


def count(tally: Tally, receiver: Receiver, acknowledged: Counter[str]) -> None:
    """Count what of the refunds that were acknowledged to tills didn't arrive at a receiver, or more than once."""
    events = dict(fetch("SELECT id, body FROM outbox_event"))
    told = {(data["merchant"], data["order_no"]) for data in (json.loads(body)["data"] for body in events.values())}
    wanted = {
        (form.merchant, form.order_no)
        for name in TILLS
        for number in range(BATCHES)
        for form in batch(seed=SEED, till=name, number=number).refunds
    }
    tally.lost += len(wanted - told) + sum(acknowledged[str(event)] == 0 for event in events)
    tally.doubled += sum(times > 1 for times in acknowledged.values())
    assert {got.body.decode() for got in receiver.got} <= set(events.values())
    tally.counts["events"] = len(events)
