"""The clock does what is due, once, in order, whatever happened meanwhile."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from greenloop.config import clock
from greenloop.core.faults import Breach
from greenloop.services import clockwork as records
from greenloop.services.loop.rules import publish_rules
from greenloop.services.loop.settle import approve
from greenloop.store.queries import clockwork
from greenloop.store.queries.clockwork import RunRow
from tests.support.ledger import fetch
from tests.support.town import Town, plain_rules

ME = "worker-1"


@pytest.fixture(autouse=True)
def on_the_town_s_clock(town: Town, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the clock read the town's time."""
    monkeypatch.setattr(clock, "now", lambda: town.at)
    return iter(())


def ran(*tasks: str) -> list[tuple[str, str, str]]:
    """Return (task, slot, state) of what was begun, oldest first; only of some tasks where they are named."""
    found = clockwork.runs(limit=1_000)[::-1]
    return [(run.task, run.slot, run.state) for run in found if not tasks or run.task in tasks]


def last(task: str) -> RunRow:
    return clockwork.runs(limit=1, task=task)[0]


CLOSING = ("vest", "settle", "fees")


def test_a_cycle_is_closed_at_its_cut_off_and_not_before(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    town.day(7, 23)
    clock.tick(holder=ME)
    assert ran(*CLOSING) == []
    town.at = town.calendar.cutoff_at(1)
    clock.tick(holder=ME)
    assert ran(*CLOSING) == [("vest", "1", "done"), ("settle", "1", "done"), ("fees", "1", "done")]
    assert town.points("mei") == 10_000
    assert fetch("SELECT cycle, state FROM settlement_run") == [(1, "posted")]


def test_a_second_tick_finds_nothing_to_do(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    town.at = town.calendar.cutoff_at(1) + timedelta(hours=10)
    assert clock.tick(holder=ME) > 0
    before = ran()
    assert clock.tick(holder=ME) == 0
    assert ran() == before


def test_what_a_day_asks_for_is_done_at_its_hour_once(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    town.day(2, 0)
    clock.tick(holder=ME)
    assert ran("payout", "expire", "reconcile", "check") == []
    town.day(2, 10)
    clock.tick(holder=ME)
    assert sorted(ran("payout", "expire", "reconcile", "check")) == [
        (task, "2026-01-06", "done") for task in ("check", "expire", "payout", "reconcile")
    ]
    # 1 000.00 paid on the day before, of which the merchant conceded a tenth.
    assert fetch("SELECT amount_fen FROM payout") == [(90_000,)]
    assert fetch("SELECT broken FROM book_check") == [("[]",)]


def test_a_worker_that_was_away_for_three_cycles_catches_up_in_order(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    town.at = town.calendar.cutoff_at(3) + timedelta(minutes=1)
    clock.tick(holder=ME)
    # Each cycle is closed before the next one: (vest, settle, fees) three times over.
    closed = [(task, slot) for task, slot, state in ran("vest", "settle") if state == "done"]
    assert closed == [(task, str(cycle)) for cycle in (1, 2, 3) for task in ("vest", "settle")]
    assert fetch("SELECT cycle FROM settlement_run ORDER BY cycle") == [(1,), (2,), (3,)]


def test_a_held_settlement_waits_for_people_and_so_does_what_is_behind_it(town: Town) -> None:
    publish_rules(document=plain_rules(daily_rebate_cap_fen=1), effective_at=town.at, by="rules", at=town.at)
    town.sell("mei", "grocer", 100_000)
    town.close(1)
    town.at = town.calendar.cutoff_at(3)
    clock.tick(holder=ME)
    assert ran("settle") == [("settle", "2", "done")]
    assert fetch("SELECT cycle, state FROM settlement_run ORDER BY cycle") == [(1, "posted"), (2, "held")]
    assert ran("fees") == [("fees", "1", "done")]
    approve(cycle=2, by="finance", at=town.at)
    town.later(minutes=1)
    clock.tick(holder=ME)
    assert ("fees", "2", "done") in ran("fees")
    assert ("settle", "3", "done") in ran("settle")


def test_work_is_begun_by_one_worker_only(town: Town) -> None:
    due_at = town.at
    assert records.begin(task="vest", slot="1", due_at=due_at, holder="a", at=town.at)
    assert not records.begin(task="vest", slot="1", due_at=due_at, holder="b", at=town.at)
    records.finish(task="vest", slot="1", holder="b", outcome="{}", at=town.at)
    assert last("vest").state == "running"
    records.finish(task="vest", slot="1", holder="a", outcome="{}", at=town.at)
    assert not records.begin(task="vest", slot="1", due_at=due_at, holder="b", at=town.later(days=1).at)
    assert last("vest").state == "done"


def test_work_whose_worker_died_is_begun_again_after_a_quarter_of_an_hour(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    town.at = town.calendar.cutoff_at(1)
    # A worker begins to vest, does it, and dies before it can say so.
    records.begin(task="vest", slot="1", due_at=town.at, holder="dead", at=town.at)
    town.vest(1)
    town.later(minutes=14)
    clock.tick(holder=ME)
    assert ran(*CLOSING) == [("vest", "1", "running")]
    town.later(minutes=2)
    clock.tick(holder=ME)
    assert ran(*CLOSING) == [("vest", "1", "done"), ("settle", "1", "done"), ("fees", "1", "done")]
    assert (last("vest").attempts, last("vest").holder) == (2, ME)
    assert town.points("mei") == 10_000


def test_what_fails_is_tried_again_after_1_2_and_4_minutes_and_says_why(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[datetime] = []

    def down(slot: str, at: datetime) -> dict[str, object]:
        tries.append(at)
        raise OSError

    monkeypatch.setitem(clock.WORK, "expire", down)
    begun_at = town.day(2, 1).at
    for _ in range(9):
        clock.tick(holder=ME)
        town.later(minutes=1)
    assert [(at - begun_at) // timedelta(minutes=1) for at in tries] == [0, 1, 3, 7]
    assert (last("expire").state, last("expire").outcome) == ("failed", "failed: OSError")
    assert [slot.task for slot in clockwork.late(town.later(minutes=60).at) if slot.task == "expire"] == ["expire"]


def test_a_broken_invariant_stops_its_task_until_people_say_so(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = True

    def work(slot: str, at: datetime) -> dict[str, object]:
        if broken:
            raise Breach("off by one fen")
        return {}

    monkeypatch.setitem(clock.WORK, "reconcile", work)
    town.day(2, 10)
    clock.tick(holder=ME)
    town.later(hours=3)
    clock.tick(holder=ME)
    assert (last("reconcile").attempts, last("reconcile").outcome) == (1, "breach: off by one fen")
    assert not records.begin(task="reconcile", slot="2026-01-06", due_at=town.at, holder="another", at=town.at)
    broken = False
    assert records.try_again(task="reconcile", slot="2026-01-06")
    town.later(minutes=2)
    clock.tick(holder=ME)
    assert last("reconcile").state == "done"


def test_late_is_what_is_due_for_more_than_ten_minutes_though_nobody_began_it(town: Town) -> None:
    town.at = town.calendar.cutoff_at(1)
    assert clockwork.late(town.later(minutes=9).at) == []
    found = {(slot.task, slot.slot) for slot in clockwork.late(town.later(minutes=12).at)}
    assert ("vest", "1") in found
    clock.tick(holder=ME)
    assert clockwork.late(town.at) == []


def test_what_is_kept_for_a_while_only_is_forgotten(town: Town) -> None:
    from greenloop.services.people.nonces import use_nonces

    use_nonces(pairs=[(1, "old")], at=town.at)
    use_nonces(pairs=[(1, "new")], at=town.later(minutes=10).at)
    assert records.prune(at=town.later(minutes=6).at) == {"nonces": 1, "answers": 0}
    assert fetch("SELECT nonce FROM nonce") == [("new",)]
