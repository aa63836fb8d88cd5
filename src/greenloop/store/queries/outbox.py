"""Endpoints of webhooks, and the log of what was sent to them: newest first, page by page. No secret is read here."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from greenloop.core.faults import Refusal, say
from greenloop.store import sql

LATEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """An endpoint of a client. `ended_why` is asked or gone; `waiting` and `given_up` count its deliveries."""

    id: int
    client_id: int
    client: str
    url: str
    kinds: tuple[str, ...]
    created_at: datetime
    old_secret_until_at: datetime | None
    ended_at: datetime | None
    ended_why: str
    waiting: int
    given_up: int


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One event on its way to an endpoint. `state` is waiting, done or given_up; `next_at` is when it is tried next.

    `status` and `fault` are the last try's: the answer's status, None where there was none, and why not.
    """

    id: int
    endpoint_id: int
    event_id: int
    kind: str
    happened_at: datetime
    state: str
    attempts: int
    next_at: datetime | None
    done_at: datetime | None
    status: int | None
    fault: str


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One try of a delivery."""

    number: int
    at: datetime
    status: int | None
    took_ms: int
    fault: str


def endpoints(client_ids: Collection[int] | None = None, *, live: bool = False) -> list[EndpointRow]:
    """Return the endpoints of some clients, or of all, newest first; with `live`, those that have not ended."""
    which = "e.ended_at IS NULL" if live else "1 = 1"
    if client_ids is None:
        return [_endpoint(row) for row in sql.rows(f"{_ENDPOINTS} WHERE {which} ORDER BY e.id DESC")]
    found = sql.rows_in(f"{_ENDPOINTS} WHERE {which} AND e.client_id IN ({{keys}})", client_ids)
    return sorted(map(_endpoint, found), key=lambda row: -row.id)


def endpoints_page(client_id: int | None, *, before: int = LATEST, limit: int) -> list[EndpointRow]:
    """Return a client's endpoints of ids below `before`, newest first; of all clients, those that have not ended."""
    which, params = ("e.ended_at IS NULL", []) if client_id is None else ("e.client_id = %s", [client_id])
    query = f"{_ENDPOINTS} WHERE {which} AND e.id < %s ORDER BY e.id DESC LIMIT %s"
    return [_endpoint(row) for row in sql.rows(query, [*params, before, limit])]


def endpoint(endpoint_id: int) -> EndpointRow:
    """Return one endpoint.

    :raises Refusal: there is none.
    """
    if found := sql.rows(f"{_ENDPOINTS} WHERE e.id = %s", [endpoint_id]):
        return _endpoint(found[0])
    message = say("There is no endpoint {endpoint}.")
    raise Refusal("webhook.unknown", message, field="endpoint", endpoint=str(endpoint_id))


def clients_of(merchant_refs: Collection[str]) -> frozenset[int]:
    """Return the merchants' own clients; a partner's belong to the partner."""
    return frozenset(row[0] for row in sql.rows_in(_OWN, merchant_refs))


def client_name(client_id: int) -> str:
    """Return the name of a client."""
    return str(sql.value("SELECT name FROM api_client WHERE id = %s", [client_id]))


def deliveries(endpoint_id: int, *, state: str = "", before: int = LATEST, limit: int) -> list[DeliveryRow]:
    """Return what was or is to be sent to an endpoint, newest first, of ids below `before`; of one state if named."""
    which, params = ("AND d.state = %s ", [state]) if state else ("", [])
    query = f"{_DELIVERIES} WHERE d.endpoint_id = %s AND d.id < %s {which}ORDER BY d.id DESC LIMIT %s"
    return [_delivery(row) for row in sql.rows(query, [endpoint_id, before, *params, limit])]


def delivery(delivery_id: int) -> DeliveryRow:
    """Return one delivery.

    :raises Refusal: there is none.
    """
    if found := sql.rows(f"{_DELIVERIES} WHERE d.id = %s", [delivery_id]):
        return _delivery(found[0])
    message = say("There is no delivery {delivery}.")
    raise Refusal("delivery.unknown", message, field="delivery", delivery=str(delivery_id))


def body(event_id: int) -> str:
    """Return what is sent of an event, as JSON."""
    return str(sql.value("SELECT body FROM outbox_event WHERE id = %s", [event_id]))


def attempts(delivery_id: int) -> list[AttemptRow]:
    """Return the tries of a delivery, newest first."""
    return [
        AttemptRow(number, sql.moment(at), status, took_ms, fault)
        for number, at, status, took_ms, fault in sql.rows(_ATTEMPTS, [delivery_id])
    ]


def _endpoint(row: sql.Row) -> EndpointRow:
    number, client_id, client, url, kinds, created, old_until, ended, why, waiting, given_up = row
    return EndpointRow(
        *(number, client_id, client, url, tuple(kinds.split()), sql.moment(created)),
        None if old_until is None else sql.moment(old_until),
        None if ended is None else sql.moment(ended),
        *(why, waiting, given_up),
    )


def _delivery(row: sql.Row) -> DeliveryRow:
    number, endpoint_id, event_id, kind, happened, state, tries, next_at, done_at, status, fault = row
    return DeliveryRow(
        *(number, endpoint_id, event_id, kind, sql.moment(happened), state, tries),
        sql.moment(next_at) if state == "waiting" else None,
        None if done_at is None else sql.moment(done_at),
        *(status, fault or ""),
    )


_ENDPOINTS = """
    SELECT e.id, e.client_id, c.name, e.url, e.kinds, e.created_at, e.old_until_at, e.ended_at, e.ended_why,
        (SELECT COUNT(*) FROM delivery d WHERE d.endpoint_id = e.id AND d.state = 'waiting'),
        (SELECT COUNT(*) FROM delivery d WHERE d.endpoint_id = e.id AND d.state = 'given_up')
    FROM webhook_endpoint e JOIN api_client c ON c.id = e.client_id
"""
_OWN = """
    SELECT c.id FROM api_client c JOIN client_merchant a ON a.client_id = c.id JOIN merchant m ON m.id = a.merchant_id
    WHERE c.kind = 'merchant' AND m.ref IN ({keys})
"""
_DELIVERIES = """
    SELECT d.id, d.endpoint_id, d.event_id, v.kind, v.at, d.state, d.attempts, d.next_at, d.done_at, a.status, a.fault
    FROM delivery d JOIN outbox_event v ON v.id = d.event_id
    LEFT JOIN delivery_attempt a ON a.delivery_id = d.id AND a.number = (
        SELECT MAX(number) FROM delivery_attempt WHERE delivery_id = d.id)
"""
_ATTEMPTS = """
    SELECT number, at, status, took_ms, fault FROM delivery_attempt WHERE delivery_id = %s ORDER BY number DESC
"""
