"""Group commit: many hand in, one works, each gets its own answer."""

import time
from collections.abc import Sequence
from threading import Event, Thread
from typing import Any

import pytest
from django.db import OperationalError

from greenloop.api.gathering import Full, Gathering
from greenloop.services import measures


def asked(gathering: Gathering[int, int], items: Sequence[int]) -> dict[int, Any]:
    """Ask for all items at once; return the answers, or what was raised."""
    told: dict[int, Any] = {}

    def ask(item: int) -> None:
        try:
            told[item] = gathering.ask(item)
        except Exception as fault:  # noqa: BLE001  what was raised is what is looked at
            told[item] = fault

    threads = [Thread(target=ask, args=(item,)) for item in items]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gathering.rest()
    return told


def test_each_caller_gets_the_answer_to_its_own_item() -> None:
    batches: list[int] = []

    def double(items: Sequence[int]) -> list[int]:
        batches.append(len(items))
        time.sleep(0.01)
        return [item * 2 for item in items]

    told = asked(Gathering("t", double, batch_max=50, queue_max=1_000), range(200))
    assert told == {item: item * 2 for item in range(200)}
    assert sum(batches) == 200
    assert 4 <= len(batches) < 200
    assert max(batches) <= 50


def test_one_bad_item_fails_alone() -> None:
    def work(items: Sequence[int]) -> list[int]:
        if 7 in items:
            raise ValueError
        return list(items)

    told = asked(Gathering("t", work, batch_max=50, queue_max=1_000), range(20))
    assert isinstance(told.pop(7), ValueError)
    assert told == {item: item for item in range(20) if item != 7}


def test_a_database_that_is_gone_fails_the_whole_batch_once() -> None:
    calls: list[int] = []

    def work(items: Sequence[int]) -> list[int]:
        calls.append(len(items))
        raise OperationalError

    told = asked(Gathering("t", work, batch_max=500, queue_max=1_000), range(20))
    assert all(isinstance(fault, OperationalError) for fault in told.values())
    assert sum(calls) == 20


def test_a_full_queue_refuses_at_the_door_and_answers_what_it_let_in() -> None:
    begun, go_on = Event(), Event()

    def work(items: Sequence[int]) -> list[int]:
        begun.set()
        go_on.wait(10)
        return list(items)

    gathering: Gathering[int, int] = Gathering("t", work, batch_max=5, queue_max=3)
    told: list[int] = []
    threads = [Thread(target=lambda n=n: told.append(gathering.ask(n))) for n in range(4)]
    threads[0].start()
    begun.wait(10)
    for thread in threads[1:]:
        thread.start()
    while gathering.waiting < 3:
        time.sleep(0.001)
    with pytest.raises(Full):
        gathering.ask(99)
    go_on.set()
    for thread in threads:
        thread.join()
    gathering.rest()
    assert sorted(told) == [0, 1, 2, 3]


class Lingering:
    """A gathering that has just answered twenty calls as one batch, and waits a minute for twenty again."""

    def __init__(self, linger_s: float = 60) -> None:
        self.batches: list[int] = []
        self.told: list[int] = []
        self.threads: list[Thread] = []
        self.begun, self.go_on = Event(), Event()
        self.gathering: Gathering[int, int] = Gathering(
            "t", self._work, batch_max=50, queue_max=1_000, linger_s=linger_s
        )
        self.hand_in(1)
        self.begun.wait(10)
        self.hand_in(20)
        while self.gathering.waiting < 20:
            time.sleep(0.001)
        self.go_on.set()
        self.join()
        assert self.batches == [1, 20]

    def _work(self, items: Sequence[int]) -> list[int]:
        self.batches.append(len(items))
        self.begun.set()
        self.go_on.wait(10)
        return list(items)

    def hand_in(self, count: int) -> None:
        new = [Thread(target=lambda: self.told.append(self.gathering.ask(1))) for _ in range(count)]
        self.threads += new
        for thread in new:
            thread.start()

    def join(self) -> None:
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive()
        self.threads.clear()


def test_a_batch_waits_for_as_many_calls_as_the_one_before_had() -> None:
    many = Lingering()
    many.hand_in(7)
    while many.gathering.waiting < 7:
        time.sleep(0.001)
    many.hand_in(13)
    many.join()
    many.gathering.rest()
    assert many.batches == [1, 20, 20]


def test_a_batch_waits_a_moment_only_and_not_at_all_once_few_have_called() -> None:
    many = Lingering(linger_s=0.05)
    many.hand_in(7)
    many.join()
    many.gathering._linger_s = 60  # the batch of seven was of few: nobody is waited for
    assert many.gathering.ask(5) == 5
    many.gathering.rest()
    assert sum(many.batches[2:-1]) == 7


def test_what_waits_for_more_is_answered_when_the_thread_is_to_rest() -> None:
    many = Lingering()
    many.hand_in(7)
    while many.gathering.waiting < 7:
        time.sleep(0.001)
    many.gathering.rest()
    many.join()
    assert many.batches == [1, 20, 7]


def test_a_fault_around_the_work_is_told_and_the_thread_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    gathering: Gathering[int, int] = Gathering("t", list, batch_max=5, queue_max=5)
    with monkeypatch.context() as patch:
        patch.setattr(measures.QUEUE, "labels", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            gathering.ask(1)
    assert gathering.ask(2) == 2
    gathering.rest()


def test_after_a_rest_it_begins_anew() -> None:
    gathering: Gathering[int, int] = Gathering("t", list, batch_max=5, queue_max=5)
    assert gathering.ask(1) == 1
    gathering.rest()
    assert gathering.ask(2) == 2
    gathering.rest()
