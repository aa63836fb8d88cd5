"""Fen followed: which orders paid for a voucher, and where an order's concession is."""

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from greenloop.api import access
from greenloop.api.access import Keyed, Session
from greenloop.api.callers import Client
from greenloop.api.fields import number
from greenloop.api.loop.shown import order_of
from greenloop.api.loop.whose import seen
from greenloop.api.problems import Problem
from greenloop.core.faults import say
from greenloop.core.money import AMOUNT_FEN_MAX
from greenloop.insight.tracing.fen import FEN_MAX, PartWent, Payer, paid_by, went
from greenloop.insight.tracing.names import pseudonym
from greenloop.store.queries import traced
from greenloop.store.queries.traced import PayerRow

router = Router(tags=["trace"])


class WentOut(Schema):
    """Fen that were released last in one cycle, and where they are by now.

    `state` is free (in the pool, maybe again), released (not drawn), unspent (in vouchers), use (spent), returning (on
    their way into the pool) or reserve (repaid a debt). `holders` counts who drew them; `rounds` how often at most they
    came back into the pool.
    """

    cycle: int | None
    state: str
    fen: int
    holders: int
    rounds: int


class PartWentOut(Schema):
    """What an order brought into one pool, and where `fen` of it went, from place `at` on.

    `traced` is false while it isn't on the pool's line.
    """

    pool: str
    is_red: bool
    part_fen: int
    traced: bool
    at: int
    fen: int
    went: list[WentOut]


class TracedOrderOut(Schema):
    """Where the money went that an order brought into the pools, that of the green one first.

    `next_place` is where the next answer goes on, null at the end.
    """

    order_id: str
    parts: list[PartWentOut]
    next_place: int | None


class PayerOut(Schema):
    """Fen of a voucher from place `at` on, paid in by one order: of its part those from `order_at` on.

    `kind` is orders, refund (paid in by its refund) or unknown. `payer` names the order to this caller alone: the same
    each time, so it tells which fen one order paid for, and other callers are told another name. Which order it is, and
    `order_at`, is shown to its shopper, its merchant and the platform's people. `cycle` released the fen. `payment` is
    its number at the payment institution, `statement` and `line` where that listed it.
    """

    at: int
    fen: int
    kind: str
    payer: str | None
    order_at: int | None
    cycle: int | None
    order_id: str | None
    merchant: str | None
    order_no: str | None
    paid_at: datetime | None
    payment: str | None
    statement: str | None
    line: str | None


class TracedVoucherOut(Schema):
    """Which orders paid for fen of a voucher. `next_place` is where the next answer goes on, null at the end."""

    account_id: str
    voucher_id: str
    pool: str
    face_fen: int
    traced: bool
    payers: list[PayerOut]
    next_place: int | None


class Places(Schema):
    """Which fen of a voucher or an order, counted from 0: so many from a place on."""

    place: Annotated[int, Field(ge=0, le=AMOUNT_FEN_MAX)] = 0
    fen: Annotated[int, Field(ge=1, le=FEN_MAX)] = FEN_MAX


PlacesAsked = Annotated[Places, Query()]


@router.get(
    "/trace/orders/{order_id}",
    auth=[Keyed("orders:read"), Session()],
    response=TracedOrderOut,
    summary="Trace an order",
    operation_id="traceOrder",
)
def trace_order(request: HttpRequest, order_id: str, asked: PlacesAsked) -> TracedOrderOut:
    """Tell where the concession of an order is: how much was released in which cycle, drawn by how many, spent.

    Its merchant and its shopper may ask, and the platform's people. Nobody is told who the holders are. An answer
    follows as many of the fen as make a short one, and says at which place the next goes on.
    """
    row = order_of(request, order_id)
    found = went(row.id, at=asked.place, fen=asked.fen)
    parts = [_part(each) for each in found.parts]
    return TracedOrderOut(order_id=str(row.id), parts=parts, next_place=found.next_place)


@router.get(
    "/trace/wallets/{account_id}/vouchers/{voucher_id}",
    auth=[Keyed("wallets:read"), Session()],
    response=TracedVoucherOut,
    summary="Trace a voucher",
    operation_id="traceVoucher",
)
def trace_voucher(request: HttpRequest, account_id: str, voucher_id: str, asked: PlacesAsked) -> TracedVoucherOut:
    """Tell which orders paid for a voucher, fen by fen: each has exactly one. `me` is whoever has signed in."""
    account = seen(request, account_id)
    row = traced.voucher(number(voucher_id, "voucher.unknown"))
    if row.account_id != account:
        raise Problem(
            404, "voucher.unknown", say("There is no voucher {voucher}."), field="voucher", voucher=voucher_id
        )
    found = paid_by(row, at=asked.place, fen=asked.fen)
    return TracedVoucherOut(
        account_id=str(account),
        voucher_id=str(row.id),
        pool=row.pool,
        face_fen=row.face_fen,
        traced=found.traced,
        payers=[_payer(request, each) for each in found.payers],
        next_place=found.next_place,
    )


def _part(part: PartWent) -> PartWentOut:
    return PartWentOut(
        pool=part.pool,
        is_red=part.is_red,
        part_fen=part.part_fen,
        traced=part.traced,
        at=part.at,
        fen=part.fen,
        went=[
            WentOut(cycle=each.cycle, state=each.state, fen=each.fen, holders=each.holders, rounds=each.rounds)
            for each in part.went
        ],
    )


def _payer(request: HttpRequest, payer: Payer) -> PayerOut:
    order = payer.order
    shown = order if order is not None and _may_know(request, order) else None
    known: dict[str, Any] = {name: getattr(shown, name) if shown else None for name in _KNOWN}
    return PayerOut(
        at=payer.at,
        fen=payer.fen,
        kind=payer.kind,
        payer=None if order is None else pseudonym(order.id, viewer=access.of(request).name),
        order_at=None if shown is None else payer.order_at,
        cycle=payer.cycle,
        order_id=None if shown is None else str(shown.id),
        **known,
    )


def _may_know(request: HttpRequest, order: PayerRow) -> bool:
    """Tell whether the caller may know which order it is: its merchant, its shopper, the platform's people."""
    caller = access.of(request)
    if isinstance(caller, Client):
        return order.merchant in caller.merchants
    who = caller.visitor
    return bool(who.staff) or order.merchant in who.merchant_refs or order.member_id == who.account_id


_KNOWN = ("merchant", "order_no", "paid_at", "payment", "statement", "line")
