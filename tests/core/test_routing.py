"""Which pool and plan an order goes to: the first route whose conditions it meets."""

from typing import Any

import pytest

from greenloop.core.loop.rules import RuleSet, route_of, rule_set

from .documents import Document, accepted, put, refusal, steady


def routed() -> RuleSet:
    document = steady()
    for pool in ("sh", "new", "best", "twice", "shop"):
        document["pools"][pool] = dict(document["pools"]["green"])
    document["routes"] = [
        {"pool": "shop", "plan": "steady", "stores": ["s1"]},
        {"pool": "sh", "plan": "steady", "cities": ["上海"], "member": "new"},
        {"pool": "best", "plan": "steady", "grades": ["A", "A+"]},
        {"pool": "twice", "plan": "steady", "multiples_ppm": [2_000_000]},
        {"pool": "new", "plan": "steady", "member": "old", "cities": ["上海", "杭州"]},
        {"pool": "green", "plan": "steady"},
    ]
    return rule_set(document)


@pytest.mark.parametrize(
    "order, pool",
    [
        ({}, "green"),
        ({"store": "s1", "city": "上海", "is_new": True}, "shop"),
        ({"city": "上海", "is_new": True, "grade": "A"}, "sh"),
        ({"city": "上海", "is_new": False, "grade": "A"}, "best"),
        ({"grade": "A+", "multiple_ppm": 2_000_000}, "best"),
        ({"multiple_ppm": 2_000_000}, "twice"),
        ({"city": "上海", "is_new": False}, "new"),
        ({"city": "杭州", "is_new": False}, "new"),
        ({"city": "杭州", "is_new": True}, "green"),
        ({"city": None, "grade": None, "store": None}, "green"),
    ],
)
def test_the_first_route_whose_conditions_an_order_meets_takes_it(order: dict[str, Any], pool: str) -> None:
    plain: dict[str, Any] = {"city": "北京", "is_new": True, "grade": "B", "multiple_ppm": 10**6, "store": "s9"}
    assert route_of(routed(), **(plain | order)).pool == pool


def test_a_route_that_no_order_can_reach_is_refused() -> None:
    document = steady()
    document["routes"].append({"pool": "green", "plan": "steady"})
    assert refusal(document).field == "routes[1]"


@pytest.mark.parametrize(
    "earlier, later, reached",
    [
        ({"cities": ["上海", "杭州"]}, {"cities": ["上海"]}, False),
        ({"cities": ["上海"]}, {"cities": ["上海", "杭州"]}, True),
        ({"cities": ["上海"]}, {"cities": ["上海"]}, False),
        ({"cities": ["上海"]}, {"cities": ["上海"], "member": "new"}, False),
        ({"member": "new"}, {"member": "old"}, True),
        ({"member": "new"}, {"member": "new", "stores": ["s1"]}, False),
        ({"member": "new", "stores": ["s1"]}, {"member": "new"}, True),
        ({"member": "new"}, {"stores": ["s1"]}, True),
        ({"stores": ["s1"]}, {"grades": ["A"]}, True),
    ],
)
def test_a_route_behind_one_that_takes_all_its_orders_is_refused(
    earlier: Document, later: Document, reached: bool
) -> None:
    document = steady()
    way = {"pool": "green", "plan": "steady"}
    document["routes"] = [way | earlier, way | later, way]
    if reached:
        assert len(rule_set(document).routes) == 3
    else:
        assert refusal(document).field == "routes[1]"


def test_both_multiples_of_a_route_may_not_be_zero() -> None:
    assert accepted(("routes.0.member_multiple_ppm", 0)).routes[0].points_ppm == 1_000_000
    document = put(put(steady(), "routes.0.member_multiple_ppm", 0), "routes.0.merchant_multiple_ppm", 0)
    assert refusal(document).field == "routes[0].member_multiple_ppm"


def test_a_pool_is_judged_by_the_route_that_makes_most_points() -> None:
    document = steady()
    half = {"pool": "green", "plan": "steady", "merchant_multiple_ppm": 500_000, "member": "new"}
    document["routes"].insert(0, half)
    document["plans"]["steady"]["r0"] = 11_111_111_111  # funded for 1.5 points, not for 2
    assert refusal(document).field == "plans.steady.r0"
