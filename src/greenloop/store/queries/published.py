"""What anybody who takes part may look up: pools with their cycles, plans, and the rules then, now and next."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from greenloop.core.faults import Refusal, say
from greenloop.core.money import SCALE, coverage_ppm
from greenloop.store import sql

LAST = 2**62


@dataclass(frozen=True, slots=True)
class PoolRow:
    """A pool as it stands, in fen. Cycles are the alliance's; `growth` is × 10**12, None where it is undefined.

    `inflow_fen` has come in this cycle, `issued_fen` was issued in the last settled one.
    """

    id: int
    name: str
    is_red: bool
    first_cycle: int
    open_cycle: int
    settled_cycle: int
    free_fen: int
    accrued_fen: int
    voucher_fen: int
    inflow_fen: int
    issued_fen: int | None
    growth: int | None

    @property
    def coverage_ppm(self) -> int | None:
        """Return (free + accrued + voucher) ÷ (accrued + voucher) in ppm; None while nothing is owed."""
        return coverage_ppm(self.free_fen, self.accrued_fen + self.voucher_fen)


@dataclass(frozen=True, slots=True)
class CycleRow:
    """One settled cycle of a pool, in fen; `owed_fen` is accrued + voucher right after it, None in old rows."""

    cycle: int
    cutoff_at: datetime
    inflow_fen: int
    issued_fen: int
    free_fen: int
    owed_fen: int | None
    budget_fen: int
    growth: int | None
    dividend: int
    scaled: bool

    @property
    def dividend_fen(self) -> int:
        """Return what of the issue was dividend, rounded down."""
        return self.dividend // SCALE


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A release plan with its terms."""

    id: int
    name: str
    terms: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RulesRow:
    """A published rule set: `state` is past, current or next."""

    id: int
    state: str
    effective_at: datetime
    published_at: datetime
    document: dict[str, Any]


def pools(*, after: int = 0, limit: int) -> list[PoolRow]:
    """Return pools, oldest first, of ids above `after`."""
    return [_pool(row) for row in sql.rows(f"{_POOLS} WHERE p.id > %s ORDER BY p.id LIMIT %s", [after, limit])]


def pool(name: str) -> PoolRow:
    """Return a pool by its name.

    :raises Refusal: there is none.
    """
    if found := sql.rows(f"{_POOLS} WHERE p.name = %s", [name]):
        return _pool(found[0])
    raise Refusal("pool.unknown", say("There is no pool {pool}."), field="pool", pool=name[:64])


def cycles(row: PoolRow, *, before: int = LAST, limit: int) -> list[CycleRow]:
    """Return a pool's settled cycles, newest first, of alliance's cycles below `before`."""
    found = []
    for cycle, cutoff, inflow, issued, free, backing, spent, text in sql.rows(
        _CYCLES, [row.id, before - row.first_cycle + 1, limit]
    ):
        answer = json.loads(text)
        found.append(
            CycleRow(
                *(row.first_cycle + cycle - 1, sql.moment(cutoff), inflow, issued, free),
                *(None if spent is None else backing - spent, answer["budget_fen"], answer["growth"]),
                *(answer["dividend"], answer["scaled"]),
            )
        )
    return found


def plans(*, after: int = 0, limit: int) -> list[PlanRow]:
    """Return release plans, oldest first, of ids above `after`."""
    found = sql.rows("SELECT id, name, terms FROM plan WHERE id > %s ORDER BY id LIMIT %s", [after, limit])
    return [PlanRow(number, name, json.loads(terms)) for number, name, terms in found]


def rules(*, at: datetime, before: int = LAST, limit: int) -> list[RulesRow]:
    """Return published rule sets as they are at an instant, newest first, of ids below `before`."""
    found = sql.rows(_RULES, [sql.instant(at), before, limit])
    return [_rules(row, at) for row in found]


def rules_at(at: datetime) -> RulesRow:
    """Return the rule set that is in force at an instant.

    :raises Refusal: none is.
    """
    now = sql.instant(at)
    if found := sql.rows(_IN_FORCE, [now, now]):
        return _rules(found[0], at)
    raise Refusal("rules.none", say("No rules are in force at {at}. Publish a rule set first."), at=at)


def _pool(row: sql.Row) -> PoolRow:
    *facts, answer = row
    facts[2] = bool(row[2])
    facts.append(json.loads(answer)["growth"] if answer else None)
    return PoolRow(*facts)


def _rules(row: sql.Row, at: datetime) -> RulesRow:
    number, effective, published, document, current = row
    effective_at = sql.moment(effective)
    state = "next" if effective_at > at else "current" if number == current else "past"
    return RulesRow(number, state, effective_at, sql.moment(published), json.loads(document))


_POOLS = """
    SELECT p.id, p.name, p.is_red, p.first_cycle, p.first_cycle + p.entry_cycle - 1,
           p.first_cycle + p.settled_cycle - 1, p.free_fen, a.credits_fen - a.debits_fen, v.credits_fen - v.debits_fen,
           COALESCE(c.inflow_fen, 0), s.issued_fen, s.answer
    FROM pool p JOIN ledger_account a ON a.name = 'trust:accrued:' || p.name
    JOIN ledger_account v ON v.name = 'trust:voucher:' || p.name
    LEFT JOIN pool_cycle c ON c.pool_id = p.id AND c.cycle = p.entry_cycle
    LEFT JOIN settled_cycle s ON s.pool_id = p.id AND s.cycle = p.settled_cycle
"""
_CYCLES = """
    SELECT cycle, cutoff_at, inflow_fen, issued_fen, free_fen, backing_fen, spent_fen, answer
    FROM settled_cycle WHERE pool_id = %s AND cycle < %s ORDER BY cycle DESC LIMIT %s
"""
_RULES = """
    SELECT r.id, r.effective_at, r.published_at, r.document,
           (SELECT c.id FROM rule_version c WHERE c.effective_at <= %s ORDER BY c.effective_at DESC LIMIT 1)
    FROM rule_version r WHERE r.id < %s ORDER BY r.id DESC LIMIT %s
"""
_IN_FORCE = """
    SELECT id, effective_at, published_at, document, id AS current_id FROM rule_version
    WHERE effective_at <= %s AND effective_at = (SELECT MAX(effective_at) FROM rule_version WHERE effective_at <= %s)
"""
