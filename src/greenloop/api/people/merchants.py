"""Merchants with their stores and rate cards."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from pydantic import Field

from greenloop.api import access, clock, paging
from greenloop.api.access import Keyed, Session, Staff
from greenloop.api.callers import Client
from greenloop.api.fields import Body, Flag, Instant, Ppm, Ref
from greenloop.api.paging import Asked, Page
from greenloop.api.trust.proposing import keep
from greenloop.api.trust.shown import ProposedOut, Reason
from greenloop.api.writing import write
from greenloop.services.people.enrol import MerchantForm, add_shop, enrol_merchants
from greenloop.store.queries import directory
from greenloop.store.queries.directory import MerchantRow

router = Router(tags=["merchants"])
READERS = [Keyed("merchants:read"), Session()]


class MerchantIn(Body):
    """A business. `ref` is its number in your system; `linked` are members whose vouchers it must refuse."""

    ref: Ref
    city: Ref
    enrolled_at: Instant
    rate_ppm: Ppm
    grade: str = Field("A", min_length=1, max_length=16, pattern=r"^[^\x00]*$")
    multiple_ppm: Ppm = 1_000_000
    shops: list[Ref] = Field(default_factory=list, max_length=1_000)
    linked: list[Ref] = Field(default_factory=list, max_length=1_000)
    accepts_coupons: Flag = True


class MerchantOut(Schema):
    """A merchant. `account_id` is what its wallet is found by; `rate_ppm` is its concession rate at present."""

    id: str
    account_id: str
    ref: str
    city: str
    grade: str
    multiple_ppm: int
    accepts_coupons: bool
    enrolled_at: datetime
    rate_ppm: int | None
    shops: list[str]


class ShopIn(Body):
    """A store of a merchant."""

    ref: Ref


class ShopOut(Schema):
    """A store of a merchant."""

    ref: str


class ShopsOut(Schema):
    """A merchant's stores, oldest first."""

    shops: list[ShopOut]


class RateIn(Body):
    """A new rate card, and why."""

    rate_ppm: Ppm
    valid_from_at: Instant
    reason: Reason


class RateOut(Schema):
    """A rate card and since when it holds."""

    rate_ppm: int
    valid_from_at: datetime


class RatesOut(Schema):
    """A merchant's rate cards, newest first."""

    rates: list[RateOut]


@router.post(
    "/merchants",
    auth=Staff("operator"),
    response={201: MerchantOut},
    summary="Enrol a merchant",
    operation_id="enrolMerchant",
)
def enrol_merchant(request: HttpRequest, body: MerchantIn) -> HttpResponse:
    """Enrol one business with its first rate card (3 % to 20 %) and its stores; the same again is done once."""
    at = clock.now()
    told = body.model_dump() | {"shops": tuple(body.shops), "linked": tuple(body.linked)}
    return write(
        request,
        lambda: enrol_merchants(forms=[MerchantForm(**told)], at=at),
        lambda _: _shown(directory.merchant(body.ref, at=at)),
        status=201,
        again=bool(directory.merchants(refs=[body.ref], at=at, limit=1)),
    )


@router.get(
    "/merchants", auth=READERS, response=Page[MerchantOut], summary="List merchants", operation_id="listMerchants"
)
def list_merchants(request: HttpRequest, page: Asked) -> object:
    """List merchants, newest first: those that the caller acts for; staff see all."""
    caller = access.of(request)
    refs: frozenset[str] | None
    if isinstance(caller, Client):
        refs = caller.merchants
    else:
        refs = None if caller.visitor.staff else frozenset(caller.visitor.merchant_refs)
    (before,) = paging.numbers(page, 1, (directory.LAST,))
    rows = directory.merchants(refs=refs, at=clock.now(), before=before, limit=page.limit + 1)
    return paging.page(rows, page, _shown, lambda row: (row.id,))


@router.get(
    "/merchants/{ref}", auth=READERS, response=MerchantOut, summary="Read a merchant", operation_id="readMerchant"
)
def read_merchant(request: HttpRequest, ref: str) -> MerchantOut:
    """Return a merchant that the caller acts for; staff see all."""
    return _shown(_seen(request, ref))


@router.get(
    "/merchants/{ref}/shops",
    auth=READERS,
    response=ShopsOut,
    summary="List a merchant's stores",
    operation_id="listShops",
)
def list_shops(request: HttpRequest, ref: str) -> ShopsOut:
    """Return a merchant's stores, oldest first."""
    return ShopsOut(shops=[ShopOut(ref=shop) for shop in _seen(request, ref).shops])


@router.post(
    "/merchants/{ref}/shops",
    auth=[Keyed("merchants:write"), Staff("operator")],
    response={201: ShopOut},
    summary="Add a store",
    operation_id="addShop",
)
def add_a_shop(request: HttpRequest, ref: str, body: ShopIn) -> HttpResponse:
    """Add a store to a merchant, once."""
    access.sees_merchant(access.of(request), ref)
    return write(
        request,
        lambda: add_shop(merchant=ref, ref=body.ref, at=clock.now()),
        lambda _: ShopOut(ref=body.ref),
        status=201,
        again=lambda new: not new,
    )


@router.get(
    "/merchants/{ref}/rates", auth=READERS, response=RatesOut, summary="List rate cards", operation_id="listRates"
)
def list_rates(request: HttpRequest, ref: str) -> RatesOut:
    """Return a merchant's rate cards, newest first. An order keeps the rate of the time it was paid."""
    found = directory.rates(_seen(request, ref).id)
    return RatesOut(rates=[RateOut(rate_ppm=row.rate_ppm, valid_from_at=row.valid_from_at) for row in found])


@router.post(
    "/merchants/{ref}/rates",
    auth=Staff("operator", "marketing"),
    response={202: ProposedOut},
    summary="Propose a rate card",
    operation_id="proposeRate",
)
def propose_rate(request: HttpRequest, ref: str, body: RateIn) -> HttpResponse:
    """Propose a new rate card, which another person approves under /v1/proposals within 72 hours."""
    content = {"merchant": ref, "rate_ppm": body.rate_ppm, "valid_from_at": body.valid_from_at.isoformat()}
    return keep(request, kind="rate.set", content=content, reason=body.reason)


def _seen(request: HttpRequest, ref: str) -> MerchantRow:
    access.sees_merchant(access.of(request), ref)
    return directory.merchant(ref.replace("\0", ""), at=clock.now())


def _shown(row: MerchantRow) -> MerchantOut:
    return MerchantOut(
        id=str(row.id),
        account_id=str(row.account_id),
        ref=row.ref,
        city=row.city,
        grade=row.grade,
        multiple_ppm=row.multiple_ppm,
        accepts_coupons=row.accepts_coupons,
        enrolled_at=row.enrolled_at,
        rate_ppm=row.rate_ppm,
        shops=list(row.shops),
    )
