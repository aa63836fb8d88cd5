"""Lease a worker number, so that two processes never make the same id."""

import secrets
from datetime import datetime, timedelta

from greenloop.core.faults import Refusal, say
from greenloop.services.ids import Maker
from greenloop.services.verb import verb
from greenloop.store import locks, sql
from greenloop.store.models import Worker

NUMBERS = 1_024
LEASE = timedelta(days=1)
HOLDER_MAX = 55


@verb
def lease(*, holder: str, at: datetime) -> Maker:
    """Lease the lowest free worker number for a day and return a maker of ids that starts after its last one.

    :raises Refusal: all 1 024 numbers are leased.
    """
    locks.leases()
    sql.run_many(
        "INSERT INTO worker (number, holder, leased_until_at) VALUES (%s, '', %s) ON CONFLICT (number) DO NOTHING",
        [(number, sql.instant(at)) for number in range(Worker.objects.count() + 1) if number < NUMBERS],
    )
    worker = Worker.objects.filter(leased_until_at__lte=at).order_by("number").first()
    if worker is None:
        message = say("All {most} worker numbers are leased. Stop a process, or wait a day.")
        raise Refusal("worker.none", message, most=NUMBERS)
    # Two machines may have processes of one name: what was drawn tells whose lease it is.
    mine = f"{holder[:HOLDER_MAX]}/{secrets.token_hex(4)}"
    Worker.objects.filter(number=worker.number).update(holder=mine, leased_until_at=at + LEASE)
    return Maker(worker=worker.number, last_ms=worker.last_ms, holder=mine)


@verb
def renew(*, maker: Maker, at: datetime) -> bool:
    """Lease a maker's number for another day; tell whether it is still the maker's.

    It is another's where its day was over and somebody has leased it since: the maker must not make ids any more.
    """
    mine = Worker.objects.filter(number=maker.worker, holder=maker.holder)
    return mine.update(leased_until_at=at + LEASE, last_ms=maker.last_ms) == 1


@verb
def give_back(*, maker: Maker, at: datetime) -> None:
    """Give a leased number back, if it is still the maker's; its next holder starts after the last id made under it."""
    mine = Worker.objects.filter(number=maker.worker, holder=maker.holder)
    mine.update(leased_until_at=at, last_ms=maker.last_ms)
