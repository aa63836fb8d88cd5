"""Wallets: what somebody has, now or at a past instant, how it came to be, and drawing from it."""

from datetime import datetime
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema

from greenloop.api import access, clock, paging
from greenloop.api.access import Keyed, Person, Session
from greenloop.api.callers import Client
from greenloop.api.fields import Amount, Body, Instant, Ref, number, year_in_range
from greenloop.api.loop import wallet
from greenloop.api.paging import Asked, Page
from greenloop.api.problems import Problem, respond
from greenloop.api.shapes import answers
from greenloop.api.writing import write
from greenloop.core.faults import say
from greenloop.services.loop.draw import draw
from greenloop.store.queries import balances, holdings, movements, past, purchases
from greenloop.store.queries.holdings import CohortRow, VoucherRow
from greenloop.store.queries.movements import CouponRow, Movement

router = Router(tags=["wallets"])
READERS = [Keyed("wallets:read"), Session()]
COUPON_KINDS = ("", "earned", "grant")


class At(Schema):
    """A past instant, RFC 3339 with its offset; now where it is left out."""

    at: Instant | None = None


AtAsked = Annotated[At, Query()]


class PositionOut(Schema):
    """Points of one cohort. `index` is vouchers per point × 10^12, `index_cap` where it ends; `cycles` its releases."""

    id: str
    pool: str
    is_red: bool
    entry_cycle: int
    points: int
    index: str
    index_cap: str
    age: int
    cycles: int
    released_fen: int


class PositionsOut(Schema):
    """A holder's points by cohort, newest first. `released_fen` is rounded down for each; a wallet rounds once."""

    account_id: str
    at: datetime
    positions: list[PositionOut]


class VoucherOut(Schema):
    """A voucher that has something left, in fen."""

    id: str
    pool: str
    face_fen: int
    left_fen: int
    drawn_at: datetime
    expires_at: datetime


class CouponUseOut(Schema):
    """What an order took from a coupon, and how much of it a refund gave back, in fen."""

    merchant: str
    order_no: str
    amount_fen: int
    returned_fen: int


class CouponOut(Schema):
    """A shopping coupon with its whole life, in fen. `kind` is `earned`, or `grant`: a first-order rebate."""

    order_id: str
    kind: str
    merchant: str
    order_no: str
    face_fen: int
    left_fen: int
    used_fen: int
    expired_fen: int
    taken_back_fen: int
    usable_at: datetime
    expires_at: datetime
    uses: list[CouponUseOut]


class CouponsOut(Page[CouponOut]):
    """A page of coupons; `pending_fen` will come with orders that have not vested yet."""

    pending_fen: int


class MovementOut(Schema):
    """One movement of a wallet, in fen: `kind` is draw, repay, spend, return, expire or claw.

    `unspent_fen` is by how much the unspent vouchers changed. The order is named where it is the holder's own.
    """

    at: datetime
    kind: str
    pool: str
    amount_fen: int
    unspent_fen: int
    merchant: str | None
    order_no: str | None


class DrawIn(Body):
    """What to draw: all that is drawable where no amount is given."""

    pool: Ref
    amount_fen: Amount | None = None


class DrawnOut(Schema):
    """What was drawn, in fen; a debt was repaid before it and is not part of it."""

    account_id: str
    pool: str
    drawn_fen: int


@router.get(
    "/wallets/{account_id}",
    auth=READERS,
    summary="Read a wallet",
    operation_id="readWallet",
    openapi_extra=answers(200, "WalletOut", "The wallet"),
)
def read_wallet(request: HttpRequest, account_id: str, asked: AtAsked) -> HttpResponse:
    """Return a wallet: sums, and each pool. `me` is the account of whoever has signed in.

    With `at`, the wallet as it was at that instant, to the fen.
    """
    caller = access.of(request)
    if isinstance(caller, Client) and asked.at is None:
        return respond(wallet.one(request.META, request.body, account_id, caller))
    account, at = _seen(request, account_id), _instant(asked)
    found = balances.balances([account], at=at)[account] if asked.at is None else past.balances(account, at=at)
    return respond(wallet.shown(found, at))


@router.get(
    "/wallets/{account_id}/positions",
    auth=READERS,
    response=PositionsOut,
    summary="Read a wallet's points",
    operation_id="readPositions",
)
def read_positions(request: HttpRequest, account_id: str, asked: AtAsked) -> PositionsOut:
    """Return a holder's points by cohort, now or at a past instant."""
    account, at = _seen(request, account_id), _instant(asked)
    rows = holdings.cohorts(account) if asked.at is None else past.cohorts(account, at=at)
    shown = [_position(row) for row in rows if row.points]
    return PositionsOut(account_id=str(account), at=at, positions=shown)


@router.get(
    "/wallets/{account_id}/vouchers",
    auth=READERS,
    response=Page[VoucherOut],
    summary="List a wallet's vouchers",
    operation_id="listVouchers",
)
def list_vouchers(request: HttpRequest, account_id: str, page: Asked) -> object:
    """List the vouchers that have something left, first to expire first."""
    account = _seen(request, account_id)
    until, number_last = paging.numbers(page, 2, (0, 0))
    rows = holdings.vouchers(account, after=(until, number_last), limit=page.limit + 1)
    return paging.page(rows, page, _voucher, lambda row: row.place)


@router.get(
    "/wallets/{account_id}/coupons",
    auth=READERS,
    response=CouponsOut,
    summary="List a wallet's coupons",
    operation_id="listCoupons",
)
def list_coupons(request: HttpRequest, account_id: str, page: Asked) -> object:
    """List all coupons, newest order first, with what they paid for."""
    account = _seen(request, account_id)
    order, kind = paging.numbers(page, 2, (movements.LAST_COUPON[0], 0))
    before = order, COUPON_KINDS[kind % len(COUPON_KINDS)]
    rows = movements.coupons(account, before=before, limit=page.limit + 1)
    shown = paging.page(rows, page, _coupon, lambda row: (row.order_id, COUPON_KINDS.index(row.kind)))
    return shown | {"pending_fen": purchases.waiting(account, limit=1).coupons_fen}


@router.get(
    "/wallets/{account_id}/movements",
    auth=READERS,
    response=Page[MovementOut],
    summary="List a wallet's movements",
    operation_id="listMovements",
)
def list_movements(request: HttpRequest, account_id: str, page: Asked) -> object:
    """List what was drawn, spent, returned, expired, repaid and taken back, newest first."""
    account = _seen(request, account_id)
    journal, line = paging.numbers(page, 2, movements.NEWEST)
    rows = movements.entries(account, before=(journal, line), limit=page.limit + 1)
    return paging.page(rows, page, _movement, lambda row: (row.journal_id, row.line))


@router.post(
    "/wallets/{account_id}/draws",
    auth=[Keyed("wallets:write"), Session()],
    response={201: DrawnOut},
    summary="Draw vouchers",
    operation_id="draw",
)
def draw_vouchers(request: HttpRequest, account_id: str, body: DrawIn) -> HttpResponse:
    """Move released vouchers of one pool into the unspent balance.

    By the holder, or by a client for a member who enrolled through it. Send an Idempotency-Key: without one, the same
    request draws again. A sale draws by itself what it needs.
    """
    account = _seen(request, account_id)
    _holder_only(request, account)
    return write(
        request,
        lambda: draw(account_id=account, pool=body.pool, at=clock.now(), amount_fen=body.amount_fen),
        lambda fen: DrawnOut(account_id=str(account), pool=body.pool, drawn_fen=fen),
        status=201,
    )


def _seen(request: HttpRequest, text: str) -> int:
    """Return the account that an address names, if the caller may see it.

    :raises Problem: there is none that it may see.
    """
    caller = access.of(request)
    if text == "me" and isinstance(caller, Person):
        return caller.visitor.account_id
    account = number(text, "account.unknown")
    refs = balances.merchants([account]).get(account, frozenset())
    mine = caller.merchants if isinstance(caller, Client) else frozenset(caller.visitor.merchant_refs)
    access.sees_account(caller, account, merchant=min(refs & mine, default=min(refs, default=None)))
    if not refs and not balances.is_member(account):
        message = say("There is no account {account} that you may see.")
        raise Problem(404, "account.unknown", message, field="account", account=text)
    return account


def _holder_only(request: HttpRequest, account: int) -> None:
    """Keep the platform's people from drawing what is somebody else's.

    :raises Problem: the caller is not the holder.
    """
    caller = access.of(request)
    if isinstance(caller, Client) or caller.visitor.account_id == account:
        return
    if balances.merchants([account]).get(account, frozenset()).isdisjoint(caller.visitor.merchant_refs):
        raise Problem(403, "auth.role", say("Only the holder draws from a wallet."))


def _instant(asked: At) -> datetime:
    now = clock.now()
    if asked.at is None:
        return now
    if year_in_range(asked.at) > now:
        message = say("What is to come can't be read. Name an instant that has passed.")
        raise Problem(422, "wallet.at_ahead", message, field="at")
    return asked.at


def _position(row: CohortRow) -> PositionOut:
    return PositionOut(
        id=str(row.id),
        pool=row.pool,
        is_red=row.is_red,
        entry_cycle=row.cycle,
        points=row.points,
        index=str(row.release_index),
        index_cap=str(row.index_cap),
        age=row.age,
        cycles=row.cycles,
        released_fen=row.released_fen,
    )


def _voucher(row: VoucherRow) -> VoucherOut:
    return VoucherOut(
        id=str(row.id),
        pool=row.pool,
        face_fen=row.face_fen,
        left_fen=row.left_fen,
        drawn_at=row.drawn_at,
        expires_at=row.expires_at,
    )


def _coupon(row: CouponRow) -> CouponOut:
    uses = [
        CouponUseOut(
            merchant=use.merchant, order_no=use.order_no, amount_fen=use.amount_fen, returned_fen=use.returned_fen
        )
        for use in row.uses
    ]
    return CouponOut(
        order_id=str(row.order_id),
        kind=row.kind,
        merchant=row.merchant,
        order_no=row.order_no,
        face_fen=row.face_fen,
        left_fen=row.left_fen,
        used_fen=row.used_fen,
        expired_fen=row.expired_fen,
        taken_back_fen=row.taken_back_fen,
        usable_at=row.usable_at,
        expires_at=row.expires_at,
        uses=uses,
    )


def _movement(row: Movement) -> MovementOut:
    return MovementOut(
        at=row.at,
        kind=row.kind,
        pool=row.pool,
        amount_fen=row.amount_fen,
        unspent_fen=-row.unspent_fen if row.sign == "−" else row.unspent_fen,
        merchant=row.merchant,
        order_no=row.order_no,
    )
