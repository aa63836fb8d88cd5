"""The measurements, one process each, so that none warms or fattens another. Prints figures as JSON Lines."""

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta

import django

from bench.measure import Figure, each, median, p99, peak_mib, seconds

django.setup()

from bench import world  # noqa: E402  Django is set up first
from bench.load import loading  # noqa: E402
from bench.pages import paging  # noqa: E402
from bench.roots import growing, rooting  # noqa: E402
from bench.tracing import tracing  # noqa: E402
from greenloop.core.loop.settlement import settle  # noqa: E402
from greenloop.services.loop import settle as settle_verb  # noqa: E402
from greenloop.services.loop.take import take  # noqa: E402
from greenloop.services.loop.vest import vest  # noqa: E402
from greenloop.store.queries import wallets  # noqa: E402

BATCHES = {1: 300, 100: 60, 1_000: 40, 5_000: 10}
HOLDERS_PER_ORDER = 10
"""Holders of the tree of liabilities, for each order that other measurements have stored: ten million by default."""
TAKE_GOALS = {("sqlite", 1_000): "≥ 30 000", ("postgresql", 1_000): "≥ 15 000"}


def taking(engine: str, address: str, stored: int) -> Iterator[Figure]:
    """Take orders in batches, with `stored` orders in the table already; on PostgreSQL beside pgbench."""
    world.found_city()
    world.store_orders(stored, waiting=False)
    first = 0
    best = 0.0
    for size, rounds in BATCHES.items():
        batches = [world.sales(first + size * number, size) for number in range(rounds)]
        first += size * rounds
        times = each([lambda batch=batch: take(sales=batch, at=world.LATER) for batch in batches])  # type: ignore[misc]
        rate = size / median(times)
        best = rate if size == 1_000 else best
        yield Figure(engine, f"take, batches of {size}", rate, "orders/s", TAKE_GOALS.get((engine, size), ""))
    yield Figure(engine, f"take, {stored} orders stored", peak_mib(), "MiB")
    if engine == "postgresql":
        tps = anchor_tps(address)
        yield Figure(engine, "pgbench TPC-B, 8 clients", tps, "transactions/s")
        yield Figure(engine, "take, batches of 1000 ÷ pgbench", best / tps, "×", "≥ 5")


def anchor_tps(address: str) -> float:
    """Run pgbench's TPC-B on the same server for ten seconds and return its transactions a second."""
    subprocess.run(["pgbench", "-i", "-q", "-s", "10", "-d", address], check=True, capture_output=True)
    command = ["pgbench", "-c", "8", "-j", "2", "-T", "10", "-d", address]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(next(line for line in told.splitlines() if line.startswith("tps")).split()[2])


def settling_core() -> Iterator[Figure]:
    """Settle in core: 40 cohorts, and 1 200 pools of 40."""
    state, cohorts, plans = world.forty_cohorts()
    for _ in range(200):
        settle(pool=state, cohorts=cohorts, plans=plans)
    one = median(each([lambda: settle(pool=state, cohorts=cohorts, plans=plans)] * 2_000))
    yield Figure("core", "settle 40 cohorts", one * 1e3, "ms", "≤ 0.1")

    def all_pools() -> None:
        for _ in range(1_200):
            settle(pool=state, cohorts=cohorts, plans=plans)

    yield Figure("core", "settle 1 200 pools × 40 cohorts", median(each([all_pools] * 7)) * 1e3, "ms", "≤ 150")
    yield Figure("core", "settle", peak_mib(), "MiB")


def settling(engine: str) -> Iterator[Figure]:
    """Settle 1 200 pools × 40 cohorts and write the result."""
    world.found_city(pools=1_200)
    world.age_pools()
    cutoff_at = world.START + timedelta(days=7 * 41)
    took = seconds(lambda: settle_verb.settle(cycle=41, at=cutoff_at))
    yield Figure(engine, "settle 1 200 pools × 40 cohorts, written", took, "s", "≤ 2")
    yield Figure(engine, "settle, written", peak_mib(), "MiB")


def vesting(engine: str) -> Iterator[Figure]:
    """Vest 100 000 orders of one cycle."""
    world.found_city()
    world.store_orders(100_000, waiting=True)
    world.book_waiting()
    took = seconds(lambda: vest(cycle=1, at=world.START + timedelta(days=7)))
    yield Figure(engine, "vest 100 000 orders", took, "s", "≤ 3")
    yield Figure(engine, "vest", peak_mib(), "MiB")


def reading(engine: str) -> Iterator[Figure]:
    """Read one wallet among five million positions."""
    accounts = 125_000
    world.found_city()
    world.fill_positions(accounts=accounts)
    chance = random.Random(7)
    picks = [1 + chance.randrange(accounts) for _ in range(3_000)]
    works: list[Callable[[], object]] = [lambda pick=pick: wallets.purses_of([pick]) for pick in picks]  # type: ignore[misc]
    times = each(works)[500:]
    sums: list[Callable[[], object]] = [lambda pick=pick: wallets.accrued_of([pick]) for pick in picks]  # type: ignore[misc]
    exact = each(sums)[500:]
    goal = "≤ 0.3" if engine == "sqlite" else "≤ 1"
    yield Figure(engine, "wallet among 5 million positions, p99", p99(exact) * 1e3, "ms", goal)
    yield Figure(engine, "the same, median", median(exact) * 1e3, "ms")
    yield Figure(engine, "with vouchers and claims, p99", p99(times) * 1e3, "ms")
    yield Figure(engine, "wallet", peak_mib(), "MiB")


def main() -> None:
    """Run one measurement: `python -m bench.run NAME ENGINE SERVER STORED`."""
    name, engine, server, stored = sys.argv[1:5]
    if name in CORE:
        for figure in CORE[name](int(stored)):
            print(json.dumps(figure.as_dict()), flush=True)
        return
    with world.fresh(engine, server) as address:
        figures = BY_ADDRESS[name](engine, address, int(stored)) if name in BY_ADDRESS else MEASURES[name](engine)
        for figure in figures:
            print(json.dumps(figure.as_dict()), flush=True)


CORE: dict[str, Callable[[int], Iterator[Figure]]] = {
    "core": lambda _: settling_core(),
    "grow": lambda stored: growing(HOLDERS_PER_ORDER * stored),
}
BY_ADDRESS: dict[str, Callable[[str, str, int], Iterator[Figure]]] = {
    "take": taking,
    "pages": lambda engine, address, _: paging(engine, address),
    "trace": lambda engine, _, stored: tracing(engine, stored),
    "load": lambda engine, address, _: loading(engine, address),
    "roots": lambda engine, _, stored: rooting(engine, HOLDERS_PER_ORDER * stored),
}
MEASURES = {"settle": settling, "vest": vesting, "wallet": reading}

if __name__ == "__main__":
    main()
