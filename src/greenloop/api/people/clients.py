"""Clients of the API and their keys: registered and revoked by operators; a new key takes two people."""

from datetime import datetime
from typing import Literal

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from pydantic import Field

from greenloop.api import access, clock, paging
from greenloop.api.access import Staff
from greenloop.api.fields import Body, Flag, Id, Ref, number
from greenloop.api.paging import Asked, Page
from greenloop.api.trust.proposing import keep
from greenloop.api.trust.shown import ProposedOut, Reason
from greenloop.api.writing import write
from greenloop.core.faults import Refusal, say
from greenloop.core.people.scopes import SCOPES
from greenloop.services.people.clients import register_client, revoke_key, withdraw_merchant
from greenloop.store.queries import callers, people
from greenloop.store.queries.callers import ClientRow, KeyRow
from greenloop.store.queries.people import StaffRow

router = Router(tags=["clients"])
READERS = Staff("operator", "auditor")


class ClientIn(Body):
    """A caller of the API: a merchant's tills, or a partner that acts for merchants."""

    name: Ref
    kind: Literal["merchant", "partner"]
    merchants: list[Ref] = Field(default_factory=list, max_length=1_000)


class ClientOut(Schema):
    """A client and the merchants (refs) that it acts for."""

    id: str
    name: str
    kind: str
    created_at: datetime
    merchants: list[str]


class KeyIn(Body):
    """A new key: what it may do, whether it only signs, and the live key whose place it takes, if any."""

    scopes: list[Ref] = Field(min_length=1, max_length=len(SCOPES))
    must_sign: Flag = False
    revokes: Id | None = None
    reason: Reason


class KeyOut(Schema):
    """A key without its secret."""

    id: str
    scopes: list[str]
    must_sign: bool
    created_at: datetime
    created_by: str
    expires_at: datetime
    revoked_at: datetime | None


class KeysOut(Schema):
    """A client's keys, newest first."""

    keys: list[KeyOut]


class StaffOut(Schema):
    """Somebody of the platform; without a role it is somebody who was dismissed."""

    account_id: str
    name: str
    roles: list[str]
    has_second_factor: bool
    signed_in_at: datetime | None


@router.get("/clients", auth=READERS, response=Page[ClientOut], summary="List clients", operation_id="listClients")
def list_clients(request: HttpRequest, page: Asked) -> object:
    """List the callers of the API, newest first, with the merchants that they act for."""
    (before,) = paging.numbers(page, 1, (callers.LATEST,))
    return paging.page(callers.newest(before=before, limit=page.limit + 1), page, _client, lambda row: (row.id,))


@router.post(
    "/clients",
    auth=Staff("operator"),
    response={201: ClientOut},
    summary="Register a client",
    operation_id="registerClient",
)
def register(request: HttpRequest, body: ClientIn) -> HttpResponse:
    """Register a client with the merchants that it acts for. It can call once it has a key, which takes two people.

    So does it that a known client acts for more merchants: propose `client.extend`.
    """
    return write(
        request,
        lambda: register_client(name=body.name, kind=body.kind, merchants=body.merchants, at=clock.now()),
        lambda made: _client(callers.client(made)),
        status=201,
        again=callers.client_named(body.name) is not None,
    )


@router.post(
    "/clients/{client_id}/merchants/{merchant}/withdraw",
    auth=Staff("operator"),
    response=ClientOut,
    summary="Withdraw a merchant from a client",
    operation_id="withdrawMerchant",
)
def withdraw(request: HttpRequest, client_id: str, merchant: str) -> HttpResponse:
    """Let a client act for a merchant no longer: one person is enough. Every process knows within seconds."""
    by, client = access.decider(request), _asked(client_id)
    return write(
        request,
        lambda: withdraw_merchant(client=client.name, merchant=merchant.replace("\0", ""), by=by, at=clock.now()),
        lambda _: _client(callers.client(client.id)),
        again=lambda gone: not gone,
    )


@router.get(
    "/clients/{client_id}/keys", auth=READERS, response=KeysOut, summary="List a client's keys", operation_id="listKeys"
)
def list_keys(request: HttpRequest, client_id: str) -> KeysOut:
    """Return a client's keys, live or not, without their secrets."""
    return KeysOut(keys=[_key(row) for row in callers.keys(_asked(client_id).id)])


@router.post(
    "/clients/{client_id}/keys",
    auth=Staff("operator"),
    response={202: ProposedOut},
    summary="Propose a new key",
    operation_id="proposeKey",
)
def propose_key(request: HttpRequest, client_id: str, body: KeyIn) -> HttpResponse:
    """Propose a new key, which another person approves under /v1/proposals: the key is shown to that person, once.

    The proposal names the merchants that the client acts for, so who approves it has seen what the key opens.
    Two keys of a client may live at a time, so that one takes over from the other; `revokes` ends a key with it.
    """
    content = {
        "client": _asked(client_id).name,
        "scopes": body.scopes,
        "must_sign": "yes" if body.must_sign else "no",
    } | ({"revokes": body.revokes} if body.revokes else {})
    return keep(request, kind="key.rotate", content=content, reason=body.reason)


@router.post(
    "/clients/{client_id}/keys/{key_id}/revoke",
    auth=Staff("operator"),
    response=KeyOut,
    summary="Revoke a key",
    operation_id="revokeKey",
)
def revoke(request: HttpRequest, client_id: str, key_id: str) -> HttpResponse:
    """End a key at once: one person is enough for it. Every process refuses it within seconds."""
    by, client, wanted = access.decider(request), _asked(client_id), number(key_id, "key.unknown")
    if wanted not in {row.id for row in callers.keys(client.id)}:
        raise Refusal("key.unknown", say("There is no live key {key}."), field="key", key=key_id)
    return write(
        request,
        lambda: revoke_key(key_id=wanted, by=by, at=clock.now()),
        lambda _: _key(next(row for row in callers.keys(client.id) if row.id == wanted)),
    )


@router.get(
    "/staff", auth=READERS, response=Page[StaffOut], summary="List the platform's people", operation_id="listStaff"
)
def list_staff(request: HttpRequest, page: Asked) -> object:
    """List everybody who works or worked for the platform, in order of appointment, with their roles."""
    (after,) = paging.numbers(page, 1, (0,))
    rows = people.staff(after=after, limit=page.limit + 1)
    return paging.page(rows, page, _person, lambda row: (row.account_id,))


def _asked(client_id: str) -> ClientRow:
    return callers.client(number(client_id, "client.unknown"))


def _person(row: StaffRow) -> StaffOut:
    return StaffOut(
        account_id=str(row.account_id),
        name=row.name,
        roles=list(row.roles),
        has_second_factor=row.has_second_factor,
        signed_in_at=row.signed_in_at,
    )


def _client(row: ClientRow) -> ClientOut:
    return ClientOut(
        id=str(row.id), name=row.name, kind=row.kind, created_at=row.created_at, merchants=list(row.merchants)
    )


def _key(row: KeyRow) -> KeyOut:
    return KeyOut(
        id=str(row.id),
        scopes=list(row.scopes),
        must_sign=row.must_sign,
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
