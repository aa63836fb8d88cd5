"""The clockwork's ticks, on huey: each minute, and each few seconds for what is delivered, whatever is due is done.

The queue holds ticks only, in a file of its own: what is due is asked of the business database each time, so a tick
that was missed, or came twice, costs nothing. What keeps two workers apart is in that database too.
"""

import logging
import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

from django.conf import settings
from django.db import connection
from huey import SqliteHuey, crontab
from huey.consumer import Consumer

from greenloop.config import clock
from greenloop.services.outbox.deliver import deliver_due

log = logging.getLogger("greenloop.clock")
PROMPT: list[Callable[..., object]] = [deliver_due]
"""What is worked off each few seconds; each is called with `at`."""
PROMPT_EVERY_S = 5
_prompt = Lock()
HOLDER = f"{socket.gethostname()}/{os.getpid()}"


def _queue() -> SqliteHuey:
    folder = Path(settings.HOME)
    folder.mkdir(parents=True, exist_ok=True)
    # Results are of no use to anybody: what was done is in the business database.
    return SqliteHuey("clockwork", filename=str(folder / "clockwork.sqlite3"), results=False, utc=True)


huey = _queue()


class Beside(Consumer):  # type: ignore[misc]
    """A consumer beside a server, which has the signals to itself."""

    def _set_signal_handlers(self) -> None:
        """Leave signals to the server."""


@huey.periodic_task(crontab(minute="*"), expires=50)  # type: ignore[untyped-decorator]
def each_minute() -> None:
    """Do what is due, and see to it that what is prompt is done during the minute."""
    for seconds in range(0, 60, PROMPT_EVERY_S):
        promptly.schedule(delay=seconds)
    _quietly(partial(clock.tick, holder=HOLDER))


@huey.task()  # type: ignore[untyped-decorator]
def promptly() -> None:
    """Work off what is prompt, unless this process is still at it."""
    if not _prompt.acquire(blocking=False):
        return
    try:
        for each in PROMPT:
            _quietly(partial(each, at=datetime.now(UTC)))
    finally:
        _prompt.release()


def _quietly(work: Callable[[], object]) -> None:
    """Do some work; a database that is away is there at a later tick, and no tick ends the clock."""
    try:
        work()
    except Exception:
        log.exception("a tick failed")
    finally:
        connection.close()


def begin() -> Consumer:
    """Begin ticking in threads of this process, which goes on with something else."""
    huey.flush()
    consumer = Beside(huey, workers=2, check_worker_health=False)
    consumer.start()
    return consumer


def work() -> None:
    """Tick until SIGTERM or Ctrl-C; what is under way then comes to its end."""
    huey.flush()
    options: dict[str, Any] = {"workers": 2, "graceful_signal": "TERM"}
    Consumer(huey, **options).run()
