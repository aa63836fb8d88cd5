"""Ids: 64 bits, ordered by time, never the same twice, whatever the clock does and however many processes there are."""

from datetime import timedelta

import pytest

from greenloop.core.faults import Breach, Refusal
from greenloop.services import worker
from greenloop.services.ids import EPOCH_MS, Maker
from tests.support.databases import Database
from tests.support.ledger import execute, fetch
from tests.support.town import OPENING_AT

NOW_MS = EPOCH_MS + 1_000_000


def test_an_id_is_its_millisecond_its_worker_and_its_place_in_it() -> None:
    maker = Maker(worker=5, clock_ms=lambda: NOW_MS)
    assert maker.block(2) == [(1_000_000 << 22) | (5 << 12), (1_000_000 << 22) | (5 << 12) | 1]
    # The last worker's id of a day in the year 2084 still fits into 63 bits.
    assert Maker(worker=1_023, clock_ms=lambda: EPOCH_MS + 2**41 - 1).block(1)[0] < 2**63


def test_a_block_larger_than_a_millisecond_holds_borrows_from_those_to_come() -> None:
    maker = Maker(clock_ms=lambda: NOW_MS)
    made = maker.block(10_000) + maker.block(10_000)
    assert made == sorted(set(made))
    assert made[-1] >> 22 == 1_000_000 + 19_999 // 4_096


def test_ids_never_go_back_when_the_clock_does_for_less_than_a_second() -> None:
    clock = iter([NOW_MS, NOW_MS - 999, NOW_MS + 5])
    maker = Maker(clock_ms=lambda: next(clock))
    made = [maker.block(1)[0] for _ in range(3)]
    assert made == sorted(set(made))


def test_a_clock_that_runs_further_back_is_waited_for_once_and_then_stops_the_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("greenloop.services.ids.time.sleep", slept.append)
    clock = iter([NOW_MS, NOW_MS - 1_001, NOW_MS, NOW_MS - 1_001, NOW_MS - 1_001])
    maker = Maker(clock_ms=lambda: next(clock))
    assert maker.block(1) + maker.block(1) == [(1_000_000 << 22), (1_000_000 << 22) | 1]
    with pytest.raises(Breach, match="clock"):
        maker.block(1)
    assert slept == [1, 1]


def test_a_maker_starts_after_the_last_id_of_the_one_before() -> None:
    first = Maker(clock_ms=lambda: NOW_MS)
    last = first.block(5_000)[-1]
    assert Maker(clock_ms=lambda: NOW_MS, last_ms=first.last_ms).block(1)[0] > last


def test_two_processes_lease_two_numbers_and_a_number_given_back_is_leased_again(database: Database) -> None:
    first, second = (worker.lease(holder=name, at=OPENING_AT) for name in ("a", "b"))
    assert {first.worker, second.worker} == {0, 1}
    worker.give_back(maker=first, at=OPENING_AT)
    third = worker.lease(holder="c", at=OPENING_AT)
    assert (third.worker, third.last_ms) == (first.worker, first.last_ms)
    # A process that died without giving its number back blocks it for a day.
    late = worker.lease(holder="d", at=OPENING_AT + timedelta(days=1))
    assert late.worker in (0, 1)
    assert len(fetch("SELECT number FROM worker WHERE holder LIKE 'd/%%'")) == 1


def test_when_all_numbers_are_leased_the_next_process_is_refused(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "NUMBERS", 2)
    for name in ("a", "b"):
        worker.lease(holder=name, at=OPENING_AT)
    with pytest.raises(Refusal, match="leased"):
        worker.lease(holder="c", at=OPENING_AT)
    assert execute("UPDATE worker SET leased_until_at = '2026-01-01 00:00:00' WHERE number = 1") == 1
    assert worker.lease(holder="c", at=OPENING_AT).worker == 1
