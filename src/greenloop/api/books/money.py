"""What finance does beside payouts: bank statements that confirm cash, marketing grants; and the fees that moved."""

from datetime import datetime
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from pydantic import Field

from greenloop.api import access, clock, paging
from greenloop.api.access import Staff
from greenloop.api.fields import Amount, Body, Id, Instant, Ref, number
from greenloop.api.paging import Asked, Page
from greenloop.api.problems import Problem
from greenloop.api.writing import write
from greenloop.core.faults import say
from greenloop.services.books.grants import approve_grant, propose_grant
from greenloop.services.loop.confirm import confirm_cash
from greenloop.store.queries import journals, payments
from greenloop.store.queries.payments import FeeRow, GrantRow

router = Router(tags=["money"])
ORDERS_MAX = 1_000


class BankStatementIn(Body):
    """A statement of the custody account, by its name, and whose cash is on it: some orders, or all paid until then.

    One of the two is named.
    """

    statement: Ref
    order_ids: Annotated[list[Id], Field(min_length=1, max_length=ORDERS_MAX)] | None = None
    paid_until_at: Instant | None = None


class BankStatementOut(Schema):
    """The cash in fen that a statement has confirmed."""

    statement: str
    confirmed_fen: int


class GrantIn(Body):
    """A budget for first-order rebates: each new member's first order gets `rebate_fen` until it is used up."""

    ref: Ref
    amount_fen: Amount
    rebate_fen: Amount


class GrantOut(Schema):
    """A marketing budget; it is used once another person has approved it."""

    id: str
    ref: str
    amount_fen: int
    rebate_fen: int
    committed_fen: int
    transferred_fen: int
    unused_fen: int
    proposed_by: str
    proposed_at: datetime
    approved_by: str | None
    approved_at: datetime | None


class FeeOut(Schema):
    """The platform's fee of all orders that entered in one cycle, moved into its own book."""

    cycle: int
    amount_fen: int
    journal_id: str
    at: datetime


@router.post(
    "/bank-statements",
    auth=Staff("finance"),
    response=BankStatementOut,
    summary="Confirm cash by a bank statement",
    operation_id="confirmCash",
)
def confirm(request: HttpRequest, body: BankStatementIn) -> HttpResponse:
    """Confirm that the cash of orders stands on a statement of the custody account. A statement counts once.

    Whoever confirms has authenticated within the last minutes.
    """
    access.fresh(request)
    orders = None if body.order_ids is None else [number(each, "order.unknown") for each in body.order_ids]
    if orders is not None and body.paid_until_at is not None:
        message = say("Name the orders, or the time up to which all are meant.")
        raise Problem(422, "confirm.none", message, field="paid_until_at")
    return write(
        request,
        lambda: confirm_cash(
            statement=body.statement, order_ids=orders, paid_until_at=body.paid_until_at, at=clock.now()
        ),
        lambda fen: BankStatementOut(statement=body.statement, confirmed_fen=fen),
        again=journals.known(f"confirm/{body.statement}"),
    )


@router.get("/grants", auth=Staff(), response=Page[GrantOut], summary="List grants", operation_id="listGrants")
def list_grants(request: HttpRequest, page: Asked) -> object:
    """List marketing budgets, newest first."""
    (before,) = paging.numbers(page, 1, (payments.LAST,))
    return paging.page(payments.grants(before=before, limit=page.limit + 1), page, _grant, lambda row: (row.id,))


@router.post(
    "/grants",
    auth=Staff("marketing"),
    response={201: GrantOut},
    summary="Propose a grant",
    operation_id="proposeGrant",
)
def propose(request: HttpRequest, body: GrantIn) -> HttpResponse:
    """Propose a marketing budget for finance to approve; the same again is proposed once."""
    by = access.account_of(request)
    return write(
        request,
        lambda: propose_grant(**body.model_dump(), by=by, at=clock.now()),
        lambda _: _grant(payments.grant(body.ref)),
        status=201,
        again=payments.has_grant(body.ref),
    )


@router.post(
    "/grants/{ref}/approve",
    auth=Staff("finance"),
    response=GrantOut,
    summary="Approve a grant",
    operation_id="approveGrant",
)
def approve(request: HttpRequest, ref: str) -> HttpResponse:
    """Let a grant be used, as another person than who proposed it. The platform's bank must hold all of it."""
    by, row = access.decider(request), payments.grant(ref.replace("\0", ""))
    return write(
        request,
        lambda: approve_grant(ref=row.ref, by=by, at=clock.now()),
        lambda _: _grant(payments.grant(row.ref)),
        again=row.approved_by is not None,
    )


@router.get("/fees", auth=Staff(), response=Page[FeeOut], summary="List fees", operation_id="listFees")
def list_fees(request: HttpRequest, page: Asked) -> object:
    """List the platform's fees that moved into its own book, newest cycle first."""
    (before,) = paging.numbers(page, 1, (payments.LAST,))
    return paging.page(payments.fees(before=before, limit=page.limit + 1), page, _fee, lambda row: (row.cycle,))


def _fee(row: FeeRow) -> FeeOut:
    return FeeOut(cycle=row.cycle, amount_fen=row.amount_fen, journal_id=str(row.journal_id), at=row.at)


def _grant(row: GrantRow) -> GrantOut:
    return GrantOut(
        id=str(row.id),
        ref=row.ref,
        amount_fen=row.amount_fen,
        rebate_fen=row.rebate_fen,
        committed_fen=row.committed_fen,
        transferred_fen=row.transferred_fen,
        unused_fen=row.unused_fen,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        approved_by=row.approved_by,
        approved_at=row.approved_at,
    )
