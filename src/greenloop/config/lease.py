"""Ids that no other process makes, for as long as a process lives."""

import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event, Thread

from django.db import connection

from greenloop.services import ids, worker

RENEW_S = 60
log = logging.getLogger("greenloop.serving")


def own_ids(program: str) -> Callable[[], None]:
    """Lease a worker number and keep it leased, in a thread; return what gives it back.

    Once its lease had run out, on a machine that slept, another process may have the number: this one then leases anew.
    """
    makers = [_leased(program)]
    connection.close()
    ending = Event()
    keeping = Thread(target=_keep, args=(program, makers, ending), name="greenloop-lease", daemon=True)
    keeping.start()

    def give_back() -> None:
        ending.set()
        keeping.join()
        worker.give_back(maker=makers[-1], at=datetime.now(UTC))
        connection.close()

    return give_back


def _leased(program: str) -> ids.Maker:
    """Lease a number and make this process's ids under it from now on."""
    maker = worker.lease(holder=f"greenloop {program} (process {os.getpid()})", at=datetime.now(UTC))
    ids.use(maker)
    return maker


def _keep(program: str, makers: list[ids.Maker], ending: Event) -> None:
    while not ending.wait(RENEW_S):
        try:
            if not worker.renew(maker=makers[-1], at=datetime.now(UTC)):
                makers.append(_leased(program))
                log.critical("the worker number was another process's by now: ids go on under %s", makers[-1].worker)
        except Exception:
            # The lease is for a day: there are many more tries before another process may take the number.
            log.exception("the worker number could not be renewed")
        finally:
            connection.close()
