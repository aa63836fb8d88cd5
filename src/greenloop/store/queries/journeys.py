"""How far one order has come, and who may see it: its points, coupons, settlements, payout, holds, and whose it is."""

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from greenloop.core.loop.concession import MIN_CONCESSION_FEN, Parts, Split, points_of, split_concession
from greenloop.core.loop.rules import rule_set
from greenloop.core.money import SCALE, share_ppm
from greenloop.store import sql
from greenloop.store.queries.traces import OrderRow, RefundRow


@dataclass(frozen=True, slots=True)
class Lot:
    """Points that an order gave to one side, and what they alone have released so far; `index` is × 10**12."""

    points: int
    index: int | None

    @property
    def released_fen(self) -> int:
        """Return what these points have released, rounded down."""
        return self.points * (self.index or 0) // SCALE


@dataclass(frozen=True, slots=True)
class CouponFact:
    """A coupon that came with an order, in fen."""

    face_fen: int
    left_fen: int
    expired_fen: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Mark:
    """A journal's number and instant; a payout's or a fee's."""

    journal_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Journey:
    """What became of an order after its payment.

    `shopper_account_id` holds what it earned its shopper; `shop_bought` says that a merchant was the shopper.
    `releases` counts the settlements that have released something to its cohort, the last of them cut off at
    `released_at`. `entered_fen` is the concession that vested, `rounding_fen` what rounding left of the split to the
    reserve.
    """

    order: OrderRow
    shopper_account_id: int
    shop_bought: bool
    split: Split
    refund_days: int
    entered_fen: int | None
    green_index: int | None
    releases: int
    released_at: datetime | None
    red_pool: str
    red_index: int | None
    vested: Mark | None
    fee: Mark | None
    payout: Mark | None
    payout_date: date | None
    earned: CouponFact | None
    rebate: CouponFact | None
    hold_reason: str | None

    @property
    def delivered_at(self) -> datetime | None:
        """Return when the refund window began to run."""
        return None if self.order.vests_at is None else self.order.vests_at - timedelta(days=self.refund_days)

    @property
    def price_fen(self) -> int:
        """Return the price."""
        return self.order.cash_fen + self.order.voucher_fen + self.order.coupon_fen

    @property
    def left_fen(self) -> int:
        """Return what refunds have left of the price."""
        return self.price_fen - self.order.refunded_fen

    @property
    def given_back_fen(self) -> int:
        """Return the part of the concession that refunds gave back before it was divided for good."""
        return self.order.concession_fen - self.order.divided_fen

    @property
    def without_points(self) -> bool:
        """Say whether the concession was too small to earn points: all of it is the reserve's then."""
        fen = (
            self.order.concession_fen - self.order.concession_lost_fen if self.entered_fen is None else self.entered_fen
        )
        return fen < MIN_CONCESSION_FEN

    @property
    def shopper(self) -> Lot:
        """Return the shopper's green points; before vesting, those that wait."""
        return self._lot(self.order.member_multiple_ppm)

    @property
    def merchant(self) -> Lot:
        """Return the merchant's green points."""
        return self._lot(self.order.merchant_multiple_ppm)

    @property
    def referrer(self) -> Lot:
        """Return the red points of whoever brought the shopper."""
        points = self.order.red_part_fen if self.entered_fen is None else self.order.red_points
        return Lot(points, self.red_index if points else None)

    @property
    def rounding_fen(self) -> int:
        """Return what is left of the concession when each part is rounded down to the fen."""
        fen, split = self.order.divided_fen, self.split
        if fen < MIN_CONCESSION_FEN:
            return 0
        parts = (split.green_ppm, split.red_ppm, split.coupon_ppm, split.reserve_ppm, split.fee_ppm)
        return fen - sum(share_ppm(fen, ppm) for ppm in parts)

    @property
    def earned_fen(self) -> int:
        """Return what the sale earned the merchant, before refunds."""
        return self.price_fen - self.order.concession_fen

    def entered(self, refunds: list[RefundRow]) -> Parts | None:
        """Return the five parts as they entered at vesting; refunds since may have changed those of the order."""
        if self.entered_fen is None:
            return None
        red_fen = self.order.red_points + sum(refund.red_points_lost for refund in refunds)
        return split_concession(self.entered_fen, self.split, red_room_fen=red_fen)

    def _lot(self, multiple_ppm: int) -> Lot:
        if self.without_points:
            return Lot(0, None)
        left_fen = self.order.concession_fen - self.order.concession_lost_fen
        if self.entered_fen is None:
            return Lot(points_of(left_fen, multiple_ppm), None)
        return Lot(share_ppm(left_fen, multiple_ppm), self.green_index)


@dataclass(frozen=True, slots=True)
class Tender:
    """Vouchers of one pool that paid for an order, in fen, and how much of them refunds gave back.

    To pay with them, `drawn_fen` was drawn, and `repaid_fen` repaid what the shopper owed the reserve.
    """

    pool: str
    amount_fen: int
    returned_fen: int
    drawn_fen: int
    repaid_fen: int


def journey(order: OrderRow) -> Journey:
    """Return how far an order has come, in one statement."""
    row = list(sql.rows(_JOURNEY, [order.id])[0])
    shopper, shop_bought, document, entered, index, age, released, red_pool, red_index = row[:9]
    vested, fee, payout = (_mark(*row[place : place + 2]) for place in (9, 11, 13))
    rules = rule_set(json.loads(document))
    return Journey(
        order=order,
        shopper_account_id=shopper,
        shop_bought=bool(shop_bought),
        split=rules.split,
        refund_days=rules.refund_days,
        entered_fen=entered,
        green_index=index,
        releases=age or 0,
        released_at=None if released is None else sql.moment(released),
        red_pool=red_pool,
        red_index=red_index,
        vested=vested,
        fee=fee,
        payout=payout,
        payout_date=None if row[15] is None else sql.day(row[15]),
        earned=_coupon(*row[16:20]),
        rebate=_coupon(*row[20:24]),
        hold_reason=row[24],
    )


def vouchers(order: OrderRow, shopper_account_id: int) -> list[Tender]:
    """Return what paid for an order in vouchers, by pool."""
    params = [shopper_account_id, order.id, shopper_account_id, order.journal_id, order.id]
    return [Tender(pool, *(int(fen) for fen in amounts)) for pool, *amounts in sql.rows(_VOUCHERS, params)]


def _mark(journal_id: int | None, at: object) -> Mark | None:
    return None if journal_id is None else Mark(journal_id, sql.moment(at))


def _coupon(face_fen: int | None, left_fen: int, expired_fen: int, expires_at: object) -> CouponFact | None:
    return None if face_fen is None else CouponFact(face_fen, left_fen, expired_fen, sql.moment(expires_at))


_JOURNEY = """
    SELECT o.member_id, b.account_id IS NULL, v.document, o.entered_fen, c.release_index, c.age,
           (SELECT s.cutoff_at FROM settled_cycle s
            WHERE s.pool_id = o.pool_id AND s.cycle = c.entry + c.age AND c.age > 0),
           rp.name, rc.release_index, vj.id, vj.effective_at, fj.id, fj.effective_at, yj.id, yj.effective_at,
           y.business_date, e.face_fen, e.left_fen, e.expired_fen, e.expires_at,
           g.face_fen, g.left_fen, g.expired_fen, g.expires_at,
           (SELECT h.reason FROM hold h WHERE h.order_id = o.id AND h.released_at IS NULL)
    FROM orders o LEFT JOIN member b ON b.account_id = o.member_id
    JOIN rule_version v ON v.id = o.rules_id JOIN pool p ON p.id = o.pool_id JOIN pool rp ON rp.id = v.red_pool_id
    LEFT JOIN cohort c
        ON c.pool_id = o.pool_id AND c.plan_id = o.plan_id AND c.entry = o.entry_cycle - p.first_cycle + 1
    LEFT JOIN cohort rc
        ON rc.pool_id = rp.id AND rc.plan_id = v.red_plan_id AND rc.entry = o.entry_cycle - rp.first_cycle + 1
    LEFT JOIN journal vj ON vj.key = 'vest/' || o.entry_cycle AND vj.book = 'trust'
    LEFT JOIN fee_transfer f ON f.cycle = o.entry_cycle LEFT JOIN journal fj ON fj.id = f.journal_id
    LEFT JOIN payout y ON y.id = o.payout_id LEFT JOIN journal yj ON yj.id = y.journal_id
    LEFT JOIN coupon e ON e.account_id = o.member_id AND e.order_id = o.id AND e.kind = 'earned'
    LEFT JOIN coupon g ON g.account_id = o.member_id AND g.order_id = o.id AND g.kind = 'grant'
    WHERE o.id = %s
"""
_VOUCHERS = """
    SELECT p.name, SUM(x.used), SUM(x.returned), SUM(x.drawn), SUM(x.repaid) FROM (
        SELECT pool_id, amount_fen AS used, returned_fen AS returned, 0 AS drawn, 0 AS repaid FROM voucher_use
        WHERE account_id = %s AND order_id = %s
        UNION ALL
        SELECT pool_id, 0, 0, CASE WHEN kind = 'draw' THEN amount_fen ELSE 0 END,
               CASE WHEN kind = 'repay' THEN amount_fen ELSE 0 END
        FROM wallet_entry WHERE account_id = %s AND journal_id = %s AND order_id = %s AND kind IN ('draw', 'repay')
    ) x JOIN pool p ON p.id = x.pool_id GROUP BY p.name ORDER BY p.name
"""
