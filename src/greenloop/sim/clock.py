"""A clock that only a simulation moves, and ids that are made from it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from greenloop.core.faults import ensure
from greenloop.services import ids

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock:
    """The simulated time, in UTC. It stands still until it is moved, and never runs back."""

    def __init__(self, at: datetime) -> None:
        self._at = at.astimezone(UTC)

    @property
    def at(self) -> datetime:
        """Return the simulated instant."""
        return self._at

    def ms(self) -> int:
        """Return the milliseconds since 1970, as the maker of ids reads them."""
        return (self._at - _EPOCH) // timedelta(milliseconds=1)

    def move_to(self, at: datetime) -> datetime:
        """Move on to an instant and return it.

        :raises Breach: it lies before the present one: the world's story is told out of order.
        """
        ensure(at >= self._at, f"a simulated clock can't run back from {self._at} to {at}")
        self._at = at.astimezone(UTC)
        return self._at


@contextmanager
def simulated(clock: Clock) -> Iterator[Clock]:
    """Make all new ids from a simulated clock, so that they are the same on every run and every database.

    The maker of ids that was there before is put back at the end.
    """
    before = ids.use(ids.Maker(clock_ms=clock.ms))
    try:
        yield clock
    finally:
        ids.use(before)
