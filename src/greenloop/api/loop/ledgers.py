"""A wallet's ledgers: its vouchers, its coupons, and every movement."""

from datetime import datetime

from django.http import HttpRequest
from ninja import Router, Schema

from greenloop.api import paging
from greenloop.api.access import Keyed, Session
from greenloop.api.loop.whose import seen
from greenloop.api.paging import Asked, Page
from greenloop.store.queries import holdings, movements, purchases
from greenloop.store.queries.holdings import VoucherRow
from greenloop.store.queries.movements import CouponRow, Movement

router = Router(tags=["wallets"])
READERS = [Keyed("wallets:read"), Session()]
COUPON_KINDS = ("", "earned", "grant")


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


@router.get(
    "/wallets/{account_id}/vouchers",
    auth=READERS,
    response=Page[VoucherOut],
    summary="List a wallet's vouchers",
    operation_id="listVouchers",
)
def list_vouchers(request: HttpRequest, account_id: str, page: Asked) -> object:
    """List the vouchers that have something left, first to expire first."""
    account = seen(request, account_id)
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
    account = seen(request, account_id)
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
    account = seen(request, account_id)
    journal, line = paging.numbers(page, 2, movements.NEWEST)
    rows = movements.entries(account, before=(journal, line), limit=page.limit + 1)
    return paging.page(rows, page, _movement, lambda row: (row.journal_id, row.line))


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
