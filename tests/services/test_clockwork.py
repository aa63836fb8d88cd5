"""The clock does what is due, once, in order, whatever happened meanwhile."""

import json
import os
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from subprocess import Popen

import pytest
from prometheus_client import REGISTRY

from greenloop.config import clock, tasks
from greenloop.core.faults import Breach
from greenloop.insight.proof import Proof
from greenloop.services import clockwork as records
from greenloop.services.loop.rules import publish_rules
from greenloop.services.loop.settle import approve
from greenloop.store import sql
from greenloop.store.queries import clockwork
from greenloop.store.queries.clockwork import Beat, HeldRow, RunRow
from tests.support.ledger import execute, fetch
from tests.support.threads import at_once
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
    town.day(2, 12)
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
    records.fail(task="vest", slot="1", holder="b", outcome="failed: OSError", at=town.at)
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
    assert records.try_again(task="reconcile", slot="2026-01-06", by="wu", at=town.at)
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

    use_nonces(nonces=[(1, "old")], at=town.at)
    use_nonces(nonces=[(1, "new")], at=town.later(minutes=10).at)
    assert records.prune(at=town.later(minutes=6).at) == records.Pruned(1, 0, 0, more=False)
    assert fetch("SELECT nonce FROM nonce") == [("new",)]


def test_answers_stay_for_thirty_days_and_sessions_until_they_are_over(town: Town) -> None:
    kept_at = town.at
    for key, at in (("old", kept_at), ("young", kept_at + timedelta(hours=1))):
        execute(
            "INSERT INTO stored_answer (caller, key, request_hash, status, body, at) "
            "VALUES ('client/1', %s, '', 200, '', %s)",
            *(key, sql.instant(at)),
        )
        execute(
            "INSERT INTO django_session (session_key, session_data, expire_date) VALUES (%s, '', %s)",
            *(key, sql.instant(at + timedelta(days=30))),
        )
    assert records.prune(at=kept_at + timedelta(days=29)) == records.Pruned(0, 0, 0, more=False)
    assert records.prune(at=kept_at + timedelta(days=30, minutes=30)) == records.Pruned(0, 1, 1, more=False)
    assert fetch("SELECT key FROM stored_answer") == [("young",)]
    assert fetch("SELECT session_key FROM django_session") == [("young",)]


def test_much_is_forgotten_in_small_pieces_so_that_orders_need_not_wait(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    from greenloop.services.people.nonces import use_nonces

    monkeypatch.setattr(records, "PRUNED_MAX", 3)
    use_nonces(nonces=[(1, str(number)) for number in range(7)], at=town.at)
    assert records.prune(at=town.later(hours=1).at) == records.Pruned(3, 0, 0, more=True)
    clock.tick(holder=ME)
    assert last("prune").outcome == '{"nonces":4,"answers":0,"sessions":0,"events":0}'
    assert fetch("SELECT COUNT(*) FROM nonce") == [(0,)]


def test_of_eight_workers_that_begin_the_same_work_at_once_one_has_it(town: Town) -> None:
    def begin(holder: str) -> bool:
        return records.begin(task="settle", slot="1", due_at=town.at, holder=holder, at=town.at)

    told = at_once([partial(begin, f"worker-{number}") for number in range(8)])
    assert sorted(told) == [False] * 7 + [True]
    assert fetch("SELECT attempts, holder FROM run") == [(1, f"worker-{told.index(True)}")]


def test_two_workers_that_tick_at_once_do_everything_once(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    town.at = town.calendar.cutoff_at(3) + timedelta(hours=12)
    at_once([partial(clock.tick, holder=holder) for holder in ("one", "other")])
    clock.tick(holder="one")  # what waited for the other's step
    assert {(state, attempts) for state, attempts in fetch("SELECT state, attempts FROM run")} == {("done", 1)}
    assert fetch("SELECT cycle, state FROM settlement_run ORDER BY cycle") == [(cycle, "posted") for cycle in (1, 2, 3)]
    # 1 000.00 less the tenth that was conceded, paid once.
    assert fetch("SELECT amount_fen FROM payout") == [(90_000,)]


def test_work_that_a_clock_too_far_ahead_began_is_begun_again_once_the_clock_is_right(town: Town) -> None:
    town.at = town.calendar.cutoff_at(1)
    right_at = town.at
    wrong_at = right_at + timedelta(days=300)
    records.begin(task="vest", slot="1", due_at=right_at, holder="died", at=wrong_at)
    records.begin(task="expire", slot="2026-01-12", due_at=right_at, holder=ME, at=wrong_at)
    records.fail(task="expire", slot="2026-01-12", holder=ME, outcome="failed: OSError", at=wrong_at)
    town.later(minutes=6)
    clock.tick(holder=ME)
    assert ("settle", "1", "done") in ran(*CLOSING)
    assert ran("expire") == [("expire", "2026-01-12", "done")]


def test_money_stays_in_trust_while_an_invariant_is_broken_and_the_rest_goes_on(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(slot: str, at: datetime) -> dict[str, object]:
        raise Breach("off by one fen")

    town.sell("mei", "grocer", 100_000)
    town.day(7, 5)  # a Sunday: the books are proved at 4, merchants are paid at 10:45
    with monkeypatch.context() as patched:
        patched.setitem(clock.WORK, "check", broken)
        clock.tick(holder=ME)
    assert clockwork.stopped() == {"payout", "fees"}
    town.day(8, 3)
    clock.tick(holder=ME)
    assert ran("payout", "fees") == []
    assert ran("settle", "check") == [("check", "2026-01-11", "failed"), ("settle", "1", "done")]
    assert "fees" in {slot.task for slot in clockwork.late(town.at)}
    # The next proof holds: merchants are paid, and the fee moves.
    town.day(8, 12)
    clock.tick(holder=ME)
    assert ran("check")[1:] == [("check", "2026-01-12", "done")]
    assert ran("payout", "fees") == [("fees", "1", "done"), ("payout", "2026-01-12", "done")]
    # Of the day that broke, people may still have the record say that they looked.
    assert records.try_again(task="check", slot="2026-01-11", by="wu", at=town.at)
    assert fetch("SELECT act, about, detail FROM audit_entry ORDER BY id DESC LIMIT 1") == [
        ("run.retry", "run/check/2026-01-11", '{"breach":true}')
    ]


def test_a_day_whose_payment_broke_an_invariant_is_not_tried_again_the_next_day(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[str] = []

    def broken(slot: str, at: datetime) -> dict[str, object]:
        tries.append(slot)
        raise Breach("off by one fen")

    monkeypatch.setitem(clock.WORK, "expire", broken)
    for day in (2, 3, 4):
        town.day(day, 12)
        clock.tick(holder=ME)
    assert tries == ["2026-01-06"]


def test_books_that_do_not_balance_ring_the_alarm_and_count_it(
    town: Town, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    town.sell("mei", "grocer", 100_000)
    town.day(2, 5)
    before = REGISTRY.get_sample_value("greenloop_breaches_total") or 0
    proof = Proof("1", "balance", "every journal balances", looked_at=1, difference=5)
    monkeypatch.setattr(clock, "prove", lambda: [proof])
    clock.tick(holder=ME)
    assert last("check").outcome.startswith("breach: statements about the books don't hold: balance")
    assert "ALARM: check 2026-01-06 broke an invariant" in caplog.text
    assert REGISTRY.get_sample_value("greenloop_breaches_total") == before + 1
    assert json.loads(fetch("SELECT broken FROM book_check")[0][0])[0][0] == "balance"


def test_what_waits_for_a_second_person_is_told_with_all_that_waits_behind_it(town: Town) -> None:
    publish_rules(document=plain_rules(daily_rebate_cap_fen=1), effective_at=town.at, by="rules", at=town.at)
    town.sell("mei", "grocer", 100_000)
    town.close(1)
    assert clockwork.standing(town.at).held is None
    town.at = held_at = town.calendar.cutoff_at(2)
    clock.tick(holder=ME)
    assert clockwork.standing(town.at).held == HeldRow(cycle=2, since_at=held_at, behind=0)
    town.at = town.calendar.cutoff_at(4)
    clock.tick(holder=ME)
    assert clockwork.standing(town.at).held == HeldRow(cycle=2, since_at=held_at, behind=2)
    assert not {slot.task for slot in clockwork.late(town.at)} & set(CLOSING)


def test_what_comes_next_is_told_for_each_task_soonest_first(town: Town) -> None:
    hour = town.day(2, 10).later(minutes=45).at
    later = {slot.task: (slot.slot, slot.due_at - hour) for slot in clockwork.standing(town.at).ahead}
    assert list(later) == [
        "lapse",
        "log",
        "prune",
        "reconcile",
        "expire",
        "measure",
        "check",
        "notice",
        "statement",
        "payout",
        "vest",
    ]
    assert later["reconcile"] == ("2026-01-06", timedelta(minutes=30))
    assert later["payout"] == ("2026-01-07", timedelta(days=1))  # today's is due this very moment
    assert later["prune"] == ("2026-01-06T11", timedelta(minutes=15))
    assert later["vest"] == ("1", town.calendar.cutoff_at(1) - hour)


def test_what_a_killed_process_of_this_machine_left_is_taken_over_when_the_next_one_begins(town: Town) -> None:
    dead = Popen([sys.executable, "-c", ""])
    dead.wait()
    at = town.at
    holders = {
        "vest": f"{tasks.HOST}/{dead.pid}",
        "settle": f"{tasks.HOST}/{os.getppid()}",
        "expire": f"elsewhere/{dead.pid}",
    }
    for task, holder in holders.items():
        records.begin(task=task, slot="1", due_at=at, holder=holder, at=at)
    records.begin(task="notice", slot="1", due_at=at, holder=tasks.HOLDER, at=at)  # its number was another's before
    tasks.take_over()
    assert ran() == [
        ("vest", "1", "failed"),  # killed
        ("settle", "1", "running"),  # lives
        ("expire", "1", "running"),  # nobody here can tell
        ("notice", "1", "failed"),
    ]
    assert last("vest").outcome == "failed: its process ended"


def test_a_worker_says_each_minute_that_it_is_there_also_while_there_is_nothing_to_do(town: Town) -> None:
    assert clockwork.beat() is None
    for minutes in (0, 1, 2):
        town.at += timedelta(minutes=minutes)
        tasks.each_minute.call_local()
        assert clockwork.beat() == Beat(town.at, tasks.HOLDER)
    seen = clockwork.beat()
    assert seen is not None
    assert not seen.away(town.at + clockwork.AWAY)
    assert seen.away(town.at + clockwork.AWAY + timedelta(seconds=1))
