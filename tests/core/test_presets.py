"""The four rule sets to start from (settlement.md, "The economics, told honestly")."""

import json
from datetime import date

import pytest

from greenloop.core.faults import Refusal
from greenloop.core.loop.presets import PRESETS, preset_document
from greenloop.core.loop.rules import RuleSet, document_of, route_of, rule_set

from .office import S


def preset(name: str) -> RuleSet:
    return rule_set(preset_document(name, opens_date=date(2025, 1, 1)))


def test_there_are_four_presets_and_no_other() -> None:
    assert set(PRESETS) == {"steady", "published", "hybrid", "short"}
    with pytest.raises(Refusal) as refused:
        preset_document("guaranteed", opens_date=date(2025, 1, 1))
    assert (refused.value.code, refused.value.field) == ("rules.preset", "plan")
    assert "steady, published, hybrid, short" in str(refused.value)


def test_steady_is_flat_self_funded_and_shares_half_of_what_is_spare() -> None:
    rules = preset("steady")
    plan, pool = rules.plans["steady"], rules.pools["green"]
    assert (plan.coupling, plan.r0, plan.cycles, plan.cap) == ("flat", S // 200, 36, 5 * S)
    assert (pool.window, pool.dividend_threshold, pool.dividend_share) == (7, -S, (1, 2))
    assert 5 * pool.allot[0] == 3 * pool.allot[1]
    # Self-funded from 36 % of the concession: 2 × 36 × 0.5 %
    assert 2 * plan.cycles * plan.r0 == 36 * S // 100


def test_published_is_the_chain_with_the_trigger_of_15_percent() -> None:
    rules = preset("published")
    plan, pool = rules.plans["published"], rules.pools["green"]
    assert (plan.coupling, plan.r0, plan.cap, plan.cycles) == ("chain", S // 200, 5 * S, 36)
    assert pool.dividend_threshold == 15 * S // 100
    assert plan.r_max is not None


def test_hybrid_has_ten_fixed_cycles_and_then_thirty_by_pool() -> None:
    plan = preset("hybrid").plans["hybrid"]
    assert (plan.coupling, plan.fixed_cycles, plan.cycles) == ("share", 10, 40)
    assert plan.r_max is not None


def test_short_runs_over_thirty_cycles() -> None:
    assert preset("short").plans["short"].cycles == 30


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_caps_at_five_fold_and_drives_its_red_pool_apart(name: str) -> None:
    rules = preset(name)
    assert all(plan.cap <= 5 * S for plan in rules.plans.values())
    assert rules.red_terms.allot[0] == rules.red_terms.allot[1]
    red = rules.plans[rules.red_plan]
    # One lot of r points for r fen: covered by its own entry
    assert red.coupling != "flat" or red.cycles * red.r0 <= S


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_accepted_as_it_is(name: str) -> None:
    rules = rule_set(preset_document(name, opens_date=date(2025, 1, 1)))
    assert rules.name == name
    assert rules.calendar.opens_date == date(2025, 1, 1)
    assert rules.calendar.cycle_days == 7


@pytest.mark.parametrize("name", PRESETS)
def test_the_document_of_a_rule_set_reads_back_the_same(name: str) -> None:
    rules = rule_set(preset_document(name, opens_date=date(2025, 1, 1), cities=["上海", "Springfield"]))
    document = document_of(rules)
    assert rule_set(json.loads(json.dumps(document))) == rules
    assert document_of(rule_set(document)) == document


def test_a_preset_gives_each_city_a_pool_of_its_own() -> None:
    rules = rule_set(preset_document("steady", opens_date=date(2025, 1, 1), cities=["上海", "杭州"]))
    pools = {
        city: route_of(rules, city=city, is_new=False, grade=None, multiple_ppm=10**6, store=None).pool
        for city in ("上海", "杭州", "北京")
    }
    assert len(set(pools.values())) == 3
    assert set(pools.values()) == set(rules.pools)
    assert rules.red_pool not in rules.pools


@pytest.mark.parametrize("name", PRESETS)
def test_the_red_pool_of_every_preset_passes_its_entries_on_over_36_cycles(name: str) -> None:
    document = preset_document(name, opens_date=date(2025, 1, 1))
    assert document["plans"][document["red_plan"]] == {  # type: ignore[index]
        "cycles": 36,
        "r0": S // 36,
        "cap": S,
        "coupling": "flat",
        "fixed_cycles": 0,
        "g_min": -S,
        "g_max": None,
        "r_max": None,
    }
    assert document["red_terms"] == {
        "allot": [1, 1],
        "spend": [1, 1],
        "cycle_cap_fen": None,
        "dividend_threshold": 15 * S // 100,
        "dividend_share": [0, 1],
        "window": 7,
    }


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_its_own_canonical_document(name: str) -> None:
    document = preset_document(name, opens_date=date(2025, 1, 1))
    written = document_of(rule_set(document))
    assert {key: written[key] for key in document if key != "routes"} == {
        key: value for key, value in document.items() if key != "routes"
    }
    assert all(plan.name == key for key, plan in rule_set(document).plans.items())


def test_presets_are_for_china_unless_told_otherwise_and_name_pools_after_cities() -> None:
    document = preset_document("steady", opens_date=date(2025, 1, 1), cities=["New York", "上海"])
    assert rule_set(document).calendar.utc_offset_minutes == 480
    assert set(rule_set(document).pools) == {"green-new-york", "green-上海", "green"}
