"""What a serving process begins with and ends with: ids that no other process makes, and answers to all it let in."""

import atexit
import os
from collections.abc import Callable

from greenloop.api import callers
from greenloop.api.loop import till, wallet
from greenloop.config.lease import own_ids

SERVING = "GREENLOOP_SERVING"
"""Set by `greenloop serve` for the processes that it starts."""
CLOCK = "GREENLOOP_CLOCK"
"""Set by `greenloop serve` where the serving process also does what the clock asks for: it is the one writer."""


def begin() -> None:
    """Lease a worker number, keep it leased, and give it back at the end."""
    atexit.register(_end, own_ids("serve"))
    if CLOCK in os.environ:
        from greenloop.config import tasks

        atexit.register(tasks.begin().stop, graceful=True)


def _end(give_back: Callable[[], None]) -> None:
    till.writer.rest()
    wallet.reader.rest()
    callers.forget()
    give_back()
