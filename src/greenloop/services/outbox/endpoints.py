"""Verbs of endpoints: where a client wants to be told, of what, and the secret that proves it was us."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from greenloop.core.faults import Refusal, say
from greenloop.services import ids
from greenloop.services.outbox import kinds as kinds_of
from greenloop.services.outbox import signing
from greenloop.services.outbox.addresses import resolved, target
from greenloop.services.outbox.claims import close
from greenloop.services.trust.steps import note
from greenloop.services.verb import verb
from greenloop.store.models import ApiClient, ApiKey, WebhookEndpoint

ENDPOINTS_MAX = 10
OLD_SECRET = timedelta(hours=24)
"""For so long both secrets sign, while receivers change from one to the other."""


@dataclass(frozen=True, slots=True)
class Registered:
    """An endpoint; its `secret` is shown when it is drawn and never again, None where it was drawn before."""

    id: int
    secret: str | None


def register(*, client: str, url: str, kinds: Collection[str], by: str, at: datetime) -> Registered:
    """Register where a client wants to be told of which kinds of events; the same address again is the same endpoint.

    Registered again with other kinds, it is told of those from now on. The name is looked up before anything is locked.

    :raises Refusal: the client or a kind is unknown, the address isn't one that may be sent to, the client has as many
        endpoints as it may, or the identity key is not kept.
    """
    asked = kinds_of.checked(kinds)
    resolved(target(url))
    return write_endpoint(client=client, url=url, kinds=asked, by=by, at=at)


@verb
def write_endpoint(*, client: str, url: str, kinds: tuple[str, ...], by: str, at: datetime) -> Registered:
    """Write an endpoint whose address was looked at.

    :raises Refusal: the client is unknown, has as many endpoints as it may, or the identity key is not kept.
    """
    owner = ApiClient.objects.select_for_update().filter(name=client).first()
    if owner is None:
        raise Refusal("client.unknown", say("There is no client {name}."), field="client", name=client)
    live = list(WebhookEndpoint.objects.filter(client=owner, ended_at=None))
    told = " ".join(kinds)
    detail = {"client": str(owner.id), "kinds": list(kinds)}
    if earlier := next((each for each in live if each.url == url), None):
        if earlier.kinds != told:
            WebhookEndpoint.objects.filter(id=earlier.id).update(kinds=told)
            note(act="webhook.register", about=f"webhook/{earlier.id}", detail=detail, at=at, by=by)
        return Registered(earlier.id, None)
    if len(live) >= ENDPOINTS_MAX:
        message = say("The client has {most} endpoints already. End one first.")
        raise Refusal("webhook.many", message, field="url", most=ENDPOINTS_MAX)
    number, secret = ids.block(1)[0], signing.new_secret()
    WebhookEndpoint.objects.create(
        id=number,
        client=owner,
        url=url,
        kinds=told,
        sealed_secret=signing.seal(secret, number),
        created_at=at,
        leased_until_at=at,
    )
    note(act="webhook.register", about=f"webhook/{number}", detail=detail, at=at, by=by)
    return Registered(number, secret)


@verb
def rotate(*, endpoint_id: int, by: str, at: datetime) -> Registered:
    """Draw a new secret for an endpoint. For a day the old one signs beside it.

    :raises Refusal: there is no such endpoint, it has ended, or the identity key is not kept.
    """
    found = _live(endpoint_id)
    secret = signing.new_secret()
    WebhookEndpoint.objects.filter(id=found.id).update(
        sealed_secret=signing.seal(secret, found.id),
        old_sealed_secret=found.sealed_secret,
        old_until_at=at + OLD_SECRET,
    )
    note(act="webhook.rotate", about=f"webhook/{found.id}", detail={}, at=at, by=by)
    return Registered(found.id, secret)


@verb
def end(*, endpoint_id: int, by: str, at: datetime) -> bool:
    """End an endpoint: it is sent nothing any more. Ended twice is ended once; tell whether it was ended now.

    :raises Refusal: there is no such endpoint.
    """
    if not WebhookEndpoint.objects.filter(id=endpoint_id).exists():
        raise unknown(endpoint_id)
    ended = bool(close([endpoint_id], why="asked", at=at))
    if ended:
        note(act="webhook.end", about=f"webhook/{endpoint_id}", detail={}, at=at, by=by)
    return ended


def end_without_key(*, ended: ApiKey, at: datetime) -> None:
    """End what a key that has ended could register and no live key of its client, inside the caller's transaction."""
    keys = ApiKey.objects.filter(client_id=ended.client_id, revoked_at=None, expires_at__gt=at)
    for each in WebhookEndpoint.objects.filter(client_id=ended.client_id, ended_at=None).order_by("id"):
        if _could_register(ended, each) and not any(_could_register(key, each) for key in keys):
            close([each.id], why="key", at=at)
            note(act="webhook.end", about=f"webhook/{each.id}", detail={"why": "key"}, at=at)


def _could_register(key: ApiKey, endpoint: WebhookEndpoint) -> bool:
    scopes = key.scopes.split()
    return "webhooks:write" in scopes and not kinds_of.lacking(endpoint.kinds.split(), scopes)


def unknown(endpoint_id: int) -> Refusal:
    """Return the refusal of an endpoint that isn't there."""
    message = say("There is no endpoint {endpoint}.")
    return Refusal("webhook.unknown", message, field="endpoint", endpoint=str(endpoint_id))


def _live(endpoint_id: int) -> WebhookEndpoint:
    found = WebhookEndpoint.objects.select_for_update().filter(id=endpoint_id).first()
    if found is None:
        raise unknown(endpoint_id)
    if found.ended_at is not None:
        message = say("The endpoint has ended. Register it again.")
        raise Refusal("webhook.closed", message, field="endpoint")
    return found
