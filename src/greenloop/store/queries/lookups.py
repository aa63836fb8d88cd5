"""What an operator looks up: a holder by any of its names, a wallet with its lots, where the cycles stand."""

from dataclasses import dataclass
from datetime import datetime

from greenloop.core.faults import Refusal, say
from greenloop.core.loop import spending
from greenloop.core.loop.spending import Purse
from greenloop.core.loop.wallet import Wallet, accrued_of_limbs
from greenloop.store import sql

ID_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds points and vouchers: `kind` is member or merchant, `ref` the number people know it by."""

    account_id: int
    kind: str
    ref: str
    city: str


@dataclass(frozen=True, slots=True)
class PurseRow:
    """One holder's vouchers of one pool, in fen: released so far, drawn, unspent, redeemed, expired, owed.

    `drawable_fen` is what can be drawn once the holder's debts are repaid.
    """

    pool: str
    points: int
    accrued_fen: int
    claimed_fen: int
    voucher_fen: int
    redeemed_fen: int
    expired_fen: int
    debt_fen: int
    drawable_fen: int

    @property
    def claimable_fen(self) -> int:
        """Return what was released and not drawn yet; an old debt is repaid out of it first (`drawable_fen`)."""
        return max(0, self.accrued_fen - self.claimed_fen)


@dataclass(frozen=True, slots=True)
class LotRow:
    """One holder's points of one cohort, and its index: vouchers per point × 10**12."""

    pool: str
    plan: str
    entry: int
    points: int
    release_index: int
    age: int


@dataclass(frozen=True, slots=True)
class CouponRow:
    """A coupon that is left, in fen."""

    kind: str
    left_fen: int
    usable_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class HoldRow:
    """A hold that nobody has released."""

    id: int
    reason: str
    placed_by: str
    placed_at: datetime


def written_id(text: str) -> int:
    """Return the number of a record that a text is, as far as a database takes it; −1 for any other text."""
    return min(int(text), ID_MAX) if text.isascii() and text.isdigit() and len(text) < 20 else -1


def holder(name: str) -> Holder:
    """Return a member or merchant by its ref, or else by its account's number.

    :raises Refusal: there is none, or a member and a merchant share the ref.
    """
    rows = sql.rows(_HOLDER, [name, name, *[written_id(name)] * 2])
    found = [row for by_ref, *row in rows if by_ref] or [row for _, *row in rows]
    if len(found) == 1:
        return Holder(*found[0])
    if found:
        message = say("A member and a merchant are both called {name}. Give the number of the account.")
    else:
        message = say("Nobody is enrolled as {name}. Give the ref of a member or merchant, or an account's number.")
    raise Refusal("holder.unknown", message, field="holder", name=name[:64])


def purses(account_id: int) -> list[PurseRow]:
    """Return what an account has in each pool, oldest pool first."""
    pools, held = [], []
    rows = sql.rows(_PURSES, [account_id, account_id])
    for place, (pool, points, high, low, *kept, debt_fen, draws, spends) in enumerate(rows):
        accrued_fen = accrued_of_limbs(int(high or 0), int(low or 0))
        pools.append((pool, int(points or 0), debt_fen))
        held.append(
            Purse(place, accrued_fen, Wallet(*kept), debt_fen, draw_held_fen=draws, spend_held_fen=spends),
        )
    return [
        PurseRow(
            *(pool, points, purse.accrued_fen, purse.wallet.claimed_fen, purse.wallet.voucher_fen),
            *(purse.wallet.redeemed_fen, purse.wallet.expired_fen, debt_fen),
            drawable_fen=spending.drawable_fen(purse),
        )
        for (pool, points, debt_fen), purse in zip(pools, spending.place_debt(held), strict=True)
    ]


def lots(account_id: int) -> list[LotRow]:
    """Return an account's points by cohort, oldest first."""
    return [LotRow(*row) for row in sql.rows(_LOTS, [account_id])]


def coupons(account_id: int) -> list[CouponRow]:
    """Return an account's coupons that have something left, first to expire first."""
    found = sql.rows(_COUPONS, [account_id])
    return [CouponRow(kind, left, sql.moment(usable), sql.moment(expires)) for kind, left, usable, expires in found]


def holds(account_id: int) -> list[HoldRow]:
    """Return the holds on an account."""
    found = sql.rows(_HOLDS, [account_id])
    return [HoldRow(number, reason, by, sql.moment(at)) for number, reason, by, at in found]


def open_cycle() -> int:
    """Return the alliance cycle that has not been closed yet, 1 before there is any pool."""
    return int(sql.value("SELECT MIN(first_cycle + entry_cycle - 1) FROM pool") or 1)


def held_cycle() -> int | None:
    """Return the alliance cycle whose settlement waits for a second person, None where none does."""
    found = sql.value("SELECT cycle FROM settlement_run WHERE state = 'held'")
    return None if found is None else int(found)


_HOLDER = """
    SELECT 1, account_id, 'member', ref, city FROM member WHERE ref = %s
    UNION ALL SELECT 1, account_id, 'merchant', ref, city FROM merchant WHERE ref = %s
    UNION ALL SELECT 0, account_id, 'member', ref, city FROM member WHERE account_id = %s
    UNION ALL SELECT 0, account_id, 'merchant', ref, city FROM merchant WHERE account_id = %s
"""
_PURSES = """
    SELECT o.name, a.points, a.high, a.low,
           w.claimed_fen, w.voucher_fen, w.redeemed_fen, w.expired_fen, w.debt_fen, w.draw_held_fen, w.spend_held_fen
    FROM wallet w JOIN pool o ON o.id = w.pool_id LEFT JOIN (
        SELECT c.pool_id, SUM(p.points) AS points, SUM(p.points * (c.release_index / 1000000)) AS high,
               SUM(p.points * (c.release_index %% 1000000)) AS low
        FROM position p JOIN cohort c ON c.id = p.cohort_id WHERE p.account_id = %s GROUP BY c.pool_id
    ) a ON a.pool_id = w.pool_id
    WHERE w.account_id = %s ORDER BY o.first_cycle, o.id
"""
_LOTS = """
    SELECT o.name, l.name, c.entry, p.points, c.release_index, c.age
    FROM position p JOIN cohort c ON c.id = p.cohort_id JOIN pool o ON o.id = c.pool_id JOIN plan l ON l.id = c.plan_id
    WHERE p.account_id = %s AND p.points > 0 ORDER BY o.first_cycle, o.id, c.entry, c.id
"""
_COUPONS = """
    SELECT kind, left_fen, usable_at, expires_at FROM coupon WHERE account_id = %s AND left_fen > 0
    ORDER BY expires_at, order_id, kind
"""
_HOLDS = """
    SELECT id, reason, placed_by, placed_at FROM hold WHERE account_id = %s AND released_at IS NULL ORDER BY id
"""
