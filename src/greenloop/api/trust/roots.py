"""Proof of liabilities: the published roots, and a holder's proof that its amount is in one of them."""

from datetime import date, datetime
from typing import Annotated

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from greenloop.api import paging
from greenloop.api.access import Keyed, Session
from greenloop.api.loop.pools import CycleNo
from greenloop.api.loop.whose import seen
from greenloop.api.paging import Asked, Page
from greenloop.insight import inclusion
from greenloop.store.queries import liabilities

router = Router(tags=["roots"])
READERS = [Keyed("wallets:read"), Session()]


class RootStatementOut(Schema):
    """What a custodian's newest file says was left in an account, in fen, after its last line; its SHA-256 in hex."""

    account: str
    balance_fen: int
    until_at: datetime
    file_hash: str


class RootOut(Schema):
    """The root of all that was owed to holders after one settlement, in fen; hashes are SHA-256 in hex.

    `total_fen` is what the tree's top says: claimable, unspent, coupons and dues. `dust_fen` is accrued beyond it.
    `bank_fen` is the cash that the ledger held as confirmed by `as_of_at`; `in_transit_fen` is what was paid beside.
    `log_leaf` is the number of the public log's leaf that tells of it.

    From form 2 on, `statements` are the custodians' own closing balances, and `trust_number` is the newest number of
    the trust book, 0 before any, with the SHA-256 of that journal; `trust_pending` journals were not there yet.
    """

    cycle: int
    day: date
    as_of_at: datetime
    journal_id: str
    journal_hash: str
    root_hash: str
    nonce_hash: str
    leaves: int
    holders: int
    total_fen: int
    claimable_fen: int
    unspent_fen: int
    coupon_fen: int
    dues_fen: int
    dust_fen: int
    bank_fen: int
    in_transit_fen: int
    form: int = 1
    trust_number: int | None = None
    trust_hash: str | None = None
    trust_pending: int | None = None
    statements: list[RootStatementOut] = Field(default_factory=list)
    log_leaf: int | None
    published_at: datetime


class ProofOwedOut(Schema):
    """What was owed to one holder, in fen; `amount_fen` is all of it."""

    claimable_fen: int
    unspent_fen: int
    coupon_fen: int
    dues_fen: int
    amount_fen: int


class ProofStepOut(Schema):
    """The node beside one's own on the way to the top, and the sum below it in fen."""

    hash: str
    sum_fen: int


class ProofLeafOut(Schema):
    """One leaf of the holder's amount: its place, its salt, its fen, and the nodes beside its way, lowest first."""

    index: int
    salt: str
    amount_fen: int
    path: list[ProofStepOut]


class ProofOut(Schema):
    """A proof that checks itself against the root: see docs/liabilities.md for each hash."""

    format: str
    root: RootOut
    holder: str
    nonce: str
    owed: ProofOwedOut
    leaves: list[ProofLeafOut]


class OfCycle(Schema):
    """Which root; the newest where no cycle is named."""

    cycle: int | None = Field(None, ge=1, le=liabilities.LATEST)


CycleAsked = Annotated[OfCycle, Query()]


@router.get(
    "/roots", auth=READERS, response=Page[RootOut], summary="List the roots of what is owed", operation_id="listRoots"
)
def list_roots(request: HttpRequest, page: Asked) -> object:
    """List published roots, newest first: what was owed to all holders after each settlement."""
    (before,) = paging.numbers(page, 1, (liabilities.LATEST,))
    rows = liabilities.roots(before=before, limit=page.limit + 1)
    return paging.page(rows, page, lambda row: RootOut(**inclusion.published(row)), lambda row: (row.cycle,))


@router.get(
    "/roots/{cycle}", auth=READERS, response=RootOut, summary="Read the root of a cycle", operation_id="readRoot"
)
def read_root(request: HttpRequest, cycle: CycleNo) -> object:
    """Return the root that was published after one cycle's settlement."""
    return inclusion.published(inclusion.root_of(cycle))


@router.get(
    "/wallets/{account_id}/proof",
    auth=READERS,
    response=ProofOut,
    summary="Prove what is owed to a holder",
    operation_id="readProof",
)
def read_proof(request: HttpRequest, account_id: str, which: CycleAsked) -> object:
    """Return the proof that what was owed to a holder is in a published root. `me` is whoever has signed in.

    Whoever asks recomputes the hashes: the page does so in the browser, check_inclusion.py anywhere.
    """
    account = seen(request, account_id)
    return inclusion.document(inclusion.root_of(which.cycle), account)
