"""One cycle of one pool: from its free money and its cohorts to new release indices (settlement.md, R2–R8).

Per cohort, not per holder: a settlement costs the same for a hundred members and for ten million. Inside, the cohorts
are parallel lists of integers, because forty of them have to settle within a tenth of a millisecond.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from operator import add, le, mul
from typing import NamedTuple

from greenloop.core.faults import ensure
from greenloop.core.loop.plan import Plan, PoolTerms
from greenloop.core.money import SCALE, ceil_div

Plans = Mapping[str, Plan]


class Cohort(NamedTuple):
    """All lots that entered a pool in cycle `entry` under one plan: they release alike.

    A tuple, because it is made three times as fast as a frozen dataclass, and a settlement makes nothing else.
    `points` in 1/100 point; `index` is fen released per fen of points × SCALE; `age` counts the releases so far; `rate`
    is the last nominal rate × SCALE (0 where the pool drives it); `base` is what a `level` plan measures the driver
    against, in fen, None while unset.
    """

    plan: str
    entry: int
    points: int
    index: int = 0  # type: ignore[assignment]  # hides tuple.index, which has no use here
    age: int = 0
    rate: int = 0
    base: int | None = None


@dataclass(frozen=True, slots=True)
class PoolState:
    """A pool at the cut-off of its open cycle `cycle` (t); amounts in fen.

    `inflow_fen` holds F_1 … F_t. `cap_fen` is this cycle's own cap, which overrides the one of the terms.
    """

    terms: PoolTerms
    cycle: int
    free_fen: int
    backing_fen: int
    inflow_fen: Sequence[int]
    cap_fen: int | None = None

    def driver(self) -> int:
        """Return M_t, in fen (R2)."""
        return driver_at(self.inflow_fen, self.cycle, self.terms.window)

    def growth(self) -> int | None:
        """Return g_t × SCALE, None while it is undefined (R2)."""
        before_fen = driver_at(self.inflow_fen, self.cycle - 1, self.terms.window)
        return growth_between(before_fen, self.driver())

    def budget_fen(self) -> int:
        """Return what this cycle may move at most, in fen (R3)."""
        spend, of = self.terms.spend
        cap_fen = self.terms.cycle_cap_fen if self.cap_fen is None else self.cap_fen
        budget_fen = self.free_fen * spend // of
        return budget_fen if cap_fen is None else min(budget_fen, cap_fen)


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one cycle decided: the pool after it, its cohorts after it, and how it came about.

    `driver` is M_t in fen, `growth` × SCALE (None: undefined). `need` is the exact Σ points × increment before R5
    scaled it (`scaled`), `dividend` the exact Σ points × what R7 added: both in fen × SCALE.
    """

    cycle: int
    driver: int
    growth: int | None
    budget_fen: int
    need: int
    scaled: bool
    dividend: int
    moved_fen: int
    free_fen: int
    backing_fen: int
    cohorts: tuple[Cohort, ...]

    def answer(self) -> dict[str, int | bool | None]:
        """Return the figures that every door, export and replay shows for a settled cycle."""
        return {
            "driver": self.driver,
            "growth": self.growth,
            "budget_fen": self.budget_fen,
            "need": self.need,
            "scaled": self.scaled,
            "dividend": self.dividend,
            "moved_fen": self.moved_fen,
            "free_fen": self.free_fen,
            "backing_fen": self.backing_fen,
        }


def driver_at(inflow_fen: Sequence[int], cycle: int, window: int) -> int:
    """Return M of `cycle`: the inflow of the last `window` cycles, in fen, scaled up while there are fewer (R2)."""
    if cycle < 1:
        return 0
    if cycle < window:
        return sum(inflow_fen[:cycle]) * window // cycle
    return sum(inflow_fen[cycle - window : cycle])


def growth_between(before_fen: int, now_fen: int) -> int | None:
    """Return the growth of the driver × SCALE; None, undefined, after a cycle without inflow (R2)."""
    return (now_fen - before_fen) * SCALE // before_fen if before_fen > 0 else None


def backing_fen(cohorts: Sequence[Cohort]) -> int:
    """Return the fen that back everything released to `cohorts`: one rounding up per pool (R8)."""
    return ceil_div(sum(cohort.points * cohort.index for cohort in cohorts), SCALE)


def settle(*, pool: PoolState, cohorts: Sequence[Cohort], plans: Plans) -> Settlement:
    """Close one cycle of one pool (R2–R8). The cohorts come back in the order given.

    Amounts are fen, indices fen per fen of points × SCALE.

    :raises Breach: the facts contradict each other, or the result would break P1 or P3; nothing may be recorded then.
    """
    ensure(len(pool.inflow_fen) == pool.cycle, "the inflow must reach from cycle 1 to the open cycle, no further")
    release = _Release(pool, cohorts, plans)
    released = release.so_far()
    ensure(ceil_div(released, SCALE) == pool.backing_fen, "R8: backing is what was released so far, rounded up")
    driver, growth, budget_fen = pool.driver(), pool.growth(), pool.budget_fen()
    need = release.nominal(driver, growth)
    scaled = need > budget_fen * SCALE
    if scaled:
        release.scale(budget_fen * SCALE, need)
    release.share(budget_fen)
    dividend = release.dividend(budget_fen, driver, growth)
    settled = release.settled()
    backed_fen = ceil_div(released + release.total(), SCALE)
    moved_fen = backed_fen - pool.backing_fen
    ensure(0 <= moved_fen <= budget_fen <= pool.free_fen, "P1: a cycle never moves more than its budget")
    free_fen = pool.free_fen - moved_fen
    return Settlement(
        pool.cycle, driver, growth, budget_fen, need, scaled, dividend, moved_fen, free_fen, backed_fen, settled
    )


def chain_factor(plan: Plan, growth: int | None) -> int:
    """Return what a chained rate is multiplied by, × SCALE: 1 + clamped growth. Undefined growth keeps the rate."""
    if growth is None:
        return SCALE
    growth = max(growth, plan.g_min)
    return max(0, SCALE + (growth if plan.g_max is None else min(growth, plan.g_max)))


def nominal_rate(plan: Plan, cohort: Cohort, base: int | None, driver: int, factor: int) -> int:
    """Return the rate × SCALE that a cohort's next release asks for, before cap and budget (R4).

    `factor` is its plan's `chain_factor`. A pool-driven release has no rate: 0.
    """
    coupling = plan.coupling
    if coupling == "flat" or cohort.age < plan.fixed_cycles:
        return plan.r0
    if coupling == "share":
        return 0
    if coupling == "chain":
        if cohort.age == 0:
            return plan.r0
        rate = cohort.rate * factor // SCALE
    elif base is None:
        return plan.r0
    else:
        rate = plan.r0 * max(driver, 0) // base
    return rate if plan.r_max is None else min(rate, plan.r_max)


class _Release:
    """One settlement at work, in columns with an entry per cohort: what each asks for, may still get, and will get.

    `live` lists the places of the cohorts that take part: they entered before this cycle and have releases left.
    """

    __slots__ = (
        "ages",
        "bases",
        "cohorts",
        "due",
        "indices",
        "live",
        "plans",
        "points",
        "pool",
        "rates",
        "rooms",
        "steps",
        "used",
    )

    def __init__(self, pool: PoolState, cohorts: Sequence[Cohort], plans: Plans) -> None:
        self.pool = pool
        self.cohorts = cohorts
        self.used = {name: plans[name] for name in {cohort.plan for cohort in cohorts}}
        self.plans = [self.used[cohort.plan] for cohort in cohorts]
        self.points = [cohort.points for cohort in cohorts]
        self.indices = [cohort.index for cohort in cohorts]
        self.ages = [cohort.age for cohort in cohorts]
        self.rates = [cohort.rate for cohort in cohorts]
        self.bases = [cohort.base for cohort in cohorts]
        self.rooms = [plan.cap - index for plan, index in zip(self.plans, self.indices, strict=True)]
        self.steps = [0] * len(cohorts)
        self.live: list[int] = []
        self.due: list[int] = []

    def nominal(self, driver: int, growth: int | None) -> int:
        """Find each cohort's nominal increment, its rate clipped to its room, and return Σ points × increment (R4)."""
        cycle, rooms, rates, bases, steps = self.pool.cycle, self.rooms, self.rates, self.bases, self.steps
        factors = {name: chain_factor(plan, growth) for name, plan in self.used.items()}
        for at, (cohort, plan) in enumerate(zip(self.cohorts, self.plans, strict=True)):
            name, entry, _, _, age, _, base = cohort
            if entry < cycle and age < plan.cycles:
                if base is None:
                    base = bases[at] = self._base(entry, driver)
                rates[at] = rate = nominal_rate(plan, cohort, base, driver, factors[name])
                steps[at] = min(rate, rooms[at])
                self.ages[at] = age + 1
                self.live.append(at)
        return self.total()

    def _base(self, entry: int, driver: int) -> int | None:
        """Set a cohort's base to the larger driver of its entry and of now, once that is above 0 (R4)."""
        base = max(driver, driver_at(self.pool.inflow_fen, entry, self.pool.terms.window))
        return base if base > 0 else None

    def so_far(self) -> int:
        """Return Σ points × index before this cycle, exact, in fen × SCALE."""
        return sum(map(mul, self.points, self.indices))

    def total(self) -> int:
        """Return Σ points × increment, exact, in fen × SCALE."""
        return sum(map(mul, self.points, self.steps))

    def scale(self, funded: int, need: int) -> None:
        """Lower every increment in the same proportion, from `need` to what is `funded` (R5)."""
        self.steps = [step * funded // need for step in self.steps]

    def spare(self) -> int:
        """Return the free money × SCALE that neither this cycle nor a fixed release to come needs (Earmark).

        A cohort keeps its increment and its fixed releases to come, together never more than its room.
        """
        if not self.due:
            fixed = {name: (plan.r0, plan.fixed_releases) for name, plan in self.used.items()}
            rates = [fixed[cohort.plan] for cohort in self.cohorts]
            self.due = [r0 * (of - age) if age < of else 0 for (r0, of), age in zip(rates, self.ages, strict=True)]
        kept: int = sum(map(mul, self.points, map(min, map(add, self.steps, self.due), self.rooms)))
        return self.pool.free_fen * SCALE - kept

    def share(self, budget_fen: int) -> None:
        """Divide what the fixed lots leave of the budget among the pool-driven cohorts, by points (R6)."""
        plans, ages, rooms = self.plans, self.ages, self.rooms
        coupled = [at for at in self.live if plans[at].coupling == "share"]
        driven = [at for at in coupled if ages[at] > plans[at].fixed_cycles and rooms[at] > 0]
        points = sum([self.points[at] for at in driven])
        if points == 0:
            return
        each = max(0, min(budget_fen * SCALE - self.total(), self.spare())) // points
        for at in driven:
            r_max = plans[at].r_max
            self.steps[at] = min(each, rooms[at]) if r_max is None else min(each, rooms[at], r_max)

    def dividend(self, budget_fen: int, driver: int, growth: int | None) -> int:
        """Add the growth dividend to the increments and return Σ points × what was added, exact (R7)."""
        terms = self.pool.terms
        part, of = terms.dividend_share
        if growth is None or growth <= terms.dividend_threshold or part == 0:
            return 0
        points, left = self.points, [0] * len(self.points)
        for at in self.live:
            if points[at] > 0:
                left[at] = self.rooms[at] - self.steps[at]
        eligible = sum([points[at] for at in self.live if left[at] > 0])
        if eligible == 0:
            return 0
        before = driver_at(self.pool.inflow_fen, self.pool.cycle - 1, terms.window)
        surplus_fen = min(
            budget_fen - ceil_div(self.total(), SCALE),
            self.spare() // SCALE,
            driver - before - before * terms.dividend_threshold // SCALE,
            self.pool.inflow_fen[-1],
        )
        each = max(0, surplus_fen) * part // of * SCALE // eligible
        extra = list(map(min, left, repeat(each)))
        self.steps = list(map(add, self.steps, extra))
        return sum(map(mul, points, extra))

    def settled(self) -> tuple[Cohort, ...]:
        """Apply the increments (R8).

        :raises Breach: an index would fall, or rise above its cap.
        """
        ensure(
            all(map(le, self.steps, self.rooms)) and min(self.steps, default=0) >= 0, "P3: 0 ≤ increment ≤ cap − index"
        )
        names, entries = [cohort.plan for cohort in self.cohorts], [cohort.entry for cohort in self.cohorts]
        indices = map(add, self.indices, self.steps)
        columns = (names, entries, self.points, indices, self.ages, self.rates, self.bases)
        return tuple(map(Cohort._make, zip(*columns, strict=True)))
