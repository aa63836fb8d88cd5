"""64-bit, time-ordered ids: 41 bits of milliseconds since 2015, 10 bits of worker number, 12 bits of sequence."""

import time
from collections.abc import Callable
from threading import Lock

from greenloop.core.faults import Breach

EPOCH_MS = 1_420_070_400_000
PATIENCE_MS = 1_000


class ClockBehind(Breach):
    """The machine's clock has run back, so no id can be made: the books are not concerned."""


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


class Maker:
    """Makes ids that never repeat and never go back, for one worker number.

    It never goes below its last millisecond: it waits up to a second for a clock that ran back, then refuses. `holder`
    is whom the number is leased to.
    """

    def __init__(
        self, *, worker: int = 0, clock_ms: Callable[[], int] = _wall_ms, last_ms: int = 0, holder: str = ""
    ) -> None:
        self.worker, self.holder = worker, holder
        self._clock_ms = clock_ms
        # The maker before may have used all of its last millisecond.
        self.last_ms = last_ms + 1 if last_ms else 0
        self._sequence = 0
        self._lock = Lock()

    def block(self, count: int) -> list[int]:
        """Return `count` new ids, in order.

        :raises Breach: the clock is more than a second behind the last id.
        """
        with self._lock:
            now_ms = self._settled_ms()
            if now_ms > self.last_ms:
                self.last_ms, self._sequence = now_ms, 0
            # Counted as one number of (millisecond, sequence), so that a block may borrow from milliseconds to come.
            first = self.last_ms * 4096 + self._sequence
            self.last_ms, self._sequence = divmod(first + count, 4096)
            worker = self.worker << 12
            return [
                ((position >> 12) - EPOCH_MS << 22) | worker | (position & 4095)
                for position in range(first, first + count)
            ]

    def _settled_ms(self) -> int:
        now_ms = self._clock_ms()
        # A block may have borrowed a few milliseconds; only a clock that is further behind has run back.
        if self.last_ms - now_ms > PATIENCE_MS:
            time.sleep(PATIENCE_MS // 1_000)
            now_ms = self._clock_ms()
            if self.last_ms - now_ms > PATIENCE_MS:
                raise ClockBehind("the clock runs more than a second behind the last id; set it right and start again")
        return now_ms


_current = Maker()


def use(maker: Maker) -> Maker:
    """Make `maker` the source of all new ids of this process and return the one before it."""
    global _current
    before, _current = _current, maker
    return before


def block(count: int) -> list[int]:
    """Return `count` new ids from the process's maker."""
    return _current.block(count)
