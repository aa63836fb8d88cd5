"""What a regulator sees first: each pool's money, what came in and was issued, rules as they changed, what waits.

Every read here grows with the pools, the shown cycles, the rule sets or what waits: never with members or orders.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from greenloop.core.loop.rules import NOTICE
from greenloop.core.money import coverage_ppm
from greenloop.store import sql

LAST = 2**63 - 1
POOLS = 100


@dataclass(frozen=True, slots=True)
class PoolMoney:
    """One pool's money in fen: `accrued_fen` is released and not drawn, `voucher_fen` drawn and unspent.

    The three are the control accounts of the ledger, not the pool's own columns.
    """

    name: str
    is_red: bool
    free_fen: int
    accrued_fen: int
    voucher_fen: int

    @property
    def owed_fen(self) -> int:
        """Return what is owed to holders."""
        return self.accrued_fen + self.voucher_fen

    @property
    def coverage_ppm(self) -> int | None:
        """Return (free + accrued + voucher) ÷ (accrued + voucher) in ppm; None while nothing is owed."""
        return coverage_ppm(self.free_fen, self.owed_fen)


@dataclass(frozen=True, slots=True)
class CycleSum:
    """What came into all pools in one of the alliance's cycles, and what was issued at its end, in fen."""

    cycle: int
    inflow_fen: int
    issued_fen: int


@dataclass(frozen=True, slots=True)
class RulesRow:
    """One published rule set; `before` is the document that it follows, None for the first."""

    number: int
    published_at: datetime
    effective_at: datetime
    document: Mapping[str, Any]
    before: Mapping[str, Any] | None

    @property
    def notice_days(self) -> int:
        """Return how many whole days ahead it was published."""
        return (self.effective_at - self.published_at).days

    @property
    def in_time(self) -> bool:
        """Tell whether it was published 7 days ahead; the first rules change nothing for anybody."""
        return self.before is None or self.effective_at - self.published_at >= NOTICE


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for a person, of one kind: how many, since when the oldest does, and their money in fen."""

    what: str
    count: int
    since_at: datetime | None
    fen: int


@dataclass(frozen=True, slots=True)
class LookRow:
    """One look of an auditor or a regulator."""

    id: int
    at: datetime
    account_id: int
    method: str
    page: str
    about: str


@dataclass(frozen=True, slots=True)
class RevealRow:
    """One reveal: by whom (`account/…`), of what, for which case and why."""

    at: datetime
    actor: str
    about: str
    case: str
    reason: str


def pools() -> list[PoolMoney]:
    """Return the pools' money by the ledger, green pools first, at most 100, those with the most first."""
    return [
        PoolMoney(name, bool(red), int(free or 0), int(accrued or 0), int(voucher or 0))
        for name, red, free, accrued, voucher in sql.rows(_POOLS, [POOLS])
    ]


def cycles(*, limit: int) -> list[CycleSum]:
    """Return the newest cycles of all pools together, oldest first."""
    return [CycleSum(*map(int, row)) for row in sql.rows(_CYCLES, [limit])][::-1]


def rules(*, before: int = LAST, limit: int) -> list[RulesRow]:
    """Return rule sets of numbers below `before`, newest first, each with the one that was published before it."""
    found = [
        (number, sql.moment(published), sql.moment(effective), json.loads(document))
        for number, published, effective, document in sql.rows(_RULES, [before, limit + 1])
    ]
    olders: Sequence[Mapping[str, Any] | None] = [*(each[-1] for each in found[1:]), None]
    return [RulesRow(*each, older) for each, older in zip(found, olders, strict=True)][:limit]


def waiting() -> list[Waiting]:
    """Return what waits for a person, kind by kind."""
    return [
        Waiting(what, int(count), None if since is None else sql.moment(since), int(fen or 0))
        for what, count, since, fen in sql.rows(_WAITING)
    ]


def looks(*, account_id: int | None = None, before: int = LAST, limit: int) -> list[LookRow]:
    """Return looks, newest first, of ids below `before`: somebody's, or all."""
    which, params = ("", []) if account_id is None else ("AND account_id = %s", [account_id])
    query = f"{_LOOKS} WHERE id < %s {which} ORDER BY id DESC LIMIT %s"
    return [LookRow(number, sql.moment(at), *rest) for number, at, *rest in sql.rows(query, [before, *params, limit])]


def reveals(*, limit: int) -> list[RevealRow]:
    """Return who was revealed to whom, newest first."""
    return [
        RevealRow(sql.moment(at), actor, about, str(told["case"]), str(told["reason"]))
        for at, actor, about, detail in sql.rows(_REVEALS, [limit])
        for told in [json.loads(detail)]
    ]


_POOLS = """
    SELECT p.name, p.is_red,
           SUM(CASE WHEN a.account_class = 'trust:pool' THEN a.credits_fen - a.debits_fen END) AS free,
           SUM(CASE WHEN a.account_class = 'trust:accrued' THEN a.credits_fen - a.debits_fen END) AS accrued,
           SUM(CASE WHEN a.account_class = 'trust:voucher' THEN a.credits_fen - a.debits_fen END) AS voucher
    FROM pool p LEFT JOIN ledger_account a ON a.name IN (
        'trust:pool:' || p.name, 'trust:accrued:' || p.name, 'trust:voucher:' || p.name)
    GROUP BY p.id, p.name, p.is_red ORDER BY p.is_red, free DESC, p.id LIMIT %s
"""
_CYCLES = """
    SELECT p.first_cycle + s.cycle - 1 AS cycle, SUM(s.inflow_fen), SUM(s.issued_fen)
    FROM settled_cycle s JOIN pool p ON p.id = s.pool_id GROUP BY p.first_cycle + s.cycle - 1 ORDER BY 1 DESC LIMIT %s
"""
_RULES = """
    SELECT id, published_at, effective_at, document FROM rule_version WHERE id < %s ORDER BY id DESC LIMIT %s
"""
_WAITING = """
    SELECT 'settlements', COUNT(*), MIN(proposed_at), SUM(issued_fen) FROM settlement_run WHERE state = 'held'
    UNION ALL SELECT 'orders', COUNT(*), MIN(h.placed_at), SUM(o.cash_fen + o.voucher_fen + o.coupon_fen)
        FROM hold h JOIN orders o ON o.id = h.order_id WHERE h.released_at IS NULL
    UNION ALL SELECT 'accounts', COUNT(*), MIN(placed_at), 0
        FROM hold WHERE released_at IS NULL AND account_id IS NOT NULL
    UNION ALL SELECT 'claims', COUNT(*), MIN(asked_at), SUM(amount_fen) FROM claim WHERE state = 'held'
    UNION ALL SELECT 'cases', COUNT(*), MIN(opened_at), SUM(ABS(expected_fen - found_fen))
        FROM reconciliation_case WHERE state = 'open'
    UNION ALL SELECT 'proposals', COUNT(*), MIN(proposed_at), 0 FROM proposal WHERE state = 'open'
"""
_LOOKS = "SELECT id, at, account_id, method, page, about FROM portal_view"
# Who reveals has looked first. The few who ever looked are found one by one, and their acts by the index of actors: a
# long audit log is not gone through for the few rows of it that are reveals.
_REVEALS = """
    WITH RECURSIVE lookers(account_id) AS (
        SELECT MIN(account_id) FROM portal_view
        UNION ALL
        SELECT (SELECT MIN(v.account_id) FROM portal_view v WHERE v.account_id > l.account_id) FROM lookers l
        WHERE l.account_id IS NOT NULL
    )
    SELECT at, actor, about, detail FROM audit_entry
    WHERE act = 'portal.reveal' AND actor IN (
        SELECT 'account/' || CAST(account_id AS VARCHAR(20)) FROM lookers WHERE account_id IS NOT NULL)
    ORDER BY id + 0 DESC LIMIT %s
"""
