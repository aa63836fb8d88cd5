"""What webhooks cost where many clients listen: what is told to each, and nothing of the others.

Counted are statements and the lines of Python that run, which are the same on every machine.
"""

import re
import sys
from collections.abc import Callable
from datetime import date
from types import FrameType
from typing import Any

from django.db import transaction

from greenloop.services.outbox import claims, deliver, news
from greenloop.store import sql
from tests.support.ledger import fetch
from tests.support.town import Town
from tests.support.visiting import counted

ACCOUNT, MERCHANT, CLIENT, ENDPOINT = (number * 10**9 for number in range(1, 5))
DAY = date(2026, 1, 6)


def crowd(town: Town, many: int, *, kinds: str = "payout.paid refund.paid orders.vested", first: int = 0) -> list[int]:
    """Let so many more merchants each have a client that listens; return the merchants."""
    at, places = sql.instant(town.at), range(first, first + many)
    flag = sql.value("SELECT accepts_coupons FROM merchant LIMIT 1")
    accounts = [(ACCOUNT + n, at, "!", True) for n in places]
    sql.load("account", ("id", "created_at", "password", "is_active"), accounts)
    columns = ("id", "account_id", "ref", "city", "grade", "multiple_ppm", "accepts_coupons", "enrolled_at")
    merchants = [(MERCHANT + n, ACCOUNT + n, f"shop {n}", "Hangzhou", "A", 1_000_000, bool(flag), at) for n in places]
    sql.load("merchant", columns, merchants)
    clients = [(CLIENT + n, "merchant", f"tills of shop {n}", at) for n in places]
    sql.load("api_client", ("id", "kind", "name", "created_at"), clients)
    sql.load("client_merchant", ("client_id", "merchant_id"), [(CLIENT + n, MERCHANT + n) for n in places])
    told = ("id", "client_id", "url", "kinds", "sealed_secret", "created_at", "leased_until_at")
    endpoints = [(ENDPOINT + n, CLIENT + n, "https://tills.example/", kinds, "", at, at) for n in places]
    sql.load("webhook_endpoint", told, endpoints)
    return [MERCHANT + n for n in places]


def lines(call: Callable[[], object]) -> int:
    """Return how many lines of Python a call runs, turns of its loops included."""
    count = 0

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal count
        del frame, arg
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def pay(town: Town, merchants: list[int]) -> None:
    """Tell of payouts, in a transaction as the verb does."""
    with transaction.atomic():
        news.paid_out(dict.fromkeys(merchants, 100), DAY, at=town.at)


def test_telling_of_twice_the_payouts_costs_twice_as_much(town: Town) -> None:
    some = crowd(town, 100)
    few = lines(lambda: pay(town, some))
    more = crowd(town, 200, first=100)
    many = lines(lambda: pay(town, more))
    assert fetch("SELECT COUNT(*) FROM delivery") == [(300,)]
    # Asking each client about each payout took 69 278 and 378 278 lines on SQLite.
    assert many < 2.2 * few


def test_payouts_of_many_merchants_are_told_in_few_statements(town: Town) -> None:
    merchants = crowd(town, 2_000)
    with counted() as found:
        pay(town, merchants)
    assert fetch("SELECT COUNT(DISTINCT client_id), COUNT(*) FROM outbox_event") == [(2_000, 2_000)]
    # Who listens, names, listeners, begin and commit; events and deliveries by 500.
    assert len(found) <= 15


def test_one_refund_costs_the_same_however_many_listen_to_others(town: Town) -> None:
    order = town.sell("lin", "grocer", 100_000)
    crowd(town, 1)
    town.refund(order, 100, "R0")
    alone = lines(lambda: town.refund(order, 100, "R1"))
    crowd(town, 500, first=1)
    among = lines(lambda: town.refund(order, 100, "R2"))
    assert among < alone + 100


def test_what_vests_is_told_each_client_without_looking_through_the_others(town: Town) -> None:
    def vested(cycle: int) -> int:
        with transaction.atomic():
            return lines(lambda: news.vested(cycle, at=town.at))

    town.sell("lin", "grocer", 100_000)
    crowd(town, 1)
    town.close(1)
    alone = vested(1)
    crowd(town, 500, first=1)
    assert vested(1) < alone + 100


def backlog(town: Town, many: int) -> None:
    """Let so many events wait for one endpoint since one instant, as those that are sent again do."""
    crowd(town, 1)
    at, places = sql.instant(town.at), range(many)
    events = [(n, CLIENT, "refund.paid", f"refund/{n}", "{}", at) for n in places]
    sql.load("outbox_event", ("id", "client_id", "kind", "about", "body", "at"), events)
    deliveries = [(n, n, ENDPOINT, "waiting", at) for n in reversed(places)]
    sql.load("delivery", ("id", "event_id", "endpoint_id", "state", "next_at"), deliveries)


def test_a_batch_reads_no_more_of_a_backlog_than_it_takes(town: Town) -> None:
    backlog(town, 5_000)
    sql.run("ANALYZE")
    with counted() as found:
        (batch,) = deliver.claim(endpoints_max=8, at=town.at)
    assert [parcel.delivery_id for parcel in batch.parcels] == list(range(claims.BATCH))
    (oldest,) = (each["sql"] for each in found if "ORDER BY next_at" in each["sql"])
    plan = "\n".join(str(row[-1]) for row in fetch(f"{_explain()} {oldest}"))
    # By the index in its order: nothing is sorted, and bodies are read afterwards.
    assert "delivery_due" in plan
    assert not re.search("Sort|ORDER BY|Seq Scan|outbox_event", plan), plan


def _explain() -> str:
    return "EXPLAIN" if sql.is_postgresql() else "EXPLAIN QUERY PLAN"
