"""A period of the ledger for a supervision report: how it began, what journals moved in it, how the pools came out.

What belongs to a period is what its journals made effective in it, so the ledger and the rows are cut at the same
instants. Each read is one statement over the period, never one for each pool, order or holder.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from greenloop.store import sql

Params = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Account:
    """A control account as a period found it and left it: debits and credits in fen.

    `before` and `within` are summed from postings, `after` those that came behind the period; `kept` are the account's
    own two totals.
    """

    name: str
    is_asset: bool
    before: tuple[int, int]
    within: tuple[int, int]
    after: tuple[int, int]
    kept: tuple[int, int]

    def _balance(self, sides: tuple[int, int]) -> int:
        return sides[0] - sides[1] if self.is_asset else sides[1] - sides[0]

    @property
    def opening_fen(self) -> int:
        """Return its balance where the period begins."""
        return self._balance(self.before)

    @property
    def closing_fen(self) -> int:
        """Return its balance where the period ends, counted forward from the first posting."""
        return self.opening_fen + self._balance(self.within)

    @property
    def counted_back_fen(self) -> int:
        """Return the same, counted back from what the account says it has now."""
        return self._balance(self.kept) - self._balance(self.after)

    @property
    def after_fen(self) -> int:
        """Return by how much the balance has moved since the period."""
        return self._balance(self.after)


@dataclass(frozen=True, slots=True)
class Flow:
    """What journals of one kind moved between two accounts in a period, in fen, and by how many journals."""

    kind: str
    debit: str
    credit: str
    fen: int
    journals: int


@dataclass(frozen=True, slots=True)
class PoolRow:
    """One pool as it stands now, in fen; `unspent_fen` is what the wallets of its `holders` say they hold."""

    id: int
    name: str
    is_red: bool
    free_fen: int
    backing_fen: int
    spent_fen: int
    unspent_fen: int
    holders: int


@dataclass(frozen=True, slots=True)
class CycleRow:
    """One cycle of one pool that was settled in a period; `posted_fen` is what its journal moved."""

    pool_id: int
    pool: str
    cycle: int
    cutoff_at: datetime
    inflow_fen: int
    issued_fen: int
    posted_fen: int
    free_fen: int
    owed_fen: int | None


def ledger(since_at: datetime, until_at: datetime) -> tuple[list[Account], list[Flow]]:
    """Return every control account by name, and what moved in a period by kind and accounts, in one statement."""
    kept: dict[str, tuple[bool, tuple[int, int]]] = {}
    sides: dict[str, list[list[int]]] = defaultdict(lambda: [[0, 0], [0, 0], [0, 0]])
    flows: list[Flow] = []
    for kind, debit, credit, *rest in sql.rows(_LEDGER, params(since_at, until_at)):
        before, within, after, journals = (int(value or 0) for value in rest)
        if not kind:
            kept[debit] = (bool(after), (before, within))
            continue
        for place, fen in enumerate((before, within, after)):
            sides[debit][place][0] += fen
            sides[credit][place][1] += fen
        if journals:
            flows.append(Flow(kind, debit, credit, within, journals))
    accounts = []
    for name, (is_asset, totals) in sorted(kept.items()):
        earlier, during, later = ((debits, credits_) for debits, credits_ in sides[name])
        accounts.append(Account(name, is_asset, earlier, during, later, totals))
    return accounts, flows


def pools() -> list[PoolRow]:
    """Return every pool as it stands, oldest first."""
    return [
        PoolRow(number, name, bool(red), int(free), int(backing), int(spent), int(unspent or 0), int(holders or 0))
        for number, name, red, free, backing, spent, unspent, holders in sql.rows(_POOLS)
    ]


def cycles(since_at: datetime, until_at: datetime) -> list[CycleRow]:
    """Return the cycles that were settled in a period, oldest first, pool by pool."""
    return [
        CycleRow(
            *(int(pool), name, int(cycle), sql.moment(cutoff), int(inflow), int(issued), int(posted or 0), int(free)),
            owed_fen=None if spent is None else int(backing) - int(spent),
        )
        for pool, name, cycle, cutoff, inflow, issued, posted, free, backing, spent in sql.rows(
            _CYCLES, params(since_at, until_at)
        )
    ]


def params(since_at: datetime, until_at: datetime) -> Params:
    """Return the instants of a period as these statements take them."""
    return {"since": sql.instant(since_at), "until": sql.instant(until_at)}


def during(column: str) -> str:
    """Return the condition that an instant lies in the period."""
    return f"{column} >= %(since)s AND {column} < %(until)s"


IN = during("j.effective_at")
# What moved before the period, in it and after it; an account's own two totals stand under no kind.
_LEDGER = f"""
    SELECT j.kind, d.name, c.name,
           SUM(CASE WHEN j.effective_at < %(since)s THEN p.amount_fen ELSE 0 END),
           SUM(CASE WHEN {IN} THEN p.amount_fen ELSE 0 END),
           SUM(CASE WHEN j.effective_at >= %(until)s THEN p.amount_fen ELSE 0 END),
           COUNT(DISTINCT CASE WHEN {IN} THEN j.id END)
    FROM posting p JOIN journal j ON j.id = p.journal_id
    JOIN ledger_account d ON d.id = p.debit_id JOIN ledger_account c ON c.id = p.credit_id
    GROUP BY j.kind, d.name, c.name
    UNION ALL
    SELECT '', a.name, '', a.debits_fen, a.credits_fen, CASE WHEN a.is_asset THEN 1 ELSE 0 END, 0
    FROM ledger_account a
    ORDER BY 1, 2, 3
"""  # noqa: S608  constants of this file
_POOLS = """
    SELECT p.id, p.name, p.is_red, p.free_fen, p.backing_fen, p.spent_fen, w.unspent, w.holders
    FROM pool p LEFT JOIN (
        SELECT pool_id, SUM(voucher_fen) AS unspent, COUNT(*) AS holders FROM wallet GROUP BY pool_id
    ) w
        ON w.pool_id = p.id
    ORDER BY p.first_cycle, p.id
"""
RUN_AT = "COALESCE(r.decided_at, r.proposed_at)"
_CYCLES = f"""
    SELECT p.id, p.name, r.cycle, s.cutoff_at, s.inflow_fen, s.issued_fen, g.fen, s.free_fen, s.backing_fen, s.spent_fen
    FROM settlement_run r JOIN pool p ON p.first_cycle <= r.cycle
    JOIN settled_cycle s ON s.pool_id = p.id AND s.cycle = r.cycle - p.first_cycle + 1
    LEFT JOIN (
        SELECT o.journal_id, SUM(o.amount_fen) AS fen FROM posting o JOIN journal j ON j.id = o.journal_id
        WHERE j.kind = 'settle' AND {IN} GROUP BY o.journal_id
    ) g ON g.journal_id = s.journal_id
    WHERE r.state = 'posted' AND {during(RUN_AT)}
    ORDER BY p.first_cycle, p.id, r.cycle
"""  # noqa: S608
