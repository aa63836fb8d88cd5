"""One settlement, lot by lot (settlement.md R2 and R4 to R8)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

S = 10**12


@dataclass(frozen=True)
class PoolTerms:
    """What was agreed for a pool. Ratios are (part, whole)."""

    allot: tuple[int, int]
    spend: tuple[int, int]
    cycle_cap: int | None
    threshold: int
    share: tuple[int, int]
    window: int


@dataclass(frozen=True)
class PlanTerms:
    """What was agreed for a lot. Rates, growth and cap are integers × S; None means no limit."""

    cycles: int
    r0: int
    cap: int
    coupling: str
    fixed: int
    g_min: int
    g_max: int | None
    r_max: int | None

    def fixed_releases(self) -> int:
        return self.cycles if self.coupling == "flat" else min(self.fixed, self.cycles)

    def at_most(self, rate: int) -> int:
        return rate if self.r_max is None else min(self.r_max, rate)

    def clamp(self, growth: int) -> int:
        raised = max(growth, self.g_min)
        return raised if self.g_max is None else min(raised, self.g_max)


@dataclass
class Lot:
    """The points that one order gave to one holder. `released` is vouchers per point × S since it entered."""

    account: str
    plan: PlanTerms
    entry: int
    original: int
    points: int
    released: int = 0
    age: int = 0
    rate: int = 0
    base: int | None = None
    step: int = 0

    def room(self) -> int:
        return self.plan.cap - self.released


@dataclass(frozen=True)
class Outcome:
    """`need` before R5, `dividend` what R7 added; both are points × rate, exact."""

    need: int
    scaled: bool
    dividend: int


def window_total(inflow: Mapping[int, int], cycle: int, window: int) -> int:
    """R2: what came in during the last `window` cycles, scaled up while there have been fewer."""
    if cycle < 1:
        return 0
    total = sum(inflow[each] for each in range(max(1, cycle - window + 1), cycle + 1))
    return floor(Fraction(total * window, cycle)) if cycle < window else total


def total(lots: Sequence[Lot]) -> int:
    """Vouchers × S that this cycle's steps release."""
    return sum(lot.points * lot.step for lot in lots)


def _nominal(lot: Lot, driver: int, growth: int | None) -> int:
    """R4: the rate of this release, which the lot remembers for a chain's next one."""
    plan = lot.plan
    if plan.coupling == "flat" or lot.age < plan.fixed:
        return plan.r0
    if plan.coupling == "chain":
        if lot.age == 0:
            return plan.r0
        factor = S if growth is None else S + plan.clamp(growth)
        return plan.at_most(lot.rate * factor // S)
    if plan.coupling == "level":
        if lot.base is None:
            return plan.r0
        return plan.at_most(plan.r0 * max(driver, 0) // lot.base)
    return 0


def _spare(lots: Sequence[Lot], cycle: int, free: int) -> int:
    """The earmark: free money × S that no fixed release of a running lot still needs; may be negative."""
    promised = 0
    for lot in lots:
        plan = lot.plan
        if lot.entry == cycle:
            ahead = plan.fixed_releases()
        elif lot.age < plan.cycles:
            ahead = max(0, plan.fixed_releases() - lot.age - 1)
        else:
            ahead = 0
        if ahead:
            promised += lot.points * min(plan.r0 * ahead, lot.room() - lot.step)
    return free * S - total(lots) - promised


def settle_lots(
    lots: Sequence[Lot],
    *,
    terms: PoolTerms,
    cycle: int,
    inflow: Mapping[int, int],
    driver: int,
    driver_before: int,
    growth: int | None,
    budget: int,
    free: int,
) -> Outcome:
    """Walk every lot of one pool through one cycle: nominal, pro rata, pool-driven, dividend, apply."""
    for lot in lots:
        lot.step = 0
    running = [lot for lot in lots if lot.entry < cycle and lot.age < lot.plan.cycles]
    for lot in running:
        if lot.base is None:
            larger = max(window_total(inflow, lot.entry, terms.window), driver)
            lot.base = larger if larger > 0 else None
        pool_driven = lot.plan.coupling == "share" and lot.age >= lot.plan.fixed
        if not pool_driven:
            lot.rate = _nominal(lot, driver, growth)
            lot.step = min(lot.rate, lot.room())
    need = total(running)
    scaled = need > budget * S
    if scaled:
        for lot in running:
            lot.step = floor(Fraction(lot.step * budget * S, need))
    _share_out(lots, running, budget=budget, cycle=cycle, free=free)
    before_dividend = total(running)
    if growth is not None and growth > terms.threshold:
        limit = driver - driver_before - driver_before * terms.threshold // S
        limit = min(limit, inflow[cycle])
        _dividend(lots, running, terms=terms, limit=limit, budget=budget, cycle=cycle, free=free)
    dividend = total(running) - before_dividend
    for lot in running:
        assert lot.step >= 0, "no release is ever taken back"
        lot.released += lot.step
        lot.age += 1
        assert lot.released <= lot.plan.cap, "P3: no lot releases more than its cap"
    return Outcome(need, scaled, dividend)


def _share_out(lots: Sequence[Lot], running: Sequence[Lot], *, budget: int, cycle: int, free: int) -> None:
    """R6: lots driven by the pool share what fixed lots leave over."""
    sharing = [lot for lot in running if lot.plan.coupling == "share" and lot.age >= lot.plan.fixed and lot.room() > 0]
    points = sum(lot.points for lot in sharing)
    left = max(0, min(budget * S - total(running), _spare(lots, cycle, free)))
    if points == 0:
        return
    each = left // points
    for lot in sharing:
        lot.step = lot.plan.at_most(min(each, lot.room()))


def _dividend(
    lots: Sequence[Lot],
    running: Sequence[Lot],
    *,
    terms: PoolTerms,
    limit: int,
    budget: int,
    cycle: int,
    free: int,
) -> None:
    """R7: part of the growth above the threshold goes to every running lot below its cap, in one pass."""
    surplus = budget - ceil(Fraction(total(running), S))
    surplus = min(surplus, floor(Fraction(_spare(lots, cycle, free), S)), limit)
    u, v = terms.share
    extra = max(0, surplus) * u // v
    eligible = [lot for lot in running if lot.points > 0 and lot.step < lot.room()]
    points = sum(lot.points for lot in eligible)
    if points == 0:
        return
    each = extra * S // points
    for lot in eligible:
        lot.step += min(each, lot.room() - lot.step)
