"""R4: the nominal release of each coupling, its fixed phase, its base and its cap."""

import itertools

import pytest

from greenloop.core.loop.plan import Plan
from greenloop.core.loop.settlement import Cohort, backing_fen, settle

from .office import S, cohort, plan, state_of_pool

ONE_PERCENT = S // 100
PLENTY = 10**9


def walk(terms: Plan, inflow: list[int], *, window: int = 1, lot: Cohort | None = None) -> list[Cohort]:
    """One cohort of 1 000 fen that entered in cycle 1, after each of the cycles that follow."""
    lot = lot or cohort(1000)
    seen = []
    for cycle in range(2, len(inflow) + 1):
        pool = state_of_pool(inflow=inflow[:cycle], free=PLENTY, backing=backing_fen([lot]), window=window)
        lot = settle(pool=pool, cohorts=[lot], plans={"plan": terms}).cohorts[0]
        seen.append(lot)
    return seen


def steps(terms: Plan, inflow: list[int], *, window: int = 1) -> list[int]:
    """What one point released in each cycle."""
    indices = [0, *(lot.index for lot in walk(terms, inflow, window=window))]
    return [after - before for before, after in itertools.pairwise(indices)]


def test_a_flat_plan_releases_the_same_in_every_cycle_and_stops_after_its_last() -> None:
    assert steps(plan(cycles=3, r0=ONE_PERCENT), [100, 500, 0, 7, 100]) == [ONE_PERCENT] * 3 + [0]


def test_thirty_six_flat_cycles_of_half_a_percent_release_18_percent() -> None:
    assert walk(plan(), [100] * 40)[-1].index == 18 * ONE_PERCENT


def test_a_cohort_counts_its_age_from_its_first_release_up_to_its_last() -> None:
    ages = [lot.age for lot in walk(plan(cycles=2), [100] * 5)]
    assert ages == [1, 2, 2, 2]


def test_a_chain_multiplies_its_last_rate_by_the_growth() -> None:
    # +10 %, then +20 %, then −50 %; the first release ignores growth
    chain = plan(coupling="chain", r0=ONE_PERCENT)
    assert steps(chain, [100, 900, 990, 1188, 594]) == [
        10_000_000_000,
        11_000_000_000,
        13_200_000_000,
        6_600_000_000,
    ]


def test_a_chain_rounds_its_rate_down() -> None:
    chain = plan(coupling="chain", r0=10)
    assert steps(chain, [100, 100, 119]) == [10, 11]  # 10 × 1.19 = 11.9


def test_a_chain_rate_is_the_nominal_one_even_when_the_cap_cut_the_release() -> None:
    chain = plan(coupling="chain", r0=ONE_PERCENT, cap=ONE_PERCENT + 3)
    lots = walk(chain, [100, 100, 200, 200])
    assert [(lot.index, lot.rate) for lot in lots] == [
        (ONE_PERCENT, ONE_PERCENT),
        (ONE_PERCENT + 3, 2 * ONE_PERCENT),
        (ONE_PERCENT + 3, 2 * ONE_PERCENT),
    ]


def test_after_two_fixed_cycles_the_first_chained_release_is_already_times_one_plus_growth() -> None:
    chain = plan(coupling="chain", r0=ONE_PERCENT, fixed_cycles=2)
    assert steps(chain, [100, 200, 400, 600]) == [ONE_PERCENT, ONE_PERCENT, ONE_PERCENT * 3 // 2]


def test_after_one_fixed_cycle_a_chain_grows_as_without_it() -> None:
    inflow = [100, 200, 500, 650]
    without = plan(coupling="chain", r0=ONE_PERCENT)
    assert steps(plan(coupling="chain", r0=ONE_PERCENT, fixed_cycles=1), inflow) == steps(without, inflow)


@pytest.mark.parametrize(
    "inflow, factor_percent",
    [(200, 105), (106, 105), (104, 104), (100, 100), (90, 90), (80, 80), (10, 80), (0, 80)],
)
def test_a_chain_is_clamped_on_both_sides(inflow: int, factor_percent: int) -> None:
    chain = plan(coupling="chain", r0=ONE_PERCENT, g_min=-S // 5, g_max=S // 20)
    assert steps(chain, [100, 100, inflow])[1] == ONE_PERCENT * factor_percent // 100


def test_by_default_a_chain_may_fall_to_nothing_and_then_stays_there() -> None:
    assert steps(plan(coupling="chain"), [100, 100, 0, 100, 200]) == [S // 200, 0, 0, 0]


def test_a_chain_never_releases_less_than_nothing_whatever_its_clamp() -> None:
    chain = plan(coupling="chain", r0=S, g_min=-3 * S, g_max=-2 * S)
    assert steps(chain, [100, 100, 100, 100]) == [S, 0, 0]


def test_a_chain_keeps_its_rate_while_growth_is_undefined() -> None:
    chain = plan(coupling="chain", r0=ONE_PERCENT, g_min=0)
    # Nothing comes in for two cycles: −100 % is clamped to 0, then growth is undefined twice.
    assert steps(chain, [100, 100, 0, 0, 100]) == [ONE_PERCENT] * 4


def test_a_chain_never_goes_above_its_highest_rate_and_comes_down_from_there() -> None:
    chain = plan(coupling="chain", r0=ONE_PERCENT, r_max=ONE_PERCENT * 3 // 2)
    assert steps(chain, [100, 100, 400, 400, 200]) == [
        ONE_PERCENT,
        ONE_PERCENT * 3 // 2,
        ONE_PERCENT * 3 // 2,
        ONE_PERCENT * 3 // 4,
    ]


def test_the_fixed_phase_and_a_flat_plan_are_not_held_by_the_highest_rate() -> None:
    assert steps(plan(r0=ONE_PERCENT, r_max=1), [100, 100]) == [ONE_PERCENT]
    level = plan(coupling="level", r0=ONE_PERCENT, fixed_cycles=1, r_max=1)
    assert steps(level, [100, 100, 100]) == [ONE_PERCENT, 1]


def test_a_level_plan_pays_in_proportion_to_the_driver() -> None:
    level = plan(coupling="level", r0=ONE_PERCENT)
    # base = 400, the driver at entry; then 400, 800, 200, 0
    assert steps(level, [400, 400, 800, 200, 0]) == [ONE_PERCENT, 2 * ONE_PERCENT, ONE_PERCENT // 2, 0]


def test_a_level_plan_rounds_down() -> None:
    assert steps(plan(coupling="level", r0=100), [300, 200]) == [66]


def test_the_base_is_the_larger_of_entry_and_first_release() -> None:
    level = plan(coupling="level", r0=ONE_PERCENT)
    assert walk(level, [100, 400])[0].base == 400
    assert walk(level, [400, 100])[0].base == 400
    assert walk(level, [0, 1])[0].base == 1


def test_the_base_uses_the_scaled_driver_of_the_entry_cycle() -> None:
    # W = 4: M_1 = 100 × 4 = 400, M_2 = (100 + 20) × 4 // 2 = 240
    assert walk(plan(coupling="level"), [100, 20], window=4)[0].base == 400


def test_the_base_of_a_later_cohort_is_read_at_its_own_entry() -> None:
    level = plan(coupling="level", r0=ONE_PERCENT)
    pool = state_of_pool(inflow=[900, 300, 200], free=PLENTY)
    result = settle(pool=pool, cohorts=[cohort(1000, entry=2)], plans={"plan": level})
    assert result.cohorts[0].base == 300
    assert result.cohorts[0].index == ONE_PERCENT * 200 // 300


def test_the_base_once_set_stays() -> None:
    assert [lot.base for lot in walk(plan(coupling="level"), [100, 100, 900, 5])] == [100, 100, 100]


@pytest.mark.parametrize("coupling", ["flat", "chain", "level", "share"])
def test_the_base_is_set_for_every_coupling_also_in_the_fixed_phase(coupling: str) -> None:
    assert walk(plan(coupling=coupling, fixed_cycles=3), [100, 300])[0].base == 300


def test_level_waits_for_its_base_with_the_first_rate() -> None:
    level = plan(coupling="level", r0=ONE_PERCENT)
    lots = walk(level, [0, 0, 0, 500, 250])
    assert [lot.base for lot in lots] == [None, None, 500, 500]
    assert [lot.index for lot in lots] == [
        ONE_PERCENT,
        2 * ONE_PERCENT,
        3 * ONE_PERCENT,
        3 * ONE_PERCENT + ONE_PERCENT // 2,
    ]


def test_a_level_plan_is_held_by_its_highest_rate() -> None:
    level = plan(coupling="level", r0=ONE_PERCENT, r_max=3 * ONE_PERCENT)
    assert steps(level, [100, 100, 900]) == [ONE_PERCENT, 3 * ONE_PERCENT]


def test_the_last_release_is_cut_to_the_cap() -> None:
    assert steps(plan(r0=S // 3, cap=S), [100] * 6) == [S // 3, S // 3, S // 3, 1, 0]


def test_cohorts_come_back_in_the_order_they_were_given() -> None:
    pool = state_of_pool(inflow=[100, 100, 100], free=PLENTY, backing=2)
    given = [cohort(3, entry=2), cohort(1, entry=3), cohort(2, entry=1, index=S, age=1)]
    result = settle(pool=pool, cohorts=given, plans={"plan": plan()})
    assert [(lot.points, lot.entry) for lot in result.cohorts] == [(3, 2), (1, 3), (2, 1)]
    assert [lot.age for lot in result.cohorts] == [1, 0, 2]


def test_a_cohort_that_enters_now_is_left_alone() -> None:
    given = cohort(1000, entry=2)
    pool = state_of_pool(inflow=[100, 100], free=PLENTY)
    assert settle(pool=pool, cohorts=[given], plans={"plan": plan()}).cohorts == (given,)
