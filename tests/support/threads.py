"""Several callers at once, each with a database connection of its own."""

from collections.abc import Callable, Sequence
from threading import Barrier, Thread
from typing import TypeVar

from django.db import connections

T = TypeVar("T")
PATIENCE_S = 60


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Start all calls at one moment; return what each gave, in their order, or raise what one of them raised."""
    answers: dict[int, T] = {}
    faults: list[Exception] = []
    start = Barrier(len(calls))

    def run(place: int, call: Callable[[], T]) -> None:
        try:
            start.wait(PATIENCE_S)
            answers[place] = call()
        except Exception as fault:  # noqa: BLE001  raised again below
            faults.append(fault)
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=each, daemon=True) for each in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    for fault in faults:
        raise fault
    return [answers[place] for place in range(len(calls))]
