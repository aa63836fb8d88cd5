"""Ids that no other process makes, for as long as a process lives."""

import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event, Thread

from django.db import connection

from greenloop.services import ids, worker

RENEW_S = 3_600
log = logging.getLogger("greenloop.serving")


def own_ids(program: str) -> Callable[[], None]:
    """Lease a worker number and keep it leased, in a thread; return what gives it back.

    Once its lease had run out another process could have the number, and the two would make the same ids.
    """
    maker = worker.lease(holder=f"greenloop {program} (process {os.getpid()})", at=datetime.now(UTC))
    ids.use(maker)
    connection.close()
    ending = Event()
    Thread(target=_keep, args=(maker, ending), name="greenloop-lease", daemon=True).start()

    def give_back() -> None:
        ending.set()
        worker.give_back(maker=maker, at=datetime.now(UTC))
        connection.close()

    return give_back


def _keep(maker: ids.Maker, ending: Event) -> None:
    while not ending.wait(RENEW_S):
        try:
            worker.renew(maker=maker, at=datetime.now(UTC))
        except Exception:
            # The lease is for a day: there are many more tries before another process may take the number.
            log.exception("the worker number could not be renewed")
        finally:
            connection.close()
