"""Stop-watches: medians, percentiles, rates, and the memory a process has held at most."""

import resource
import statistics
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Self


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure: where, what, how much, in which unit, and the goal it is held against."""

    where: str
    what: str
    value: float
    unit: str
    goal: str = ""

    def as_dict(self) -> dict[str, object]:
        """Return the figure for JSON."""
        return asdict(self)


def seconds(work: Callable[[], object]) -> float:
    """Return how long one piece of work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def each(works: Iterable[Callable[[], object]]) -> list[float]:
    """Return how long each piece of work takes."""
    return [seconds(work) for work in works]


def median(times: list[float]) -> float:
    """Return the middle of the times."""
    return statistics.median(times)


def p99(times: list[float]) -> float:
    """Return the time that 99 of 100 stay below."""
    return sorted(times)[max(0, len(times) * 99 // 100 - 1)]


def peak_mib() -> float:
    """Return the most memory this process has held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def forget_peak() -> None:
    """Let the most memory count from now on: what a world was made with isn't measured. Linux alone can."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", "ascii")


class Helpers:
    """Watches the processes that this one works with: the most memory that each has held, looked at ten times a second.

    What the system counts of a process begins with all that its parent held when it was begun. Linux alone can tell.
    """

    def __init__(self) -> None:
        self._peaks: dict[str, int] = {}
        self._ended = Event()
        self._watching = Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._watching.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._watching.join()

    @property
    def peak_mib(self) -> float:
        """Return the most memory of each of them, together, in MiB."""
        return sum(self._peaks.values()) / 1024

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            for task in Path("/proc/self/task").iterdir():
                with suppress(OSError):
                    for number in (task / "children").read_text("ascii").split():
                        self._look(number)

    def _look(self, number: str) -> None:
        for line in Path(f"/proc/{number}/status").read_text("utf-8").splitlines():
            if line.startswith("VmHWM:"):
                self._peaks[number] = max(self._peaks.get(number, 0), int(line.split()[1]))
