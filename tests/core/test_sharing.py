"""R5, R6, the earmark and R7: too little money is shared pro rata, spare money by plan and by growth."""

from typing import Any

import pytest

from greenloop.core.loop.plan import Plan
from greenloop.core.loop.settlement import Cohort, Settlement, settle

from .office import S, cohort, plan, state_of_pool

FLAT = plan("flat", r0=S // 10, cycles=2)
SHARE = plan("share", coupling="share", r0=0)


def close(
    cohorts: list[Cohort], *, inflow: list[int], free: int, plans: tuple[Plan, ...] = (FLAT, SHARE), **terms: Any
) -> Settlement:
    pool = state_of_pool(inflow=inflow, free=free, **terms)
    return settle(pool=pool, cohorts=cohorts, plans={each.name: each for each in plans})


def indices(result: Settlement) -> list[int]:
    return [lot.index for lot in result.cohorts]


# R5: pro rata


def test_too_little_money_is_shared_in_proportion() -> None:
    # 60 fen for 100 points that ask for 100 %: each point gets 60 %
    result = close([cohort(100, plan="all")], inflow=[60, 0], free=60, plans=(plan("all", r0=S),))
    assert indices(result) == [6 * S // 10]
    assert (result.need, result.scaled, result.moved_fen, result.free_fen) == (100 * S, True, 60, 0)


def test_just_enough_money_is_not_scaled() -> None:
    result = close([cohort(100, plan="all")], inflow=[100, 0], free=100, plans=(plan("all", r0=S),))
    assert (indices(result), result.scaled, result.free_fen) == ([S], False, 0)


def test_every_cohort_is_scaled_by_the_same_exact_factor() -> None:
    # need = 300 × 10 % + 100 × 100 % = 130 fen, budget 65: everything is halved
    plans = (FLAT, plan("all", r0=S))
    result = close([cohort(300, plan="flat"), cohort(100, plan="all")], inflow=[65, 0], free=65, plans=plans)
    assert indices(result) == [S // 20, S // 2]
    assert result.need == 130 * S


def test_the_scale_comes_from_the_exact_demand_and_never_goes_over_budget() -> None:
    # need = 7 × 1/3 + 7 × 1/3 = 4.67 fen for a budget of 4. Scaling by the floored demand 4 would not scale at all.
    plans = (plan("third", r0=S // 3),)
    result = close([cohort(7, plan="third"), cohort(7, plan="third", entry=1)], inflow=[4, 0], free=4, plans=plans)
    assert result.scaled
    assert (result.moved_fen, result.free_fen) == (4, 0)
    assert sum(lot.points * lot.index for lot in result.cohorts) <= 4 * S


def test_with_no_money_at_all_nothing_is_released_and_age_still_advances() -> None:
    result = close([cohort(300, plan="flat")], inflow=[0, 0], free=0)
    assert (indices(result), result.cohorts[0].age, result.moved_fen) == ([0], 1, 0)
    assert result.scaled


# The earmark and R6: pool-driven lots


def test_a_share_plan_takes_what_the_pool_has_left() -> None:
    result = close([cohort(1000, plan="share")], inflow=[600, 0], free=600)
    assert indices(result) == [6 * S // 10]
    assert (result.need, result.moved_fen, result.free_fen) == (0, 600, 0)


def test_fixed_lots_are_senior_and_what_they_still_need_is_earmarked() -> None:
    # Free 1200. The flat lot takes 1000 × 10 % = 100 now and has one more release of 100 to come.
    # So 1200 − 100 − 100 = 1000 are spare: the share lot gets 1.0 a point, and the 100 stay.
    result = close([cohort(1000, plan="flat"), cohort(1000, plan="share")], inflow=[1200, 0], free=1200)
    assert indices(result) == [S // 10, S]
    assert (result.moved_fen, result.free_fen) == (1100, 100)


def test_a_lot_that_enters_now_is_earmarked_with_all_its_releases() -> None:
    # 1200 free, and the new lot still needs 2 × 100
    result = close([cohort(1000, plan="flat", entry=2), cohort(1000, plan="share")], inflow=[600, 600], free=1200)
    assert indices(result) == [0, S]
    assert result.free_fen == 200


def test_the_fixed_phase_of_a_share_plan_is_earmarked_and_its_pool_phase_is_not() -> None:
    hybrid = plan("hybrid", coupling="share", r0=S // 10, fixed_cycles=3)
    # In its first of three fixed releases: 100 now and 200 to come are kept from the share lot.
    lots = [cohort(1000, plan="hybrid"), cohort(1000, plan="share")]
    result = close(lots, inflow=[1200, 0], free=1200, plans=(hybrid, SHARE))
    assert indices(result) == [S // 10, 9 * S // 10]
    # With age 3 it shares like the other: 1200 over 2000 points.
    lots = [cohort(1000, plan="hybrid", age=3), cohort(1000, plan="share")]
    assert indices(close(lots, inflow=[1200, 0], free=1200, plans=(hybrid, SHARE))) == [6 * S // 10] * 2


def test_more_fixed_cycles_than_the_plan_has_are_earmarked_only_up_to_its_end() -> None:
    short = plan("short", coupling="share", r0=S // 10, fixed_cycles=9, cycles=2)
    lots = [cohort(1000, plan="short"), cohort(1000, plan="share")]
    assert close(lots, inflow=[1200, 0], free=1200, plans=(short, SHARE)).free_fen == 100


def test_the_earmark_needs_no_more_than_the_room_below_the_cap() -> None:
    low = plan("low", r0=S // 10, cycles=30, cap=S * 3 // 20)
    # 100 now; of 29 more releases only 50 fit below the cap of 15 %
    lots = [cohort(1000, plan="low"), cohort(1000, plan="share")]
    result = close(lots, inflow=[1150, 0], free=1150, plans=(low, SHARE))
    assert indices(result) == [S // 10, S]
    assert result.free_fen == 50


def test_a_finished_lot_is_not_earmarked() -> None:
    lots = [cohort(1000, plan="flat", age=2, index=S // 5), cohort(1000, plan="share")]
    result = close(lots, inflow=[1200, 0], free=1000, backing=200)
    assert indices(result) == [S // 5, S]


def test_when_the_earmark_is_more_than_the_free_money_pool_driven_lots_get_nothing() -> None:
    result = close([cohort(1000, plan="flat", entry=2), cohort(1, plan="share")], inflow=[0, 199], free=199)
    assert (indices(result), result.moved_fen) == ([0, 0], 0)


def test_pool_driven_lots_stay_within_the_budget() -> None:
    result = close([cohort(1000, plan="share")], inflow=[1200, 0], free=1200, cycle_cap_fen=300)
    assert indices(result) == [3 * S // 10]


def test_pool_driven_lots_are_held_by_the_highest_rate_and_the_rest_stays_free() -> None:
    held = plan("held", coupling="share", r0=0, r_max=S // 20)
    result = close([cohort(1000, plan="held")], inflow=[600, 0], free=600, plans=(held,))
    assert (indices(result), result.moved_fen, result.free_fen) == ([S // 20], 50, 550)


def test_pool_driven_lots_share_once_and_what_a_cap_leaves_is_not_shared_again() -> None:
    low = plan("low", coupling="share", r0=0, cap=S // 10)
    # 600 over 2000 points is 0.3 each; the capped lot takes 0.1 and its other 200 stay free
    lots = [cohort(1000, plan="low"), cohort(1000, plan="share")]
    result = close(lots, inflow=[600, 0], free=600, plans=(low, SHARE))
    assert (indices(result), result.free_fen) == ([S // 10, 3 * S // 10], 200)


def test_a_pool_driven_lot_just_below_its_cap_still_counts_when_the_money_is_shared() -> None:
    hair = plan("hair", coupling="share", r0=0, cap=1)
    lots = [cohort(1000, plan="hair"), cohort(1000, plan="share")]
    assert indices(close(lots, inflow=[600, 0], free=600, plans=(hair, SHARE))) == [1, 3 * S // 10]


def test_a_pool_driven_lot_at_its_cap_leaves_its_part_to_the_others() -> None:
    low = plan("low", coupling="share", r0=0, cap=S // 10)
    lots = [cohort(1000, plan="low", index=S // 10, age=1), cohort(1000, plan="share")]
    result = close(lots, inflow=[600, 0], free=500, backing=100, plans=(low, SHARE))
    assert indices(result) == [S // 10, S // 2]


def test_a_share_lot_in_its_fixed_phase_takes_no_share() -> None:
    hybrid = plan("hybrid", coupling="share", r0=0, fixed_cycles=1)
    result = close(
        [cohort(1000, plan="hybrid"), cohort(1000, plan="share")],
        inflow=[600, 0],
        free=600,
        plans=(hybrid, SHARE),
    )
    assert indices(result) == [0, 6 * S // 10]


def test_a_share_that_does_not_divide_is_rounded_down_and_the_rest_stays_free() -> None:
    result = close([cohort(7, plan="share")], inflow=[2, 0], free=2)
    assert indices(result) == [285_714_285_714]
    assert (result.moved_fen, result.free_fen) == (2, 0)  # 1.999999999998 fen are owed, so 2 are kept


def test_shares_skip_lots_that_were_refunded_whole() -> None:
    result = close([cohort(0, plan="share")], inflow=[600, 0], free=600)
    assert (result.need, result.moved_fen) == (0, 0)


# R7: the growth dividend


def grown(**changes: Any) -> Settlement:
    """1 000 points, 10 % twice; inflow grew from 1 000 to 2 000; 3 000 are free."""
    given: dict[str, Any] = {"inflow": [1000, 2000], "free": 3000}
    given |= {"dividend_threshold": 0, "dividend_share": [1, 2]} | changes
    return close(given.pop("cohorts", [cohort(1000, plan="flat")]), **given)


def test_half_of_the_growth_is_paid_as_a_dividend() -> None:
    # Release 100. Growth of the inflow 1000, half of it 500: 0.5 a point on top of 0.1.
    result = grown()
    assert indices(result) == [6 * S // 10]
    assert (result.dividend, result.need, result.moved_fen) == (500 * S, 100 * S, 600)


@pytest.mark.parametrize("inflow, dividend", [(1149, 0), (1150, 0), (1151, 1), (1160, 10)])
def test_growth_must_be_more_than_fifteen_percent_and_only_the_part_above_is_paid(inflow: int, dividend: int) -> None:
    # 15 % of 1000 is 150: at exactly 1150 there is none, at 1160 the part above is 10
    result = grown(inflow=[1000, inflow], dividend_threshold=15 * S // 100, dividend_share=[1, 1])
    assert result.dividend == dividend * S


def test_the_threshold_amount_is_rounded_down_also_when_it_is_negative() -> None:
    # −15 % of 7 is −1.05, rounded down to −2: limit 7 − 7 + 2 = 2
    result = grown(inflow=[7, 7], dividend_threshold=-15 * S // 100, dividend_share=[1, 1])
    assert result.dividend == 2 * S


def test_growth_is_compared_with_the_threshold_exactly_and_not_the_money() -> None:
    # From 7 to 8 is 1/7; at a threshold of the same 0.142857142857 there is none, a hair below it there is 1 fen.
    for threshold, dividend in ((S // 7, 0), (S // 7 - 1, 1)):
        result = grown(inflow=[7, 8], dividend_threshold=threshold, dividend_share=[1, 1])
        assert result.growth == S // 7
        assert result.dividend == dividend * S


def test_with_a_threshold_of_minus_100_percent_every_cycle_with_a_defined_growth_pays() -> None:
    # The limit is then the driver itself: 1000 − 1000 + 1000 = 1000, of which half
    assert grown(inflow=[1000, 1000], dividend_threshold=-S).dividend == 500 * S


def test_a_pool_that_fell_by_100_percent_is_not_above_the_threshold() -> None:
    assert grown(inflow=[1000, 0], dividend_threshold=-S).dividend == 0


def test_in_the_first_cycle_and_after_no_inflow_there_is_no_dividend() -> None:
    assert grown(inflow=[0, 2000], dividend_threshold=-S).growth is None
    assert grown(inflow=[0, 2000], dividend_threshold=-S).dividend == 0


def test_a_dividend_is_never_more_than_what_came_in_this_cycle() -> None:
    # W = 2: M_2 = (1000 + 100), M_3 = (100 + 1300) = 1400, grown by 300; −100 % would allow 1400, but F_3 is 1300
    result = grown(
        inflow=[1000, 100, 1300],
        window=2,
        dividend_threshold=-S,
        dividend_share=[1, 1],
        cohorts=[cohort(1000, plan="flat")],
    )
    assert result.dividend == 1300 * S


def test_a_dividend_is_paid_from_spare_money_only() -> None:
    # Free 600: 100 are released now, 100 are earmarked for the last fixed release, 400 are spare, half is paid.
    assert grown(free=600).dividend == 200 * S
    assert grown(free=200, dividend_share=[1, 1]).dividend == 0
    assert grown(free=150, dividend_share=[1, 1]).dividend == 0


def test_spare_money_counts_in_whole_fen() -> None:
    # 1005 points: 100.5 now and 100.5 later. Free 302: 101 spare exactly; free 301: 100.
    assert grown(free=302, cohorts=[cohort(1005, plan="flat")], dividend_share=[1, 1]).dividend == 1005 * (
        101 * S // 1005
    )
    assert grown(free=301, cohorts=[cohort(1005, plan="flat")], dividend_share=[1, 1]).dividend == 1005 * (
        100 * S // 1005
    )


def test_a_dividend_stays_within_the_budget() -> None:
    # Cap 300: 100 are released, 200 are left, half is paid.
    assert grown(cycle_cap_fen=300).dividend == 100 * S


def test_what_is_left_of_the_budget_counts_from_the_released_sum_rounded_up() -> None:
    # 1005 × 10 % = 100.5, rounded up 101: 199 of 300 are left
    result = grown(cycle_cap_fen=300, cohorts=[cohort(1005, plan="flat")], dividend_share=[1, 1])
    assert result.dividend == 1005 * (199 * S // 1005)


def test_pool_driven_lots_leave_nothing_for_a_dividend_unless_they_are_held() -> None:
    assert grown(cohorts=[cohort(1000, plan="share")]).dividend == 0
    held = plan("held", coupling="share", r0=0, r_max=S)
    # 3000 − 1000 shared = 2000 spare; growth 1000; half
    assert grown(cohorts=[cohort(1000, plan="held")], plans=(held,)).dividend == 500 * S


def test_a_lot_that_releases_nothing_itself_still_gets_the_dividend() -> None:
    nothing = plan("nothing", r0=0)
    assert grown(cohorts=[cohort(1000, plan="nothing")], plans=(nothing,)).dividend == 500 * S


def test_lots_that_enter_now_or_are_finished_or_capped_or_refunded_get_no_dividend() -> None:
    low = plan("low", r0=S // 10, cap=S // 10)
    others = [
        cohort(1000, plan="flat", entry=2),
        cohort(1000, plan="flat", age=2),
        cohort(1000, plan="low"),
        cohort(0, plan="flat"),
    ]
    result = grown(cohorts=[cohort(500, plan="flat"), *others], plans=(FLAT, low))
    # Only the 500 points share the 500: 1.0 a point beside 0.1
    assert indices(result) == [11 * S // 10, 0, 0, S // 10, S // 10]


def test_one_point_is_enough_for_a_dividend_and_a_hair_of_room_counts() -> None:
    # 500 for one hundredth of a point: it goes to its cap
    assert indices(grown(cohorts=[cohort(1, plan="flat")])) == [5 * S]
    hair = plan("hair", r0=S // 10, cap=S // 10 + 1)
    lots = [cohort(500, plan="flat"), cohort(500, plan="hair")]
    assert indices(grown(cohorts=lots, plans=(FLAT, hair))) == [6 * S // 10, S // 10 + 1]


def test_without_any_eligible_lot_nothing_is_paid() -> None:
    assert grown(cohorts=[cohort(0, plan="flat"), cohort(1000, plan="flat", entry=2)]).dividend == 0
    assert grown(cohorts=[]).dividend == 0


def test_a_dividend_stops_at_the_cap_and_what_is_left_stays_free() -> None:
    low = plan("low", r0=S // 10, cap=S // 5, cycles=2)
    lots = [cohort(500, plan="low"), cohort(500, plan="flat")]
    result = grown(cohorts=lots, plans=(FLAT, low))
    # 500 over 1000 points is 0.5; the low lot has room for 0.1 only: 50 + 250 are paid
    assert indices(result) == [S // 5, 6 * S // 10]
    assert result.dividend == 300 * S


def test_the_dividend_share_is_rounded_down_to_whole_fen() -> None:
    assert grown(inflow=[1000, 1005]).dividend == 2 * S  # half of 5
    assert grown(inflow=[1000, 1005], dividend_share=[2, 3]).dividend == 3 * S  # two thirds of 5


# R8: apply and book


def test_backing_is_rounded_up_once_for_the_whole_pool() -> None:
    plans = (plan("half", r0=S // 200),)
    # Two cohorts of 0.5 fen: one fen in all, not one each.
    result = close([cohort(100, plan="half"), cohort(100, plan="half")], inflow=[60, 0], free=60, plans=plans)
    assert (result.backing_fen, result.moved_fen) == (1, 1)
    again = close(list(result.cohorts[:1]), inflow=[60, 0, 0], free=59, backing=1, plans=plans)
    assert (again.backing_fen, again.moved_fen) == (1, 0)


def test_only_the_difference_of_the_backing_moves() -> None:
    lots = [cohort(1000, plan="flat", index=S // 10, age=1)]
    result = close(lots, inflow=[600, 0, 0], free=500, backing=100)
    assert (result.backing_fen, result.moved_fen, result.free_fen) == (200, 100, 400)


def test_finished_lots_still_count_in_the_backing() -> None:
    lots = [cohort(1000, plan="flat", index=S // 5, age=2), cohort(1000, plan="flat")]
    assert close(lots, inflow=[1200, 0], free=1000, backing=200).backing_fen == 300


def test_a_settlement_says_which_cycle_it_closed() -> None:
    result = close([], inflow=[100, 150, 0], free=250)
    assert (result.cycle, result.driver, result.growth, result.budget_fen) == (3, 0, -S, 250)


def test_an_answer_has_the_fields_of_the_replay_in_their_order() -> None:
    assert grown().answer() == {
        "driver": 2000,
        "growth": S,
        "budget_fen": 3000,
        "need": 100 * S,
        "scaled": False,
        "dividend": 500 * S,
        "moved_fen": 600,
        "free_fen": 2400,
        "backing_fen": 600,
    }
    assert list(grown().answer()) == [
        "driver", "growth", "budget_fen", "need", "scaled", "dividend", "moved_fen", "free_fen", "backing_fen",
    ]  # fmt: skip
