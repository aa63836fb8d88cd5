"""What a long simulation tells while it runs: how far it is, and where its time goes."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter

Progress = Callable[[str, int, int], None]
"""Called with a stage, how much of it is done, and how much there is."""


def unwatched(stage: str, done: int, total: int) -> None:
    """Tell nobody."""


class Stopwatch:
    """Sums the wall-clock seconds of each stage; stages take turns and never overlap."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of a `with` block towards a stage."""
        begun = perf_counter()
        try:
            yield
        finally:
            self._seconds[name] = self._seconds.get(name, 0.0) + perf_counter() - begun

    @property
    def seconds(self) -> Mapping[str, float]:
        """Return the seconds by stage, in the order in which the stages were first entered."""
        return dict(self._seconds)
