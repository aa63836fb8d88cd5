"""What is invalid in a plan or a pool, and what can be computed and yet isn't safe (R1, P5, P7)."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenloop.core.faults import Refusal
from greenloop.core.loop.plan import Plan, PoolTerms, plan_faults, pool_faults, unsafe

from .office import S, plan, terms

SAFE = terms(dividend_share=[2, 3])


def fields(found: Sequence[Refusal]) -> list[str | None]:
    assert all(str(fault).endswith(".") for fault in found)
    assert all(fault.code == "rules.fault" for fault in found)
    return [fault.field for fault in found]


def test_a_plan_and_a_pool_have_careful_defaults() -> None:
    assert Plan("p", 36, 1, 1, "share") == plan("p", r0=1, cap=1, coupling="share")
    defaults = PoolTerms((3, 5))
    assert (defaults.spend, defaults.cycle_cap_fen, defaults.dividend_share) == ((1, 1), None, (0, 1))
    assert (defaults.dividend_threshold, defaults.window) == (15 * S // 100, 7)


@pytest.mark.parametrize("coupling", ["flat", "chain", "level", "share"])
@pytest.mark.parametrize("edge", [{}, {"cycles": 1, "r0": 0, "cap": 0, "r_max": 0, "g_min": 5, "g_max": 5}])
def test_a_plan_that_can_be_computed_has_no_fault(coupling: str, edge: dict[str, Any]) -> None:
    assert plan_faults(plan(coupling=coupling, **edge)) == []


@pytest.mark.parametrize(
    "field, value",
    [
        ("cycles", 0),
        ("r0", -1),
        ("cap", -1),
        ("fixed_cycles", -1),
        ("coupling", "linear"),
        ("r_max", -1),
        ("g_max", -2 * S),
    ],
)
def test_a_plan_that_cant_be_computed_is_faulted_by_its_field(field: str, value: Any) -> None:
    assert fields(plan_faults(plan(**{field: value}))) == [field]


def test_all_faults_of_a_plan_are_found() -> None:
    wrong = plan(cycles=0, r0=-1, cap=-1, fixed_cycles=-1, coupling="", r_max=-1, g_max=-2 * S)
    assert set(fields(plan_faults(wrong))) == {"cycles", "r0", "cap", "fixed_cycles", "coupling", "r_max", "g_max"}


@pytest.mark.parametrize(
    "edge",
    [
        {},
        {"allot": [0, 1], "spend": [0, 1], "dividend_share": [0, 1]},
        {"allot": [1, 1], "spend": [1, 1], "dividend_share": [1, 1]},
        {"cycle_cap_fen": 0, "dividend_threshold": -S, "window": 1},
    ],
)
def test_terms_that_can_be_computed_have_no_fault(edge: dict[str, Any]) -> None:
    assert pool_faults(terms(**edge)) == []


@pytest.mark.parametrize(
    "field, value",
    [
        *[
            (ratio, value)
            for ratio in ("allot", "spend", "dividend_share")
            for value in ([2, 1], [-1, 1], [0, 0], [0, -1])
        ],
        ("cycle_cap_fen", -1),
        ("dividend_threshold", -S - 1),
        ("window", 0),
    ],
)
def test_terms_that_cant_be_computed_are_faulted_by_their_field(field: str, value: Any) -> None:
    assert fields(pool_faults(terms(**{field: value}))) == [field]


def test_a_careful_pool_is_safe() -> None:
    assert unsafe(SAFE, [plan(r0=8_333_333_333)]) == []
    assert unsafe(SAFE, []) == []
    assert unsafe(SAFE, [plan(coupling="chain", r0=8_333_333_333), plan("other", coupling="level")]) == []


def test_the_dividend_and_the_payout_together_stay_below_one() -> None:
    assert fields(unsafe(terms(dividend_share=[667, 1000]), [])) == ["dividend_share"]
    assert unsafe(terms(allot=[1, 2], dividend_share=[1, 1]), []) == []
    assert fields(unsafe(terms(allot=[501, 1000], dividend_share=[1, 1]), [])) == ["dividend_share"]


def test_the_first_rate_is_at_most_the_payout_over_all_points_and_cycles() -> None:
    # 60 % ÷ (2 × 36) = 0.8333… %; with one point a unit 1.666… %; with 1.5 points 1.111… %
    for points_ppm, most in ((2_000_000, 8_333_333_333), (1_000_000, 16_666_666_666), (1_500_000, 11_111_111_111)):
        assert unsafe(SAFE, [plan(r0=most)], multiples_ppm=points_ppm) == []
        found = unsafe(SAFE, [plan(r0=most + 1)], multiples_ppm=points_ppm)
        assert fields(found) == ["r0"]
        assert str(most) in str(found[0])
    assert fields(unsafe(SAFE, [plan(r0=8_333_333_334)])) == ["r0"]
    assert fields(unsafe(SAFE, [plan(r0=8_333_333_333, cycles=37)])) == ["r0"]


def test_cap_times_multiple_times_the_highest_rate_is_at_most_one() -> None:
    assert unsafe(SAFE, [plan(cap=5 * S)]) == []
    assert fields(unsafe(SAFE, [plan(cap=5 * S + 1)])) == ["cap"]
    # 2.5 × 2 × 20 % = 1
    assert unsafe(SAFE, [plan(cap=5 * S // 2)], multiple_max_ppm=2_000_000) == []
    found = unsafe(SAFE, [plan(cap=5 * S // 2 + 1)], multiple_max_ppm=2_000_000)
    assert fields(found) == ["cap"]
    assert str(5 * S // 2) in str(found[0])
    # A small multiple doesn't lift the cap above five-fold.
    assert fields(unsafe(SAFE, [plan(cap=5 * S + 1)], multiple_max_ppm=500_000)) == ["cap"]


def test_a_chain_needs_a_way_down() -> None:
    assert fields(unsafe(SAFE, [plan(coupling="chain", g_min=0)])) == ["g_min"]
    assert unsafe(SAFE, [plan(coupling="chain", g_min=-1)]) == []
    assert unsafe(SAFE, [plan(coupling="level", g_min=0)]) == []


@pytest.mark.parametrize("coupling, apart", [("chain", True), ("level", True), ("share", False), ("flat", False)])
def test_a_self_funded_plan_keeps_apart_from_rates_that_follow_the_pool(coupling: str, apart: bool) -> None:
    found = unsafe(SAFE, [plan("own"), plan("other", coupling=coupling)])
    assert bool(found) is apart
    if found:
        assert "own" in str(found[0])
        assert "other" in str(found[0])
    # A flat plan that isn't self-funded depends on others anyway; it is refused for its rate alone.
    assert fields(unsafe(SAFE, [plan("own", r0=S // 100), plan("other", coupling=coupling)])) == ["r0"]


def test_everything_unsafe_is_found() -> None:
    found = unsafe(
        terms(dividend_share=[1, 1]),
        [plan("own"), plan("other", coupling="chain", g_min=0, cap=6 * S, r0=S // 2)],
    )
    assert sorted(map(str, fields(found))) == ["cap", "dividend_share", "g_min", "plans", "r0"]


@given(st.integers(1, 40), st.integers(1, 1000), st.integers(1, 4_000_000))
def test_what_is_not_refused_for_its_rate_is_funded_by_its_own_allotment(cycles: int, payout: int, points: int) -> None:
    pool = terms(allot=[payout, 1000])
    most = payout * S * 10**6 // (1000 * cycles * points)
    assert unsafe(pool, [plan(cycles=cycles, r0=most)], multiples_ppm=points, multiple_max_ppm=1) == []
    assert fields(unsafe(pool, [plan(cycles=cycles, r0=most + 1)], multiples_ppm=points, multiple_max_ppm=1)) == ["r0"]


def test_a_plan_is_self_funded_by_the_points_that_are_made() -> None:
    # 60 % ÷ (1.5 × 36) = 1.111… % is covered with 1.5 points a unit and would not be with 2
    own, chained = plan("own", r0=11_111_111_111), plan("chained", coupling="chain", g_min=-S, r_max=S)
    assert fields(unsafe(terms(), [own, chained], multiples_ppm=1_500_000)) == ["plans"]
    assert fields(unsafe(terms(), [own, chained])) == ["r0"]
