"""R2 and R3: the driver, its growth, and what a cycle may spend."""

import pytest

from .office import Office, S


def inflows(window: int, *fen: int) -> list[tuple[int, int | None]]:
    """Driver and growth of each cycle, when these amounts flow in."""
    office = Office(pool={"allot": [1, 1], "window": window})
    result = []
    for cycle, amount in enumerate(fen):
        if amount:
            office.sale(f"o{cycle}", amount, points={})
        answer = office.settle()
        result.append((answer["driver"], answer["growth"]))
    return result


def test_with_a_window_of_one_the_driver_is_the_inflow_of_the_cycle() -> None:
    # 100 → 150 is +50 %, 150 → 75 is −50 %
    assert inflows(1, 100, 150, 75) == [(100, None), (150, S // 2), (75, -S // 2)]
    assert inflows(1, 1, 2) == [(1, None), (2, S)]


def test_a_window_of_three_adds_up_three_cycles_and_scales_up_the_first_two() -> None:
    assert inflows(3, 600, 300, 0, 0, 0) == [
        (1800, None),  # 600 × 3 // 1
        (1350, -S // 4),  # 900 × 3 // 2, and (1350 − 1800) / 1800 = −25 %
        (900, -333_333_333_334),  # 600 + 300 + 0, and −1/3 rounded down
        (300, -666_666_666_667),
        (0, -S),
    ]


def test_the_scaled_driver_is_rounded_down() -> None:
    assert inflows(7, 1, 2)[1][0] == 10  # (1 + 2) × 7 // 2 = 21 // 2


def test_the_window_is_full_in_its_last_cycle_and_slides_after_it() -> None:
    drivers = [driver for driver, _ in inflows(3, 10, 20, 30, 40, 50)]
    assert drivers == [30, 45, 60, 90, 120]


def test_growth_after_cycles_without_any_inflow_is_undefined() -> None:
    assert inflows(1, 0, 100, 100) == [(0, None), (100, None), (100, 0)]


def test_a_budget_is_all_free_money_by_default() -> None:
    office = Office()
    office.sale("o1", 1000)
    assert office.settle()["budget_fen"] == 600


def test_a_spend_ratio_of_two_thirds_is_rounded_down() -> None:
    office = Office(pool={"spend": [2, 3], "allot": [1, 1]})
    office.sale("o1", 100)
    assert office.settle()["budget_fen"] == 66


@pytest.mark.parametrize("cap, budget", [(599, 599), (600, 600), (601, 600), (0, 0)])
def test_a_cycle_cap_limits_the_budget(cap: int, budget: int) -> None:
    office = Office(pool={"cycle_cap_fen": cap})
    office.sale("o1", 1000)
    assert office.settle()["budget_fen"] == budget


def test_a_cap_event_replaces_the_cap_of_that_cycle_only() -> None:
    office = Office(pool={"cycle_cap_fen": 50})
    office.sale("o1", 1000)
    office.accepted("cap", pool="city", cycle=1, cap_fen=70)
    office.accepted("cap", pool="city", cycle=3, cap_fen=0)
    assert [answer["budget_fen"] for answer in office.settle_times(4)] == [70, 50, 0, 50]


def test_the_last_of_two_cap_events_counts() -> None:
    office = Office()
    office.sale("o1", 1000)
    office.accepted("cap", pool="city", cycle=1, cap_fen=70)
    office.accepted("cap", pool="city", cycle=1, cap_fen=80)
    assert office.settle()["budget_fen"] == 80


def test_a_rejected_settlement_with_a_cap_of_zero_moves_nothing_and_loses_no_money() -> None:
    office = Office()
    office.sale("o1", 1000)
    office.settle()
    office.accepted("cap", pool="city", cycle=2, cap_fen=0)
    answer = office.settle()
    assert (answer["need"], answer["scaled"], answer["moved_fen"], answer["free_fen"]) == (5 * S, True, 0, 600)


def test_a_cap_may_be_set_ahead_and_not_for_a_closed_cycle() -> None:
    office = Office()
    office.settle()
    assert office.tell("cap", pool="city", cycle=1, cap_fen=5)["field"] == "cycle"
    assert office.tell("cap", pool="city", cycle=2, cap_fen=5) == {}
    assert office.tell("cap", pool="city", cycle=9, cap_fen=5) == {}
