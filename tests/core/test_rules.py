"""A rule set is read whole from a document, or refused whole with every reason."""

import copy
import json
from datetime import date
from typing import Any

import pytest

from greenloop.core.faults import Refusal
from greenloop.core.loop import rules as rules_module
from greenloop.core.loop.presets import preset_document
from greenloop.core.loop.rules import document_of, rule_set

from .documents import GONE, Document, accepted, put, refusal, steady
from .office import S

CHAIN = {
    "cycles": 36,
    "r0": S // 200,
    "cap": 5 * S,
    "coupling": "chain",
    "fixed_cycles": 0,
    "g_min": -S,
    "g_max": None,
    "r_max": S // 10,
}
LEVEL = CHAIN | {"coupling": "level"}
SHARE = CHAIN | {"coupling": "share", "r0": 0}


def reasons(refused: Refusal) -> list[str]:
    """The reasons one by one; the message must hold every one of them."""
    found = [str(reason) for reason in refused.facts["reasons"]]  # type: ignore[attr-defined]
    assert all(reason in str(refused) for reason in found)
    return found


# Sound rules


def test_a_document_with_every_condition_reads_back_the_same() -> None:
    picky = {
        "pool": "green",
        "plan": "steady",
        "member_multiple_ppm": 1_000_000,
        "merchant_multiple_ppm": 500_000,
        "cities": ["上海", "杭州"],
        "member": "new",
        "grades": ["B", "A"],
        "multiples_ppm": [2_000_000, 1_000_000],
        "stores": ["s2", "s1"],
    }
    document = steady()
    document["routes"].insert(0, picky)
    rules = rule_set(document)
    written: Any = document_of(rules)
    assert written["routes"][0] == picky | {
        "cities": sorted(["上海", "杭州"]),
        "grades": ["A", "B"],
        "multiples_ppm": [1_000_000, 2_000_000],
        "stores": ["s1", "s2"],
    }
    assert rule_set(json.loads(json.dumps(written))) == rules


def test_what_a_document_may_leave_out_has_the_defaults_of_the_specification() -> None:
    document = steady()
    for key in ("voucher_days", "coupon_days", "return_days", "referral_days", "referral_month_fen"):
        document.pop(key, None)
    rules = rule_set(document)
    assert (rules.voucher_days, rules.coupon_days, rules.return_days) == (365, 90, 30)
    assert (rules.referral_days, rules.referral_month_fen) == (365, 50_000)
    assert rules.daily_rebate_cap_fen is None
    assert (rules.routes[-1].member_multiple_ppm, rules.routes[-1].merchant_multiple_ppm) == (10**6, 10**6)


def test_reading_leaves_the_document_alone() -> None:
    document = steady()
    before = copy.deepcopy(document)
    rule_set(document)
    assert document == before


@pytest.mark.parametrize(
    "path, value",
    [
        ("calendar.cycle_days", 1),
        ("calendar.cycle_days", 30),
        ("calendar.utc_offset_minutes", -300),
        ("plans.steady.cycles", 30),
        ("plans.steady.cycles", 40),
        ("plans.steady.cap", 1),
        ("plans.steady.cap", 5 * S),
        ("plans.steady.r0", 8_333_333_333),  # 60 % ÷ (2 × 36) = 0.8333… %
        ("pools.green.dividend_share", [2, 3]),  # (1 + 2/3) × 60 % = 1
        ("pools.green.dividend_threshold", -S),
        ("pools.green.window", 1),
        ("pools.green.allot", [3, 5]),
        ("pools.green.allot", [600_000, 1_000_000]),
        ("pools.green.window", 366),
        ("pools.green.cycle_cap_fen", 1),
        ("daily_rebate_cap_fen", 0),
        ("daily_rebate_cap_fen", None),
        ("refund_days", 3_660),
    ],
)
def test_rules_at_the_edge_of_what_is_safe_are_accepted(path: str, value: object) -> None:
    accepted((path, value))


@pytest.mark.parametrize("edge", [{"fixed_cycles": 36}, {"r_max": 5 * S}])
def test_a_chained_plan_may_be_fixed_throughout_and_rise_to_the_highest_cap(edge: Document) -> None:
    accepted(("plans.steady", CHAIN | edge))


def test_the_cap_on_daily_rebates_is_the_one_of_the_document() -> None:
    assert accepted(("daily_rebate_cap_fen", 12_345)).daily_rebate_cap_fen == 12_345


def test_a_fence_around_wallets_is_the_one_of_the_document_and_older_documents_read_and_hash_as_they_did() -> None:
    assert accepted(("large_claim_fen", 200_000)).large_claim_fen == 200_000
    assert document_of(accepted(("large_claim_fen", 0)))["large_claim_fen"] == 0
    for older in (accepted(), accepted(("large_claim_fen", None))):
        assert older.large_claim_fen is None
        assert "large_claim_fen" not in document_of(older)


def test_a_route_may_be_for_merchants_who_give_no_rebate() -> None:
    document = steady()
    document["routes"].insert(0, document["routes"][0] | {"multiples_ppm": [0]})
    assert rule_set(document).routes[0].multiples_ppm == frozenset({0})


def test_routes_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules_module, "ROUTES_MAX", 2)
    document = steady()
    document["routes"].insert(0, document["routes"][0] | {"member": "new"})
    assert len(rule_set(document).routes) == 2
    document["routes"].insert(0, document["routes"][1] | {"grades": ["A"]})
    assert refusal(document).field == "routes"


def test_a_pool_without_a_route_hides_no_fault_of_the_next() -> None:
    document = put(steady(), "plans.steady.r0", 8_333_333_334)
    document["pools"] = {"spare": dict(document["pools"]["green"]), **document["pools"]}
    assert refusal(document).field == "plans.steady.r0"


def test_a_plan_is_self_funded_by_the_multiples_of_its_pool() -> None:
    # 1.5 points a unit: r0 of 1.111… % is covered, with 2 points it would not be, and P7 would not apply
    half = {"merchant_multiple_ppm": 500_000}
    document = put(steady(), "plans.steady.r0", 11_111_111_111)
    document["routes"][0] |= half
    document["plans"]["other"] = CHAIN
    document["routes"].insert(0, {"pool": "green", "plan": "other", "member": "new"} | half)
    assert refusal(document).field == "pools.green.plans"


def test_a_share_plan_may_stand_beside_a_self_funded_one() -> None:
    document = steady()
    document["plans"]["rest"] = SHARE
    document["routes"].insert(0, {"pool": "green", "plan": "rest", "member": "new"})
    assert set(rule_set(document).plans) == {"steady", "red", "rest"}


def test_a_chained_plan_may_run_in_a_pool_of_its_own() -> None:
    document = steady()
    document["plans"]["published"] = CHAIN
    document["pools"]["other"] = dict(document["pools"]["green"])
    document["routes"].insert(0, {"pool": "other", "plan": "published", "member": "new"})
    assert rule_set(document).routes[0].pool == "other"


# Faults, one at a time: each is refused by the path of its field


FAULTS: list[tuple[str, object, str]] = [
    # path, value, field of the refusal (where it differs from the path)
    ("name", "", ""),
    ("name", GONE, ""),
    ("name", 7, ""),
    ("calendar", GONE, ""),
    ("calendar", [], ""),
    ("calendar.cycle_days", 0, ""),
    ("calendar.cycle_days", 31, ""),
    ("calendar.cycle_days", True, ""),
    ("calendar.cycle_days", 7.0, ""),
    ("calendar.utc_offset_minutes", 900, ""),
    ("calendar.utc_offset_minutes", GONE, ""),
    ("calendar.opens_date", "2025-02-30", ""),
    ("calendar.opens_date", "20250101", ""),
    ("calendar.opens_date", 20250101, ""),
    ("split", GONE, ""),
    ("split.green_ppm", -1, ""),
    ("split.green_ppm", 600_001, "split.reserve_ppm"),  # the parts add up to more than the whole
    ("split.fee_ppm", 199_999, "split.reserve_ppm"),
    ("split.fee_ppm", "200000", ""),
    ("split.coupon_ppm", GONE, ""),
    ("split.bonus_ppm", 1, ""),
    ("name", "x" * 41, ""),
    ("pools", {}, "routes[0].pool"),
    ("pools", [], ""),
    ("pools.green.allot", [1, 2], ""),  # not the green part of the split
    ("pools.green.allot", [5, 3], ""),
    ("pools.green.allot", [1, 0], ""),
    ("pools.green.allot", GONE, ""),
    ("pools.green.spend", [2, 1], ""),
    ("pools.green.spend", [0, 1], ""),
    ("pools.green.cycle_cap_fen", 0, ""),
    ("pools.green.window", 367, ""),
    ("pools.green.cycle_cap_fen", -1, ""),
    ("pools.green.dividend_threshold", -S - 1, ""),
    ("pools.green.dividend_share", [3, 4], ""),  # P5: (1 + 3/4) × 60 % = 1.05
    ("pools.green.window", 0, ""),
    ("pools.green.window", 7.0, ""),
    ("pools.green.interest", 1, ""),
    ("plans", {}, "red_plan"),
    ("plans.steady.cycles", 0, ""),
    ("plans.steady.cycles", 29, ""),
    ("plans.steady.cycles", 41, ""),
    ("plans.steady.r0", -1, ""),
    ("plans.steady.r0", 0, ""),
    ("plans.steady.cap", 0, ""),
    ("plans.steady.g_min", -S - 1, ""),
    ("plans.steady.fixed_cycles", 1, ""),  # a flat plan has no fixed phase
    ("plans.steady", CHAIN | {"r_max": None}, "plans.steady.r_max"),
    ("plans.steady", CHAIN | {"r_max": 5 * S + 1}, "plans.steady.r_max"),
    ("plans.steady", CHAIN | {"fixed_cycles": 37}, "plans.steady.fixed_cycles"),
    ("plans.steady", SHARE | {"fixed_cycles": 1}, "plans.steady.r0"),
    ("plans.red.r0", 27_777_777_778, ""),  # P5 of the red pool: above 100 % ÷ 36
    ("plans.steady.r0", 8_333_333_334, ""),  # P5: above 60 % ÷ (2 × 36)
    ("plans.steady.cap", 5 * S + 1, ""),  # R1
    ("plans.steady.cap", -1, ""),
    ("plans.steady.coupling", "linear", ""),
    ("plans.steady.fixed_cycles", -1, ""),
    ("plans.steady.g_max", -2 * S, ""),
    ("plans.steady.r_max", -1, ""),
    ("plans.steady.promise", 5, ""),
    ("red_pool", "", ""),
    ("red_pool", "green", ""),
    ("red_pool", "a b", ""),
    ("red_plan", "nowhere", ""),
    ("red_terms", GONE, ""),
    ("red_terms.allot", [3, 5], ""),  # a red entry brings all of its amount
    ("routes", [], ""),
    ("routes", {}, ""),
    ("routes.0.pool", "nowhere", "routes[0].pool"),
    ("routes.0.pool", "red", "routes[0].pool"),
    ("routes.0.plan", "nowhere", "routes[0].plan"),
    ("routes.0.member_multiple_ppm", -1, "routes[0].member_multiple_ppm"),
    ("routes.0.member_multiple_ppm", 1.5, "routes[0].member_multiple_ppm"),
    ("routes.0.member", "old", "routes[0]"),  # the last route must take every order
    ("routes.0.cities", ["上海"], "routes[0]"),
    ("routes.0.member", "gold", "routes[0].member"),
    ("routes.0.weather", "rain", "routes[0].weather"),
    ("routes.0.member_multiple_ppm", 100_000_001, "routes[0].member_multiple_ppm"),
    ("refund_days", -1, ""),
    ("refund_days", 3_661, ""),
    ("voucher_days", 0, ""),
    ("coupon_days", "90", ""),
    ("referral_month_fen", -1, ""),
    ("daily_rebate_cap_fen", -1, ""),
    ("large_claim_fen", -1, ""),
    ("interest_ppm", 30_000, ""),
]


@pytest.mark.parametrize("path, value, field", FAULTS)
def test_a_fault_is_refused_by_the_path_of_its_field(path: str, value: object, field: str) -> None:
    refused = refusal(put(steady(), path, value))
    assert refused.field == (field or path)
    assert (field or path) in str(refused)
    assert len(reasons(refused)) >= 1


def test_a_multiple_that_could_return_more_than_the_price_is_refused() -> None:
    # R1: cap × m × highest rate = 5 × 1 × 20 % = 1, with a multiple of 1.000001 it is above 1
    accepted(("routes.0.member_multiple_ppm", 1_000_000))
    refused = refusal(put(steady(), "routes.0.member_multiple_ppm", 1_000_001))
    assert refused.field == "plans.steady.cap"
    # A lower cap makes room for a higher multiple: 2.5 × 2 × 20 % = 1; its r0 must come down with 3 points a unit (P5).
    changes = [("routes.0.member_multiple_ppm", 2_000_000), ("plans.steady.cap", 5 * S // 2)]
    accepted(*changes, ("plans.steady.r0", 600 * S // 1000 // 108))


def test_the_first_rate_must_be_funded_for_both_multiples_together() -> None:
    # With 1 + 0.5 points a unit: 60 % ÷ (1.5 × 36) = 1.111… %
    half = ("routes.0.merchant_multiple_ppm", 500_000)
    accepted(half, ("plans.steady.r0", 11_111_111_111))
    document = put(put(steady(), *half), "plans.steady.r0", 11_111_111_112)
    assert refusal(document).field == "plans.steady.r0"


@pytest.mark.parametrize("plan", [CHAIN, LEVEL])
def test_a_self_funded_plan_is_refused_in_a_pool_with_another_nominal_coupling(plan: Document) -> None:
    document = steady()
    document["plans"]["other"] = plan
    document["routes"].insert(0, {"pool": "green", "plan": "other", "member": "new"})
    assert str(refusal(document).field).startswith("pools.green")


def test_a_chain_that_can_never_fall_is_refused() -> None:
    document = dict(preset_document("published", opens_date=date(2025, 1, 1)))
    assert refusal(put(copy.deepcopy(document), "plans.published.g_min", 0)).field == "plans.published.g_min"


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a:b", "x" * 41, "ü\n"])
def test_names_must_fit_into_accounts_and_commands(name: str) -> None:
    document = steady()
    document["pools"][name] = dict(document["pools"]["green"])
    assert str(refusal(document).field).startswith("pools.")
    document = steady()
    document["plans"][name] = dict(document["plans"]["steady"])
    assert str(refusal(document).field).startswith("plans.")


@pytest.mark.parametrize("name", ["a", "x" * 40, "上海-2_b"])
def test_plain_names_in_any_script_are_fine(name: str) -> None:
    document = steady()
    document["pools"][name] = dict(document["pools"]["green"])
    document["plans"][name] = dict(document["plans"]["steady"])
    assert name in rule_set(document).pools


@pytest.mark.parametrize("green, fine", [(0, False), (1, True), (999_999, True), (1_000_000, False)])
def test_part_of_a_concession_is_green_and_never_all_of_it(green: int, fine: bool) -> None:
    document = steady()
    document["split"] = {
        "green_ppm": green,
        "red_ppm": 0,
        "coupon_ppm": 0,
        "reserve_ppm": 1_000_000 - green,
        "fee_ppm": 0,
    }
    document["pools"]["green"] |= {"allot": [green, 1_000_000], "dividend_share": [0, 1]}
    document["plans"]["steady"]["r0"] = 1
    if fine:
        assert rule_set(document).split.green_ppm == green
    else:
        assert refusal(document).field == "split.green_ppm"


def test_all_faults_are_told_together_and_none_is_accepted() -> None:
    document = steady()
    for path, value in (("calendar.cycle_days", 99), ("plans.steady.cap", 6 * S), ("routes.0.pool", "nowhere")):
        put(document, path, value)
    refused = refusal(document)
    assert refused.field == "calendar.cycle_days"
    assert len(reasons(refused)) == refused.facts["count"] == 3
    for path in ("calendar.cycle_days", "plans.steady.cap", "routes[0].pool"):
        assert path in str(refused)


def test_faults_of_one_plan_are_told_together() -> None:
    document = steady()
    for path, value in (("plans.steady.cycles", -1), ("plans.steady.r0", "half"), ("plans.steady.coupling", None)):
        put(document, path, value)
    told = str(refusal(document))
    assert all(f"plans.steady.{key}" in told for key in ("cycles", "r0", "coupling"))


@pytest.mark.parametrize("document", [{}, None, [], "steady", 7, [steady()]])
def test_what_is_no_document_is_refused(document: object) -> None:
    with pytest.raises(Refusal) as refused:
        rule_set(document)
    assert str(refused.value)


def test_every_part_may_be_of_any_wrong_type_without_an_accident() -> None:
    for key in steady():
        wrongs: list[Any] = [None, 7, "x", [], {}, [None], {"x": None}, {"x": {}}, [{}], True, 1.5]
        for wrong in wrongs:
            a_name = wrong == "x" and key in ("name", "red_pool")
            a_number = type(wrong) is int and key.endswith(("days", "fen"))
            if not (a_name or a_number or (key == "daily_rebate_cap_fen" and wrong is None)):
                refusal(steady() | {key: wrong})
