"""What a serving process begins with and ends with: ids that no other process makes, and answers to all it let in."""

import atexit
import logging
import os
from datetime import UTC, datetime
from threading import Event, Thread

from django.db import connection

from greenloop.api import callers
from greenloop.api.loop import till
from greenloop.services import ids, worker

SERVING = "GREENLOOP_SERVING"
"""Set by `greenloop serve` for the processes that it starts."""
CLOCK = "GREENLOOP_CLOCK"
"""Set by `greenloop serve` where the serving process also does what the clock asks for: it is the one writer."""
RENEW_S = 3_600
log = logging.getLogger("greenloop.serving")


def begin() -> None:
    """Lease a worker number, keep it leased, and give it back at the end."""
    holder = f"greenloop serve (process {os.getpid()})"
    maker = worker.lease(holder=holder, at=datetime.now(UTC))
    ids.use(maker)
    connection.close()
    ending = Event()
    keeper = Thread(target=_keep, args=(maker, ending), name="greenloop-lease", daemon=True)
    keeper.start()
    atexit.register(_end, maker, ending)
    if CLOCK in os.environ:
        from greenloop.config import tasks

        atexit.register(tasks.begin().stop, graceful=True)


def _keep(maker: ids.Maker, ending: Event) -> None:
    while not ending.wait(RENEW_S):
        try:
            worker.renew(maker=maker, at=datetime.now(UTC))
        except Exception:
            # The lease is for a day: there are many more tries before another process may take the number.
            log.exception("the worker number could not be renewed")
        finally:
            connection.close()


def _end(maker: ids.Maker, ending: Event) -> None:
    ending.set()
    till.writer.rest()
    callers.forget()
    worker.give_back(maker=maker, at=datetime.now(UTC))
    connection.close()
