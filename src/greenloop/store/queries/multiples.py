"""What the points of pools have released so far, read from their cohorts: one row a cycle and plan, never a holder."""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from greenloop.core.money import PPM, SCALE
from greenloop.store import sql

TIMES = (1, 2, 5)
PATHS = 60

Paths = Sequence[tuple[int, str]]
"""The newest settlements of one pool, oldest first: the alliance's cycle, and the indices right after it as JSON."""


@dataclass(frozen=True, slots=True)
class CohortRow:
    """One cohort. `entry` is the alliance's cycle; `index` and `cap` are vouchers per point × 10**12."""

    id: int
    plan: str
    cycles: int
    entry: int
    age: int
    points: int
    index: int
    cap: int


@dataclass(frozen=True, slots=True)
class Reached:
    """Which part of a pool's points released `times` themselves, and in how many releases the quickest cohort did.

    `releases` is None where none did, or where it lies further back than the paths that are read.
    """

    times: int
    ppm: int
    releases: int | None


@dataclass(frozen=True, slots=True)
class Multiples:
    """How the points of one pool stand, each point counted once; indices are vouchers per point × 10**12."""

    points: int
    mean: int
    p10: int
    median: int
    p90: int
    best: int
    reached: tuple[Reached, ...]


def cohorts(pool_id: int) -> list[CohortRow]:
    """Return the cohorts of a pool that have points, in the order in which they entered."""
    return [
        CohortRow(number, plan, json.loads(terms)["cycles"], *rest)
        for number, plan, terms, *rest in sql.rows(_COHORTS, [pool_id])
    ]


def green_cohorts() -> Mapping[int, Sequence[CohortRow]]:
    """Return the cohorts that have points of all green pools, by pool, in the order in which they entered."""
    cycles: dict[str, int] = {}
    found: dict[int, list[CohortRow]] = defaultdict(list)
    for pool, number, plan, terms, *rest in sql.rows(_GREEN):
        if plan not in cycles:
            cycles[plan] = json.loads(terms)["cycles"]
        found[pool].append(CohortRow(number, plan, cycles[plan], *rest))
    return found


def paths(pool_ids: Collection[int]) -> Mapping[int, Paths]:
    """Return the newest settlements of pools, at most 60 of each."""
    found: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for pool, cycle, text in sql.rows_in(_PATHS_OF, pool_ids, [PATHS]):
        found[pool].append((cycle, text))
    return found


def multiples(rows: Sequence[CohortRow], path: Paths = ()) -> Multiples | None:
    """Return how points stand, with the quickest releases along a pool's newest settlements; None before any."""
    total = sum(row.points for row in rows)
    if not total:
        return None
    ranked = sorted(rows, key=lambda row: row.index)
    mean = sum(row.points * row.index for row in rows) // total
    quickest = _quickest(path, rows) if ranked[-1].index >= SCALE else {}
    reached = tuple(
        Reached(by, sum(row.points for row in rows if row.index >= by * SCALE) * PPM // total, quickest.get(by))
        for by in TIMES
    )
    p10, median, p90 = (_quantile(ranked, total, percent) for percent in (10, 50, 90))
    return Multiples(total, mean, p10, median, p90, ranked[-1].index, reached)


def _quantile(ranked: Sequence[CohortRow], total: int, percent: int) -> int:
    """Return the index that `percent` of the points, counted from the lowest, don't pass."""
    passed = 0
    for row in ranked:
        passed += row.points
        if passed * 100 >= total * percent:
            return row.index
    return ranked[-1].index


def _quickest(path: Paths, rows: Sequence[CohortRow]) -> dict[int, int]:
    """Return in how many releases a cohort first reached each multiple, over the newest settlements.

    A cohort whose path begins before them counts only for what it reached within them.
    """
    entries = {row.id: row.entry for row in rows}
    before: dict[int, int] = {}
    found: dict[int, int] = {}
    for cycle, text in path:
        for number, index in json.loads(text):
            releases = cycle - entries.get(number, cycle)
            last = 0 if releases == 1 else before.get(number)
            before[number] = index
            if releases > 0 and last is not None:
                for by in (by for by in TIMES if last < by * SCALE <= index):
                    found[by] = min(found.get(by, releases), releases)
    return found


_COHORTS = """
    SELECT c.id, l.name, l.terms, o.first_cycle + c.entry - 1, c.age, c.points, c.release_index, c.index_cap
    FROM cohort c JOIN plan l ON l.id = c.plan_id JOIN pool o ON o.id = c.pool_id
    WHERE c.pool_id = %s AND c.points > 0 ORDER BY c.entry, c.id
"""
_GREEN = """
    SELECT c.pool_id, c.id, l.name, l.terms, o.first_cycle + c.entry - 1, c.age, c.points, c.release_index, c.index_cap
    FROM cohort c JOIN plan l ON l.id = c.plan_id JOIN pool o ON o.id = c.pool_id
    WHERE NOT o.is_red AND c.points > 0 ORDER BY c.entry, c.id
"""
_PATHS_OF = """
    SELECT s.pool_id, o.first_cycle + s.cycle - 1, s.indices FROM settled_cycle s JOIN pool o ON o.id = s.pool_id
    WHERE s.cycle > o.settled_cycle - %s AND s.pool_id IN ({keys}) ORDER BY s.cycle
"""
