"""Orders as tills send them, one by one and in bulk: the busiest routes, as plain functions over msgspec.

Both go through one writer per process (`gathering`), which takes what is waiting as one batch: one transaction, one
journal, whoever sent it.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple

import msgspec
from django.utils import translation
from msgspec import Meta, Struct

from greenloop.api import callers, clock, invalid, limits
from greenloop.api.callers import Client, Environ
from greenloop.api.gathering import Full, Gathering
from greenloop.api.problems import Problem, Reply, details, language, status_of
from greenloop.api.replays import REPLAYED, key_of
from greenloop.core import instants
from greenloop.core.faults import Refusal, say
from greenloop.core.money import AMOUNT_FEN_MAX
from greenloop.services.loop.take import Sale, Sold, take
from greenloop.services.people.nonces import Nonce
from greenloop.services.verb import Asked, Kept

Text = Annotated[str, Meta(min_length=1, max_length=64, pattern="^[^\\x00]*$")]
Fen = Annotated[int, Meta(ge=0, le=AMOUNT_FEN_MAX)]
Instant = Annotated[datetime, Meta(tz=True)]
NDJSON = "application/x-ndjson"


class OrderIn(Struct, forbid_unknown_fields=True, frozen=True):
    """A sale as a till reports it; amounts are fen."""

    merchant: Text
    order_no: Text
    member: Text
    paid_at: Instant
    cash_fen: Fen
    voucher_fen: Fen = 0
    coupon_fen: Fen = 0
    shop: Text | None = None
    delivered: bool = False


class OrdersIn(Struct, forbid_unknown_fields=True, frozen=True):
    """A till's backlog."""

    orders: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=limits.BATCH_MAX)]


class SoundOrdersIn(Struct, forbid_unknown_fields=True, frozen=True):
    """A till's backlog in which every order can be read, as nearly all are: read at once, not one by one."""

    orders: Annotated[list[OrderIn], Meta(min_length=1, max_length=limits.BATCH_MAX)]


class OrderOut(Struct, frozen=True):
    """An order as it was taken. Amounts are fen, points 1/100 point; the points come when the order vests."""

    id: str
    merchant: str
    order_no: str
    member: str
    paid_at: datetime
    cash_fen: int
    voucher_fen: int
    coupon_fen: int
    shop: str | None
    delivered: bool
    rate_ppm: int
    concession_fen: int
    member_points: int
    merchant_points: int


class ItemOut(Struct, frozen=True, omit_defaults=True):
    """What became of one order of a bulk call: the order, or the problem."""

    index: int
    status: int
    order: OrderOut | None = None
    problem: dict[str, Any] | None = None
    replayed: bool = False


class OrdersOut(Struct, frozen=True):
    """What became of each order of a bulk call, in the order in which they were sent."""

    results: list[ItemOut]


@dataclass(frozen=True, slots=True)
class Job:
    """What one call hands to the writer: its sales, and for a single one the idempotency key and the nonce."""

    sales: Sequence[Sale]
    asked: Asked | None = None
    nonce: Nonce | None = None


class Outcome(NamedTuple):
    """What became of one sale: sold or refused; `kept` is the answer that is kept, now or since it was given before.

    A tuple, because one is made for every order.
    """

    sold: Sold | None
    refusal: Refusal | None
    replayed: bool
    kept: Kept | None


_read_order = msgspec.json.Decoder(OrderIn).decode
_read_orders = msgspec.json.Decoder(OrdersIn).decode
_read_sound_orders = msgspec.json.Decoder(SoundOrdersIn).decode
_write = msgspec.json.Encoder().encode


def one(environ: Environ, body: bytes, caller: Client) -> Reply:
    """Take one order: `POST /v1/orders`.

    :raises Problem: the caller may not, or the body can't be read.
    :raises Refusal: the order can't be taken.
    """
    try:
        sale, key = _sale(_read(_read_order, body), caller), key_of(environ)
    except Problem:
        callers.spend(caller)
        raise
    asked = None
    if key:
        request = hashlib.sha256(b"POST /v1/orders\n" + body).hexdigest()
        asked = Asked(
            caller.name, key, request, clock.now(), lambda sold: Kept(201, _write(_order(sale, sold)).decode())
        )
    # A nonce is used in the transaction that takes the order: one commit, and neither without the other.
    nonce = (caller.key_id, caller.nonce) if caller.nonce else None
    outcome = _hand_in(Job([sale], asked, nonce))[0]
    headers = REPLAYED if outcome.replayed else ()
    if outcome.kept is not None:
        return Reply(outcome.kept.status, outcome.kept.body.encode(), headers)
    if outcome.sold is None:
        raise outcome.refusal or AssertionError
    return Reply(201, _write(_order(sale, outcome.sold)), headers)


def bulk(environ: Environ, body: bytes, caller: Client) -> Reply:
    """Take many orders, each of which stands or falls alone: `POST /v1/orders/bulk`, JSON or one order a line.

    :raises Problem: the caller may not, or the body can't be read as a list of orders.
    """
    callers.spend(caller)
    # The thread serves somebody else next: what one caller reads is not left behind as its language.
    with translation.override(language(environ.get("HTTP_ACCEPT_LANGUAGE", ""))):
        return _bulk(environ, body, caller)


def _bulk(environ: Environ, body: bytes, caller: Client) -> Reply:
    by_line = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() == NDJSON
    items = _lines(body) if by_line else _orders(body)
    sales: list[Sale] = []
    places: list[int] = []
    told: list[ItemOut | None] = [None] * len(items)
    for index, item in enumerate(items):
        try:
            sales.append(_sale(item if isinstance(item, OrderIn) else _read(_read_order, item), caller))
            places.append(index)
        except Problem as problem:
            told[index] = ItemOut(index, problem.status, problem=details(problem.refusal, problem.status))
    if sales:
        for index, sale, outcome in zip(places, sales, _hand_in(Job(sales)), strict=True):
            told[index] = _item(index, sale, outcome)
    done = [item for item in told if item]
    headers = REPLAYED if all(item.replayed for item in done) else ()
    if by_line:
        return Reply(200, b"\n".join(map(_write, done)) + b"\n", headers, NDJSON)
    return Reply(200, _write(OrdersOut(done)), headers)


def _item(index: int, sale: Sale, outcome: Outcome) -> ItemOut:
    if outcome.sold is not None:
        return ItemOut(index, 201, order=_order(sale, outcome.sold), replayed=outcome.replayed)
    refusal = outcome.refusal
    if refusal is None:
        raise AssertionError
    status = status_of(refusal)
    return ItemOut(index, status, problem=details(refusal, status))


def _orders(body: bytes) -> Sequence[OrderIn | msgspec.Raw]:
    """Return the orders of a body: read, or where one can't be, each as it stands.

    :raises Problem: the body isn't a list of orders.
    """
    try:
        orders: list[OrderIn] = _read_sound_orders(body).orders
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found: list[msgspec.Raw] = _read(_read_orders, body).orders
        return found
    return orders


def _lines(body: bytes) -> list[bytes]:
    lines = [line for line in body.split(b"\n") if line.strip()]
    if not 0 < len(lines) <= limits.BATCH_MAX:
        message = say("Send 1 to {most} orders in one call.")
        raise Problem(422, "body.count", message, field="orders", most=limits.BATCH_MAX)
    return lines


def _read(decode: Callable[[bytes], Any], body: bytes) -> Any:
    """Read a body as what it should be.

    :raises Problem: it isn't.
    """
    try:
        return decode(body)
    except msgspec.ValidationError as fault:
        raise invalid.by_msgspec(str(fault)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Problem(400, "body.json", say("The body can't be read as JSON.")) from None


def _sale(order: OrderIn, caller: Client) -> Sale:
    callers.acts_for(caller, order.merchant)
    if not instants.in_range(order.paid_at):
        message = say("The time of payment {value} is ahead, or before the member enrolled.")
        raise Problem(422, "order.paid_at", message, field="paid_at", value=order.paid_at.isoformat())
    return Sale(
        order.merchant,
        order.order_no,
        order.member,
        order.paid_at,
        order.cash_fen,
        order.voucher_fen,
        order.coupon_fen,
        order.shop,
        order.delivered,
    )


def _order(sale: Sale, sold: Sold) -> OrderOut:
    return OrderOut(
        str(sold.order_id),
        sale.merchant,
        sale.order_no,
        sale.member,
        sale.paid_at.astimezone(UTC),
        sale.cash_fen,
        sale.voucher_fen,
        sale.coupon_fen,
        sale.shop,
        sold.delivered,
        sold.rate_ppm,
        sold.concession_fen,
        sold.member_points,
        sold.merchant_points,
    )


def _hand_in(job: Job) -> list[Outcome]:
    try:
        return writer.ask(job)
    except Full:
        raise callers.busy() from None


def _take(jobs: Sequence[Job]) -> list[list[Outcome]]:
    """Take the sales of many calls as one batch, and give each call its own outcomes."""
    sales = [sale for job in jobs for sale in job.sales]
    asked: dict[int, Asked] = {}
    nonces: dict[int, Nonce] = {}
    start = 0
    for job in jobs:
        if job.asked:
            asked[start] = job.asked
        if job.nonce:
            nonces[start] = job.nonce
        start += len(job.sales)
    taking = take(sales=sales, at=clock.now(), asked=asked, nonces=nonces)
    sold, refusals, replayed, kept = taking.sold, taking.refusals, taking.replayed, taking.answers
    told: list[list[Outcome]] = []
    start = 0
    for job in jobs:
        places = range(start, start + len(job.sales))
        told.append([Outcome(sold[n], refusals.get(n), n in replayed, kept.get(n)) for n in places])
        start += len(job.sales)
    return told


writer: Gathering[Job, list[Outcome]] = Gathering(
    "orders", _take, batch_max=2_000, queue_max=20_000, size_of=lambda job: len(job.sales), linger_s=limits.LINGER_S
)
