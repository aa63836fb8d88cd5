"""The live service under load: `greenloop serve` on a database with history, sixty-four callers, every answer checked.

The server runs as in production: its own process, a line of log for each request (GREENLOOP_LOG_LEVEL=info, written to
a file), one worker, the clock elsewhere. On PostgreSQL pgbench's TPC-B runs on the same server right before and after.
"""

import subprocess
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connections

from bench import asking, world
from bench.driving import Answer, Driven, Request, drive
from bench.measure import Figure
from bench.proving import prove
from greenloop.services.loop import confirm, settle, vest
from greenloop.services.loop.rules import rulings
from greenloop.services.loop.take import Sale, take
from greenloop.services.people.clients import issue_key, register_client
from greenloop.store import sql
from tests.support.serving import served

CALLERS, BULK_CALLERS, BULK_SIZE = 64, 8, 500
SECONDS, WARM_S = 8.0, 2.0
PER_S = 8_000
"""Prepared for each second of the load: more than can be answered."""
BULK_PER_S = 50_000
CYCLES, HISTORY = 4, 20_000
GOALS = {
    "sqlite": {"single": "≥ 4 500", "bulk": "≥ 25 000"},
    "postgresql": {"single": "≥ 3 000", "bulk": "≥ 12 000"},
}
Prepare = Callable[[range], Iterable[Request]]


@dataclass(slots=True)
class Load:
    """A load under way: where the server listens, what was sent so far, and every answer to an order."""

    engine: str
    port: int
    sent: int = 0
    answers: list[Answer] = field(default_factory=list)

    def run(self, prepare: Prepare, per_s: int, *, callers: int, keep: bool = True) -> Driven:
        """Warm up, then drive for the full time; requests are prepared right before."""
        for seconds in (WARM_S, SECONDS):
            numbers = range(self.sent, self.sent + int(per_s * seconds))
            self.sent = numbers.stop
            found = drive(self.port, list(prepare(numbers)), connections=callers, seconds=seconds)
            if keep:
                self.answers += found.answers
            else:
                assert {answer.status for answer in found.answers} == {200}, found.answers[0]
        return found

    def told(self, what: str, found: Driven, unit: str, goal: str = "", p99: str = "") -> Iterator[Figure]:
        """Tell of a load that has ended: its rate, and how long callers waited."""
        yield Figure(self.engine, what, found.items_per_s, unit, goal)
        yield Figure(self.engine, f"{what}, p50", found.quantile_ms(500), "ms")
        yield Figure(self.engine, f"{what}, p99", found.quantile_ms(990), "ms", p99)
        if found.busy:
            yield Figure(self.engine, f"{what}, told to come back", found.busy, "answers 503")


def loading(engine: str, address: str) -> Iterator[Figure]:
    """Measure the service on one database, beside its anchor."""
    world.found_city()
    token = _found_mall()
    _live_through_cycles()
    accounts = [row[0] for row in sql.rows("SELECT account_id FROM member ORDER BY account_id")]
    connections.close_all()
    before = tpcb(address) if engine == "postgresql" else 0.0
    with tempfile.TemporaryDirectory() as place:
        keys = {"GREENLOOP_IDENTITY_KEY": settings.GREENLOOP_IDENTITY_KEY, "GREENLOOP_LOG_LEVEL": "info"}
        # One key brings the whole load.
        keys["GREENLOOP_CALLS_PER_SECOND"] = "1000000"
        with served(address, Path(place), [], "--no-clock", **keys) as site:
            load = Load(engine, urlsplit(site.base).port or 0)
            rates = yield from _orders(load, token)
            yield from _reads(load, token, accounts)
    if engine == "postgresql":
        tps = (before + tpcb(address)) / 2
        yield Figure(engine, f"pgbench TPC-B, {CALLERS} clients, before and after", tps, "transactions/s")
        yield Figure(engine, "single orders ÷ pgbench", rates["single"] / tps, "×", "≥ 0.9")
        yield Figure(engine, "signed orders ÷ single orders", rates["signed"] / rates["single"], "×", "≥ 0.7")
        yield Figure(engine, "bulk orders ÷ pgbench", rates["bulk"] / tps, "×", "≥ 3.5")
    else:
        yield Figure(engine, "signed orders ÷ single orders", rates["signed"] / rates["single"], "×", "≥ 0.7")
    orders, kept = prove(load.answers)
    yield Figure(engine, "orders acknowledged, each in the books once", orders, "orders")
    yield Figure(engine, "answers kept, word for word as sent", kept, "answers")


def _orders(load: Load, token: str) -> Generator[Figure, None, dict[str, float]]:
    goals = GOALS[load.engine]
    single = load.run(lambda numbers: asking.singles(token, numbers), PER_S, callers=CALLERS)
    yield from load.told("single orders, 64 callers", single, "orders/s", goals["single"], "≤ 60")
    signed = load.run(lambda numbers: asking.singles(token, numbers, signs=True), PER_S, callers=CALLERS)
    yield from load.told("signed orders, 64 callers", signed, "orders/s")
    few = load.run(lambda numbers: asking.bulks(token, numbers, BULK_SIZE), BULK_PER_S, callers=BULK_CALLERS)
    yield from load.told("bulk of 500, 8 callers", few, "orders/s", goals["bulk"])
    many = load.run(lambda numbers: asking.bulks(token, numbers, BULK_SIZE), BULK_PER_S, callers=CALLERS)
    yield from load.told("bulk of 500, 64 callers", many, "orders/s", goals["bulk"])
    return {"single": single.items_per_s, "signed": signed.items_per_s, "bulk": few.items_per_s}


def _reads(load: Load, token: str, accounts: list[int]) -> Iterator[Figure]:
    wallets = load.run(lambda numbers: asking.reads(token, accounts, len(numbers)), PER_S, callers=CALLERS, keep=False)
    yield from load.told("wallet reads, 64 callers", wallets, "reads/s", "≥ 3 000", "≤ 40")
    health = load.run(lambda numbers: [asking.health()] * len(numbers), 2 * PER_S, callers=CALLERS, keep=False)
    yield from load.told("anchor /healthz, 64 callers", health, "answers/s")


def tpcb(address: str) -> float:
    """Run pgbench's TPC-B on the same server, as many clients as there are callers; return transactions a second."""
    subprocess.run(["pgbench", "-i", "-q", "-s", "10", "-d", address], check=True, capture_output=True)
    command = ["pgbench", "-c", str(CALLERS), "-j", "2", "-T", str(int(SECONDS)), "-d", address]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(next(line for line in told.splitlines() if line.startswith("tps")).split()[2])


def _found_mall() -> str:
    """Register a partner that acts for every merchant and enrolled every member; return its key."""
    at = datetime.now(UTC)
    shops = [f"s{number}" for number in range(world.MERCHANTS)]
    client = register_client(name="mall", kind="partner", merchants=shops, at=at)
    sql.run("INSERT INTO client_member (client_id, account_id) SELECT %s, account_id FROM member", [client])
    return issue_key(client="mall", scopes=["orders:write", "wallets:read"], by="bench", at=at).token


def _live_through_cycles() -> None:
    """Sell, vest and settle through some cycles, so that every member has positions in several cohorts."""
    calendar = rulings()[0].rules.calendar
    for cycle in range(1, CYCLES + 1):
        paid_at = max(world.START, calendar.cutoff_at(cycle - 1) + timedelta(hours=1))
        for first in range(0, HISTORY, 5_000):
            take(sales=[_old_sale(cycle, number, paid_at) for number in range(first, first + 5_000)], at=paid_at)
        confirm.confirm_cash(statement=f"bank/{cycle}", at=paid_at, paid_until_at=paid_at)
        at = calendar.cutoff_at(cycle)
        vest.vest(cycle=cycle, at=at)
        settle.settle(cycle=cycle, at=at)
    sql.run("ANALYZE")


def _old_sale(cycle: int, number: int, paid_at: datetime) -> Sale:
    shop, member = f"s{number % world.MERCHANTS}", f"m{(number * 13 + cycle) % world.MEMBERS}"
    return Sale(shop, f"old-{cycle}-{number}", member, paid_at, 500 + number * 37 % 30_000, delivered=True)
