"""Callers of the API: clients, the merchants they act for, and their keys."""

from collections.abc import Collection
from datetime import datetime, timedelta

from greenloop.core.faults import Refusal, say
from greenloop.core.trust.words import check_copy
from greenloop.services import ids
from greenloop.services.again import begun_again
from greenloop.services.outbox import endpoints
from greenloop.services.people import keys, reach
from greenloop.services.people.keys import NewKey
from greenloop.services.people.reach import Reach
from greenloop.services.trust.steps import note
from greenloop.services.verb import verb
from greenloop.store.models import ApiClient, ApiKey, ClientMerchant
from greenloop.store.queries import trust

KINDS = ("merchant", "partner")


@begun_again
@verb
def register_client(*, name: str, kind: str, merchants: Collection[str], at: datetime) -> int:
    """Register a caller of the API and the merchants it acts for; asked again, return the same client.

    A merchant's own client acts for one merchant, a partner for any number; what it acted for before stays.

    :raises Refusal: the kind or a merchant is unknown; the name is empty, promises a return (G12), or is known with
        another kind; a client that is known would act for more merchants, and the platform has people: two of them
        let it.
    """
    if kind not in KINDS or not 0 < len(name) <= 64 or (kind == "merchant" and len(set(merchants)) != 1):
        message = say("A client needs a name, and a kind: a merchant with its one merchant, or a partner.")
        raise Refusal("client.kind", message, field="kind")
    check_copy(name, "name")
    numbers = reach.enrolled(merchants)
    client, new = ApiClient.objects.get_or_create(
        name=name, defaults={"id": ids.block(1)[0], "kind": kind, "created_at": at}
    )
    if client.kind != kind:
        message = say("The client {name} is known as another kind. Choose another name.")
        raise Refusal("client.known", message, field="name", name=name)
    acted = set(reach.merchants_of(client).values())
    added = set(numbers.values()) - acted
    if kind == "merchant" and acted and added:
        message = say("The client {name} is known as another merchant's. Choose another name.")
        raise Refusal("client.known", message, field="name", name=name)
    if added and not new and trust.has_staff():
        message = say("The client {name} is known. Two people let it act for more merchants: propose client.extend.")
        raise Refusal("client.two_people", message, field="merchants", name=name)
    reach.write(Reach(client.id, tuple(sorted(added))))
    if new or added:
        note(
            act="client.register",
            about=f"client/{client.id}",
            detail={"kind": kind, "merchants": sorted(merchants)},
            at=at,
        )
    return client.id


@verb
def withdraw_merchant(*, client: str, merchant: str, by: str, at: datetime) -> bool:
    """Let a partner act for a merchant no longer: within seconds its keys ask in vain about it.

    Tell whether the client acted for it until now. Webhooks that were written before are still sent and shown.

    :raises Refusal: the client or the merchant is unknown, or the client is a merchant's own.
    """
    found, number = reach.locked(client), reach.enrolled([merchant])[merchant]
    if found.kind != "partner":
        message = say("The client {name} is a merchant's own and acts for no other. Revoke its keys instead.")
        raise Refusal("client.own", message, field="client", name=client)
    gone, _ = ClientMerchant.objects.filter(client_id=found.id, merchant_id=number).delete()
    if gone:
        note(act="client.withdraw", about=f"client/{found.id}", detail={"merchant": merchant}, at=at, by=by)
    return bool(gone)


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
    """End a key; it is refused within seconds. Webhooks end that no other live key of the client could register.

    :raises Refusal: there is no such key, or it was revoked before.
    """
    key = ApiKey.objects.filter(id=key_id).select_related("client").first()
    if key is not None:
        # Two keys of a client that are revoked at once would each count on the other.
        reach.locked(key.client.name)
    if key is None or not ApiKey.objects.filter(id=key_id, revoked_at=None).update(revoked_at=at):
        message = say("There is no live key {key}.")
        raise Refusal("key.unknown", message, field="key", key=str(key_id))
    note(act="key.revoke", about=f"key/{key_id}", detail={}, at=at, by=by)
    endpoints.end_without_key(ended=key, at=at)
