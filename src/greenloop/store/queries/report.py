"""What the report shows: sums over orders, pools, cycles, cohorts and holders, each one statement over whole tables."""

import json
from dataclasses import dataclass
from datetime import datetime

from greenloop.store import sql


@dataclass(frozen=True, slots=True)
class OrderSums:
    """All orders, in fen. A concession is waiting, given back by refunds, or kept in the five parts of its split."""

    first_paid_at: datetime | None
    last_paid_at: datetime | None
    orders: int
    without_concession: int
    below_minimum: int
    cash_fen: int
    voucher_fen: int
    coupon_fen: int
    conceded_fen: int
    waiting: int
    waiting_fen: int
    given_back_fen: int
    kept_fen: int
    green_fen: int
    red_fen: int
    coupon_part_fen: int
    fee_fen: int
    green_points: int

    @property
    def reserve_fen(self) -> int:
        """Return the reserve's part: what the other four leave."""
        return self.kept_fen - self.green_fen - self.red_fen - self.coupon_part_fen - self.fee_fen


@dataclass(frozen=True, slots=True)
class PoolSums:
    """One pool, in fen. `collected_fen` is the concession (red: the red part) that `allot` of was paid in.

    `issued_fen` counts every release of a settlement; `backing_fen` is net of what refunds returned. `spent_fen` left
    the backing: paid to shops and expired, net of what came back.
    """

    id: int
    name: str
    is_red: bool
    allot: tuple[int, int]
    threshold: int
    open_cycle: int
    settled: int
    collected_fen: int
    inflow_fen: int
    issued_fen: int
    free_fen: int
    backing_fen: int
    spent_fen: int
    expired_fen: int
    unspent_fen: int
    points: int

    @property
    def owed_fen(self) -> int:
        """Return what holders can still draw or spend, with dust: accrued + voucher."""
        return self.backing_fen - self.spent_fen

    @property
    def undrawn_fen(self) -> int:
        """Return what is released and not drawn, with dust."""
        return self.owed_fen - self.unspent_fen

    @property
    def used_fen(self) -> int:
        """Return what shops were paid, net of refunds and of what was taken back or repaid in money."""
        return self.spent_fen - self.expired_fen


@dataclass(frozen=True, slots=True)
class CycleSums:
    """One settled cycle of one pool. `growth` is × 10**12; `owed_fen` is accrued + voucher right after it.

    `owed_fen` is None where the settlement moved nothing, and so wrote no journal to look behind.
    """

    pool_id: int
    cycle: int
    cutoff_at: datetime
    inflow_fen: int
    issued_fen: int
    free_fen: int
    growth: int | None
    budget_fen: int
    dividend: int
    scaled: bool
    owed_fen: int | None
    indices: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class CohortSums:
    """One cohort: `index` and `cap` are fen per fen of points × 10**12; `cycles` is how often its plan releases."""

    id: int
    pool_id: int
    plan: str
    cycles: int
    entry: int
    age: int
    points: int
    index: int
    cap: int
    holders: int


@dataclass(frozen=True, slots=True)
class Spread:
    """What holders have been released per point so far, in ppm; `pool_id` None stands for all pools of green points."""

    pool_id: int | None
    holders: int
    points: int
    released_fen: int
    p10_ppm: int
    median_ppm: int
    p90_ppm: int
    reached: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class CouponSums:
    """Coupons of one kind, in fen. What is neither used, expired nor left was taken back by refunds."""

    kind: str
    face_fen: int
    used_fen: int
    expired_fen: int
    left_fen: int


def order_sums() -> OrderSums:
    """Return the sums over all orders."""
    first, last, *numbers = sql.rows(_ORDERS)[0]
    first_at, last_at = (sql.moment(at) if at else None for at in (first, last))
    return OrderSums(first_at, last_at, *(int(number or 0) for number in numbers))


def pool_sums() -> list[PoolSums]:
    """Return every pool, oldest first."""
    found = []
    for number, name, is_red, text, *amounts in sql.rows(_POOLS):
        terms = json.loads(text)
        a, b = terms["allot"]
        whole = [int(amount or 0) for amount in amounts]
        found.append(PoolSums(number, name, bool(is_red), (a, b), terms["dividend_threshold"], *whole))
    return found


def cycle_sums() -> list[CycleSums]:
    """Return every settled cycle, by pool and cycle."""
    found = []
    for pool, cycle, cutoff, inflow, issued, free, text, indices, owed in sql.rows(_CYCLES):
        answer = json.loads(text)
        found.append(
            CycleSums(
                *(pool, cycle, sql.moment(cutoff), inflow, issued, free),
                growth=answer["growth"],
                budget_fen=answer["budget_fen"],
                dividend=answer["dividend"],
                scaled=answer["scaled"],
                owed_fen=None if owed is None else int(owed),
                indices=tuple((cohort, index) for cohort, index in json.loads(indices)),
            )
        )
    return found


def cohort_sums() -> list[CohortSums]:
    """Return every cohort, by pool and entry."""
    return [
        CohortSums(number, pool, plan, json.loads(terms)["cycles"], entry, age, points, index, cap, holders or 0)
        for number, pool, plan, terms, entry, age, points, index, cap, holders in sql.rows(_COHORTS)
    ]


def spreads() -> list[Spread]:
    """Return how holders of points are spread: all green points first, then each pool."""
    found = []
    for pool, *numbers in sql.rows(_HELD + _SPREAD):
        holders, points, fen, p10, median, p90, *reached = (int(number) for number in numbers)
        once, twice, five = reached
        found.append(Spread(pool or None, holders, points, fen, p10, median, p90, (once, twice, five)))
    return found


def steps_of_holders(width_ppm: int) -> list[tuple[int, int, int]]:
    """Return (pool, step, holders): step n holds the multiples from n × `width_ppm` on."""
    return [(pool, int(step), holders) for pool, step, holders in sql.rows(_HELD + _STEPS, [width_ppm])]


def coupon_sums() -> list[CouponSums]:
    """Return the coupons by kind: earned by orders, or rebates from a grant."""
    return [CouponSums(kind, *(int(amount or 0) for amount in amounts)) for kind, *amounts in sql.rows(_COUPONS)]


def balances() -> list[tuple[str, bool, int]]:
    """Return (account, whether an asset, balance in fen) of every control account that has moved, by name."""
    return [(name, bool(asset), int(fen)) for name, asset, fen in sql.rows(_BALANCES)]


def refund_counts() -> list[tuple[str, int, int]]:
    """Return (state, refunds, fen of price) by state."""
    return [(state, count, int(fen)) for state, count, fen in sql.rows(_REFUNDS)]


def utc_offset_minutes() -> int:
    """Return how far the alliance's local time is from UTC, by its newest rules; 0 before any."""
    document = sql.value("SELECT document FROM rule_version ORDER BY effective_at DESC LIMIT 1")
    return int(json.loads(document)["calendar"]["utc_offset_minutes"]) if document else 0


# Orders below the minimum concession mint nothing (R1): the 10 fen of core/loop/concession.py.
_ORDERS = """
    SELECT MIN(paid_at), MAX(paid_at), COUNT(*), SUM(CASE WHEN concession_fen = 0 THEN 1 ELSE 0 END),
           SUM(CASE WHEN concession_fen BETWEEN 1 AND 9 THEN 1 ELSE 0 END),
           SUM(cash_fen), SUM(voucher_fen), SUM(coupon_fen), SUM(concession_fen),
           SUM(CASE WHEN entry_cycle IS NULL THEN 1 ELSE 0 END),
           SUM(CASE WHEN entry_cycle IS NULL THEN concession_fen - concession_lost_fen ELSE 0 END),
           SUM(CASE WHEN entry_cycle IS NULL THEN concession_lost_fen ELSE concession_fen - kept_fen END),
           SUM(kept_fen), SUM(CASE WHEN entry_cycle IS NOT NULL THEN green_part_fen ELSE 0 END),
           SUM(CASE WHEN entry_cycle IS NOT NULL THEN red_part_fen ELSE 0 END),
           SUM(CASE WHEN entry_cycle IS NOT NULL THEN coupon_part_fen ELSE 0 END),
           SUM(CASE WHEN entry_cycle IS NOT NULL THEN fee_part_fen ELSE 0 END),
           SUM(CASE WHEN entered_fen >= 10 THEN entered_fen * member_multiple_ppm / 1000000
                                              + entered_fen * merchant_multiple_ppm / 1000000 ELSE 0 END)
    FROM orders
"""
_POOLS = """
    SELECT p.id, p.name, p.is_red, p.terms, p.entry_cycle, p.settled_cycle,
           CASE WHEN p.is_red THEN r.fen ELSE o.fen END,
           c.inflow, s.issued, p.free_fen, p.backing_fen, p.spent_fen, w.expired, w.unspent, h.points
    FROM pool p
    LEFT JOIN (SELECT pool_id, SUM(kept_fen) AS fen FROM orders GROUP BY pool_id) o ON o.pool_id = p.id
    LEFT JOIN (
        SELECT v.red_pool_id, SUM(x.fen) AS fen FROM rule_version v JOIN (
            SELECT rules_id, SUM(red_part_fen) AS fen FROM orders WHERE entry_cycle IS NOT NULL GROUP BY rules_id
        ) x ON x.rules_id = v.id GROUP BY v.red_pool_id
    ) r ON r.red_pool_id = p.id
    LEFT JOIN (SELECT pool_id, SUM(inflow_fen) AS inflow FROM pool_cycle GROUP BY pool_id) c ON c.pool_id = p.id
    LEFT JOIN (SELECT pool_id, SUM(issued_fen) AS issued FROM settled_cycle GROUP BY pool_id) s ON s.pool_id = p.id
    LEFT JOIN (SELECT pool_id, SUM(expired_fen) AS expired, SUM(voucher_fen) AS unspent FROM wallet GROUP BY pool_id) w
        ON w.pool_id = p.id
    LEFT JOIN (SELECT pool_id, SUM(points) AS points FROM cohort GROUP BY pool_id) h ON h.pool_id = p.id
    ORDER BY p.is_red, p.first_cycle, p.id
"""
# What a pool owes right after a settlement is the running sum of its accrued and voucher accounts up to that journal.
_CYCLES = """
    WITH account AS (
        SELECT a.id, p.id AS pool_id FROM ledger_account a
        JOIN pool p ON a.name IN ('trust:accrued:' || p.name, 'trust:voucher:' || p.name)
    ), moves AS (
        SELECT pool_id, journal_id, SUM(fen) AS fen FROM (
            SELECT a.pool_id, x.journal_id, x.amount_fen AS fen FROM posting x JOIN account a ON a.id = x.credit_id
            UNION ALL
            SELECT a.pool_id, x.journal_id, -x.amount_fen FROM posting x JOIN account a ON a.id = x.debit_id
        ) AS sides GROUP BY pool_id, journal_id
    ), owed AS (
        SELECT pool_id, journal_id, SUM(fen) OVER (PARTITION BY pool_id ORDER BY journal_id) AS fen FROM moves
    )
    SELECT s.pool_id, s.cycle, s.cutoff_at, s.inflow_fen, s.issued_fen, s.free_fen, s.answer, s.indices, o.fen
    FROM settled_cycle s LEFT JOIN owed o ON o.pool_id = s.pool_id AND o.journal_id = s.journal_id
    ORDER BY s.pool_id, s.cycle
"""
_COHORTS = """
    SELECT c.id, c.pool_id, l.name, l.terms, c.entry, c.age, c.points, c.release_index, c.index_cap, h.holders
    FROM cohort c JOIN plan l ON l.id = c.plan_id
    LEFT JOIN (SELECT cohort_id, COUNT(*) AS holders FROM position WHERE points > 0 GROUP BY cohort_id) h
        ON h.cohort_id = c.id
    ORDER BY c.pool_id, c.entry, c.id
"""
# Two limbs keep points × index exact in 64 bits, and the ratio is taken in two steps for the same reason.
_HELD = """
    WITH wallets AS (
        SELECT p.account_id, c.pool_id, CAST(SUM(p.points) AS BIGINT) AS points,
               CAST(SUM(p.points * (c.release_index / 1000000)) AS BIGINT) AS high,
               CAST(SUM(p.points * (c.release_index %% 1000000)) AS BIGINT) AS low
        FROM position p JOIN cohort c ON c.id = p.cohort_id WHERE p.points > 0 GROUP BY p.account_id, c.pool_id
    ), sums AS (
        SELECT pool_id, points, (high + low / 1000000) / 1000000 AS fen FROM wallets
        UNION ALL
        SELECT 0, CAST(SUM(w.points) AS BIGINT), CAST(SUM((w.high + w.low / 1000000) / 1000000) AS BIGINT)
        FROM wallets w JOIN pool o ON o.id = w.pool_id WHERE NOT o.is_red GROUP BY w.account_id
    ), held AS (
        SELECT pool_id, points, fen, fen / points * 1000000 + fen %% points * 1000000 / points AS ppm FROM sums
    )
"""
_SPREAD = """
    SELECT pool_id, MAX(holders), SUM(points), SUM(fen),
           MAX(CASE WHEN place = (holders * 10 + 99) / 100 THEN ppm END),
           MAX(CASE WHEN place = (holders * 50 + 99) / 100 THEN ppm END),
           MAX(CASE WHEN place = (holders * 90 + 99) / 100 THEN ppm END),
           SUM(CASE WHEN ppm >= 1000000 THEN 1 ELSE 0 END), SUM(CASE WHEN ppm >= 2000000 THEN 1 ELSE 0 END),
           SUM(CASE WHEN ppm >= 5000000 THEN 1 ELSE 0 END)
    FROM (
        SELECT pool_id, points, fen, ppm, COUNT(*) OVER (PARTITION BY pool_id) AS holders,
               ROW_NUMBER() OVER (PARTITION BY pool_id ORDER BY ppm) AS place
        FROM held
    ) AS placed GROUP BY pool_id ORDER BY pool_id
"""
_STEPS = "SELECT pool_id, ppm / %s AS step, COUNT(*) FROM held WHERE pool_id > 0 GROUP BY 1, 2 ORDER BY 1, 2"
_COUPONS = """
    SELECT c.kind, SUM(c.face_fen), (
               SELECT SUM(u.amount_fen - u.returned_fen) FROM coupon_use u WHERE u.coupon_kind = c.kind
           ), SUM(c.expired_fen), SUM(c.left_fen)
    FROM coupon c GROUP BY c.kind ORDER BY c.kind
"""
_BALANCES = """
    SELECT name, is_asset, CASE WHEN is_asset THEN debits_fen - credits_fen ELSE credits_fen - debits_fen END
    FROM ledger_account WHERE debits_fen + credits_fen > 0 ORDER BY name
"""
_REFUNDS = "SELECT state, COUNT(*), SUM(amount_fen) FROM refund GROUP BY state ORDER BY state"
