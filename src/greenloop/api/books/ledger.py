"""The general ledger for its readers: journals, and what comparing and proving it has found."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema
from pydantic import Field

from greenloop.api import access, clock, paging
from greenloop.api.access import Staff
from greenloop.api.fields import number
from greenloop.api.paging import Asked, Page
from greenloop.api.writing import write
from greenloop.services.books.reconcile import Reconciled, reconcile
from greenloop.store.queries import journals, keeping
from greenloop.store.queries.journals import CheckRow, JournalRow, ReconciliationRow

router = Router(tags=["ledger"])
READERS = Staff("operator", "finance", "auditor")


class JournalOut(Schema):
    """One balanced entry of one book, trust or ops; its key is unique in it for ever."""

    id: str
    book: str
    key: str
    kind: str
    effective_at: datetime
    recorded_at: datetime


class PostingOut(Schema):
    """One positive amount from one control account to another."""

    debit: str
    credit: str
    amount_fen: int


class JournalWhole(JournalOut):
    """A journal with its postings."""

    postings: list[PostingOut]


class Which(Schema):
    """Journals of one book, or of one kind, such as `payout`."""

    book: Literal["", "trust", "ops"] = ""
    kind: str = Field("", max_length=16, pattern=r"^[^\x00]*$")


class DifferenceOut(Schema):
    """A control account that differs from the rows behind it."""

    account: str
    ledger_fen: int
    subledger_fen: int


class ReconciliationOut(Schema):
    """One comparison of each control account with its subledger."""

    id: str
    at: datetime
    by: str
    accounts: int
    differences: list[DifferenceOut]


class ReconciledOut(Schema):
    """What comparing just now has found."""

    accounts: int
    differences: list[DifferenceOut]


class BrokenOut(Schema):
    """A statement about the books that doesn't hold, and by how much it is off."""

    name: str
    what: str
    difference: int


class CheckOut(Schema):
    """One proof of the books; `replayed` says that the whole journal was run through the arithmetic again."""

    id: str
    at: datetime
    by: str
    took_ms: int
    replayed: bool
    statements: int
    broken: list[BrokenOut]


class TrustBookOut(Schema):
    """How far the trust book's own database has come: its newest number, and what waits for it, since when.

    `behind` says that the oldest has waited for more than five minutes.
    """

    number: int
    kept_at: datetime | None
    pending: int
    oldest_at: datetime | None
    lag_seconds: int
    behind: bool


WhichAsked = Annotated[Which, Query()]


@router.get("/journals", auth=READERS, response=Page[JournalOut], summary="List journals", operation_id="listJournals")
def list_journals(request: HttpRequest, which: WhichAsked, page: Asked) -> object:
    """List what was posted, newest first. Nothing in the ledger is changed or deleted."""
    (before,) = paging.numbers(page, 1, (journals.LAST,))
    rows = journals.journals(book=which.book, kind=which.kind, before=before, limit=page.limit + 1)
    return paging.page(rows, page, lambda row: JournalOut(**_journal(row)), lambda row: (row.id,))


@router.get(
    "/journals/{journal_id}", auth=READERS, response=JournalWhole, summary="Read a journal", operation_id="readJournal"
)
def read_journal(request: HttpRequest, journal_id: str) -> JournalWhole:
    """Return one journal with its postings."""
    row = journals.journal(number(journal_id, "journal.unknown"))
    found = [
        PostingOut(debit=each.debit, credit=each.credit, amount_fen=each.amount_fen)
        for each in journals.postings(row.id)
    ]
    return JournalWhole(**_journal(row), postings=found)


@router.get(
    "/reconciliations",
    auth=READERS,
    response=Page[ReconciliationOut],
    summary="List reconciliations",
    operation_id="listReconciliations",
)
def list_reconciliations(request: HttpRequest, page: Asked) -> object:
    """List comparisons of the ledger with the rows behind it, newest first."""
    (before,) = paging.numbers(page, 1, (journals.LAST,))
    rows = journals.reconciliations(before=before, limit=page.limit + 1)
    return paging.page(rows, page, _reconciliation, lambda row: (row.id,))


@router.post(
    "/reconciliations",
    auth=Staff("finance"),
    response={201: ReconciledOut},
    summary="Reconcile",
    operation_id="reconcile",
)
def run_reconciliation(request: HttpRequest) -> HttpResponse:
    """Compare each control account with its subledger now and keep what is found; nothing is corrected by itself."""
    by = access.account_of(request)
    return write(request, lambda: reconcile(by=by, at=clock.now()), _reconciled, status=201)


@router.get("/checks", auth=READERS, response=Page[CheckOut], summary="List proofs", operation_id="listChecks")
def list_checks(request: HttpRequest, page: Asked) -> object:
    """List proofs of the books that were kept, newest first; the scheduler proves them every night."""
    (before,) = paging.numbers(page, 1, (journals.LAST,))
    return paging.page(journals.checks(before=before, limit=page.limit + 1), page, _check, lambda row: (row.id,))


@router.get(
    "/trust-book",
    auth=READERS,
    response=TrustBookOut,
    summary="Read the trust book's lag",
    operation_id="readTrustBook",
)
def read_trust_book(request: HttpRequest) -> TrustBookOut:
    """Return how far the trust book's own database has come. No payout leaves before it holds the payout's journal."""
    found, now = keeping.lag(), clock.now()
    return TrustBookOut(
        number=found.number,
        kept_at=found.kept_at,
        pending=found.pending,
        oldest_at=found.oldest_at,
        lag_seconds=found.seconds(now),
        behind=found.behind(now),
    )


def _journal(row: JournalRow) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "book": row.book,
        "key": row.key,
        "kind": row.kind,
        "effective_at": row.effective_at,
        "recorded_at": row.recorded_at,
    }


def _reconciliation(row: ReconciliationRow) -> ReconciliationOut:
    found = [
        DifferenceOut(account=account, ledger_fen=ledger, subledger_fen=other)
        for account, (ledger, other) in sorted(row.differences.items())
    ]
    return ReconciliationOut(id=str(row.id), at=row.at, by=row.by, accounts=row.accounts, differences=found)


def _reconciled(done: Reconciled) -> ReconciledOut:
    found = [
        DifferenceOut(account=each.account, ledger_fen=each.ledger_fen, subledger_fen=each.subledger_fen)
        for each in done.differences
    ]
    return ReconciledOut(accounts=len(done.pairs), differences=found)


def _check(row: CheckRow) -> CheckOut:
    broken = [BrokenOut(name=name, what=what, difference=off) for name, what, off in row.broken]
    return CheckOut(
        id=str(row.id),
        at=row.at,
        by=row.by,
        took_ms=row.took_ms,
        replayed=row.replayed,
        statements=row.statements,
        broken=broken,
    )
