"""The clock goes on: whatever was held, took long, failed or is past, it comes to what is due next."""

from collections.abc import Iterator
from datetime import datetime
from time import monotonic

import pytest

from greenloop.config import clock
from greenloop.core.faults import Refusal
from greenloop.insight.deploy import running
from greenloop.services import clockwork as records
from greenloop.services.loop.hold import hold_order, release
from greenloop.store import sql
from tests.support.ledger import fetch
from tests.support.town import Town

ME = "worker-1"
PATIENCE_S = 60


@pytest.fixture(autouse=True)
def on_the_town_s_clock(town: Town, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the clock read the town's time."""
    monkeypatch.setattr(clock, "now", lambda: town.at)
    return iter(())


def test_an_order_released_after_a_cycle_vested_nothing_joins_that_cycle_and_it_settles(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(slot: str, at: datetime) -> dict[str, object]:
        raise OSError

    order = town.sell("mei", "grocer", 100_000)
    number = hold_order(order_id=order, reason="look", by="risk", at=town.at)
    town.at = town.calendar.cutoff_at(1)
    with monkeypatch.context() as patched:
        patched.setitem(clock.WORK, "settle", down)
        clock.tick(holder=ME)
    assert fetch("SELECT task, state FROM run WHERE slot = '1' ORDER BY id") == [("vest", "done"), ("settle", "failed")]
    release(hold_id=number, by="risk", at=town.at)
    town.later(minutes=2)
    clock.tick(holder=ME)
    assert fetch("SELECT cycle, state FROM settlement_run") == [(1, "posted")]
    # A tenth of 1 000.00 conceded, in 1/100 point.
    assert (town.points("mei"), fetch("SELECT entry_cycle FROM orders")) == (10_000, [(1,)])


def test_work_that_takes_long_is_begun_by_nobody_else_while_its_worker_is_at_it(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    def long(slot: str, at: datetime) -> dict[str, object]:
        town.later(minutes=14)
        seen(town.at)
        town.later(minutes=14)
        return {"begun again": records.begin(task="check", slot=slot, due_at=at, holder="other", at=town.at)}

    monkeypatch.setattr(clock, "SEEN_EVERY_S", 0.01)
    monkeypatch.setitem(clock.WORK, "check", long)
    town.day(2, 5)
    clock.tick(holder=ME)
    assert fetch("SELECT state, attempts, holder, outcome FROM run WHERE task = 'check'") == [
        ("done", 1, ME, '{"begun again":false}')
    ]


def seen(at: datetime) -> None:
    """Wait until the run under way is seen at an instant."""
    until = monotonic() + PATIENCE_S
    while fetch("SELECT COUNT(*) FROM run WHERE seen_at = %s", sql.instant(at)) == [(0,)]:
        assert monotonic() < until


def test_work_that_was_done_is_done_whoever_has_it_by_then(town: Town) -> None:
    named = {"task": "check", "slot": "2026-01-06"}
    records.begin(**named, due_at=town.at, holder="slow", at=town.at)
    town.later(minutes=16)  # not seen for so long, it is taken for dead
    assert records.begin(**named, due_at=town.at, holder="other", at=town.at)
    assert not records.go_on(**named, holder="slow", at=town.at)
    records.fail(**named, holder="slow", outcome="failed: OSError", at=town.at)
    assert fetch("SELECT state, holder FROM run") == [("running", "other")]
    records.finish(**named, holder="slow", outcome="{}", at=town.at)
    records.fail(**named, holder="other", outcome="failed: OSError", at=town.at)
    assert fetch("SELECT state, holder FROM run") == [("done", "slow")]
    assert not records.begin(**named, due_at=town.at, holder="third", at=town.later(days=1).at)


def test_a_day_that_failed_and_is_past_counts_as_late_no_more_and_can_t_be_tried_again(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(slot: str, at: datetime) -> dict[str, object]:
        raise OSError

    def codes() -> list[str]:
        return [finding.code for finding in running.clockwork(town.at)]

    with monkeypatch.context() as patched:
        patched.setitem(clock.WORK, "payout", down)
        town.day(2, 12)
        clock.tick(holder=ME)
        assert codes() == ["clockwork.late"]
        assert records.try_again(task="payout", slot="2026-01-06", by="wu", at=town.at)
    town.day(3, 12)
    clock.tick(holder=ME)
    assert fetch("SELECT slot, state FROM run WHERE task = 'payout' ORDER BY id") == [
        ("2026-01-06", "failed"),
        ("2026-01-07", "done"),
    ]
    assert codes() == []
    with pytest.raises(Refusal) as refused:
        records.try_again(task="payout", slot="2026-01-06", by="wu", at=town.at)
    assert refused.value.code == "run.past"
