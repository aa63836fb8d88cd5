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
from greenloop.config.lease import own_ids
from greenloop.core.faults import Refusal
from greenloop.services import clockwork
from greenloop.services.books import keeper
from greenloop.services.books.institution.passing import pass_on
from greenloop.services.books.reconciling.chargebacks import book_charged_back
from greenloop.services.outbox.deliver import deliver_due
from greenloop.services.trust.lines import keep_up
from greenloop.store.queries import clockwork as slots

log = logging.getLogger("greenloop.clock")
HOST_MAX = 48
HOST = socket.gethostname()[:HOST_MAX]
HOLDER = f"{HOST}/{os.getpid()}"


def keep(*, at: datetime) -> None:  # noqa: ARG001  each pass has an instant of its own
    """Hand over to the trust book what waits, where this process may; pages and probes tell how much waits."""
    try:
        keeper.keep_all(holder=HOLDER, now=clock.now)
    except Refusal as refusal:
        log.warning("nothing is handed over to the trust book: %s", refusal.code)


PROMPT: list[Callable[..., object]] = [keep, keep_up, deliver_due, pass_on]
"""What is worked off each few seconds; each is called with `at`. An institution that is slow comes last."""
PROMPT_EVERY_S = 5
_ticking, _prompt, _passing = Lock(), Lock(), Lock()


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
    _beat()
    _alone(_ticking, partial(book_charged_back, at=datetime.now(UTC)))
    _alone(_ticking, partial(clock.tick, holder=HOLDER))


@huey.task()  # type: ignore[untyped-decorator]
def promptly() -> None:
    """Work off what is prompt, unless this process is still at it."""
    for each in PROMPT:
        _alone(_passing if each is pass_on else _prompt, partial(each, at=datetime.now(UTC)))


def _beat() -> None:
    """Say that somebody is at the clock, whatever there is to do."""
    _quietly(lambda: clockwork.beat(holder=HOLDER, at=clock.now()))


def _alone(lock: Lock, work: Callable[[], object]) -> None:
    """Do some work unless this process is still at it: a long settlement has one thread, webhooks have the other."""
    if not lock.acquire(blocking=False):
        return
    try:
        _quietly(work)
    finally:
        lock.release()


def _quietly(work: Callable[[], object]) -> None:
    """Do some work; a database that is away is there at a later tick, and no tick ends the clock."""
    try:
        work()
    except Exception:
        log.exception("a tick failed")
    finally:
        connection.close()


def take_over() -> None:
    """Let be tried again what processes of this machine were at that live no more.

    Work of another machine is taken over once it has run for too long (store/queries/clockwork.py).
    """
    for run in slots.under_way():
        if _is_gone(run.holder):
            log.warning("%s %s was left by a process that ended: %s", run.task, run.slot, run.holder)
            named = {"task": run.task, "slot": run.slot, "holder": run.holder}
            clockwork.fail(**named, outcome="failed: its process ended", at=clock.now())


def _is_gone(holder: str) -> bool:
    """Tell whether a holder was a process of this machine, and is none now. This one has only just begun."""
    host, _, process = holder.rpartition("/")
    if host != HOST or not process.isdecimal():
        return False
    return int(process) == os.getpid() or not _lives(int(process))


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def begin() -> Consumer:
    """Begin ticking in threads of this process, which goes on with something else."""
    _quietly(take_over)
    _beat()
    huey.flush()
    consumer = Beside(huey, workers=2, check_worker_health=False)
    consumer.start()
    return consumer


def work() -> None:
    """Tick until SIGTERM or Ctrl-C; what is under way then comes to its end."""
    give_back = own_ids("worker")
    try:
        _quietly(take_over)
        _beat()
        huey.flush()
        options: dict[str, Any] = {"workers": 2, "graceful_signal": "TERM"}
        Consumer(huey, **options).run()
    finally:
        give_back()
