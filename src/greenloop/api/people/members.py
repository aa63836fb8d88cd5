"""Members: enrolled by who has a key for it, and seen by who enrolled them."""

from datetime import UTC, datetime
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from pydantic import Field, StringConstraints

from greenloop.api import access, clock, paging
from greenloop.api.access import Keyed, Person, Session, Staff
from greenloop.api.callers import Client
from greenloop.api.fields import Body, Instant, Ref
from greenloop.api.paging import Asked, Page
from greenloop.api.writing import write
from greenloop.services.people.enrol import MemberForm, enrol_members
from greenloop.store.queries import directory
from greenloop.store.queries.directory import MemberRow

router = Router(tags=["members"])
READERS = [Keyed("members:read"), Staff()]
ENROL_MAX = 500
Phone = Annotated[str, StringConstraints(strict=True, min_length=5, max_length=32, pattern=r"^[+0-9 ()-]*$")]


class MemberIn(Body):
    """A shopper. `ref` is its number in your system, `referrer` the ref of the member who brought it."""

    ref: Ref
    city: Ref
    enrolled_at: Instant
    referrer: Ref | None = None
    phone: Phone | None = None


class MembersIn(Body):
    """Shoppers to enrol, all or none."""

    members: list[MemberIn] = Field(min_length=1, max_length=ENROL_MAX)


class MemberOut(Schema):
    """A member. `account_id` is what wallets are found by."""

    account_id: str
    ref: str
    city: str
    enrolled_at: datetime
    referrer: str | None


class EnrolledOut(Schema):
    """Members as they were enrolled, in the order in which they were sent."""

    members: list[MemberOut]


class MeOut(Schema):
    """Who has signed in: their account, the member they are, the merchants they act for, their roles."""

    account_id: str
    member: str | None
    merchants: list[str]
    roles: list[str]


@router.post(
    "/members",
    auth=Keyed("members:write"),
    response={201: MemberOut},
    summary="Enrol a member",
    operation_id="enrolMember",
)
def enrol_member(request: HttpRequest, body: MemberIn) -> HttpResponse:
    """Enrol one shopper. The same ref with the same facts is enrolled once; with other facts it is refused."""
    return write(
        request,
        lambda: _enrol(request, [body]),
        lambda found: _enrolled(found, [body]).members[0],
        status=201,
        again=_known(request, [body]),
    )


@router.post(
    "/members/bulk",
    auth=Keyed("members:write"),
    response={201: EnrolledOut},
    summary="Enrol many members",
    operation_id="enrolMembers",
)
def enrol_many(request: HttpRequest, body: MembersIn) -> HttpResponse:
    """Enrol up to 500 shoppers, all or none. A referrer is enrolled already, or stands earlier in the list."""
    return write(
        request,
        lambda: _enrol(request, body.members),
        lambda found: _enrolled(found, body.members),
        status=201,
        again=_known(request, body.members),
    )


@router.get("/members", auth=READERS, response=Page[MemberOut], summary="List members", operation_id="listMembers")
def list_members(request: HttpRequest, page: Asked) -> object:
    """List members, newest first: those who enrolled through the calling client; staff see all."""
    (before,) = paging.numbers(page, 1, (directory.LAST,))
    rows = directory.members(client_id=_client_id(request), before=before, limit=page.limit + 1)
    return paging.page(rows, page, _shown, lambda row: (row.account_id,))


@router.get("/members/{ref}", auth=READERS, response=MemberOut, summary="Read a member", operation_id="readMember")
def read_member(request: HttpRequest, ref: str) -> MemberOut:
    """Return a member by its ref, if it enrolled through the calling client; staff see all."""
    return _shown(directory.member(ref.replace("\0", ""), client_id=_client_id(request)))


@router.get("/me", auth=Session(), response=MeOut, summary="Who has signed in", operation_id="readMe")
def read_me(request: HttpRequest) -> MeOut:
    """Return who has signed in, and what they may act for."""
    who = access.of(request).visitor
    return MeOut(
        account_id=str(who.account_id),
        member=who.member_ref,
        merchants=list(who.merchant_refs),
        roles=sorted(who.staff),
    )


def _client_id(request: HttpRequest) -> int | None:
    caller = access.of(request)
    return None if isinstance(caller, Person) else caller.id


def _enrol(request: HttpRequest, members: list[MemberIn]) -> dict[str, int]:
    caller: Client = access.of(request)
    forms = [MemberForm(each.ref, each.city, each.enrolled_at, each.referrer, each.phone) for each in members]
    return enrol_members(forms=forms, at=clock.now(), client_id=caller.id)


def _known(request: HttpRequest, members: list[MemberIn]) -> bool:
    """Tell whether the client has enrolled all before, with phones where phones are named: nothing is left to do."""
    phoned = directory.enrolled({each.ref for each in members}, client_id=access.of(request).id)
    return all(each.ref in phoned and (phoned[each.ref] or each.phone is None) for each in members)


def _enrolled(accounts: dict[str, int], members: list[MemberIn]) -> EnrolledOut:
    shown = [
        MemberOut(
            account_id=str(accounts[each.ref]),
            ref=each.ref,
            city=each.city,
            enrolled_at=each.enrolled_at.astimezone(UTC),
            referrer=each.referrer,
        )
        for each in members
    ]
    return EnrolledOut(members=shown)


def _shown(row: MemberRow) -> MemberOut:
    return MemberOut(
        account_id=str(row.account_id), ref=row.ref, city=row.city, enrolled_at=row.enrolled_at, referrer=row.referrer
    )
