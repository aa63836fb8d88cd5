"""What an operator sees first: the pools as they stand, what waits, the trust book's custody, the newest decisions.

Every read here grows with the pools, the shown cycles or the cohorts, never with members or orders.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from greenloop.core.cycle import Calendar
from greenloop.core.loop.rules import rule_set
from greenloop.core.money import SCALE, coverage_ppm
from greenloop.store import sql
from greenloop.store.queries.clockwork import WITHOUT_ROOT

POOLS = 20
WAITING_MAX = 10_000


@dataclass(frozen=True, slots=True)
class PoolRow:
    """One pool as it stands, in fen. `open_*` is the cycle that still collects, `last_*` the last settled one.

    Cycles are the alliance's. `growth` is × 10**12, None where it is undefined or nothing is settled.
    """

    id: int
    name: str
    is_red: bool
    first_cycle: int
    open_cycle: int
    open_inflow_fen: int
    free_fen: int
    owed_fen: int
    last_inflow_fen: int | None
    last_issued_fen: int | None
    growth: int | None

    @property
    def coverage_ppm(self) -> int | None:
        """Return (free + accrued + voucher) ÷ (accrued + voucher) in ppm; None while nothing is owed."""
        return coverage_ppm(self.free_fen, self.owed_fen)


@dataclass(frozen=True, slots=True)
class Pools:
    """The pools with the most money, those that were asked for first, and sums over all `count` of them, in fen."""

    shown: tuple[PoolRow, ...]
    count: int
    free_fen: int
    owed_fen: int

    @property
    def coverage_ppm(self) -> int | None:
        """Return the coverage of all pools together, in ppm; no pool may pay for another (G10)."""
        return coverage_ppm(self.free_fen, self.owed_fen)


@dataclass(frozen=True, slots=True)
class CycleRow:
    """One settled cycle of one pool, in fen; `growth` and `dividend` are × 10**12.

    `owed_fen` is accrued + voucher right after it; None in rows older than its column.
    """

    cycle: int
    cutoff_at: datetime
    inflow_fen: int
    issued_fen: int
    free_fen: int
    owed_fen: int | None
    growth: int | None
    budget_fen: int
    dividend: int
    scaled: bool

    @property
    def dividend_fen(self) -> int:
        """Return what of the issue was dividend, rounded down."""
        return self.dividend // SCALE

    @property
    def coverage_ppm(self) -> int | None:
        """Return the coverage right after the settlement, in ppm."""
        return None if self.owed_fen is None else coverage_ppm(self.free_fen, self.owed_fen)


@dataclass(frozen=True, slots=True)
class Balance:
    """The balance of all control accounts of one class of the trust book, in fen."""

    name: str
    is_asset: bool
    fen: int


@dataclass(frozen=True, slots=True)
class TrustBook:
    """The trust book: what lies in custody, and whose it is. The two sides are equal at every moment (invariant 2)."""

    assets: tuple[Balance, ...]
    liabilities: tuple[Balance, ...]

    @property
    def custody_fen(self) -> int:
        """Return what lies in custody or is on its way there."""
        return sum(each.fen for each in self.assets)

    @property
    def owed_fen(self) -> int:
        """Return what it is owed to."""
        return sum(each.fen for each in self.liabilities)


@dataclass(frozen=True, slots=True)
class Queue:
    """Something that waits: how many, and their money in fen; `more` says that there are more than were counted."""

    count: int
    fen: int
    more: bool = False


@dataclass(frozen=True, slots=True)
class Queues:
    """What waits for time, for money or for people."""

    to_vest: Queue
    order_holds: Queue
    account_holds: Queue
    claims: Queue
    refunds: Queue


@dataclass(frozen=True, slots=True)
class Check:
    """The newest proof of the books: `broken` are its statements that don't hold, as (name, sentence, off by)."""

    at: datetime
    by: str
    took_ms: int
    replayed: bool
    statements: int
    broken: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True, slots=True)
class Newest:
    """What an overview begins with: the newest rules' calendar and points, the newest settlement run, the newest check.

    `points_max_ppm` are the points that a yuan of concession makes by the most generous route, 0 before any rules.
    `without_root` is what clockwork.alarm takes.
    """

    calendar: Calendar | None
    points_max_ppm: int
    run_cycle: int | None
    run_state: str | None
    run_issued_fen: int | None
    check: Check | None
    without_root: Sequence[sql.Row] = ()


def pools(name: str = "") -> Pools:
    """Return the pools with the most money, at most 20, and among them the one that is named."""
    found, whole = [], (0, 0, 0)
    for row in sql.rows(_POOLS, [name, POOLS]):
        number, label, red, first, entry, free, owed, inflow, last_inflow, last_issued, answer, *sums = row
        whole = (int(sums[0]), int(sums[1]), int(sums[2]))
        growth = json.loads(answer)["growth"] if answer else None
        found.append(
            PoolRow(
                *(number, label, bool(red), first, first + entry - 1, int(inflow or 0), free, owed),
                *(last_inflow, last_issued, growth),
            )
        )
    return Pools(tuple(found), *whole)


def cycles(pool: PoolRow, *, limit: int) -> list[CycleRow]:
    """Return the newest settled cycles of a pool, oldest first."""
    found = []
    for cycle, cutoff, inflow, issued, free, backing, spent, text in sql.rows(_CYCLES, [pool.id, limit]):
        answer = json.loads(text)
        found.append(
            CycleRow(
                *(pool.first_cycle + cycle - 1, sql.moment(cutoff), inflow, issued, free),
                owed_fen=None if spent is None else backing - spent,
                growth=answer["growth"],
                budget_fen=answer["budget_fen"],
                dividend=answer["dividend"],
                scaled=answer["scaled"],
            )
        )
    return found[::-1]


def trust_book() -> TrustBook:
    """Return the trust book by class of account."""
    found = [Balance(name, bool(asset), int(fen)) for name, asset, fen in sql.rows(_TRUST)]
    return TrustBook(tuple(each for each in found if each.is_asset), tuple(each for each in found if not each.is_asset))


def queues() -> Queues:
    """Return what waits. Orders to vest are counted up to a limit; their concession is the control account's."""
    found = {what: (int(number or 0), int(fen or 0)) for what, number, fen in sql.rows(_QUEUES, [WAITING_MAX + 1])}
    waiting, pending_fen = found["to vest"][0], found["pending"][1]
    return Queues(
        Queue(min(waiting, WAITING_MAX), pending_fen, waiting > WAITING_MAX),
        Queue(*found["order holds"]),
        Queue(*found["account holds"]),
        Queue(*found["claims"]),
        Queue(*found["refunds"]),
    )


def newest() -> Newest:
    """Return the newest rules, run and check, in one statement."""
    (document, cycle, state, issued, at, by, took, replayed, statements, broken, *rootless) = sql.rows(_NEWEST)[0]
    check = None
    if at is not None:
        told = tuple((name, what, int(off)) for name, what, off in json.loads(broken))
        check = Check(sql.moment(at), by, took, bool(replayed), statements, told)
    without = [] if rootless[0] is None else [tuple(rootless)]
    rules = rule_set(json.loads(document)) if document else None
    points_max_ppm = max(route.points_ppm for route in rules.routes) if rules else 0
    return Newest(rules.calendar if rules else None, points_max_ppm, cycle, state, issued, check, without)


# The sums are taken over all pools before the limit; CAST because PostgreSQL sums big integers as decimals.
_POOLS = """
    SELECT p.id, p.name, p.is_red, p.first_cycle, p.entry_cycle, p.free_fen, p.owed_fen, c.inflow_fen,
           s.inflow_fen, s.issued_fen, s.answer, p.pools, p.free, p.owed
    FROM (
        SELECT id, name, is_red, first_cycle, entry_cycle, settled_cycle, free_fen, backing_fen - spent_fen AS owed_fen,
               COUNT(*) OVER () AS pools, SUM(free_fen) OVER () AS free, SUM(backing_fen - spent_fen) OVER () AS owed
        FROM pool ORDER BY CASE WHEN name = %s THEN 0 ELSE 1 END, is_red, free_fen + backing_fen - spent_fen DESC, id
        LIMIT %s
    ) p
    LEFT JOIN pool_cycle c ON c.pool_id = p.id AND c.cycle = p.entry_cycle
    LEFT JOIN settled_cycle s ON s.pool_id = p.id AND s.cycle = p.settled_cycle
    ORDER BY p.is_red, p.free_fen + p.owed_fen DESC, p.id
"""
_CYCLES = """
    SELECT cycle, cutoff_at, inflow_fen, issued_fen, free_fen, backing_fen, spent_fen, answer
    FROM settled_cycle WHERE pool_id = %s ORDER BY cycle DESC LIMIT %s
"""
_TRUST = """
    SELECT account_class, is_asset,
           SUM(CASE WHEN is_asset THEN debits_fen - credits_fen ELSE credits_fen - debits_fen END)
    FROM ledger_account WHERE book = 'trust'
    GROUP BY account_class, is_asset ORDER BY is_asset DESC, account_class
"""
_QUEUES = """
    SELECT 'to vest', COUNT(*), 0 FROM (SELECT 1 FROM orders WHERE entry_cycle IS NULL LIMIT %s) AS few
    UNION ALL SELECT 'pending', 0, credits_fen - debits_fen FROM ledger_account WHERE name = 'trust:concession_pending'
    UNION ALL SELECT 'order holds', COUNT(*), 0 FROM hold WHERE released_at IS NULL AND order_id IS NOT NULL
    UNION ALL SELECT 'account holds', COUNT(*), 0 FROM hold WHERE released_at IS NULL AND account_id IS NOT NULL
    UNION ALL SELECT 'claims', COUNT(*), SUM(amount_fen) FROM claim WHERE state = 'held'
    UNION ALL SELECT 'refunds', COUNT(*), SUM(amount_fen) FROM refund WHERE payout_id IS NULL AND state = 'pending'
"""
_NEWEST = f"""
    SELECT v.document, r.cycle, r.state, r.issued_fen, k.at, k.by, k.took_ms, k.replayed, k.statements, k.broken,
        w.cycle, w.since
    FROM (SELECT 1 AS one) AS o
    LEFT JOIN (SELECT document FROM rule_version ORDER BY effective_at DESC LIMIT 1) v ON o.one = 1
    LEFT JOIN (SELECT cycle, state, issued_fen FROM settlement_run ORDER BY cycle DESC LIMIT 1) r ON o.one = 1
    LEFT JOIN (SELECT * FROM book_check ORDER BY id DESC LIMIT 1) k ON o.one = 1
    LEFT JOIN ({WITHOUT_ROOT}) w ON o.one = 1
"""  # noqa: S608  constants of ours
