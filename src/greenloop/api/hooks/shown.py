"""Endpoints and deliveries as the API shows them."""

import json
from datetime import datetime
from typing import Annotated, Any, Literal

from ninja import Query, Schema
from pydantic import Field

from greenloop.store.queries import outbox
from greenloop.store.queries.outbox import AttemptRow, DeliveryRow, EndpointRow


class EndpointOut(Schema):
    """Where a client is told. `secret` is there once, when it is drawn; after `old_secret_until` the old one is over.

    `ended_why` is `asked`, `gone` where the endpoint answered 410, or `key` where no live key could register it.
    """

    id: str
    client: str
    url: str
    kinds: list[str]
    created_at: datetime
    secret: str | None = None
    old_secret_until: datetime | None
    ended_at: datetime | None
    ended_why: str
    waiting: int
    given_up: int


class DeliveryOut(Schema):
    """An event on its way to an endpoint. `event_id` is the header `webhook-id`; the last try's answer is `status`."""

    id: str
    event_id: str
    kind: str
    happened_at: datetime
    state: str
    attempts: int
    next_at: datetime | None
    done_at: datetime | None
    status: int | None
    fault: str


class AttemptOut(Schema):
    """One try: the answer's status, null where there was none, and why not."""

    number: int
    at: datetime
    status: int | None
    took_ms: int
    fault: str


class DeliveryWhole(DeliveryOut):
    """A delivery with what is sent, and each try, newest first."""

    body: dict[str, Any]
    tries: list[AttemptOut]


class Filter(Schema):
    """Deliveries of one state, or all."""

    state: Literal["waiting", "done", "given_up"] | None = Field(None)


FilterAsked = Annotated[Filter, Query()]


def shown_endpoint(row: EndpointRow, secret: str | None = None) -> EndpointOut:
    """Return an endpoint as it is shown; `secret` only where it was drawn just now."""
    return EndpointOut(
        id=str(row.id),
        client=row.client,
        url=row.url,
        kinds=list(row.kinds),
        created_at=row.created_at,
        secret=secret,
        old_secret_until=row.old_secret_until_at,
        ended_at=row.ended_at,
        ended_why=row.ended_why,
        waiting=row.waiting,
        given_up=row.given_up,
    )


def shown_delivery(row: DeliveryRow) -> DeliveryOut:
    """Return a delivery as a list shows it."""
    return DeliveryOut(**_facts(row))


def whole_delivery(row: DeliveryRow) -> DeliveryWhole:
    """Return a delivery with what is sent and each try."""
    return DeliveryWhole(
        **_facts(row),
        body=json.loads(outbox.body(row.event_id)),
        tries=[_attempt(each) for each in outbox.attempts(row.id)],
    )


def _facts(row: DeliveryRow) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "event_id": str(row.event_id),
        "kind": row.kind,
        "happened_at": row.happened_at,
        "state": row.state,
        "attempts": row.attempts,
        "next_at": row.next_at,
        "done_at": row.done_at,
        "status": row.status,
        "fault": row.fault,
    }


def _attempt(row: AttemptRow) -> AttemptOut:
    return AttemptOut(number=row.number, at=row.at, status=row.status, took_ms=row.took_ms, fault=row.fault)
