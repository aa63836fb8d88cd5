"""What a world has come to: the sums that its summary shows, read from the tables in a fixed number of queries."""

from collections.abc import Mapping
from dataclasses import dataclass

from greenloop.core.loop.concession import MIN_CONCESSION_FEN
from greenloop.core.money import coverage_ppm
from greenloop.store import sql


@dataclass(frozen=True, slots=True)
class OrderSums:
    """All orders, amounts in fen. `without_points` conceded less than the least that makes points.

    `entered_fen` are the concessions that vested, as they were then.
    """

    count: int
    without_points: int
    cash_fen: int
    voucher_fen: int
    coupon_fen: int
    concession_fen: int
    entered_fen: int


@dataclass(frozen=True, slots=True)
class PoolSums:
    """One pool, in fen: what entered and was issued over its settled cycles, and what it holds now.

    `issued_fen` is what its settlements moved to backing; `owed_fen` what its holders can still spend, with the dust.
    """

    name: str
    is_red: bool
    inflow_fen: int
    issued_fen: int
    free_fen: int
    owed_fen: int

    @property
    def coverage_ppm(self) -> int | None:
        """Return (free + accrued + voucher) ÷ (accrued + voucher), rounded down; None while nothing is owed."""
        return coverage_ppm(self.free_fen, self.owed_fen)


@dataclass(frozen=True, slots=True)
class ClawbackSums:
    """What refunds took back of vouchers that were claimed above what is left, in fen, by who paid for it.

    `repaid_fen` is what of the reserve's part its debtors have returned since, out of later draws.
    """

    count: int
    voucher_fen: int
    expired_fen: int
    cash_fen: int
    dues_fen: int
    reserve_fen: int
    repaid_fen: int


def orders() -> OrderSums:
    """Return the sums over all orders."""
    return OrderSums(*(int(total or 0) for total in sql.rows(_ORDERS, [MIN_CONCESSION_FEN])[0]))


def pools() -> tuple[PoolSums, ...]:
    """Return each pool's sums, oldest pool first."""
    return tuple(PoolSums(name, bool(red), *map(int, sums)) for name, red, *sums in sql.rows(_POOLS))


def refunds() -> Mapping[str, int]:
    """Return the number of refunds by state."""
    return {state: int(count) for state, count in sql.rows(_REFUNDS)}


def clawbacks() -> ClawbackSums:
    """Return the sums over all clawbacks."""
    return ClawbackSums(*(int(total or 0) for total in sql.rows(_CLAWBACKS)[0]))


_ORDERS = """
    SELECT COUNT(*), SUM(CASE WHEN concession_fen < %s THEN 1 ELSE 0 END), SUM(cash_fen), SUM(voucher_fen),
        SUM(coupon_fen), SUM(concession_fen), SUM(entered_fen)
    FROM orders
"""
_POOLS = """
    SELECT name, is_red,
        COALESCE((SELECT SUM(s.inflow_fen) FROM settled_cycle s WHERE s.pool_id = pool.id), 0),
        COALESCE((SELECT SUM(s.issued_fen) FROM settled_cycle s WHERE s.pool_id = pool.id), 0),
        free_fen, backing_fen - spent_fen
    FROM pool ORDER BY first_cycle, id
"""
_REFUNDS = "SELECT state, COUNT(*) FROM refund GROUP BY state ORDER BY state"
_CLAWBACKS = """
    SELECT COUNT(*), SUM(voucher_fen), SUM(expired_fen), SUM(cash_fen), SUM(dues_fen), SUM(reserve_fen),
        (SELECT SUM(amount_fen) FROM wallet_entry WHERE kind = 'repay')
    FROM clawback
"""
