"""Webhooks: registered by the client that wants to be told, watched and sent again by it or by an operator."""

from datetime import datetime
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from ninja import Router, Schema
from pydantic import Field, StringConstraints

from greenloop.api import access, callers, clock, paging
from greenloop.api.access import Keyed, Staff
from greenloop.api.callers import Client
from greenloop.api.fields import Body, Instant, number
from greenloop.api.hooks.shown import (
    DeliveryOut,
    DeliveryWhole,
    EndpointOut,
    FilterAsked,
    shown_delivery,
    shown_endpoint,
    whole_delivery,
)
from greenloop.api.paging import Asked, Page
from greenloop.api.problems import Problem
from greenloop.api.writing import write
from greenloop.core.faults import say
from greenloop.services.outbox import endpoints
from greenloop.services.outbox.addresses import URL_MAX
from greenloop.services.outbox.kinds import KINDS, lacking
from greenloop.services.outbox.replay import replay, replay_given_up
from greenloop.store.queries import outbox
from greenloop.store.queries.outbox import DeliveryRow, EndpointRow

router = Router(tags=["webhooks"])
OWNERS = Keyed("webhooks:write")
READERS = [OWNERS, Staff("operator", "auditor")]
SENDERS = [OWNERS, Staff("operator")]
Url = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=URL_MAX, pattern=r"^[^\x00]*$")]
Kind = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=32, pattern=r"^[^\x00]*$")]


class EndpointIn(Body):
    """Where to be told, over https, and of what."""

    url: Url
    kinds: list[Kind] = Field(min_length=1, max_length=len(KINDS))


class SinceIn(Body):
    """Since when."""

    since: Instant


class KindOut(Schema):
    """A kind of events."""

    kind: str
    what: str


class SentAgainOut(Schema):
    """How many deliveries are sent again."""

    deliveries: int


@router.get(
    "/event-kinds", auth=READERS, response=list[KindOut], summary="List kinds of events", operation_id="listKinds"
)
def list_kinds(request: HttpRequest) -> list[KindOut]:
    """List what an endpoint may be told of."""
    return [KindOut(kind=kind, what=gettext(what)) for kind, what in KINDS.items()]


@router.post(
    "/webhooks",
    auth=OWNERS,
    response={201: EndpointOut},
    summary="Register a webhook",
    operation_id="registerWebhook",
)
def register(request: HttpRequest, body: EndpointIn) -> HttpResponse:
    """Register where the calling client is told of which kinds of events, and get the secret, this once.

    The key needs, beside `webhooks:write`, the scope with which it could read what each kind tells. Once no live key of
    the client could register it any more, a revoked key's endpoint is ended.

    The same address again is the same endpoint, with the kinds that are named now and without its secret: who has lost
    that draws a new one.
    """
    caller: Client = access.of(request)
    _may_be_told(caller, body.kinds)
    client, at = outbox.client_name(caller.id), clock.now()
    live = (row for row in outbox.endpoints([caller.id], live=True) if row.url == body.url)
    told = any(set(row.kinds) == set(body.kinds) for row in live)
    return write(
        request,
        lambda: endpoints.register(client=client, url=body.url, kinds=body.kinds, by=caller.name, at=at),
        lambda made: shown_endpoint(outbox.endpoint(made.id), made.secret),
        status=201,
        again=lambda made: made.secret is None and told,
        kept=lambda made: shown_endpoint(outbox.endpoint(made.id)),
    )


@router.get("/webhooks", auth=READERS, response=Page[EndpointOut], summary="List webhooks", operation_id="listWebhooks")
def list_webhooks(request: HttpRequest, page: Asked) -> object:
    """List the endpoints of the calling client, newest first; operators and auditors see all that have not ended."""
    caller = access.of(request)
    (before,) = paging.numbers(page, 1, (outbox.LATEST,))
    rows = outbox.endpoints_page(caller.id if isinstance(caller, Client) else None, before=before, limit=page.limit + 1)
    return paging.page(rows, page, shown_endpoint, lambda row: (row.id,))


@router.get(
    "/webhooks/{webhook_id}", auth=READERS, response=EndpointOut, summary="Read a webhook", operation_id="readWebhook"
)
def read_webhook(request: HttpRequest, webhook_id: str) -> EndpointOut:
    """Return an endpoint of the calling client."""
    return shown_endpoint(_own(request, webhook_id))


@router.post(
    "/webhooks/{webhook_id}/secret",
    auth=OWNERS,
    response=EndpointOut,
    summary="Draw a new secret",
    operation_id="rotateWebhookSecret",
)
def rotate(request: HttpRequest, webhook_id: str) -> HttpResponse:
    """Draw a new secret for an endpoint and get it, this once. For 24 hours the old one signs beside it."""
    row = _own(request, webhook_id)
    return write(
        request,
        lambda: endpoints.rotate(endpoint_id=row.id, by=access.of(request).name, at=clock.now()),
        lambda made: shown_endpoint(outbox.endpoint(row.id), made.secret),
        kept=lambda _: shown_endpoint(outbox.endpoint(row.id)),
    )


@router.post(
    "/webhooks/{webhook_id}/end", auth=SENDERS, response=EndpointOut, summary="End a webhook", operation_id="endWebhook"
)
def end(request: HttpRequest, webhook_id: str) -> HttpResponse:
    """End an endpoint: nothing is sent there any more. Ended twice is ended once."""
    row = _own(request, webhook_id)
    return write(
        request,
        lambda: endpoints.end(endpoint_id=row.id, by=access.of(request).name, at=clock.now()),
        lambda _: shown_endpoint(outbox.endpoint(row.id)),
        again=lambda ended: not ended,
    )


@router.get(
    "/webhooks/{webhook_id}/deliveries",
    auth=READERS,
    response=Page[DeliveryOut],
    summary="List deliveries",
    operation_id="listDeliveries",
)
def list_deliveries(request: HttpRequest, webhook_id: str, which: FilterAsked, page: Asked) -> object:
    """List what was sent to an endpoint or is on its way, newest first."""
    row = _own(request, webhook_id)
    (before,) = paging.numbers(page, 1, (outbox.LATEST,))
    rows = outbox.deliveries(row.id, state=which.state or "", before=before, limit=page.limit + 1)
    return paging.page(rows, page, shown_delivery, lambda each: (each.id,))


@router.post(
    "/webhooks/{webhook_id}/replay",
    auth=SENDERS,
    response=SentAgainOut,
    summary="Send again what was given up",
    operation_id="replayWebhook",
)
def replay_all(request: HttpRequest, webhook_id: str, body: SinceIn) -> HttpResponse:
    """Send again all that an endpoint was given up since an instant, under the same ids."""
    row, since_at = _own(request, webhook_id), body.since
    return write(
        request, lambda: _replayed(row.id, since_at, access.of(request).name), lambda n: SentAgainOut(deliveries=n)
    )


@router.get(
    "/deliveries/{delivery_id}",
    auth=READERS,
    response=DeliveryWhole,
    summary="Read a delivery",
    operation_id="readDelivery",
)
def read_delivery(request: HttpRequest, delivery_id: str) -> DeliveryWhole:
    """Return a delivery with what is sent, and each try."""
    return whole_delivery(_own_delivery(request, delivery_id))


@router.post(
    "/deliveries/{delivery_id}/replay",
    auth=SENDERS,
    response=DeliveryWhole,
    summary="Send a delivery again",
    operation_id="replayDelivery",
)
def replay_one(request: HttpRequest, delivery_id: str) -> HttpResponse:
    """Send an event again that an endpoint has had, or was given up, under the same id."""
    row = _own_delivery(request, delivery_id)
    return write(
        request,
        lambda: replay(delivery_id=row.id, by=access.of(request).name, at=clock.now()),
        lambda _: whole_delivery(outbox.delivery(row.id)),
        again=lambda begun: not begun,
    )


def _may_be_told(caller: Client, kinds: list[str]) -> None:
    """Accept a key that could read what kinds of events tell.

    :raises Problem: it lacks a scope.
    """
    if lacks := lacking(kinds, caller.scopes):
        raise callers.no_scope(lacks[0], field="kinds")


def _replayed(endpoint_id: int, since_at: datetime, by: str) -> int:
    return replay_given_up(endpoint_id=endpoint_id, since_at=since_at, by=by, at=clock.now())


def _own(request: HttpRequest, webhook_id: str) -> EndpointRow:
    """Return an endpoint that the caller may see: its own client's; the platform's people see all.

    :raises Problem: it is another's, or unknown: which of the two is not said.
    """
    row, caller = outbox.endpoint(number(webhook_id, "webhook.unknown")), access.of(request)
    if isinstance(caller, Client) and row.client_id != caller.id:
        message = say("There is no endpoint {endpoint}.")
        raise Problem(404, "webhook.unknown", message, field="endpoint", endpoint=webhook_id)
    return row


def _own_delivery(request: HttpRequest, delivery_id: str) -> DeliveryRow:
    """Return a delivery to an endpoint that the caller may see.

    :raises Problem: it is another's, or unknown: which of the two is not said; or a key lacks the scope to read it.
    """
    row, caller = outbox.delivery(number(delivery_id, "delivery.unknown")), access.of(request)
    if isinstance(caller, Client) and outbox.endpoint(row.endpoint_id).client_id != caller.id:
        message = say("There is no delivery {delivery}.")
        raise Problem(404, "delivery.unknown", message, field="delivery", delivery=delivery_id)
    if isinstance(caller, Client):
        _may_be_told(caller, [row.kind])
    return row
