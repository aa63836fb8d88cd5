"""Keys of the API's clients, written inside a verb's transaction: by one person at first, later by two."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from greenloop.core.faults import Refusal, say
from greenloop.core.people import scopes as words
from greenloop.services import ids
from greenloop.services.outbox import endpoints
from greenloop.services.people import reach
from greenloop.store import sealed
from greenloop.store.models import ApiKey

LIFE = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class KeyDraft:
    """A key that could be made as things stand; `revokes` is the key whose place it takes, if any.

    `merchants` are the refs of those that its client acts for.
    """

    client_id: int
    merchants: tuple[str, ...]
    scopes: tuple[str, ...]
    must_sign: bool
    life: timedelta
    revokes: int | None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key as it is shown once: `token` is what a caller sends or signs with."""

    id: int
    client_id: int
    token: str
    expires_at: datetime


def checked(
    *, client: str, scopes: Collection[str], must_sign: bool, life: timedelta, revokes: int | None, at: datetime
) -> KeyDraft:
    """Return a key that could be made as things stand; the client is locked until the transaction ends.

    :raises Refusal: the client, a scope or the key to be revoked is unknown, two keys of the client are live already,
        or the identity key is not kept.
    """
    wanted = words.checked(scopes)
    found = reach.locked(client)
    live = set(ApiKey.objects.filter(client=found, revoked_at=None, expires_at__gt=at).values_list("id", flat=True))
    if revokes is not None and revokes not in live:
        raise Refusal("key.unknown", say("There is no live key {key}."), field="revokes", key=str(revokes))
    if len(live - {revokes}) >= words.KEYS_LIVE_MAX:
        message = say("{client} has {most} live keys already. Revoke the one that is no longer used.")
        raise Refusal("key.many", message, field="client", client=client, most=words.KEYS_LIVE_MAX)
    sealed.refuse_unkept()
    merchants = tuple(sorted(reach.merchants_of(found)))
    return KeyDraft(found.id, merchants, tuple(sorted(wanted)), must_sign, life, revokes)


def write(draft: KeyDraft, *, by: str, at: datetime) -> NewKey:
    """Make a key that was checked in the same transaction, and revoke the one whose place it takes."""
    number, secret = ids.block(1)[0], secrets.token_urlsafe(32)
    ApiKey.objects.create(
        id=number,
        client_id=draft.client_id,
        sealed_secret=sealed.seal(secret, sealed.product_key(sealed.API), f"key/{number}"),
        scopes=" ".join(draft.scopes),
        must_sign=draft.must_sign,
        created_at=at,
        created_by=by,
        expires_at=at + draft.life,
    )
    if draft.revokes is not None:
        ApiKey.objects.filter(id=draft.revokes).update(revoked_at=at)
        endpoints.end_without_key(ended=ApiKey.objects.get(id=draft.revokes), at=at)
    return NewKey(number, draft.client_id, f"glk_{number}_{secret}", at + draft.life)
