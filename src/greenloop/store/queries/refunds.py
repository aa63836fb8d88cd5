"""What a refund has to know: its order, earlier refunds, what paid for it, and whether there is money for it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from greenloop.core.loop.refund import Tender
from greenloop.store import sql

_FIELDS = (
    *("id", "merchant_id", "order_no", "member_id", "referrer_id", "rules_id", "pool_id", "plan_id"),
    *("cash_fen", "voucher_fen", "coupon_fen", "rate_ppm", "concession_fen"),
    *("green_part_fen", "red_part_fen", "coupon_part_fen", "fee_part_fen"),
    *("member_multiple_ppm", "merchant_multiple_ppm", "grant_id", "rebate_fen"),
    *("entry_cycle", "entered_fen", "kept_fen", "red_points"),
    *("refunded_fen", "refunded_cash_fen", "refunded_voucher_fen", "concession_lost_fen"),
)


_FLAGS = """
    confirmed_at IS NOT NULL,
    EXISTS (SELECT 1 FROM refund r WHERE r.merchant_id = orders.merchant_id AND r.order_id = orders.id
            AND r.effect = 'waiting')
"""


@dataclass(frozen=True, slots=True)
class OrderFact:
    """An order as it stands, in the fields of `orders`.

    `waiting` says that a refund of it has still to take effect on its points.
    """

    id: int
    merchant_id: int
    order_no: str
    member_id: int
    referrer_id: int | None
    rules_id: int
    pool_id: int
    plan_id: int
    cash_fen: int
    voucher_fen: int
    coupon_fen: int
    rate_ppm: int
    concession_fen: int
    green_part_fen: int
    red_part_fen: int
    coupon_part_fen: int
    fee_part_fen: int
    member_multiple_ppm: int
    merchant_multiple_ppm: int
    grant_id: int | None
    rebate_fen: int
    entry_cycle: int | None
    entered_fen: int | None
    kept_fen: int | None
    red_points: int
    refunded_fen: int
    refunded_cash_fen: int
    refunded_voucher_fen: int
    concession_lost_fen: int
    confirmed: bool
    waiting: bool

    @property
    def tender(self) -> Tender:
        """Return what the order was paid with."""
        return Tender(self.cash_fen, self.voucher_fen, self.coupon_fen)

    @property
    def concession_left_fen(self) -> int:
        """Return the concession on what has not been refunded."""
        return self.concession_fen - self.concession_lost_fen


@dataclass(frozen=True, slots=True)
class EarlierRefund:
    """A refund that is there already."""

    id: int
    order_id: int
    refund_no: str
    amount_fen: int
    state: str


@dataclass(frozen=True, slots=True)
class UseFact:
    """What an order took from one voucher or coupon, in fen; `paper` is a voucher's id or a coupon's order and kind."""

    order_id: int
    line: int
    pool_id: int
    paper: Any
    amount_fen: int
    returned_fen: int


def orders(keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], OrderFact]:
    """Return orders by (merchant, order number)."""
    merchants = {merchant for merchant, _ in keys}
    found = sql.rows_in(
        f"SELECT {', '.join(_FIELDS)}, {_FLAGS} FROM orders "  # noqa: S608  names are ours
        f"WHERE merchant_id IN ({sql.marks(len(merchants))}) AND order_no IN ({{keys}})",
        {number for _, number in keys},
        tuple(merchants),
    )
    facts = (_order(row) for row in found)
    wanted = set(keys)
    return {(fact.merchant_id, fact.order_no): fact for fact in facts if (fact.merchant_id, fact.order_no) in wanted}


def by_id(order_ids: Iterable[int]) -> dict[int, OrderFact]:
    """Return orders by id."""
    found = sql.rows_in(
        f"SELECT {', '.join(_FIELDS)}, {_FLAGS} FROM orders WHERE id IN ({{keys}})",  # noqa: S608
        order_ids,
    )
    return {row[0]: _order(row) for row in found}


def _order(row: sql.Row) -> OrderFact:
    fields = (*row[:-2], bool(row[-2]), bool(row[-1]))
    return OrderFact(*fields)


def earlier(order_ids: Iterable[int]) -> list[EarlierRefund]:
    """Return the refunds of orders, oldest first."""
    found = sql.rows_in(
        "SELECT id, order_id, refund_no, amount_fen, state FROM refund WHERE order_id IN ({keys}) ORDER BY id",
        order_ids,
    )
    return [EarlierRefund(*row) for row in found]


def uses(order_ids: Sequence[int]) -> tuple[dict[int, list[UseFact]], dict[int, list[UseFact]]]:
    """Return by order what it took from vouchers, and from coupons: last taken first."""
    vouchers: dict[int, list[UseFact]] = {}
    for row in sql.rows_in(_VOUCHER_USES, order_ids):
        vouchers.setdefault(row[0], []).append(UseFact(*row))
    coupons: dict[int, list[UseFact]] = {}
    for order, line, other, kind, amount, returned in sql.rows_in(_COUPON_USES, order_ids):
        coupons.setdefault(order, []).append(UseFact(order, line, 0, (other, kind), amount, returned))
    return vouchers, coupons


def vouchers(account_ids: Sequence[int], voucher_ids: Iterable[int]) -> list[tuple[int, int, int, int, datetime]]:
    """Return (id, account, pool, left, expires at): the accounts' unspent vouchers and those named."""
    columns = "id, account_id, pool_id, left_fen, expires_at"
    unspent = f"SELECT {columns} FROM voucher WHERE left_fen > 0 AND account_id IN ({{keys}})"  # noqa: S608
    named = f"SELECT {columns} FROM voucher WHERE id IN ({{keys}})"  # noqa: S608
    found = {row[0]: row for row in [*sql.rows_in(unspent, account_ids), *sql.rows_in(named, voucher_ids)]}
    return sorted(
        ((number, account, pool, left, sql.moment(at)) for number, account, pool, left, at in found.values()),
        key=lambda row: (row[4], row[0]),
    )


def coupons(account_ids: Iterable[int]) -> list[tuple[int, int, str, int, datetime]]:
    """Return (account, order, kind, left, expires at) of the accounts' coupons, first to expire first."""
    found = sql.rows_in(
        "SELECT account_id, order_id, kind, left_fen, expires_at FROM coupon WHERE account_id IN ({keys}) "
        "ORDER BY expires_at, order_id, kind",
        account_ids,
    )
    return [(account, order, kind, left, sql.moment(at)) for account, order, kind, left, at in found]


def dues_fen(merchant_ids: Sequence[int]) -> dict[int, int]:
    """Return by merchant what it is owed and could be paid: of orders with confirmed cash, less their refunds."""
    sums = dict.fromkeys(merchant_ids, 0)
    for query in (_DUE_ORDERS, _DUE_REFUNDS, _DUE_DEPOSITS):
        for merchant, fen in sql.rows_in(query, merchant_ids):
            sums[merchant] += int(fen)
    return sums


def reserve_fen() -> int:
    """Return the balance of the reserve."""
    return int(sql.value("SELECT credits_fen - debits_fen FROM ledger_account WHERE name = 'trust:reserve'"))


_VOUCHER_USES = """
    SELECT order_id, line, pool_id, voucher_id, amount_fen, returned_fen FROM voucher_use
    WHERE (account_id, order_id) IN (SELECT member_id, id FROM orders WHERE id IN ({keys}))
    ORDER BY order_id, line DESC
"""
_COUPON_USES = """
    SELECT order_id, line, coupon_order_id, coupon_kind, amount_fen, returned_fen FROM coupon_use
    WHERE (account_id, order_id) IN (SELECT member_id, id FROM orders WHERE id IN ({keys}))
    ORDER BY order_id, line DESC
"""
_DUE_ORDERS = """
    SELECT merchant_id, SUM(cash_fen - concession_fen + voucher_fen + coupon_fen) FROM orders
    WHERE payout_id IS NULL AND confirmed_at IS NOT NULL AND merchant_id IN ({keys}) GROUP BY merchant_id
"""
_DUE_REFUNDS = """
    SELECT r.merchant_id, -SUM(r.dues_fen) FROM refund r JOIN orders o ON o.id = r.order_id
    WHERE r.state = 'paid' AND r.payout_id IS NULL AND o.confirmed_at IS NOT NULL AND r.merchant_id IN ({keys})
    GROUP BY r.merchant_id
"""
_DUE_DEPOSITS = """
    SELECT merchant_id, SUM(amount_fen) FROM deposit
    WHERE payout_id IS NULL AND merchant_id IN ({keys}) GROUP BY merchant_id
"""
