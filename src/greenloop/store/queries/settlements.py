"""Settlement runs: who proposed and decided them, and what each pool and cohort got by them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from greenloop.core.faults import Refusal, say
from greenloop.store import sql

LATEST = 2**62


@dataclass(frozen=True, slots=True)
class RunRow:
    """The settlement of one alliance cycle over all pools: `state` is posted, or held for a second person.

    `proposal` is the free money that a held one was computed from. `others_fen` is what other runs issued on the same
    local day, where that was asked for.
    """

    cycle: int
    state: str
    issued_fen: int
    cap_fen: int | None
    proposal: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    others_fen: int = 0

    @property
    def room_fen(self) -> int | None:
        """Return what the daily rebate cap left for this run; None without a cap."""
        return None if self.cap_fen is None else max(0, self.cap_fen - self.others_fen)


@dataclass(frozen=True, slots=True)
class PoolFact:
    """A pool at one of its cycles: `own_cycle` counts from its first, `cap_fen` was set for that cycle alone."""

    id: int
    name: str
    is_red: bool
    own_cycle: int
    inflow_fen: int
    cap_fen: int | None


@dataclass(frozen=True, slots=True)
class PoolResult:
    """What one cycle of one pool came to, in fen, or would come to; `growth` is × 10**12."""

    fact: PoolFact
    issued_fen: int
    free_fen: int
    backing_fen: int
    budget_fen: int
    growth: int | None
    scaled: bool

    @property
    def free_before_fen(self) -> int:
        """Return the free money at the cut-off."""
        return self.free_fen + self.issued_fen


@dataclass(frozen=True, slots=True)
class CohortFact:
    """What a cohort is called: its plan, how often that releases, the cycle it entered in, its points and its cap."""

    plan: str
    cycles: int
    entry: int
    own_entry: int
    points: int
    cap: int


@dataclass(frozen=True, slots=True)
class Step:
    """One cohort before and after a settlement, by index: vouchers per point × 10**12."""

    cohort: CohortFact
    age: int
    before: int
    after: int

    @property
    def step(self) -> int:
        """Return what one point gets."""
        return self.after - self.before


def runs(*, before: int = LATEST, limit: int) -> list[RunRow]:
    """Return settlement runs, newest first, of cycles before `before`."""
    return [_run((*row, 0)) for row in sql.rows(_RUNS, [before, limit])]


def run(cycle: int, *, offset_minutes: int) -> RunRow:
    """Return the settlement run of a cycle, with what other runs issued on the local day it was proposed.

    :raises Refusal: there is none.
    """
    day_of = sql.local_date
    query = _RUN.format(day=day_of("d.proposed_at"), that_day=day_of("r.proposed_at"))
    found = sql.rows(query, [offset_minutes, offset_minutes, cycle])
    if not found:
        message = say("There is no settlement of cycle {cycle} yet.")
        raise Refusal("settle.unknown", message, field="cycle", cycle=cycle)
    return _run(found[0])


def pool_facts(cycle: int) -> dict[int, PoolFact]:
    """Return every pool that took part in an alliance cycle."""
    return {
        number: PoolFact(number, name, bool(red), own, int(inflow or 0), cap)
        for number, name, red, own, inflow, cap in sql.rows(_POOLS, [cycle, cycle, cycle])
    }


def results(cycle: int, *, limit: int) -> tuple[list[PoolResult], int, int]:
    """Return what a posted settlement did to the pools that issued most, how many pools there are, and their sum."""
    found, pools, issued_fen = [], 0, 0
    for number, name, red, own, inflow, cap, text, count, issued in sql.rows(_RESULTS, [cycle, cycle, cycle, limit]):
        found.append(result_of(PoolFact(number, name, bool(red), own, int(inflow or 0), cap), json.loads(text)))
        pools, issued_fen = int(count), int(issued)
    return found, pools, issued_fen


def result_of(fact: PoolFact, answer: Mapping[str, Any]) -> PoolResult:
    """Return a pool's result from a settlement's answer."""
    return PoolResult(
        fact,
        issued_fen=answer["moved_fen"],
        free_fen=answer["free_fen"],
        backing_fen=answer["backing_fen"],
        budget_fen=answer["budget_fen"],
        growth=answer["growth"],
        scaled=answer["scaled"],
    )


def cohorts(pool_id: int) -> dict[int, CohortFact]:
    """Return the cohorts of a pool by id, in order of entry."""
    return {
        number: CohortFact(plan, json.loads(terms)["cycles"], entry, own, points, cap)
        for number, plan, terms, entry, own, points, cap in sql.rows(_COHORTS, [pool_id])
    }


def steps(fact: PoolFact) -> list[Step]:
    """Return the cohorts of a pool that a posted settlement released to, in order of entry."""
    texts: dict[int, str] = dict(sql.rows(_INDICES, [fact.id, fact.own_cycle - 1, fact.own_cycle]))
    before = dict(json.loads(texts.get(fact.own_cycle - 1, "[]")))
    after = dict(json.loads(texts.get(fact.own_cycle, "[]")))
    return [
        Step(cohort, fact.own_cycle - cohort.own_entry, before.get(number, 0), after[number])
        for number, cohort in cohorts(fact.id).items()
        if number in after and cohort.points
    ]


def _run(row: sql.Row) -> RunRow:
    cycle, state, issued, cap, proposal, by, at, decided_by, decided_at, others = row
    decided = sql.moment(decided_at) if decided_at else None
    return RunRow(cycle, state, issued, cap, proposal, by, sql.moment(at), decided_by, decided, int(others or 0))


_COLUMNS = "cycle, state, issued_fen, cap_fen, proposal, proposed_by, proposed_at, decided_by, decided_at"
_RUNS = f"SELECT {_COLUMNS} FROM settlement_run WHERE cycle < %s ORDER BY cycle DESC LIMIT %s"  # noqa: S608
_RUN = f"""
    SELECT {", ".join(f"r.{name}" for name in _COLUMNS.split(", "))}, (
        SELECT SUM(d.issued_fen) FROM settlement_run d
        WHERE d.state = 'posted' AND d.cycle <> r.cycle AND {{day}} = {{that_day}}
    )
    FROM settlement_run r WHERE r.cycle = %s
"""  # noqa: S608
_POOLS = """
    SELECT p.id, p.name, p.is_red, %s - p.first_cycle + 1, c.inflow_fen, c.cap_fen
    FROM pool p LEFT JOIN pool_cycle c ON c.pool_id = p.id AND c.cycle = %s - p.first_cycle + 1
    WHERE p.first_cycle <= %s
"""
_RESULTS = """
    SELECT p.id, p.name, p.is_red, s.cycle, s.inflow_fen, c.cap_fen, s.answer,
           COUNT(*) OVER (), SUM(s.issued_fen) OVER ()
    FROM pool p JOIN settled_cycle s ON s.pool_id = p.id AND s.cycle = %s - p.first_cycle + 1
    LEFT JOIN pool_cycle c ON c.pool_id = p.id AND c.cycle = %s - p.first_cycle + 1
    WHERE p.first_cycle <= %s ORDER BY s.issued_fen DESC, p.is_red, p.id LIMIT %s
"""
_INDICES = "SELECT cycle, indices FROM settled_cycle WHERE pool_id = %s AND cycle IN (%s, %s)"
_COHORTS = """
    SELECT c.id, l.name, l.terms, o.first_cycle + c.entry - 1, c.entry, c.points, c.index_cap
    FROM cohort c JOIN plan l ON l.id = c.plan_id JOIN pool o ON o.id = c.pool_id
    WHERE c.pool_id = %s ORDER BY c.entry, c.id
"""
