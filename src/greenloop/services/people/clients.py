"""Callers of the API: clients, the merchants they act for, and their keys."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from greenloop.core.faults import Refusal, say
from greenloop.core.people import scopes as words
from greenloop.services import ids
from greenloop.services.again import begun_again
from greenloop.services.trust.steps import note
from greenloop.services.verb import verb
from greenloop.store import sealed, sql
from greenloop.store.models import ApiClient, ApiKey, ClientMerchant, Merchant

KINDS = ("merchant", "partner")
LIFE = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key as it is shown once: `token` is what a caller sends or signs with."""

    id: int
    client_id: int
    token: str
    expires_at: datetime


@begun_again
@verb
def register_client(*, name: str, kind: str, merchants: Collection[str], at: datetime) -> int:
    """Register a caller of the API and the merchants it acts for; asked again, return the same client.

    A merchant's own client acts for one merchant, a partner for any number; what it acted for before stays.

    :raises Refusal: the kind or a merchant is unknown, the name is empty, or known with another kind.
    """
    if kind not in KINDS or not 0 < len(name) <= 64 or (kind == "merchant" and len(set(merchants)) != 1):
        message = say("A client needs a name, and a kind: a merchant with its one merchant, or a partner.")
        raise Refusal("client.kind", message, field="kind")
    numbers = dict(Merchant.objects.filter(ref__in=merchants).values_list("ref", "id"))
    if unknown := set(merchants) - set(numbers):
        message = say("The merchant {ref} is not enrolled.")
        raise Refusal("merchant.unknown", message, field="merchants", ref=min(unknown))
    client, new = ApiClient.objects.get_or_create(
        name=name, defaults={"id": ids.block(1)[0], "kind": kind, "created_at": at}
    )
    if client.kind != kind:
        message = say("The client {name} is known as another kind. Choose another name.")
        raise Refusal("client.known", message, field="name", name=name)
    acted = set(ClientMerchant.objects.filter(client_id=client.id).values_list("merchant_id", flat=True))
    added = set(numbers.values()) - acted
    if kind == "merchant" and acted and added:
        message = say("The client {name} is known as another merchant's. Choose another name.")
        raise Refusal("client.known", message, field="name", name=name)
    ClientMerchant.objects.bulk_create(ClientMerchant(client_id=client.id, merchant_id=each) for each in sorted(added))
    if new or added:
        note(
            act="client.register",
            about=f"client/{client.id}",
            detail={"kind": kind, "merchants": sorted(merchants)},
            at=at,
        )
    return client.id


@verb
def issue_key(
    *,
    client: str,
    scopes: Collection[str],
    by: str,
    at: datetime,
    must_sign: bool = False,
    life: timedelta = LIFE,
) -> NewKey:
    """Give a client a new key, whose secret is shown this once.

    :raises Refusal: the client or a scope is unknown, two keys of the client are live already, or the identity key is
        not kept.
    """
    wanted = words.checked(scopes)
    found = _locked(client)
    live = ApiKey.objects.filter(client=found, revoked_at=None, expires_at__gt=at).count()
    if live >= words.KEYS_LIVE_MAX:
        message = say("{client} has {most} live keys already. Revoke the one that is no longer used.")
        raise Refusal("key.many", message, field="client", client=client, most=words.KEYS_LIVE_MAX)
    sealed.refuse_unkept()
    number, secret = ids.block(1)[0], secrets.token_urlsafe(32)
    ApiKey.objects.create(
        id=number,
        client=found,
        sealed_secret=sealed.seal(secret, sealed.product_key(sealed.API), f"key/{number}"),
        scopes=" ".join(sorted(wanted)),
        must_sign=must_sign,
        created_at=at,
        created_by=by,
        expires_at=at + life,
    )
    note(act="key.issue", about=f"client/{found.id}", detail={"key": str(number), "scopes": sorted(wanted)}, at=at)
    return NewKey(number, found.id, f"glk_{number}_{secret}", at + life)


@verb
def revoke_key(*, key_id: int, at: datetime) -> None:
    """End a key; it is refused within seconds.

    :raises Refusal: there is no such key, or it was revoked before.
    """
    if not ApiKey.objects.filter(id=key_id, revoked_at=None).update(revoked_at=at):
        message = say("There is no live key {key}.")
        raise Refusal("key.unknown", message, field="key", key=str(key_id))
    note(act="key.revoke", about=f"key/{key_id}", detail={}, at=at)


def _locked(name: str) -> ApiClient:
    clients = ApiClient.objects.select_for_update() if sql.is_postgresql() else ApiClient.objects
    found = clients.filter(name=name).first()
    if found is None:
        raise Refusal("client.unknown", say("There is no client {name}."), field="client", name=name)
    return found
