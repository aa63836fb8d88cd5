"""What one holder has, for its own page: purses, vouchers, cohorts with their paths, coupons, holds; and a quote.

Each function is one statement about one account (`holding` two), whatever the alliance's size.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from greenloop.core.loop import spending
from greenloop.core.loop import wallet as wallets
from greenloop.core.loop.spending import Paper, Purse
from greenloop.core.loop.wallet import Wallet
from greenloop.core.money import SCALE
from greenloop.store import sql

INSTANT = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FAR = 2 * 10**17
"""µs since 1970 that no voucher lasts to; a cursor that says more finds nothing."""


@dataclass(frozen=True, slots=True)
class CohortRow:
    """A holder's points of one cohort. `release_index` and `index_cap` are vouchers per point × 10**12.

    `cycles` is how often its plan releases, `age` how often it has. `entry` counts the pool's own cycles, from 1 at the
    alliance's `first_cycle`.
    """

    id: int
    pool_id: int
    plan_id: int
    pool: str
    is_red: bool
    cycles: int
    first_cycle: int
    entry: int
    points: int
    release_index: int
    index_cap: int
    age: int

    @property
    def cycle(self) -> int:
        """Return the alliance's cycle of entry."""
        return self.first_cycle + self.entry - 1

    @property
    def released_fen(self) -> int:
        """Return what these points alone have released so far, rounded down; the wallet rounds once over all (R9)."""
        return self.points * self.release_index // SCALE

    @property
    def cap_permille(self) -> int:
        """Return how far the cohort is on the way to its cap, in ‰."""
        return self.release_index * 1000 // self.index_cap if self.index_cap else 0


@dataclass(frozen=True, slots=True)
class PoolRow:
    """What a holder has in one pool. The purse's debt stands where the holder's next draws will meet it."""

    pool: str
    is_red: bool
    points: int
    purse: Purse

    @property
    def released_fen(self) -> int:
        """Return what the points have released so far."""
        return self.purse.accrued_fen

    @property
    def drawable_fen(self) -> int:
        """Return what can be drawn once the debt is repaid, beside what is reserved."""
        return spending.drawable_fen(self.purse)

    @property
    def reserved_fen(self) -> int:
        """Return what waits for a second person, or for the order that it was let through for."""
        return self.purse.draw_held_fen + self.purse.spend_held_fen


@dataclass(frozen=True, slots=True)
class Holding:
    """All that a holder has in green and red points and in vouchers, oldest pool first; cohorts newest first."""

    pools: tuple[PoolRow, ...]
    cohorts: tuple[CohortRow, ...]

    @property
    def purses(self) -> tuple[Purse, ...]:
        """Return the purses as a sale takes them, debts placed."""
        return tuple(row.purse for row in self.pools)

    @property
    def unspent_fen(self) -> int:
        """Return the vouchers that are drawn and unspent."""
        return sum(purse.wallet.voucher_fen for purse in self.purses)

    @property
    def spendable_fen(self) -> int:
        """Return what a sale could take now: unspent vouchers, and what would be drawn for it."""
        return sum(map(spending.available_fen, self.purses))

    @property
    def drawable_fen(self) -> int:
        """Return what of it isn't drawn yet."""
        return sum(map(spending.drawable_fen, self.purses))

    @property
    def reserved_fen(self) -> int:
        """Return what waits for a second person, or for the order that it was let through for."""
        return sum(row.reserved_fen for row in self.pools)

    @property
    def released_fen(self) -> int:
        """Return what all points have released so far."""
        return sum(purse.accrued_fen for purse in self.purses)

    @property
    def spent_fen(self) -> int:
        """Return what was paid with vouchers or repaid a debt, less what refunds gave back."""
        return sum(purse.wallet.redeemed_fen for purse in self.purses)

    @property
    def expired_fen(self) -> int:
        """Return the vouchers that expired unspent."""
        return sum(purse.wallet.expired_fen for purse in self.purses)

    @property
    def debt_fen(self) -> int:
        """Return what is owed to the reserve, which the next draws repay first."""
        return sum(purse.debt_fen for purse in self.purses)

    @property
    def points(self) -> int:
        """Return all points, green and red."""
        return sum(row.points for row in self.pools)

    @property
    def vouchers(self) -> tuple[Paper, ...]:
        """Return the unspent vouchers of all pools, first to expire first."""
        return tuple(sorted((p for purse in self.purses for p in purse.vouchers), key=lambda paper: paper.expires_at))


@dataclass(frozen=True, slots=True)
class VoucherRow:
    """A voucher that has something left, in fen."""

    id: int
    pool: str
    face_fen: int
    left_fen: int
    drawn_at: datetime
    expires_at: datetime

    @property
    def place(self) -> tuple[int, int]:
        """Return where it stands in a list, first to expire first: µs since 1970, then its id."""
        return (self.expires_at - EPOCH) // INSTANT, self.id


@dataclass(frozen=True, slots=True)
class Path:
    """A cohort's index after each release, from 0 on; `entered_at` is the last instant of its cycle of entry."""

    entered_at: datetime | None
    indices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CouponLine:
    """Coupons of one kind that become usable and expire together, in fen."""

    kind: str
    usable_at: datetime
    expires_at: datetime
    count: int
    left_fen: int


@dataclass(frozen=True, slots=True)
class Coupons:
    """A holder's coupons that have something left: usable now, and those past their day but not yet taken off."""

    usable: tuple[CouponLine, ...]
    past: tuple[CouponLine, ...]

    @property
    def usable_fen(self) -> int:
        """Return what can be used now."""
        return sum(line.left_fen for line in self.usable)

    @property
    def past_fen(self) -> int:
        """Return what has expired and waits to be taken off."""
        return sum(line.left_fen for line in self.past)


@dataclass(frozen=True, slots=True)
class HoldRow:
    """What keeps an account from drawing and spending: a hold on it, or on a vested order that gave it points."""

    id: int
    reason: str
    placed_by: str
    placed_at: datetime
    merchant: str | None
    order_no: str | None


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """What one pool would pay, in fen: unspent vouchers first, then drawn for it; an old debt is repaid before."""

    pool: str
    unspent_fen: int
    drawn_fen: int
    repaid_fen: int


@dataclass(frozen=True, slots=True)
class Quote:
    """What vouchers would pay of a price, in fen, and what is left for cash or coupons."""

    price_fen: int
    voucher_fen: int
    lines: tuple[QuoteLine, ...]

    @property
    def rest_fen(self) -> int:
        """Return what vouchers don't pay."""
        return self.price_fen - self.voucher_fen


def holding(account_id: int) -> Holding:
    """Return what an account has in every pool: the figures that a sale decides on, to the fen."""
    cohorts = tuple(_cohorts(account_id))
    found: dict[int, tuple[str, bool, list[int]]] = {}
    papers: dict[int, list[Paper]] = {}
    for pool, name, is_red, *kept, voucher, left, until in sql.rows(_WALLETS, [account_id]):
        found.setdefault(pool, (name, bool(is_red), kept))
        if voucher is not None:
            papers.setdefault(pool, []).append(Paper(voucher, left, sql.moment(until)))
    purses = []
    for pool, (_, _, (*kept, debt, draws, spends, day, drawn, spent)) in found.items():
        accrued_fen = wallets.accrued_fen((row.points, row.release_index) for row in cohorts if row.pool_id == pool)
        fenced = draws, spends, day, drawn, spent
        purses.append(Purse(pool, accrued_fen, Wallet(*kept), debt, tuple(papers.get(pool, ())), *fenced))
    rows = []
    for purse in spending.place_debt(purses):
        name, is_red, _ = found[purse.pool_id]
        points = sum(row.points for row in cohorts if row.pool_id == purse.pool_id)
        rows.append(PoolRow(name, is_red, points, purse))
    return Holding(tuple(rows), tuple(row for row in cohorts if row.points))


def cohorts(account_id: int) -> tuple[CohortRow, ...]:
    """Return an account's cohorts as they stand, newest first, those without points too."""
    return tuple(_cohorts(account_id))


def _cohorts(account_id: int) -> Iterable[CohortRow]:
    cycles: dict[str, int] = {}
    for number, pool_id, plan_id, pool, is_red, terms, *rest in sql.rows(_COHORTS, [account_id]):
        if terms not in cycles:
            cycles[terms] = int(json.loads(terms)["cycles"])
        yield CohortRow(number, pool_id, plan_id, pool, bool(is_red), cycles[terms], *rest)


def quote(held: Holding, price_fen: int) -> Quote:
    """Return how vouchers would pay a price: what a sale takes, by the function that it takes it by."""
    voucher_fen = min(price_fen, held.spendable_fen)
    names = {row.purse.pool_id: row.pool for row in held.pools}
    _, spent = spending.pay(held.purses, voucher_fen)
    lines = tuple(
        QuoteLine(
            names[paid.pool_id],
            paid.amount_fen - paid.drawn.drawn_fen,
            paid.drawn.drawn_fen,
            paid.drawn.repaid_fen,
        )
        for paid in spent
    )
    return Quote(price_fen, voucher_fen, lines)


def vouchers(account_id: int, *, after: tuple[int, int] = (0, 0), limit: int) -> list[VoucherRow]:
    """Return an account's unspent vouchers, first to expire first, from the one after the place `after` on."""
    until = sql.instant(EPOCH + INSTANT * min(max(after[0], 0), FAR))
    found = sql.rows(_VOUCHERS, [account_id, until, until, after[1], limit])
    return [
        VoucherRow(number, pool, face, left, sql.moment(drawn), sql.moment(expires))
        for number, pool, face, left, drawn, expires in found
    ]


def paths(cohorts: Collection[CohortRow]) -> dict[int, Path]:
    """Return by cohort what one point of it had released after each settlement."""
    if not cohorts:
        return {}
    entries = {row.id: row.entry for row in cohorts}
    entered: dict[tuple[int, int], datetime] = {}
    indices: dict[int, list[int]] = {row.id: [0] for row in cohorts}
    pools = {row.pool_id for row in cohorts}
    for pool, cycle, cutoff, text in sql.rows_in(_PATHS, pools, [min(entries.values())]):
        entered[pool, cycle] = sql.moment(cutoff) - INSTANT
        for cohort, index in json.loads(text):
            if cohort in entries and cycle > entries[cohort]:
                indices[cohort].append(index)
    return {row.id: Path(entered.get((row.pool_id, row.entry)), tuple(indices[row.id])) for row in cohorts}


def coupons(account_id: int, *, at: datetime) -> Coupons:
    """Return an account's coupons as they stand at an instant, first to expire first."""
    lines = [
        CouponLine(kind, sql.moment(usable), sql.moment(expires), count, int(left))
        for kind, usable, expires, count, left in sql.rows(_COUPONS, [account_id])
    ]
    return Coupons(
        usable=tuple(line for line in lines if line.usable_at <= at < line.expires_at),
        past=tuple(line for line in lines if line.expires_at <= at),
    )


def holds(account_id: int) -> tuple[HoldRow, ...]:
    """Return what keeps an account from drawing and spending, oldest first."""
    found = sql.rows(HOLDS, [account_id] * 4)
    return tuple(HoldRow(number, reason, by, sql.moment(at), *order) for number, reason, by, at, *order in found)


_COHORTS = """
    SELECT c.id, o.id, l.id, o.name, o.is_red, l.terms, o.first_cycle, c.entry, p.points,
           c.release_index, c.index_cap, c.age
    FROM position p JOIN cohort c ON c.id = p.cohort_id JOIN pool o ON o.id = c.pool_id JOIN plan l ON l.id = c.plan_id
    WHERE p.account_id = %s ORDER BY o.first_cycle + c.entry DESC, o.is_red, o.id, c.id
"""
# A wallet's vouchers are few: those of before the last spend are used up first.
_WALLETS = """
    SELECT w.pool_id, o.name, o.is_red, w.claimed_fen, w.voucher_fen, w.redeemed_fen, w.expired_fen, w.debt_fen,
           w.draw_held_fen, w.spend_held_fen, w.day, w.day_drawn_fen, w.day_spent_fen, v.id, v.left_fen, v.expires_at
    FROM wallet w JOIN pool o ON o.id = w.pool_id
    LEFT JOIN voucher v ON v.account_id = w.account_id AND v.pool_id = w.pool_id AND v.left_fen > 0
    WHERE w.account_id = %s ORDER BY o.first_cycle, o.id, v.expires_at, v.id
"""
_VOUCHERS = """
    SELECT v.id, p.name, v.face_fen, v.left_fen, v.drawn_at, v.expires_at FROM voucher v JOIN pool p ON p.id = v.pool_id
    WHERE v.account_id = %s AND v.left_fen > 0 AND v.expires_at >= %s AND (v.expires_at > %s OR v.id > %s)
    ORDER BY v.expires_at, v.id LIMIT %s
"""
_PATHS = """
    SELECT pool_id, cycle, cutoff_at, indices FROM settled_cycle
    WHERE cycle >= %s AND pool_id IN ({keys}) ORDER BY pool_id, cycle
"""
_COUPONS = """
    SELECT kind, usable_at, expires_at, COUNT(*), SUM(left_fen) FROM coupon
    WHERE account_id = %s AND left_fen > 0 GROUP BY kind, usable_at, expires_at ORDER BY expires_at, usable_at, kind
"""
# Few holds stand at a time: CROSS JOIN keeps SQLite from starting at the orders.
HOLDS = """
    SELECT id, reason, placed_by, placed_at, NULL, NULL FROM hold WHERE released_at IS NULL AND account_id = %s
    UNION ALL
    SELECT h.id, h.reason, h.placed_by, h.placed_at, m.ref, o.order_no
    FROM hold h CROSS JOIN orders o CROSS JOIN merchant m
    WHERE h.released_at IS NULL AND o.id = h.order_id AND m.id = o.merchant_id AND o.entry_cycle IS NOT NULL
        AND (o.member_id = %s OR m.account_id = %s OR (o.referrer_id = %s AND o.red_points > 0))
    ORDER BY 1
"""
