"""Stop-watches: medians, percentiles, rates, and the memory a process has held at most."""

import resource
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass


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
