"""Which deliveries a sender works on, and what came of them: an endpoint is one sender's at a time, for a while.

A sender that dies in between leaves an endpoint that is free again when its time is over, and deliveries that are due:
they are sent again under the same id.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from greenloop.services.outbox import signing, waits
from greenloop.services.outbox.sending import Outcome
from greenloop.store import sql

LEASE = timedelta(minutes=3)
"""Longer than a sender works on one endpoint's batch, its names' slowest look-ups included."""
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
    """What one endpoint is to be sent now, oldest first, and the keys that sign it."""

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
    now = sql.instant(at)
    return bool(sql.rows(_DUE.format(lock=""), [now, now, 1]))


def claim(*, endpoints_max: int, at: datetime) -> list[Batch]:
    """Take what is due for some endpoints that nobody else sends to; they are the caller's until their lease ends.

    Part of the caller's transaction, as all that is written here.
    """
    now, until_at = sql.instant(at), at + LEASE
    # On SQLite verbs are alone; on PostgreSQL another sender's endpoints are passed over.
    lock = "FOR NO KEY UPDATE OF e SKIP LOCKED" if sql.is_postgresql() else ""
    free = [row[0] for row in sql.rows(_DUE.format(lock=lock), [now, now, endpoints_max])]
    if not free:
        return []
    theirs = sql.marks(len(free))
    # An event may have been written by a verb that began before its endpoint was ended.
    sql.run(_FORGOTTEN.format(endpoints=theirs), [now, *free])
    rows = sql.rows(_PARCELS.format(endpoints=theirs), [*free, now, BATCH])
    # Only now: who sent to an endpoint until a moment ago may have left nothing.
    sql.run_many(_LEASED, [(sql.instant(until_at), endpoint) for endpoint in sorted({row[0] for row in rows})])
    sql.run_many(_BEGUN, [(sql.instant(until_at), row[1]) for row in rows])
    parcels: dict[int, list[Parcel]] = {}
    for endpoint, delivery, event, attempt, retries, body in rows:
        parcels.setdefault(endpoint, []).append(Parcel(delivery, event, attempt, retries, body.encode()))
    if not parcels:
        return []
    found = sql.rows(_ENDPOINTS.format(endpoints=theirs), free)
    return [
        Batch(number, url, _keys(number, secret, old, old_until, at), tuple(parcels[number]), until_at)
        for number, url, secret, old, old_until in found
        if number in parcels
    ]


def record(*, batch: Batch, tried: Sequence[Tried], left: Sequence[Parcel], at: datetime) -> None:
    """Write down what came of a batch, let go of its endpoint, and of what is `left` because one before it failed."""
    sql.load("delivery_attempt", _ATTEMPT, [_attempt(each) for each in tried])
    arrived = [(sql.instant(each.at), each.parcel.delivery_id) for each in tried if each.outcome.arrived]
    sql.run_many("UPDATE delivery SET state = 'done', done_at = %s WHERE id = %s AND state <> 'done'", arrived)
    failed = [each for each in tried if not each.outcome.arrived]
    sql.run_many(_LATER, [_later(each) for each in failed])
    sql.run_many(_LEFT, [(sql.instant(at), parcel.delivery_id, parcel.attempt) for parcel in left])
    rest = max(
        (waits.rest(outcome=each.outcome, at=each.at, is_more=bool(left)) for each in failed), default=timedelta()
    )
    sql.run(_FREE, [sql.instant(at + rest), batch.endpoint_id, sql.instant(batch.leased_until_at)])
    if any(each.outcome.is_gone for each in failed):
        close([batch.endpoint_id], why="gone", at=at)


def close(endpoints: Collection[int], *, why: str, at: datetime) -> int:
    """End endpoints inside the caller's transaction, and give up what was on its way there; return how many ended."""
    now, theirs = sql.instant(at), sql.marks(len(endpoints))
    ended = sql.run(_END.format(endpoints=theirs), [now, why, *endpoints])
    sql.run(_GIVE_UP.format(endpoints=theirs), [now, *endpoints])
    return ended


def _keys(number: int, secret: str, old: str, old_until: object, at: datetime) -> tuple[bytes, ...]:
    """Return the keys that sign for an endpoint: while its secret is changed, both."""
    both = old and old_until is not None and at < sql.moment(old_until)
    return tuple(signing.unseal(text, number) for text in ((secret, old) if both else (secret,)))


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


_DUE = """
    SELECT e.id FROM webhook_endpoint e
    WHERE e.leased_until_at <= %s AND EXISTS (
        SELECT 1 FROM delivery d WHERE d.endpoint_id = e.id AND d.state = 'waiting' AND d.next_at <= %s)
    ORDER BY e.leased_until_at, e.id LIMIT %s {lock}
"""
_FORGOTTEN = """
    UPDATE delivery SET state = 'given_up', done_at = %s WHERE state = 'waiting' AND endpoint_id IN (
        SELECT id FROM webhook_endpoint WHERE ended_at IS NOT NULL AND id IN ({endpoints}))
"""
_PARCELS = """
    SELECT endpoint_id, id, event_id, attempts + 1, retries + 1, body FROM (
        SELECT d.endpoint_id, d.id, d.event_id, d.attempts, d.retries, v.body,
               ROW_NUMBER() OVER (PARTITION BY d.endpoint_id ORDER BY d.next_at, d.id) AS place
        FROM delivery d JOIN outbox_event v ON v.id = d.event_id
        WHERE d.endpoint_id IN ({endpoints}) AND d.state = 'waiting' AND d.next_at <= %s
    ) AS waiting
    WHERE place <= %s ORDER BY endpoint_id, place
"""
_LEASED = "UPDATE webhook_endpoint SET leased_until_at = %s WHERE id = %s"
_BEGUN = "UPDATE delivery SET attempts = attempts + 1, retries = retries + 1, next_at = %s WHERE id = %s"
_ENDPOINTS = """
    SELECT id, url, sealed_secret, old_sealed_secret, old_until_at FROM webhook_endpoint WHERE id IN ({endpoints})
    ORDER BY id
"""
_ATTEMPT = ("delivery_id", "number", "at", "status", "took_ms", "fault")
_LATER = """
    UPDATE delivery SET state = %s, next_at = %s, done_at = %s WHERE id = %s AND attempts = %s AND state = 'waiting'
"""
_LEFT = """
    UPDATE delivery SET attempts = attempts - 1, retries = retries - 1, next_at = %s
    WHERE id = %s AND attempts = %s AND state = 'waiting'
"""
_FREE = "UPDATE webhook_endpoint SET leased_until_at = %s WHERE id = %s AND leased_until_at = %s"
_END = "UPDATE webhook_endpoint SET ended_at = %s, ended_why = %s WHERE ended_at IS NULL AND id IN ({endpoints})"
_GIVE_UP = """
    UPDATE delivery SET state = 'given_up', done_at = %s WHERE state = 'waiting' AND endpoint_id IN ({endpoints})
"""
