"""How a wallet came to what it is: its entries, newest first, and its coupons with what they paid for."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from greenloop.store import sql

NEWEST = (2**63 - 1, 2**31 - 1)
LAST_COUPON = (2**63 - 1, "")


@dataclass(frozen=True, slots=True)
class Movement:
    """One entry of a wallet, in fen; `kind` is draw, repay, spend, return, expire or claw.

    `unspent_fen` of it came to the unspent vouchers, or left them: nothing of a repaid debt, and of what a refund took
    back (claw) only what was still unspent.
    `merchant` and `order_no` name the holder's own order that it belongs to, None where there is none or where the
    order is somebody else's. `journal_id` and `line` are its place.
    """

    journal_id: int
    line: int
    at: datetime
    kind: str
    pool: str
    amount_fen: int
    unspent_fen: int
    merchant: str | None
    order_no: str | None

    @property
    def sign(self) -> str:
        """Return whether there are more vouchers to spend than before (+), less (−), or as many."""
        if not self.unspent_fen:
            return ""
        return "+" if self.kind in {"draw", "return"} else "−"


@dataclass(frozen=True, slots=True)
class CouponUse:
    """What one order took from a coupon, in fen, and how much of it a refund gave back."""

    merchant: str
    order_no: str
    paid_at: datetime
    amount_fen: int
    returned_fen: int


@dataclass(frozen=True, slots=True)
class CouponRow:
    """A coupon with its whole life, in fen. What is neither used, expired nor left, a refund took back."""

    order_id: int
    kind: str
    merchant: str
    order_no: str
    face_fen: int
    left_fen: int
    expired_fen: int
    usable_at: datetime
    expires_at: datetime
    uses: tuple[CouponUse, ...]

    @property
    def used_fen(self) -> int:
        """Return what paid for goods, less what refunds gave back."""
        return sum(use.amount_fen - use.returned_fen for use in self.uses)

    @property
    def taken_back_fen(self) -> int:
        """Return what a refund of the order that earned it took back."""
        return self.face_fen - self.left_fen - self.expired_fen - self.used_fen


def entries(account_id: int, *, before: tuple[int, int] = NEWEST, limit: int) -> list[Movement]:
    """Return a wallet's entries, newest first, from the one before the place `before` (journal, line) on."""
    journal, line = before
    found = sql.rows(_ENTRIES, [*[account_id] * 5, journal, journal, line, limit])
    return [
        Movement(number, place, sql.moment(at), kind, pool, amount, int(unspent), merchant, order_no)
        for number, place, at, kind, pool, amount, unspent, merchant, order_no in found
    ]


def coupons(account_id: int, *, before: tuple[int, str] = LAST_COUPON, limit: int) -> list[CouponRow]:
    """Return an account's coupons, newest order first, from the one before `before` (order, kind) on; two statements.

    An order gives at most two, of the kinds earned and grant.
    """
    order, kind = before
    found = sql.rows(_COUPONS, [account_id, order, order, kind, limit])
    uses = _uses(account_id, {row[0] for row in found})
    return [
        CouponRow(
            *(order, kind, merchant, order_no, face, left, expired),
            usable_at=sql.moment(usable),
            expires_at=sql.moment(expires),
            uses=tuple(uses.get((order, kind), ())),
        )
        for order, kind, merchant, order_no, face, left, expired, usable, expires in found
    ]


def _uses(account_id: int, orders: Collection[int]) -> dict[tuple[int, str], list[CouponUse]]:
    found: dict[tuple[int, str], list[CouponUse]] = {}
    for order, kind, merchant, order_no, paid, amount, returned in sql.rows_in(_USES, orders, [account_id]):
        found.setdefault((order, kind), []).append(CouponUse(merchant, order_no, sql.moment(paid), amount, returned))
    return found


# The journal of a refund, or of what it did later, is its own alone: it tells which clawback an entry belongs to.
_ENTRIES = """
    SELECT e.journal_id, e.line, j.effective_at, e.kind, p.name, e.amount_fen,
           CASE e.kind WHEN 'repay' THEN 0 WHEN 'claw' THEN (
               SELECT COALESCE(SUM(b.voucher_fen), 0) FROM clawback b JOIN refund r ON r.id = b.refund_id
               WHERE b.account_id = e.account_id AND b.pool_id = e.pool_id
                   AND COALESCE(r.effect_journal_id, r.journal_id) = e.journal_id
           ) ELSE e.amount_fen END,
           CASE WHEN o.member_id = %s OR m.account_id = %s THEN m.ref END,
           CASE WHEN o.member_id = %s OR m.account_id = %s THEN o.order_no END
    FROM (SELECT * FROM wallet_entry WHERE account_id = %s AND journal_id <= %s AND (journal_id < %s OR line < %s)
          ORDER BY journal_id DESC, line DESC LIMIT %s) e
    JOIN journal j ON j.id = e.journal_id JOIN pool p ON p.id = e.pool_id
    LEFT JOIN orders o ON o.id = e.order_id LEFT JOIN merchant m ON m.id = o.merchant_id
    ORDER BY e.journal_id DESC, e.line DESC
"""
_COUPONS = """
    SELECT c.order_id, c.kind, m.ref, o.order_no, c.face_fen, c.left_fen, c.expired_fen, c.usable_at, c.expires_at
    FROM (SELECT * FROM coupon WHERE account_id = %s AND order_id <= %s AND (order_id < %s OR kind < %s)
          ORDER BY order_id DESC, kind DESC LIMIT %s) c
    JOIN orders o ON o.id = c.order_id JOIN merchant m ON m.id = o.merchant_id
    ORDER BY c.order_id DESC, c.kind DESC
"""
_USES = """
    SELECT u.coupon_order_id, u.coupon_kind, m.ref, o.order_no, o.paid_at, u.amount_fen, u.returned_fen
    FROM coupon_use u JOIN orders o ON o.id = u.order_id JOIN merchant m ON m.id = o.merchant_id
    WHERE u.account_id = %s AND u.coupon_order_id IN ({keys}) ORDER BY u.order_id, u.line
"""
