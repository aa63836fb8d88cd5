"""Clocks jump: ahead by cycles, back by days, apart from each other. No cycle closes twice, none is left out."""

from datetime import datetime, timedelta
from functools import partial
from threading import local
from typing import Any

import pytest

from greenloop.config import clock
from greenloop.core.faults import Breach
from greenloop.services import ids
from greenloop.store.queries import clockwork
from tests.faults.profile import PROFILE, SEED, Tally, chance, tallied
from tests.support.databases import Database
from tests.support.ledger import fetch, whole_database
from tests.support.threads import at_once
from tests.support.town import OPENING_AT, Town, found_town, plain_rules

JUMPS = (
    *(timedelta(minutes=1), timedelta(hours=1), timedelta(days=1), timedelta(days=8), timedelta(days=14)),
    *(-timedelta(seconds=2), -timedelta(minutes=5), -timedelta(days=1), -timedelta(days=10)),
)
STEPS = 16 * PROFILE.scale
DAYS = 6 + 2 * PROFILE.scale
MEMBERS = ("mei", "lin", "bo")
Closed = dict[tuple[Any, ...], tuple[Any, ...]]
_SETTLED = "SELECT pool_id, cycle, cutoff_at, inflow_fen, issued_fen, answer, indices, journal_id FROM settled_cycle"
_RUNS = "SELECT 'run', cycle, state, issued_fen, proposed_by FROM settlement_run"
_ENTERED = "SELECT 'order', order_no, entry_cycle, entered_fen FROM orders WHERE entry_cycle IS NOT NULL"
_COHORTS = (
    "SELECT 'cohort', c.id, c.points FROM cohort c JOIN pool p ON p.id = c.pool_id WHERE c.entry <= p.settled_cycle"
)


def closed() -> Closed:
    """Return what a settlement has closed for ever: its results, what entered, and the points of its cohorts."""
    rows = [row for query in (_SETTLED, _RUNS, _ENTERED, _COHORTS) for row in fetch(query)]
    return {row[:2]: row[2:] for row in rows}


def assert_closed_once(town: Town, latest_at: datetime, before: Closed) -> Closed:
    """Accept cycles from the first on without a gap, none ahead of every clock, and nothing changed that was closed."""
    cycles = [int(row[0]) for row in fetch("SELECT cycle FROM settlement_run ORDER BY id")]
    assert cycles == list(range(1, len(cycles) + 1)), f"seed {SEED}: settled twice or left out"
    assert not cycles or town.calendar.cutoff_at(cycles[-1]) <= latest_at, f"seed {SEED}: settled ahead of every clock"
    now = closed()
    changed = {key: (row, now.get(key)) for key, row in before.items() if now.get(key) != row}
    assert changed == {}, f"seed {SEED}: a closed cycle was opened again"
    return now


def count_cycles(tally: Tally, town: Town, at: datetime) -> None:
    """Count the cycles that are due by then and aren't settled, and whatever was settled or paid twice."""
    settled = [int(row[0]) for row in fetch("SELECT cycle FROM settlement_run WHERE state = 'posted'")]
    due = town.calendar.cycle_at(at) - 1
    tally.counts["cycles"] = tally.acknowledged = len(settled)
    tally.lost = len(set(range(1, due + 1)) - set(settled))
    tally.doubled = sum(
        int(fetch(f"SELECT COUNT(*) - COUNT(DISTINCT {what}) FROM {table}")[0][0])
        for what, table in (
            ("cycle", "settlement_run"),
            ("cycle", "fee_transfer"),
            ("key", "journal WHERE book = 'trust'"),
        )
    )
    tally.prove_books()


def failed() -> list[Any]:
    return [run for run in clockwork.runs(limit=10_000) if run.state != "done"]


def test_a_clock_that_jumps_to_and_fro_closes_every_cycle_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    town, dice, before = found_town(), chance("clock"), Closed()
    monkeypatch.setattr(clock, "now", lambda: town.at)
    latest_at = town.at
    with tallied("clock jumps", database.engine) as tally:
        for step in range(STEPS):
            town.at = max(town.at + dice.choice(JUMPS), OPENING_AT + timedelta(hours=1))
            tally.counts["jumps_back"] += town.at < latest_at
            latest_at = max(latest_at, town.at)
            for member in MEMBERS:
                town.sell(member, "grocer" if step % 2 else "baker", dice.randrange(1_000, 200_000))
            clock.tick(holder="worker")
            assert clock.tick(holder="worker") == 0, f"seed {SEED}: something is done again and again"
            before = assert_closed_once(town, latest_at, before)
        # In the end the clock is right, and some minutes later everything is done that was due.
        town.at = latest_at + timedelta(days=8)
        clock.tick(holder="worker")
        assert_closed_once(town, town.at, before)
        assert failed() == []
        assert fetch("SELECT COUNT(*) FROM orders WHERE entry_cycle IS NULL") == [(0,)], f"seed {SEED}: left behind"
        count_cycles(tally, town, town.at)
        assert tally.counts["jumps_back"] > 0
        tally.assert_exact()


def test_workers_whose_clocks_differ_close_every_cycle_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    town, dice, before = found_town(plain_rules(cycle_days=1)), chance("two clocks"), Closed()
    own = local()
    monkeypatch.setattr(clock, "now", lambda: own.at)

    def tick(holder: str, at: datetime) -> int:
        own.at = at
        return clock.tick(holder=holder)

    latest_at = town.at
    with tallied("two workers, two clocks", database.engine) as tally:
        for _ in range(DAYS):
            for member in MEMBERS:
                town.sell(member, "grocer", dice.randrange(1_000, 200_000))
            town.later(days=1)
            clocks = [town.at, max(town.at + dice.choice(JUMPS[:3] + JUMPS[5:8]), OPENING_AT)]
            latest_at = max(latest_at, *clocks)
            at_once([partial(tick, f"worker-{place}", at) for place, at in enumerate(clocks)])
            before = assert_closed_once(town, latest_at, before)
        for _ in range(3):  # what two began at once may be left to a later tick
            latest_at += timedelta(hours=1)
            tick("worker-0", latest_at)
        assert_closed_once(town, latest_at, before)
        assert failed() == []
        count_cycles(tally, town, latest_at)
        tally.counts["by_the_second"] = len([run for run in clockwork.runs(limit=10_000) if run.holder == "worker-1"])
        tally.assert_exact()


def test_orders_are_numbered_once_whatever_the_clock_does_and_refused_while_it_is_far_behind(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    town, dice = found_town(), chance("ids")
    now_ms = ids.EPOCH_MS + 10**11
    monkeypatch.setattr("greenloop.services.ids.time.sleep", lambda _: None)
    outer = ids.use(ids.Maker(clock_ms=lambda: now_ms))
    try:
        with tallied("clock jumps, ids", database.engine) as tally:
            made, last_ms = list[int](), 0
            for _ in range(60 * PROFILE.scale):
                now_ms += dice.choice((0, 1, 3_600_000, -500, -3_000, -86_400_000, 86_400_000))
                if last_ms - now_ms > ids.PATIENCE_MS + 10:
                    before = whole_database()
                    with pytest.raises(Breach, match="clock"):
                        town.sell("mei", "grocer", 1_000)
                    assert whole_database() == before
                    tally.counts["refused"] += 1
                    continue
                last_ms = max(last_ms, now_ms)
                made.append(town.sell("mei", "grocer", 1_000))
            there = [int(row[0]) for row in fetch("SELECT id FROM orders")]
            tally.acknowledged, tally.lost = len(made), len(set(made) - set(there))
            tally.doubled = len(there) - len(set(made))
            tally.prove_books()
            assert made == sorted(set(made)), f"seed {SEED}: an order's number went back"
            assert tally.counts["refused"] > 0
            tally.assert_exact()
    finally:
        ids.use(outer)
