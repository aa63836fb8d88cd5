"""A merchant's orders as its statement lists them: amounts and how far they have come, never who bought."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from greenloop.store import sql
from greenloop.store.queries.statements import Period

ROWS_MAX = 2_000
Place = tuple[datetime, int]
"""Where an order stands in a list: its time of payment, then its id."""


@dataclass(frozen=True, slots=True)
class SaleRow:
    """One order of a merchant, in fen; `paid_out_date` is the business date of the payout that covered it."""

    id: int
    order_no: str
    paid_at: datetime
    cash_fen: int
    voucher_fen: int
    coupon_fen: int
    concession_fen: int
    refunded_fen: int
    confirmed_at: datetime | None
    entry_cycle: int | None
    held: bool
    paid_out_date: date | None

    @property
    def price_fen(self) -> int:
        """Return the price."""
        return self.cash_fen + self.voucher_fen + self.coupon_fen

    @property
    def paper_fen(self) -> int:
        """Return what of the price vouchers and coupons paid."""
        return self.voucher_fen + self.coupon_fen

    @property
    def earned_fen(self) -> int:
        """Return what it earned the merchant, before refunds."""
        return self.price_fen - self.concession_fen

    @property
    def place(self) -> Place:
        """Return where it stands in the list."""
        return self.paid_at, self.id


@dataclass(frozen=True, slots=True)
class RefundLine:
    """One refund that a merchant paid, in fen: of which order, and what it cost the merchant's dues."""

    refund_no: str
    order_no: str
    paid_at: datetime
    amount_fen: int
    concession_lost_fen: int
    withheld_fen: int
    dues_fen: int


def newest(merchant_id: int, period: Period, *, limit: int, before: Place | None = None) -> list[SaleRow]:
    """Return a merchant's orders of a period, newest first, from the one before the place `before` on."""
    # A place that lies beyond the period is none of its: the list begins at the period's end then.
    until_at, number = min(before or (period.until_at, 0), (period.until_at, 0))
    since, until = sql.instant(period.since_at), sql.instant(until_at)
    # Both arms end where the page ends, so a page costs what it shows.
    arm = [merchant_id, since, until, until, number, limit]
    return [_sale(row) for row in sql.rows(_NEWEST, [*arm, *arm, limit])]


def oldest_first(merchant_id: int, period: Period, *, limit: int) -> Iterator[SaleRow]:
    """Yield a merchant's orders of a period, oldest first; never more in memory than a part of them."""
    arm = [merchant_id, sql.instant(period.since_at), sql.instant(period.until_at)]
    with connection.chunked_cursor() as cursor:
        cursor.execute(_OLDEST, [*arm, *arm, limit])
        while rows := cursor.fetchmany(ROWS_MAX):
            yield from (_sale(row) for row in rows)


def refunds(merchant_id: int, period: Period, *, limit: int) -> list[RefundLine]:
    """Return the refunds that a merchant paid in a period, newest first."""
    params = [merchant_id, sql.instant(period.since_at), sql.instant(period.until_at), limit]
    return [
        RefundLine(number, order, sql.moment(at), *amounts)
        for number, order, at, *amounts in sql.rows(_REFUNDS, params)
    ]


def _sale(row: sql.Row) -> SaleRow:
    fields = list(row)
    fields[2] = sql.moment(row[2])
    fields[8] = None if row[8] is None else sql.moment(row[8])
    fields[10] = bool(row[10])
    fields[11] = None if row[11] is None else sql.day(row[11])
    return SaleRow(*fields)


_NAMES = "id, order_no, paid_at, cash_fen, voucher_fen, coupon_fen, concession_fen, refunded_fen"
_STATE = "confirmed_at, entry_cycle, held, payout_id"
_CONFIRMED = "merchant_id = %s AND confirmed_at IS NOT NULL"
_UNCONFIRMED = "merchant_id = %s AND entry_cycle IS NULL AND confirmed_at IS NULL"
_SHOWN = f"""
    SELECT s.{_NAMES.replace(", ", ", s.")}, s.confirmed_at, s.entry_cycle, s.held, p.business_date
    FROM ({{arms}}) s LEFT JOIN payout p ON p.id = s.payout_id ORDER BY s.paid_at {{way}}, s.id {{way}}
"""  # noqa: S608  constants of this file
_PAGE = f"""
    SELECT * FROM (
        SELECT {_NAMES}, {_STATE} FROM orders
        WHERE {{which}} AND paid_at >= %s AND paid_at <= %s AND (paid_at < %s OR id < %s)
        ORDER BY paid_at DESC, id DESC LIMIT %s
    ) a
"""  # noqa: S608
_ALL = f"""
    SELECT {_NAMES}, {_STATE} FROM orders WHERE {{which}} AND paid_at >= %s AND paid_at < %s
"""  # noqa: S608
_NEWEST = (
    _SHOWN.format(
        arms=f"{_PAGE.format(which=_CONFIRMED)} UNION ALL {_PAGE.format(which=_UNCONFIRMED)}",
        way="DESC",
    )
    + "LIMIT %s"
)
_OLDEST = (
    _SHOWN.format(arms=f"{_ALL.format(which=_CONFIRMED)} UNION ALL {_ALL.format(which=_UNCONFIRMED)}", way="ASC")
    + "LIMIT %s"
)
_REFUNDS = """
    SELECT r.refund_no, o.order_no, r.paid_at, r.amount_fen, r.concession_lost_fen, r.withheld_fen, r.dues_fen
    FROM refund r JOIN orders o ON o.id = r.order_id
    WHERE r.merchant_id = %s AND r.state = 'paid' AND r.paid_at >= %s AND r.paid_at < %s
    ORDER BY r.paid_at DESC, r.id DESC LIMIT %s
"""
