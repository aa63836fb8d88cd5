"""Orders as programs look them up: by id, by number, or a merchant's page by page; and their refunds."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from greenloop.core.faults import Refusal, say
from greenloop.core.loop.concession import MIN_CONCESSION_FEN, points_of
from greenloop.core.money import share_ppm
from greenloop.store import sql

INSTANT = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SINCE = datetime(2000, 1, 1, tzinfo=UTC)
UNTIL = datetime(2200, 1, 1, tzinfo=UTC)
LAST = 2**63 - 1
NEWEST = ((UNTIL - EPOCH) // INSTANT, LAST)


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order as it stands, in fen. `member` is whoever bought; `paid_out_date` the payout's business date."""

    id: int
    merchant: str
    order_no: str
    member: str
    member_id: int
    shop: str | None
    pool: str
    paid_at: datetime
    confirmed_at: datetime | None
    vests_at: datetime | None
    held: bool
    entry_cycle: int | None
    paid_out_date: date | None
    cash_fen: int
    voucher_fen: int
    coupon_fen: int
    rate_ppm: int
    concession_fen: int
    concession_lost_fen: int
    entered_fen: int | None
    member_multiple_ppm: int
    merchant_multiple_ppm: int
    coupon_part_fen: int
    rebate_fen: int
    refunded_fen: int

    @property
    def price_fen(self) -> int:
        """Return the price."""
        return self.cash_fen + self.voucher_fen + self.coupon_fen

    @property
    def left_fen(self) -> int:
        """Return what refunds have left of the price."""
        return self.price_fen - self.refunded_fen

    @property
    def member_points(self) -> int:
        """Return the shopper's points, that it has or that vesting will give it."""
        return self._points(self.member_multiple_ppm)

    @property
    def merchant_points(self) -> int:
        """Return the merchant's points."""
        return self._points(self.merchant_multiple_ppm)

    @property
    def place(self) -> tuple[int, int]:
        """Return where it stands in a list: µs since 1970 of its payment, then its id."""
        return (self.paid_at - EPOCH) // INSTANT, self.id

    def _points(self, multiple_ppm: int) -> int:
        left_fen = self.concession_fen - self.concession_lost_fen
        if self.entered_fen is None:
            return points_of(left_fen, multiple_ppm)
        return share_ppm(left_fen, multiple_ppm) if self.entered_fen >= MIN_CONCESSION_FEN else 0


@dataclass(frozen=True, slots=True)
class RefundRow:
    """A refund, in fen and points. What it moved is 0 while it is `pending`.

    `effect` says whether its points are taken: `applied`, `waiting` for a held settlement, or empty: there were none.
    """

    id: int
    order_id: int
    merchant: str
    order_no: str
    refund_no: str
    state: str
    amount_fen: int
    cash_fen: int
    voucher_fen: int
    coupon_fen: int
    withheld_fen: int
    concession_lost_fen: int
    dues_fen: int
    member_points_lost: int
    merchant_points_lost: int
    red_points_lost: int
    effect: str
    asked_at: datetime
    paid_at: datetime | None
    member_id: int


def order(order_id: int) -> OrderRow:
    """Return an order.

    :raises Refusal: there is none.
    """
    if found := by_id([order_id]):
        return found[0]
    raise Refusal("order.unknown", say("There is no order {order}."), field="order", order=str(order_id))


def by_id(order_ids: Collection[int]) -> list[OrderRow]:
    """Return orders by their ids, newest payment first."""
    found = [_order(row) for row in sql.rows_in(_ORDERS, order_ids)]
    return sorted(found, key=lambda row: row.place, reverse=True)


def by_number(merchant: str, order_no: str) -> list[OrderRow]:
    """Return the order that a merchant gave a number, or nothing."""
    return by_id([number for (number,) in sql.rows(_NUMBERED, [merchant, order_no])])


def of_merchant(
    merchant: str,
    *,
    before: tuple[int, int] = NEWEST,
    limit: int,
    since_at: datetime = SINCE,
    until_at: datetime = UNTIL,
) -> list[OrderRow]:
    """Return a merchant's orders that were paid in a period, newest first, from the one before a place on."""
    until, number = min((before[0], before[1]), ((until_at - EPOCH) // INSTANT, 0), NEWEST)
    at = sql.instant(EPOCH + INSTANT * max(until, 0))
    arm = [merchant, sql.instant(since_at), at, at, number, limit]
    return by_id([row[0] for row in sql.rows(_PAGE, [*arm, *arm, limit])])


def newest(*, before: int = LAST, limit: int) -> list[OrderRow]:
    """Return orders of all merchants, newest first, of ids below `before`."""
    numbers = [
        row[0] for row in sql.rows("SELECT id FROM orders WHERE id < %s ORDER BY id DESC LIMIT %s", [before, limit])
    ]
    return sorted(by_id(numbers), key=lambda row: -row.id)


def refunds_of(order_id: int) -> list[RefundRow]:
    """Return the refunds of an order, oldest first."""
    return [_refund(row) for row in sql.rows(_REFUNDS_OF, [order_id, order_id])]


def refund(refund_id: int) -> RefundRow:
    """Return a refund.

    :raises Refusal: there is none.
    """
    if found := sql.rows(f"{_REFUNDS} WHERE r.id = %s", [refund_id]):
        return _refund(found[0])
    raise Refusal("refund.unknown", say("There is no refund {refund}."), field="refund", refund=str(refund_id))


def refunds(*, merchant: str | None, before: int = LAST, limit: int) -> list[RefundRow]:
    """Return refunds of a merchant, or of all, newest first, of ids below `before`."""
    if merchant is None:
        return [_refund(row) for row in sql.rows(f"{_REFUNDS} WHERE r.id < %s {_NEWEST_FIRST}", [before, limit])]
    found = sql.rows(f"{_REFUNDS} WHERE m.ref = %s AND r.id < %s {_NEWEST_FIRST}", [merchant, before, limit])
    return [_refund(row) for row in found]


def _order(row: sql.Row) -> OrderRow:
    values = list(row)
    values[7:10] = [None if at is None else sql.moment(at) for at in row[7:10]]
    values[10] = bool(row[10])
    values[12] = None if row[12] is None else sql.day(row[12])
    return OrderRow(*values)


def _refund(row: sql.Row) -> RefundRow:
    values = list(row)
    values[17:19] = [None if at is None else sql.moment(at) for at in row[17:19]]
    return RefundRow(*values)


_ORDERS = """
    SELECT o.id, m.ref, o.order_no,
           COALESCE(b.ref, (SELECT MIN(x.ref) FROM merchant x WHERE x.account_id = o.member_id)), o.member_id, s.ref,
           p.name, o.paid_at, o.confirmed_at, o.vests_at, o.held, o.entry_cycle, y.business_date,
           o.cash_fen, o.voucher_fen, o.coupon_fen, o.rate_ppm, o.concession_fen, o.concession_lost_fen, o.entered_fen,
           o.member_multiple_ppm, o.merchant_multiple_ppm, o.coupon_part_fen, o.rebate_fen, o.refunded_fen
    FROM orders o JOIN merchant m ON m.id = o.merchant_id JOIN pool p ON p.id = o.pool_id
    LEFT JOIN member b ON b.account_id = o.member_id LEFT JOIN shop s ON s.id = o.shop_id
    LEFT JOIN payout y ON y.id = o.payout_id WHERE o.id IN ({keys})
"""
_NUMBERED = """
    SELECT o.id FROM orders o JOIN merchant m ON m.id = o.merchant_id WHERE m.ref = %s AND o.order_no = %s
"""
# Each arm has an index, or is what few orders are in, and ends where the page ends.
_ARM = """
    SELECT * FROM (
        SELECT id, paid_at FROM orders WHERE merchant_id = (SELECT id FROM merchant WHERE ref = %s) AND {which}
            AND paid_at >= %s AND paid_at <= %s AND (paid_at < %s OR id < %s)
        ORDER BY paid_at DESC, id DESC LIMIT %s
    ) {name}
"""
_PAGE = f"""
    SELECT id, paid_at FROM (
        {_ARM.format(which="confirmed_at IS NOT NULL", name="a")}
        UNION ALL {_ARM.format(which="entry_cycle IS NULL AND confirmed_at IS NULL", name="b")}
    ) c ORDER BY paid_at DESC, id DESC LIMIT %s
"""  # noqa: S608  constants of this file
_REFUNDS = """
    SELECT r.id, r.order_id, m.ref, o.order_no, r.refund_no, r.state, r.amount_fen, r.cash_fen, r.voucher_fen,
           r.coupon_fen, r.withheld_fen, r.concession_lost_fen, r.dues_fen, r.member_points_lost,
           r.merchant_points_lost, r.red_points_lost, r.effect, r.asked_at, r.paid_at, o.member_id
    FROM refund r JOIN orders o ON o.id = r.order_id JOIN merchant m ON m.id = r.merchant_id
"""
_NEWEST_FIRST = "ORDER BY r.id DESC LIMIT %s"
# Asked for by its merchant too, an order's refunds are found in an index.
_REFUNDS_OF = f"""
    {_REFUNDS} WHERE r.merchant_id = (SELECT merchant_id FROM orders WHERE id = %s) AND r.order_id = %s ORDER BY r.id
"""  # noqa: S608
