"""What a settlement would do: computed by core from the rows as they stand, and written by nobody here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from greenloop.core.loop import settlement
from greenloop.core.loop.settlement import Cohort, PoolState
from greenloop.store import sql
from greenloop.store.queries import pools, settlements
from greenloop.store.queries.settlements import PoolResult, Step

Answer = Mapping[str, int | bool | None]
Rows = list[tuple[int, Cohort]]


@dataclass(frozen=True, slots=True)
class Decision:
    """What one cycle of one pool comes to: the settlement's answer, and its cohorts, with ids, before and after."""

    state: PoolState
    answer: Answer
    before: Rows
    after: Rows

    @property
    def moved_fen(self) -> int:
        """Return the vouchers that it issues."""
        return int(str(self.answer["moved_fen"]))

    @property
    def changed(self) -> Rows:
        """Return the cohorts that are not as they were."""
        return [row for row, before in zip(self.after, self.before, strict=True) if row != before]


def decide(cycle: int, free_fen: Mapping[int, int] | None = None) -> dict[int, Decision]:
    """Return by pool what settling an alliance cycle comes to; `free_fen` is the free money at its cut-off, if kept."""
    states = pools.states(cycle, None if free_fen is None else dict(free_fen))
    cohorts = pools.cohorts(states)
    plans = pools.plans()
    decided = {}
    for pool, state in states.items():
        before = [row for row in cohorts.get(pool, []) if row[1].entry <= state.cycle]
        result = settlement.settle(pool=state, cohorts=[cohort for _, cohort in before], plans=plans)
        after = list(zip((number for number, _ in before), result.cohorts, strict=True))
        decided[pool] = Decision(state, result.answer(), before, after)
    return decided


def issued_fen(decided: Mapping[int, Decision]) -> int:
    """Return the vouchers that all pools issue together."""
    return sum(each.moved_fen for each in decided.values())


def kept_free_fen(proposal: str) -> dict[int, int]:
    """Return by pool the free money that a held settlement was computed from."""
    return {int(pool): fen for pool, fen in json.loads(proposal).items()}


def held(cycle: int) -> dict[int, Decision]:
    """Return by pool what approving a held settlement would post; nothing where none is held for that cycle."""
    kept = sql.value("SELECT proposal FROM settlement_run WHERE cycle = %s AND state = 'held'", [cycle])
    return {} if kept is None else decide(cycle, kept_free_fen(kept))


def seal(*, cycle: int, issued_fen: int, proposed_by: str, proposed_at: datetime) -> str:
    """Return the mark of one proposal: whoever decides says by it which one they have seen."""
    told = f"{cycle}/{issued_fen}/{proposed_by}/{proposed_at.timestamp():.6f}"
    return sha256(told.encode()).hexdigest()


def results(decided: Mapping[int, Decision], cycle: int) -> list[PoolResult]:
    """Return what a settlement that is only proposed would do to each pool, those that would issue most first."""
    facts = settlements.pool_facts(cycle)
    found = [settlements.result_of(facts[pool], each.answer) for pool, each in decided.items()]
    return sorted(found, key=lambda result: (-result.issued_fen, result.fact.is_red, result.fact.id))


def steps(decision: Decision, pool: int) -> list[Step]:
    """Return the cohorts of a pool that a proposed settlement would release to, in order of entry."""
    facts = settlements.cohorts(pool)
    before = dict(decision.before)
    return [
        Step(facts[number], cohort.age, before[number].index, cohort.index)
        for number, cohort in decision.changed
        if cohort.points
    ]
