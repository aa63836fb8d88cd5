"""Large draws and spends that wait for a second person. They are decided on pages and at the console."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from django.http import HttpRequest
from ninja import Query, Router, Schema

from greenloop.api import paging
from greenloop.api.access import Staff
from greenloop.api.fields import number
from greenloop.api.paging import Asked, Page
from greenloop.core.people.roles import CLAIM_READERS
from greenloop.store.queries import claims
from greenloop.store.queries.claims import ClaimRow

router = Router(tags=["claims"])


class ClaimOut(Schema):
    """A large draw (of a pool) or spend (of a sale), in fen. `state` says how far it has come.

    It is held, done (drawn, or used), rejected, withdrawn or lapsed; a spend is approved until `until_at` in between.
    `amount_fen` is reserved while it is held or approved. `day_fen` had left the wallet on that day before it, of
    `most_fen` that may.
    """

    id: str
    kind: str
    account_id: str
    pool: str | None
    merchant: str | None
    order_no: str | None
    amount_fen: int
    day_fen: int
    most_fen: int
    state: str
    asked_by: str
    asked_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str
    until_at: datetime | None
    ended_at: datetime | None
    sha256: str


class Waiting(Schema):
    """Claims that wait for a decision, or all."""

    waiting: bool = True


WaitingAsked = Annotated[Waiting, Query()]


@router.get(
    "/claims",
    auth=Staff(*CLAIM_READERS),
    response=Page[ClaimOut],
    summary="List large draws and spends",
    operation_id="listClaims",
)
def list_claims(request: HttpRequest, which: WaitingAsked, page: Asked) -> object:
    """List claims, newest first: those that wait, or with `waiting=false` all."""
    (before,) = paging.numbers(page, 1, (claims.LAST,))
    rows = claims.claims(state="held" if which.waiting else "", before=before, limit=page.limit + 1)
    return paging.page(rows, page, _shown, lambda row: (row.id,))


@router.get(
    "/claims/{claim_id}",
    auth=Staff(*CLAIM_READERS),
    response=ClaimOut,
    summary="Read a large draw or spend",
    operation_id="readClaim",
)
def read_claim(request: HttpRequest, claim_id: str) -> ClaimOut:
    """Return one claim."""
    return _shown(claims.claim(number(claim_id, "claim.unknown")))


def _shown(row: ClaimRow) -> ClaimOut:
    told = asdict(row) | {"id": str(row.id), "account_id": str(row.account_id), "sha256": row.content_hash}
    return ClaimOut(**{name: told[name] for name in ClaimOut.model_fields})
