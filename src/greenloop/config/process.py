"""What a serving process begins with and ends with: ids that no other process makes, and answers to all it let in."""

import atexit
import gc
import os
import sys
from collections.abc import Callable
from contextlib import suppress

from greenloop.api import callers
from greenloop.api.loop import till, wallet
from greenloop.config.lease import own_ids

SERVING = "GREENLOOP_SERVING"
"""Set by `greenloop serve` for the processes that it starts."""
CLOCK = "GREENLOOP_CLOCK"
"""Set by `greenloop serve` where the serving process also does what the clock asks for: it is the one writer."""
ALONE = "GREENLOOP_ALONE"
"""Set by `greenloop serve` where it starts one process only."""
TRACKED_MIN = 20_000
"""So many more objects than before are there when the interpreter looks for rings of them: a batch makes thousands."""


def begin() -> None:
    """Lease a worker number, keep it leased, and give it back at the end."""
    if ALONE in os.environ:
        _keep_to_one_processor()
    atexit.register(_end, own_ids("serve"))
    if CLOCK in os.environ:
        from greenloop.config import tasks

        atexit.register(tasks.begin().stop, graceful=True)
    _look_away_from_what_stays()


def _look_away_from_what_stays() -> None:
    """Let the interpreter look for rings of forgotten objects seldom, and not among what was there from the start.

    It takes the fifteenth part of the work for an order otherwise (measured).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(TRACKED_MIN)


def _keep_to_one_processor() -> None:
    """Run this process's threads on one of the processors that it may use, if it may choose.

    They hold the interpreter in turns and seldom work without it: handing it from one processor to the next for each
    call takes a quarter of the orders that a server can take (measured). Threads that begin later keep to it as well.
    """
    if sys.platform == "linux":
        may = sorted(os.sched_getaffinity(0))
        with suppress(OSError):  # some sandboxes forbid it
            os.sched_setaffinity(0, {may[os.getpid() % len(may)]})


def _end(give_back: Callable[[], None]) -> None:
    till.writer.rest()
    wallet.reader.rest()
    callers.forget()
    give_back()
