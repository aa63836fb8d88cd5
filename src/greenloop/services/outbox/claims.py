"""Which deliveries a sender works on, and what came of them: an endpoint is one sender's at a time, for a while.

A sender that dies in between leaves an endpoint that is free again when its time is over, and deliveries that are due:
they are sent again under the same id.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from greenloop.core.faults import Refusal
from greenloop.services.outbox import signing, waits
from greenloop.services.outbox.sending import Outcome
from greenloop.store import locks, sql

LEASE = timedelta(minutes=3)
"""Longer than a sender works on one endpoint's batch, its names' slowest look-ups included."""
LEASE_MAX = 2 * LEASE
"""A lease that ends later was taken by a clock that ran ahead, and is over; clocks may differ by as much as one."""
BATCH = 50
FAULT_MAX = 200


@dataclass(frozen=True, slots=True)
class Parcel:
    """One event to be sent; `attempt` is the number of this try."""

    delivery_id: int
    event_id: int
    attempt: int
    retries: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """What one endpoint is to be sent now, oldest first, and the keys that sign it: none if its secret won't open."""

    endpoint_id: int
    url: str
    keys: tuple[bytes, ...]
    parcels: tuple[Parcel, ...]
    leased_until_at: datetime


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one parcel, sent at an instant."""

    parcel: Parcel
    outcome: Outcome
    at: datetime


def due(at: datetime) -> bool:
    """Tell whether anything can be sent; asked each few seconds, it takes no lock."""
    return bool(sql.rows(_DUE.format(waiting=_WAITING, lock=""), _instants(at) | {"most": 1}))


def claim(*, endpoints_max: int, at: datetime) -> list[Batch]:
    """Take what is due for some endpoints that nobody else sends to; they are the caller's until their lease ends.

    Part of the caller's transaction, as all that is written here.
    """
    instants, until_at = _instants(at), at + LEASE
    # On SQLite verbs are alone; on PostgreSQL another sender's endpoints are passed over.
    lock = "FOR NO KEY UPDATE OF e SKIP LOCKED" if sql.is_postgresql() else ""
    free = [row[0] for row in sql.rows(_DUE.format(waiting=_WAITING, lock=lock), instants | {"most": endpoints_max})]
    sql.run_many(_AHEAD, [(instants["now"], endpoint, instants["far"]) for endpoint in free])
    found = sql.rows_in(_ENDPOINTS, free)
    # An event may have been written by a verb that began before its endpoint was ended.
    sql.run_many(_GIVE_UP, [(instants["now"], row[0]) for row in found if row[-1] is not None])
    batches = []
    for number, url, secret, old, old_until, ended in sorted(found):
        # Who sent to an endpoint until a moment ago may have left nothing.
        if ended is None and (parcels := _parcels(number, instants["now"])):
            batches.append(Batch(number, url, _keys(number, secret, old, old_until, at), parcels, until_at))
    until = sql.instant(until_at)
    sql.run_many(_LEASED, [(until, batch.endpoint_id) for batch in batches])
    sql.run_many(_BEGUN, [(until, parcel.delivery_id) for batch in batches for parcel in batch.parcels])
    return batches


def record(*, batch: Batch, tried: Sequence[Tried], left: Sequence[Parcel], at: datetime) -> None:
    """Write down what came of a batch, let go of its endpoint, and of what is `left` because one before it failed."""
    locks.endpoints([batch.endpoint_id])
    sql.load("delivery_attempt", _ATTEMPT, [_attempt(each) for each in tried])
    arrived = [(sql.instant(each.at), each.parcel.delivery_id) for each in tried if each.outcome.arrived]
    sql.run_many("UPDATE delivery SET state = 'done', done_at = %s WHERE id = %s AND state <> 'done'", arrived)
    failed = [each for each in tried if not each.outcome.arrived]
    sql.run_many(_LATER, [_later(each) for each in failed])
    sql.run_many(_LEFT, [(sql.instant(at), parcel.delivery_id, parcel.attempt) for parcel in left])
    rest = max(
        (waits.rest(outcome=each.outcome, at=each.at, is_more=bool(left)) for each in failed), default=timedelta()
    )
    until = [sql.instant(at), sql.instant(at + rest)]
    sql.run(_FREE, [*until, batch.endpoint_id, sql.instant(batch.leased_until_at)])
    if any(each.outcome.is_gone for each in failed):
        close([batch.endpoint_id], why="gone", at=at)


def close(endpoints: Collection[int], *, why: str, at: datetime) -> int:
    """End endpoints inside the caller's transaction, and give up what was on its way there; return how many ended."""
    locks.endpoints(endpoints)
    now = sql.instant(at)
    ended = sum(sql.run(_END, [now, why, endpoint]) for endpoint in endpoints)
    sql.run_many(_GIVE_UP, [(now, endpoint) for endpoint in endpoints])
    return ended


def _instants(at: datetime) -> dict[str, Any]:
    """Return now, and from when on a lease, a rest or a wait is none: a clock that ran ahead wrote it."""
    far = {"leased_max": at + LEASE_MAX, "far": at + waits.LONGEST}
    return {"now": sql.instant(at), **{name: sql.instant(then) for name, then in far.items()}}


def _parcels(endpoint_id: int, now: Any) -> tuple[Parcel, ...]:
    """Return what is due at an endpoint, oldest first; its bodies are read for no more than these."""
    found = sql.rows(_OLDEST, [endpoint_id, now, BATCH])
    bodies = {event: body.encode() for event, body in sql.rows_in(_BODIES, [event for _, event, *_ in found])}
    return tuple(Parcel(number, event, attempt, retries, bodies[event]) for number, event, attempt, retries in found)


def _keys(number: int, secret: str, old: str, old_until: object, at: datetime) -> tuple[bytes, ...]:
    """Return the keys that sign for an endpoint, while its secret is changed both; none where none can be opened."""
    both = old and old_until is not None and at < sql.moment(old_until)
    keys = []
    for text in (secret, old) if both else (secret,):
        with suppress(Refusal):
            keys.append(signing.unseal(text, number))
    return tuple(keys)


def _attempt(each: Tried) -> sql.Row:
    parcel, outcome = each.parcel, each.outcome
    fault = outcome.fault[:FAULT_MAX]
    return (parcel.delivery_id, parcel.attempt, sql.instant(each.at), outcome.status, outcome.took_ms, fault)


def _later(each: Tried) -> sql.Row:
    """Return when a delivery that failed is tried again, or that it is given up."""
    next_at = waits.again_at(retries=each.parcel.retries, outcome=each.outcome, at=each.at)
    if next_at is None:
        now = sql.instant(each.at)
        return "given_up", now, now, each.parcel.delivery_id, each.parcel.attempt
    return "waiting", sql.instant(next_at), None, each.parcel.delivery_id, each.parcel.attempt


_WAITING = "SELECT 1 FROM delivery d WHERE d.endpoint_id = e.id AND d.state = 'waiting'"
_DUE = """
    SELECT e.id FROM webhook_endpoint e
    WHERE (e.leased_until_at <= %(now)s OR e.leased_until_at > %(leased_max)s)
        AND (e.rests_until_at IS NULL OR e.rests_until_at <= %(now)s OR e.rests_until_at > %(far)s)
        AND (EXISTS ({waiting} AND d.next_at <= %(now)s) OR EXISTS ({waiting} AND d.next_at > %(far)s))
    ORDER BY e.leased_until_at, e.id LIMIT %(most)s {lock}
"""
_AHEAD = "UPDATE delivery SET next_at = %s WHERE endpoint_id = %s AND state = 'waiting' AND next_at > %s"
_OLDEST = """
    SELECT id, event_id, attempts + 1, retries + 1 FROM delivery
    WHERE endpoint_id = %s AND state = 'waiting' AND next_at <= %s ORDER BY next_at, id LIMIT %s
"""
_BODIES = "SELECT id, body FROM outbox_event WHERE id IN ({keys})"
_LEASED = "UPDATE webhook_endpoint SET leased_until_at = %s WHERE id = %s"
_BEGUN = "UPDATE delivery SET attempts = attempts + 1, retries = retries + 1, next_at = %s WHERE id = %s"
_ENDPOINTS = """
    SELECT id, url, sealed_secret, old_sealed_secret, old_until_at, ended_at FROM webhook_endpoint WHERE id IN ({keys})
"""
_ATTEMPT = ("delivery_id", "number", "at", "status", "took_ms", "fault")
_LATER = """
    UPDATE delivery SET state = %s, next_at = %s, done_at = %s WHERE id = %s AND attempts = %s AND state = 'waiting'
"""
_LEFT = """
    UPDATE delivery SET attempts = attempts - 1, retries = retries - 1, next_at = %s
    WHERE id = %s AND attempts = %s AND state = 'waiting'
"""
_FREE = "UPDATE webhook_endpoint SET leased_until_at = %s, rests_until_at = %s WHERE id = %s AND leased_until_at = %s"
_END = "UPDATE webhook_endpoint SET ended_at = %s, ended_why = %s WHERE ended_at IS NULL AND id = %s"
_GIVE_UP = "UPDATE delivery SET state = 'given_up', done_at = %s WHERE endpoint_id = %s AND state = 'waiting'"
