"""What a holder bought, newest first, with the points of each order and what they have released so far."""

from dataclasses import dataclass
from datetime import datetime

from greenloop.core.loop.concession import MIN_CONCESSION_FEN, points_of
from greenloop.core.money import SCALE, share_ppm
from greenloop.store import sql

NEWEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Purchase:
    """One order as its shopper sees it, in fen; the concession is what refunds have left of it.

    `release_index` is None until its points have entered a pool, and for an order that earns none.
    """

    id: int
    merchant: str
    order_no: str
    paid_at: datetime
    cash_fen: int
    voucher_fen: int
    coupon_fen: int
    refunded_fen: int
    concession_fen: int
    multiple_ppm: int
    entry_cycle: int | None
    release_index: int | None
    coupon_part_fen: int
    rebate_fen: int
    confirmed_at: datetime | None
    vests_at: datetime | None
    held: bool

    @property
    def price_fen(self) -> int:
        """Return the price."""
        return self.cash_fen + self.voucher_fen + self.coupon_fen

    @property
    def points(self) -> int:
        """Return the points it has earned its shopper, or will earn if nothing is refunded."""
        if self.entry_cycle is None:
            return points_of(self.concession_fen, self.multiple_ppm)
        return 0 if self.release_index is None else share_ppm(self.concession_fen, self.multiple_ppm)

    @property
    def released_fen(self) -> int:
        """Return what its points alone have released so far, rounded down."""
        return self.points * (self.release_index or 0) // SCALE

    @property
    def coupons_fen(self) -> int:
        """Return the coupons that come with it: its own, and the first-order rebate."""
        return self.coupon_part_fen + self.rebate_fen

    @property
    def waits_for(self) -> str:
        """Return what an order that hasn't vested waits for: hold, delivery, cash, or window (of refunds)."""
        if self.held:
            return "hold"
        if self.vests_at is None:
            return "delivery"
        return "cash" if self.confirmed_at is None else "window"


@dataclass(frozen=True, slots=True)
class Waiting:
    """Orders that have not vested: how many, the coupons they will bring, and the newest of them."""

    orders: int
    coupons_fen: int
    newest: tuple[Purchase, ...]


@dataclass(frozen=True, slots=True)
class RedEarning:
    """Red points out of one purchase of somebody whom the holder brought; whose it was is not told."""

    id: int
    paid_at: datetime
    points: int
    release_index: int

    @property
    def released_fen(self) -> int:
        """Return what these points alone have released so far, rounded down."""
        return self.points * self.release_index // SCALE


def waiting(account_id: int, *, limit: int) -> Waiting:
    """Return the orders of a shopper that have not vested."""
    found = sql.rows(_WAITING, [account_id, limit])
    orders, coupons_fen = (int(found[0][0]), int(found[0][1])) if found else (0, 0)
    return Waiting(orders, coupons_fen, tuple(_purchase(row[2:]) for row in found))


def vested(account_id: int, *, before: int = NEWEST, limit: int) -> list[Purchase]:
    """Return a shopper's vested orders, newest first, from the one before the order `before` on."""
    return [_purchase(row) for row in sql.rows(_VESTED, [account_id, before, limit])]


def red_earnings(account_id: int, *, before: int = NEWEST, limit: int) -> list[RedEarning]:
    """Return what purchases of people whom the holder brought have earned it, newest first."""
    found = sql.rows(_RED, [account_id, before, limit])
    return [RedEarning(number, sql.moment(paid), points, index or 0) for number, paid, points, index in found]


def _purchase(row: sql.Row) -> Purchase:
    values = list(row)
    values[3] = sql.moment(row[3])
    values[-3:] = [*(None if at is None else sql.moment(at) for at in row[-3:-1]), bool(row[-1])]
    return Purchase(*values)


_COLUMNS = """
    o.id, m.ref, o.order_no, o.paid_at, o.cash_fen, o.voucher_fen, o.coupon_fen, o.refunded_fen,
    o.concession_fen - o.concession_lost_fen, o.member_multiple_ppm, o.entry_cycle"""
_LATER = "o.coupon_part_fen, o.rebate_fen, o.confirmed_at, o.vests_at, o.held"
# SQLite scans the few orders that wait through orders_waiting; PostgreSQL has an index of them by member.
_WAITING = f"""
    SELECT COUNT(*) OVER (), SUM(o.coupon_part_fen + o.rebate_fen) OVER (), {_COLUMNS}, NULL, {_LATER}
    FROM orders o JOIN merchant m ON m.id = o.merchant_id
    WHERE o.member_id = %s AND o.entry_cycle IS NULL ORDER BY o.id DESC LIMIT %s
"""  # noqa: S608  constants of this file
# The page's orders first, then what belongs to them. `id + 0` keeps PostgreSQL at the member's own orders: asked for
# the newest ids, it would read everybody's backwards until it has met a page of them (13 572 rows, measured).
_VESTED = f"""
    SELECT {_COLUMNS}, CASE WHEN o.entered_fen >= {MIN_CONCESSION_FEN} THEN c.release_index END, {_LATER}
    FROM (SELECT * FROM orders WHERE member_id = %s AND entry_cycle IS NOT NULL AND id < %s
          ORDER BY id + 0 DESC LIMIT %s) o
    JOIN merchant m ON m.id = o.merchant_id JOIN pool p ON p.id = o.pool_id
    LEFT JOIN cohort c
        ON c.pool_id = o.pool_id AND c.plan_id = o.plan_id AND c.entry = o.entry_cycle - p.first_cycle + 1
    ORDER BY o.id DESC
"""  # noqa: S608  constants of this file
_RED = """
    SELECT o.id, o.paid_at, o.red_points, c.release_index
    FROM (SELECT id, paid_at, red_points, rules_id, entry_cycle FROM orders
          WHERE referrer_id = %s AND red_points > 0 AND id < %s ORDER BY id + 0 DESC LIMIT %s) o
    JOIN rule_version v ON v.id = o.rules_id JOIN pool p ON p.id = v.red_pool_id
    LEFT JOIN cohort c ON c.pool_id = p.id AND c.plan_id = v.red_plan_id AND c.entry = o.entry_cycle - p.first_cycle + 1
    ORDER BY o.id DESC
"""
