"""Payouts of merchants' dues, and the money that merchants bring back so that refunds can be paid."""

from datetime import date, datetime
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema
from pydantic import Field

from greenloop.api import access, clock, paging
from greenloop.api.access import Staff
from greenloop.api.books import whose
from greenloop.api.fields import Amount, Body, Day, Ref, number
from greenloop.api.paging import Asked, Page
from greenloop.api.problems import Problem
from greenloop.api.trust.proposing import keep
from greenloop.api.trust.shown import ProposedOut, Reason
from greenloop.api.writing import write
from greenloop.core.faults import say
from greenloop.services.books.payout import pay_out
from greenloop.store.queries import journals, payments
from greenloop.store.queries.payments import DepositRow, Parts, PayoutRow

router = Router(tags=["payouts"])


class OfMerchant(Schema):
    """Rows of one merchant (its ref)."""

    merchant: str = Field("", max_length=64, pattern=r"^[^\x00]*$")


class Which(OfMerchant):
    """Payouts to one merchant, or of one business date."""

    business_date: Day | None = None


class PayoutOut(Schema):
    """One payment of a merchant's dues, on a business date."""

    id: str
    merchant: str
    business_date: date
    amount_fen: int
    journal_id: str | None


class PartsOut(Schema):
    """What a payout is made of: sales less their concession, refunds, what the merchant brought, advances given back.

    `amount_fen` = `sales_fen` − `refunds_fen` + `deposits_fen` − `repaid_fen`.
    """

    orders: int
    sales_fen: int
    refunds: int
    refunds_fen: int
    deposits: int
    deposits_fen: int
    repaid_fen: int


class PayoutWhole(PayoutOut):
    """A payout with what it is made of."""

    parts: PartsOut


class PayoutIn(Body):
    """The business date to pay out for: orders paid before it, whose cash is confirmed."""

    business_date: Day


class PaidOut(Schema):
    """What a business date's payout came to."""

    business_date: date
    merchants: int
    amount_fen: int


class DepositIn(Body):
    """Money that a merchant has brought, and where that is seen. `deposit_no` is its number at the merchant."""

    merchant: Ref
    deposit_no: Ref
    amount_fen: Amount
    reason: Reason


class DepositOut(Schema):
    """Money that a merchant brought; `payout_id` is the payout that it went into, null until then."""

    id: str
    merchant: str
    deposit_no: str
    amount_fen: int
    payout_id: str | None
    at: datetime


MerchantAsked = Annotated[OfMerchant, Query()]
WhichAsked = Annotated[Which, Query()]


@router.get(
    "/payouts", auth=whose.READERS, response=Page[PayoutOut], summary="List payouts", operation_id="listPayouts"
)
def list_payouts(request: HttpRequest, which: WhichAsked, page: Asked) -> object:
    """List payouts, newest first: those to the caller's merchants; the platform's people see all."""
    (before,) = paging.numbers(page, 1, (payments.LAST,))
    refs = whose.refs(request, which.merchant)
    rows = payments.payouts(merchants=refs, on=which.business_date, before=before, limit=page.limit + 1)
    return paging.page(rows, page, _payout, lambda row: (row.id,))


@router.get(
    "/payouts/{payout_id}",
    auth=whose.READERS,
    response=PayoutWhole,
    summary="Read a payout",
    operation_id="readPayout",
)
def read_payout(request: HttpRequest, payout_id: str) -> PayoutWhole:
    """Return one payout with what it is made of."""
    row = payments.payout(number(payout_id, "payout.unknown"))
    seen = whose.refs(request)
    if seen is not None and row.merchant not in seen:
        raise Problem(404, "payout.unknown", say("There is no payout {payout}."), field="payout", payout=payout_id)
    return PayoutWhole(**_payout(row).model_dump(), parts=_parts(payments.parts(row)))


@router.post("/payouts", auth=Staff("finance"), response=PaidOut, summary="Pay out", operation_id="payOut")
def run_payouts(request: HttpRequest, body: PayoutIn) -> HttpResponse:
    """Pay all merchants for a business date, once; the scheduler does the same by itself every morning.

    Whoever pays out has authenticated within the last minutes.
    """
    access.fresh(request)
    day = body.business_date
    return write(
        request,
        lambda: pay_out(business_date=day, at=clock.now()),
        lambda paid: PaidOut(business_date=day, merchants=len(paid), amount_fen=sum(paid.values())),
        again=journals.known(f"payout/{day.isoformat()}"),
    )


@router.get(
    "/deposits", auth=whose.READERS, response=Page[DepositOut], summary="List deposits", operation_id="listDeposits"
)
def list_deposits(request: HttpRequest, which: MerchantAsked, page: Asked) -> object:
    """List what merchants have brought, newest first: the caller's merchants; the platform's people see all."""
    (before,) = paging.numbers(page, 1, (payments.LAST,))
    rows = payments.deposits(merchants=whose.refs(request, which.merchant), before=before, limit=page.limit + 1)
    return paging.page(rows, page, _deposit, lambda row: (row.id,))


@router.post(
    "/deposits",
    auth=Staff("finance"),
    response={202: ProposedOut},
    summary="Propose a deposit",
    operation_id="proposeDeposit",
)
def propose_deposit(request: HttpRequest, body: DepositIn) -> HttpResponse:
    """Propose to take money that has arrived from a merchant into its dues, so that its refunds can be paid.

    Another person, who has looked at the bank's statement, approves it under /v1/proposals; until then none of it can
    be paid out. A number is taken once. Whoever proposes has authenticated within the last minutes.
    """
    access.fresh(request)
    return keep(request, kind="deposit.take", content=body.model_dump(exclude={"reason"}), reason=body.reason)


def _payout(row: PayoutRow) -> PayoutOut:
    return PayoutOut(
        id=str(row.id),
        merchant=row.merchant,
        business_date=row.business_date,
        amount_fen=row.amount_fen,
        journal_id=None if row.journal_id is None else str(row.journal_id),
    )


def _parts(parts: Parts) -> PartsOut:
    return PartsOut(
        orders=parts.orders,
        sales_fen=parts.sales_fen,
        refunds=parts.refunds,
        refunds_fen=parts.refunds_fen,
        deposits=parts.deposits,
        deposits_fen=parts.deposits_fen,
        repaid_fen=parts.repaid_fen,
    )


def _deposit(row: DepositRow) -> DepositOut:
    return DepositOut(
        id=str(row.id),
        merchant=row.merchant,
        deposit_no=row.deposit_no,
        amount_fen=row.amount_fen,
        payout_id=None if row.payout_id is None else str(row.payout_id),
        at=row.at,
    )
