"""Group commit: what many threads hand in one by one is done by one thread in batches, and each gets its own answer.

While a batch is written, the next one gathers; so a batch is as large as the load makes it, and an idle server answers
at once. A full queue refuses at the door: what was let in is always answered.

Where many call, a batch waits a moment for as many as the batch before had: its callers have just been answered and
come again. Two half batches cost more than a whole one, and threads that are at work on requests while a batch is
written take the interpreter from it at each of its statements (measured: a third less work for each order).
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Condition, Lock, Thread, current_thread
from time import monotonic
from typing import Any, Generic, TypeVar

from django.db import OperationalError, connection

from greenloop.services import measures

T = TypeVar("T")
R = TypeVar("R")
log = logging.getLogger("greenloop.api")
MANY = 8
"""From so many calls in a batch on, the next one waits for as many."""
_NONE = object()


class Full(Exception):
    """The queue is full; nothing was handed in."""


@dataclass(slots=True)
class _Waiting(Generic[T]):
    item: T
    size: int
    done: Lock = field(default_factory=Lock)
    answer: Any = _NONE
    fault: Exception | None = None


class Gathering(Generic[T, R]):
    """One thread that works off batches. `work` answers a batch item by item, in order.

    `size_of` tells how much an item counts; a batch has at most `batch_max` of it, the queue at most `queue_max`.
    A batch waits `linger_s` at most for as many calls as the one before had.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[Sequence[T]], Sequence[R]],
        *,
        batch_max: int,
        queue_max: int,
        size_of: Callable[[T], int] = lambda _: 1,
        linger_s: float = 0.0,
    ) -> None:
        self.name, self._work, self._size_of = name, work, size_of
        self._batch_max, self._queue_max = batch_max, queue_max
        self._queue: deque[_Waiting[T]] = deque()
        self._waiting = 0
        self._linger_s = linger_s
        self._expected = 1
        self._more = Condition(Lock())
        self._thread: Thread | None = None

    @property
    def waiting(self) -> int:
        """Return how much is waiting."""
        return self._waiting

    def ask(self, item: T) -> R:
        """Hand in an item and wait for its answer.

        :raises Full: the queue is full.
        """
        mine = _Waiting(item, self._size_of(item))
        mine.done.acquire()
        with self._more:
            if self._waiting and self._waiting + mine.size > self._queue_max:
                raise Full
            self._queue.append(mine)
            self._waiting += mine.size
            if self._thread is None:
                self._thread = Thread(target=self._run, name=f"greenloop-{self.name}", daemon=True)
                self._thread.start()
            if len(self._queue) >= self._expected:
                self._more.notify()
        mine.done.acquire()
        if mine.fault is not None:
            raise mine.fault
        answer: R = mine.answer
        return answer

    def rest(self) -> None:
        """Answer what waits, then end the thread and its connection; the next item begins anew."""
        with self._more:
            thread, self._thread = self._thread, None
            self._more.notify()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        before = 0
        while batch := self._next(before):
            before = len(batch)
            self._work_off(batch)
        connection.close()

    def _work_off(self, batch: list[_Waiting[T]]) -> None:
        try:
            with measures.batch(self.name, items=len(batch), waiting=self._waiting):
                self._answer(batch)
        except Exception as fault:
            log.exception("%s: a batch ended in a fault around its work", self.name)
            for each in batch:
                if each.answer is _NONE:
                    each.fault = each.fault or fault
        finally:
            # Whatever happened, nobody waits for ever, and the thread goes on.
            for each in batch:
                each.done.release()

    def _next(self, before: int) -> list[_Waiting[T]]:
        with self._more:
            while not self._queue and self._thread is current_thread():
                self._more.wait()
            if not self._queue:
                return []
            if before >= MANY and self._linger_s:
                self._linger(before)
            batch = [self._queue.popleft()]
            size = batch[0].size
            while self._queue and size + self._queue[0].size <= self._batch_max:
                batch.append(self._queue.popleft())
                size += batch[-1].size
            self._waiting -= size
        return batch

    def _linger(self, count: int) -> None:
        """Wait until so many calls are there, or the time is up; the lock is held on coming and on going."""
        self._expected = count  # `ask` wakes the thread once, not for each call
        until_s = monotonic() + self._linger_s
        while len(self._queue) < count and self._thread is current_thread() and (left_s := until_s - monotonic()) > 0:
            self._more.wait(left_s)
        self._expected = 1

    def _answer(self, batch: list[_Waiting[T]]) -> None:
        try:
            answers = self._work([each.item for each in batch])
        except Exception as fault:  # noqa: BLE001  whatever it is, its callers are told
            connection.close_if_unusable_or_obsolete()
            if len(batch) > 1 and not isinstance(fault, OperationalError):
                # One of them is at fault: the others are not refused for it.
                log.warning(
                    "%s: a batch of %d failed and is tried in halves: %s", self.name, len(batch), type(fault).__name__
                )
                self._answer(batch[: len(batch) // 2])
                self._answer(batch[len(batch) // 2 :])
                return
            for each in batch:
                each.fault = fault
            return
        for each, answer in zip(batch, answers, strict=True):
            each.answer = answer
