"""A merchant's statement by local day: as JSON, as comma-separated text, as a workbook."""

from datetime import date, timedelta
from io import BytesIO
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router, Schema

from greenloop.api import access, clock
from greenloop.api.books import whose
from greenloop.api.fields import Day
from greenloop.api.problems import Problem
from greenloop.core.cycle import local_date
from greenloop.core.faults import say
from greenloop.insight.statement import as_csv, as_xlsx
from greenloop.store.queries import report, sales, statements
from greenloop.store.queries.statements import DaySums, Period, Subject

router = Router(tags=["statements"])
DAYS_MAX = 92
SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Days(Schema):
    """The first and the last local day, at most 92 days; without them, the month so far."""

    first: Day | None = Field(None, alias="from")
    last: Day | None = Field(None, alias="to")


class SumsOut(Schema):
    """What moved, in fen: `earned_fen` is the price less its concession, `change_fen` by how much more is owed.

    `unconfirmed` are sales whose cash no bank has confirmed yet.
    """

    orders: int
    unconfirmed: int
    price_fen: int
    cash_fen: int
    voucher_fen: int
    coupon_fen: int
    concession_fen: int
    earned_fen: int
    refunds: int
    refunded_fen: int
    conceded_back_fen: int
    withheld_fen: int
    refund_dues_fen: int
    deposit_fen: int
    payout_fen: int
    change_fen: int


class DayOut(SumsOut):
    """One day on which something moved, and what was owed at its end."""

    date: date
    balance_fen: int


class OwedOut(Schema):
    """What is owed at present: what the next payout can pay, and what waits for banks or for pending refunds."""

    payable_fen: int
    unconfirmed_fen: int
    pending_refunds: int
    pending_fen: int


class StatementOut(Schema):
    """A merchant's statement: what was owed before, the days with movements, their sum, and what was owed after."""

    merchant: str
    first_date: date
    last_date: date
    opening_fen: int
    days: list[DayOut]
    total: SumsOut
    closing_fen: int
    owed: OwedOut


DaysAsked = Annotated[Days, Query()]
FILES: dict[str, Any] = {"responses": {200: {"description": "The file", "content": {"text/csv": {}}}}}
BOOKS: dict[str, Any] = {"responses": {200: {"description": "The file", "content": {SPREADSHEET: {}}}}}


@router.get(
    "/merchants/{ref}/statement",
    auth=whose.READERS,
    response=StatementOut,
    summary="Read a merchant's statement",
    operation_id="readStatement",
)
def read_statement(request: HttpRequest, ref: str, days: DaysAsked) -> StatementOut:
    """Return what a merchant sold, conceded, refunded and was paid by local day, and what it is still owed."""
    subject, period = _asked(request, ref, days)
    found = statements.statement(subject.id, period)
    owed = found.owed
    return StatementOut(
        merchant=subject.ref,
        first_date=period.first_date,
        last_date=period.last_date,
        opening_fen=found.opening_fen,
        days=[DayOut(date=day.date, balance_fen=day.balance_fen, **_sums(day.sums)) for day in found.days],
        total=SumsOut(**_sums(found.total)),
        closing_fen=found.closing_fen,
        owed=OwedOut(
            payable_fen=owed.payable_fen,
            unconfirmed_fen=owed.unconfirmed_fen,
            pending_refunds=owed.pending,
            pending_fen=owed.pending_fen,
        ),
    )


@router.get(
    "/merchants/{ref}/statement.csv",
    auth=whose.READERS,
    summary="Download a statement as CSV",
    operation_id="downloadStatementCsv",
    openapi_extra=FILES,
)
def read_csv(request: HttpRequest, ref: str, days: DaysAsked) -> HttpResponse:
    """Return the statement's days as comma-separated text, in yuan, as office programs open it."""
    subject, period = _asked(request, ref, days)
    lines = as_csv.lines(subject.ref, statements.statement(subject.id, period))
    return _file(b"".join(line.encode() for line in lines), "text/csv; charset=utf-8", period, "csv")


@router.get(
    "/merchants/{ref}/statement.xlsx",
    auth=whose.READERS,
    summary="Download a statement as a workbook",
    operation_id="downloadStatementXlsx",
    openapi_extra=BOOKS,
)
def read_workbook(request: HttpRequest, ref: str, days: DaysAsked) -> HttpResponse:
    """Return the statement with its payouts and orders as a workbook of three sheets."""
    subject, period = _asked(request, ref, days)
    orders = sales.oldest_first(subject.id, period, limit=as_xlsx.ORDERS_MAX + 1)
    stream = BytesIO()
    found = statements.statement(subject.id, period)
    as_xlsx.write(stream, merchant=subject.ref, statement=found, orders=orders)
    return _file(stream.getvalue(), SPREADSHEET, period, "xlsx")


def _asked(request: HttpRequest, ref: str, days: Days) -> tuple[Subject, Period]:
    access.sees_merchant(access.of(request), ref)
    subject = statements.subject(ref.replace("\0", ""))
    offset = report.utc_offset_minutes()
    last = days.last or (local_date(clock.now(), offset) if days.first is None else days.first + timedelta(days=30))
    first = days.first or last.replace(day=1)
    if first > last:
        raise Problem(422, "statement.days", say("The first day lies before the last."), field="from")
    if (last - first).days >= DAYS_MAX:
        message = say("A statement shows {most} days at most. Choose fewer.")
        raise Problem(422, "statement.days", message, field="to", most=DAYS_MAX)
    return subject, Period(first, last, offset)


def _sums(sums: DaySums) -> dict[str, int]:
    names = SumsOut.model_fields
    return {name: getattr(sums, name) for name in names}


def _file(content: bytes, kind: str, period: Period, ending: str) -> HttpResponse:
    response = HttpResponse(content, content_type=kind)
    name = f"statement-{period.first_date}-{period.last_date}.{ending}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response
