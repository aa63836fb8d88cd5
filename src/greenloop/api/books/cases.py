"""Cases: where books and statements of the custodian differ."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema

from greenloop.api import paging
from greenloop.api.access import Staff
from greenloop.api.fields import number
from greenloop.api.paging import Asked, Page
from greenloop.store.queries import reconciling
from greenloop.store.queries.evidence import evidence
from greenloop.store.queries.reconciling import CaseRow

router = Router(tags=["cases"])
READERS = ("operator", "finance", "auditor")


class CaseOut(Schema):
    """One difference, in fen: what the books expect of a kind and number, and what the statements list.

    `difference` is timing, missing, extra, wrong_amount, chargeback, notice or failed.
    `closed_by` is `lines` or two accounts'.
    """

    id: str
    account: str
    kind: str
    number: str
    difference: str
    expected_fen: int
    found_fen: int
    state: str
    since_at: datetime
    opened_at: datetime
    closed_at: datetime | None
    closed_by: str
    outcome: str


class CaseLineOut(Schema):
    """One line of a statement, in fen."""

    statement: str
    kind: str
    trade_no: str
    amount_fen: int
    booked_at: datetime
    text: str


class InstructionOut(Schema):
    """One instruction to the payment institution, in fen, and how far it has come."""

    key: str
    number: str
    merchant: str
    order_no: str
    amount_fen: int
    state: str
    made_at: datetime
    fault: str


class SaidOut(Schema):
    """One thing that the institution said of it."""

    outcome: str
    amount_fen: int
    occurred_at: datetime
    received_at: datetime
    source: str


class CaseWhole(CaseOut):
    """A case with all that is known of it."""

    lines: list[CaseLineOut]
    instructions: list[InstructionOut]
    said: list[SaidOut]
    order: str | None


class CasesAsked(Schema):
    """Cases in one state, or all."""

    state: Literal["open", "closed", "all"] = "all"


WhichAsked = Annotated[CasesAsked, Query()]


@router.get(
    "/cases", auth=Staff(*READERS), response=Page[CaseOut], summary="List differing cases", operation_id="listCases"
)
def list_cases(request: HttpRequest, which: WhichAsked, page: Asked) -> object:
    """List where books and statements differ, newest first; with `state=open` what is to be looked at."""
    (before,) = paging.numbers(page, 1, (reconciling.LAST,))
    state = "" if which.state == "all" else which.state
    rows = reconciling.cases(state=state, before=before, limit=page.limit + 1)
    return paging.page(rows, page, _shown, lambda row: (row.id,))


@router.get(
    "/cases/{case_id}", auth=Staff(*READERS), response=CaseWhole, summary="Read a case", operation_id="readCase"
)
def read_case(request: HttpRequest, case_id: str) -> CaseWhole:
    """Return one case with the statement lines, instructions and notices that it is about.

    Two people close it by a proposal `case.close`; it moves nothing.
    """
    row = reconciling.case(number(case_id, "case.unknown"))
    found = evidence(row)
    return CaseWhole(
        **_shown(row).dict(),
        lines=[CaseLineOut(**asdict(each)) for each in found.lines],
        instructions=[InstructionOut(**asdict(each)) for each in found.told],
        said=[SaidOut(**asdict(each)) for each in found.said],
        order=None if found.order_id is None else str(found.order_id),
    )


def _shown(row: CaseRow) -> CaseOut:
    return CaseOut(**asdict(row) | {"id": str(row.id)})
