"""One till as a process: `python -m tests.faults.till NAME SEED` loads the product, and reads numbers of batches.

For each it forks a process that sells from that batch on, until SIGTERM or SIGKILL, and says how that one ended. What
has loaded opens no database: each life connects anew, without the second that loading takes.

Whoever sells takes batch after batch through the product's verbs, each followed by its refunds, and says on stdout, a
line of JSON each, what was acknowledged, after the verb has returned and never before. After an error of the database
it gives its connection up and tries the same batch again. GREENLOOP_TILL_SYNCHRONOUS asks SQLite for less than the
product does, to show what that would lose.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from threading import Event
from traceback import print_exc
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")
PAUSE_S = 0.05
stopping = Event()


def main(name: str, seed: int) -> None:
    """Load the product, then give the till one life after another."""
    import django

    django.setup()
    import tests.faults.trade  # noqa: F401  loads what sells

    for line in iter(sys.stdin.readline, ""):
        life = os.fork()
        if life == 0:
            live(name, seed, int(line))
        ended = os.waitstatus_to_exitcode(os.waitpid(life, 0)[1])
        sys.stdout.write("\n")  # a kill may have left half a line
        tell(ended=ended)


def live(name: str, seed: int, first: int) -> NoReturn:
    """Sell and end, without going back to what has forked this process."""
    signal.signal(signal.SIGTERM, stop)
    tell(pid=os.getpid())
    try:
        sell(name, seed, first)
    except BaseException:  # noqa: BLE001  nothing is above
        print_exc()
        os._exit(1)
    os._exit(0)


def sell(name: str, seed: int, first: int) -> None:
    """Sell from batch `first` on, until told to stop."""
    weaken(os.environ.get("GREENLOOP_TILL_SYNCHRONOUS"))
    from greenloop.services import ids, worker
    from greenloop.services.loop.refund import refund
    from greenloop.services.loop.take import take
    from tests.faults.trade import batch

    lease = insist("lease", first, partial(worker.lease, holder=name, at=datetime.now(UTC)))
    if lease is not None:
        ids.use(lease)
    tell(ready=True)
    number = first
    while not stopping.is_set():
        now = batch(seed=seed, till=name, number=number)
        taken = insist("take", number, partial(take, sales=now.sales, at=now.at))
        if taken is not None:
            tell(
                verb="take", batch=number, ids=taken.order_ids, refused=codes(taken.refusals), again=len(taken.replayed)
            )
            paid = insist("refund", number, partial(refund, forms=now.refunds, at=now.at))
            if paid is not None:
                tell(verb="refund", batch=number, ids=paid.refund_ids, states=paid.states, refused=codes(paid.refusals))
        number += 1


def insist(verb: str, number: int, call: Callable[[], T]) -> T | None:
    """Call a verb until it answers; None when the till is told to stop before that."""
    from django.db import Error, connection

    while not stopping.is_set():
        try:
            return call()
        except Error as fault:
            tell(error=type(fault).__name__, verb=verb, batch=number, said=str(fault)[:200])
            connection.close()
            time.sleep(PAUSE_S)
    return None


def weaken(synchronous: str | None) -> None:
    """Make SQLite sync as `synchronous` says, in this process alone."""
    if synchronous:
        from django.db import connections

        options = connections.settings["default"]["OPTIONS"]
        assert "synchronous=FULL" in options["init_command"], "the product's own setting is what is weakened here"
        options["init_command"] = options["init_command"].replace("synchronous=FULL", f"synchronous={synchronous}")


def codes(refusals: Any) -> Sequence[str]:
    """Return why orders or refunds of a batch were refused."""
    return [refusal.code for refusal in refusals.values()]


def tell(**facts: Any) -> None:
    """Say one thing on stdout, at once."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def stop(*_: object) -> None:
    """Stop after what is being done."""
    stopping.set()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
