"""Holds: an order or an account that somebody has to look at first."""

from datetime import datetime
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema
from pydantic import StringConstraints

from greenloop.api import access, clock, paging
from greenloop.api.access import Staff
from greenloop.api.fields import Body, Id, number
from greenloop.api.paging import Asked, Page
from greenloop.api.problems import Problem
from greenloop.api.writing import write
from greenloop.core.faults import say
from greenloop.services.loop.hold import hold_account, hold_order, release
from greenloop.store.queries import holds
from greenloop.store.queries.holds import HoldRow
from greenloop.store.queries.lookups import written_id

router = Router(tags=["holds"])
HOLDERS = ("risk", "operator")
Reason = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class HoldIn(Body):
    """What to hold, an order or an account, and why."""

    order_id: Id | None = None
    account_id: Id | None = None
    reason: Reason


class HoldOut(Schema):
    """A hold: it keeps an order from vesting, or an account from drawing and spending, until it is released."""

    id: str
    order_id: str | None
    account_id: str | None
    reason: str
    placed_by: str
    placed_at: datetime
    released_by: str | None
    released_at: datetime | None


class Standing(Schema):
    """Holds that stand, or all."""

    standing: bool = True


StandingAsked = Annotated[Standing, Query()]


@router.get("/holds", auth=Staff(), response=Page[HoldOut], summary="List holds", operation_id="listHolds")
def list_holds(request: HttpRequest, which: StandingAsked, page: Asked) -> object:
    """List holds, newest first: those that stand, or with `standing=false` all."""
    (before,) = paging.numbers(page, 1, (holds.LAST,))
    rows = holds.holds(standing=which.standing, before=before, limit=page.limit + 1)
    return paging.page(rows, page, _shown, lambda row: (row.id,))


@router.get("/holds/{hold_id}", auth=Staff(), response=HoldOut, summary="Read a hold", operation_id="readHold")
def read_hold(request: HttpRequest, hold_id: str) -> HoldOut:
    """Return one hold."""
    return _shown(holds.hold(number(hold_id, "hold.unknown")))


@router.post("/holds", auth=Staff(*HOLDERS), response={201: HoldOut}, summary="Place a hold", operation_id="placeHold")
def place_hold(request: HttpRequest, body: HoldIn) -> HttpResponse:
    """Hold an order or an account. Held twice is held once.

    An order that has vested keeps its points: its hold blocks draws and spends of all it gave points to.
    """
    if (body.order_id is None) == (body.account_id is None):
        raise Problem(422, "hold.target", say("Name an order or an account to hold, one of the two."), field="order_id")
    at, by = clock.now(), access.account_of(request)

    def place() -> int:
        if body.order_id is not None:
            return hold_order(order_id=number(body.order_id, "hold.order"), reason=body.reason, by=by, at=at)
        return hold_account(account_id=number(str(body.account_id), "hold.account"), reason=body.reason, by=by, at=at)

    return write(request, place, lambda made: _shown(holds.hold(made)), status=201, again=_standing(body))


@router.post(
    "/holds/{hold_id}/release",
    auth=Staff(*HOLDERS),
    response=HoldOut,
    summary="Release a hold",
    operation_id="releaseHold",
)
def release_hold(request: HttpRequest, hold_id: str) -> HttpResponse:
    """Release a hold. Released twice is released once."""
    row = holds.hold(number(hold_id, "hold.unknown"))
    by = access.account_of(request)
    return write(
        request,
        lambda: release(hold_id=row.id, by=by, at=clock.now()),
        lambda _: _shown(holds.hold(row.id)),
        again=row.released_at is not None,
    )


def _standing(body: HoldIn) -> bool:
    """Tell whether what is to be held is held already."""
    return holds.stands(order_id=written_id(body.order_id or ""), account_id=written_id(body.account_id or ""))


def _shown(row: HoldRow) -> HoldOut:
    return HoldOut(
        id=str(row.id),
        order_id=None if row.order_id is None else str(row.order_id),
        account_id=None if row.account_id is None else str(row.account_id),
        reason=row.reason,
        placed_by=row.placed_by,
        placed_at=row.placed_at,
        released_by=row.released_by,
        released_at=row.released_at,
    )
