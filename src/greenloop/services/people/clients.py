"""Callers of the API: clients, the merchants they act for, and their keys."""

from collections.abc import Collection
from datetime import datetime, timedelta

from greenloop.core.faults import Refusal, say
from greenloop.services import ids
from greenloop.services.again import begun_again
from greenloop.services.people import keys
from greenloop.services.people.keys import NewKey
from greenloop.services.trust.steps import note
from greenloop.services.verb import verb
from greenloop.store.models import ApiClient, ApiKey, ClientMerchant, Merchant

KINDS = ("merchant", "partner")


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
    life: timedelta = keys.LIFE,
) -> NewKey:
    """Give a client a new key, whose secret is shown this once.

    :raises Refusal: the client or a scope is unknown, two keys of the client are live already, or the identity key is
        not kept.
    """
    draft = keys.checked(client=client, scopes=scopes, must_sign=must_sign, life=life, revokes=None, at=at)
    made = keys.write(draft, by=by, at=at)
    detail = {"key": str(made.id), "scopes": list(draft.scopes)}
    note(act="key.issue", about=f"client/{made.client_id}", detail=detail, at=at, by=by)
    return made


@verb
def revoke_key(*, key_id: int, by: str, at: datetime) -> None:
    """End a key; it is refused within seconds.

    :raises Refusal: there is no such key, or it was revoked before.
    """
    if not ApiKey.objects.filter(id=key_id, revoked_at=None).update(revoked_at=at):
        message = say("There is no live key {key}.")
        raise Refusal("key.unknown", message, field="key", key=str(key_id))
    note(act="key.revoke", about=f"key/{key_id}", detail={}, at=at, by=by)
