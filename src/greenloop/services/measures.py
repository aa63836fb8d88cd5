"""What is counted and timed while the service works, in Prometheus' own objects: one place, so that names are once.

Each process counts for itself. Where several serve, PROMETHEUS_MULTIPROC_DIR names a folder through which they are
added up; it has to be set before this module is imported. Labels are few and fixed: routes, codes, names of verbs;
never whom something was about.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from time import perf_counter

from greenloop.core.faults import Breach, Refusal
from greenloop.services import trail
from greenloop.services.sharing import FOLDER

if folder := os.environ.get(FOLDER):
    Path(folder).mkdir(parents=True, exist_ok=True)

from prometheus_client import Counter, Gauge, Histogram

FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
LONG = (0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0)
SIZES = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000)

REQUESTS = Counter("greenloop_requests", "Requests answered.", ["method", "route", "status"])
REQUEST_SECONDS = Histogram("greenloop_request_seconds", "Time of an answer.", ["route"], buckets=FAST)
ORDERS = Counter("greenloop_orders", "Orders handed in, by what became of them.", ["result"])
ORDER_REFUSALS = Counter("greenloop_order_refusals", "Orders refused, in batches too, by code.", ["code"])
REFUSALS = Counter("greenloop_refusals", "Requests refused, by the refusal's code.", ["code"])
BREACHES = Counter("greenloop_breaches", "Broken invariants: nothing was recorded, people are to be called.")
VERB_SECONDS = Histogram("greenloop_verb_seconds", "Time of a verb's transaction.", ["verb"], buckets=LONG)
WRITER_SECONDS = Histogram("greenloop_writer_seconds", "Time that a verb waits to write an SQLite file.", buckets=LONG)
BATCH_ITEMS = Histogram("greenloop_batch_items", "Calls that one batch answered.", ["queue"], buckets=SIZES)
BATCH_SECONDS = Histogram("greenloop_batch_seconds", "Time of one batch.", ["queue"], buckets=FAST)
QUEUE = Gauge("greenloop_queue_waiting", "Calls that wait for a batch.", ["queue"], multiprocess_mode="livesum")


def answered(*, method: str, route: str, status: int, seconds: float) -> None:
    """Count a request that was answered; `route` is the pattern that its address fits."""
    _requests(method, route, status).inc()
    _request_seconds(route).observe(seconds)


# Finding a measure by its labels takes longer than counting with it; of each kind there are few.
_requests = cache(REQUESTS.labels)
_request_seconds = cache(REQUEST_SECONDS.labels)


def refused(code: str) -> None:
    """Count a refusal on its way out of a door, and note it on the request under way."""
    REFUSALS.labels(code).inc()
    trail.refused(code)


def orders(*, taken: int, replayed: int, refusals: Iterable[Refusal]) -> None:
    """Count what became of a batch of orders; each of its refusals counts by its code too."""
    ORDERS.labels("taken").inc(taken)
    if replayed:
        ORDERS.labels("replayed").inc(replayed)
    for refusal in refusals:
        ORDERS.labels("refused").inc()
        ORDER_REFUSALS.labels(refusal.code).inc()


@contextmanager
def verb(name: str) -> Iterator[None]:
    """Time a verb's transaction, refused ones too, and count an invariant that it found broken."""
    begun = perf_counter()
    try:
        yield
    except Breach:
        BREACHES.inc()
        raise
    finally:
        VERB_SECONDS.labels(name).observe(perf_counter() - begun)


@contextmanager
def batch(queue: str, *, items: int, waiting: int) -> Iterator[None]:
    """Time a batch of `items` calls that one queue gathered, while `waiting` more wait behind it."""
    QUEUE.labels(queue).set(waiting)
    begun = perf_counter()
    try:
        yield
    finally:
        BATCH_ITEMS.labels(queue).observe(items)
        BATCH_SECONDS.labels(queue).observe(perf_counter() - begun)
