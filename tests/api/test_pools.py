"""Pools, plans, rules and the calendar, as anybody who takes part may look them up."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from greenloop.services.loop import minting
from tests.support.calling import Caller
from tests.support.ledger import fetch
from tests.support.looking import looker_of, staff_of
from tests.support.town import OPENING_AT, Town, plain_rules


@pytest.fixture
def settled(town: Town) -> Town:
    """Lin has bought for 1 000 yuan at 10 %, and drawn 40 of the 100 fen that the first release gave her."""
    town.sell("lin", "grocer", 100_000)
    town.close_all([1, 2])
    town.draw("lin", 40)
    return town


def test_a_pool_shows_what_it_holds_and_owes(settled: Town, till: Caller) -> None:
    green = till.get("/v1/pools/green").json
    # 60 % of 10 000 came in; 1 % of 20 000 points was issued, of which Lin drew 40.
    assert {name: green[name] for name in ("free_fen", "accrued_fen", "voucher_fen", "issued_fen")} == {
        "free_fen": 6_000 - 200,
        "accrued_fen": 160,
        "voucher_fen": 40,
        "issued_fen": 200,
    }
    # 6 000 stand for 200.
    assert (green["coverage_ppm"], green["open_cycle"], green["settled_cycle"]) == (30_000_000, 3, 2)
    assert [each["name"] for each in till.get("/v1/pools").json["items"]] == ["green", "red"]
    page = till.get("/v1/pools?limit=1").json
    rest = till.get(f"/v1/pools?limit=1&cursor={page['next_cursor']}").json
    assert ([each["name"] for each in rest["items"]], rest["next_cursor"]) == (["red"], None)
    assert till.get("/v1/pools/blue").code == "pool.unknown"


def test_a_pool_s_cycles_are_listed_newest_first(settled: Town, till: Caller) -> None:
    page = till.get("/v1/pools/green/cycles?limit=1").json
    rest = till.get(f"/v1/pools/green/cycles?limit=1&cursor={page['next_cursor']}").json
    told = [(each["cycle"], each["inflow_fen"], each["issued_fen"]) for each in page["items"] + rest["items"]]
    assert told == [(2, 0, 200), (1, 6_000, 0)]


def test_plans_and_rules_are_open_to_everybody_who_takes_part(settled: Town, clock: Any) -> None:
    lin = looker_of(settled.ids["lin"])
    clock(settled.at)
    plans = {each["name"]: each["terms"] for each in lin.get("/v1/plans").json["items"]}
    assert plans["short"]["cycles"] == 30
    current = lin.get("/v1/rules/current").json
    assert (current["state"], current["document"]["refund_days"]) == ("current", 0)
    assert [each["state"] for each in lin.get("/v1/rules").json["items"]] == ["current"]
    clock(OPENING_AT - timedelta(days=1))
    assert lin.get("/v1/rules/current").code == "rules.none"
    assert [each["state"] for each in lin.get("/v1/rules").json["items"]] == ["next"]


def test_rules_are_proposed_by_finance_for_another_to_approve(settled: Town, clock: Any) -> None:
    finance = staff_of("finance")
    clock(settled.at)
    effective_at = settled.at + timedelta(days=8)
    asked = {
        "document": plain_rules(refund_days=3),
        "effective_at": effective_at.isoformat(),
        "reason": "a fair window",
    }
    made = finance.post("/v1/rules", asked, idempotency_key="p-1")
    assert (made.status, len(made.json["sha256"])) == (202, 64)
    assert finance.post("/v1/rules", asked, idempotency_key="p-1").body == made.body
    assert (fetch("SELECT COUNT(*) FROM rule_version"), fetch("SELECT state FROM proposal")) == ([(1,)], [("open",)])
    soon = asked | {"effective_at": settled.at.isoformat()}
    assert finance.post("/v1/rules", soon).code == "rules.notice"
    assert finance.post("/v1/rules", asked | {"document": {}}).status == 422
    assert staff_of("marketing").post("/v1/rules", asked).code == "auth.role"
    assert looker_of(settled.ids["lin"]).post("/v1/rules", asked).code == "auth.role"


def test_the_calendar_says_what_is_open_and_when_it_is_cut_off(settled: Town, till: Caller, clock: Any) -> None:
    clock(settled.at)
    found = till.get("/v1/cycles").json
    assert (found["open_cycle"], found["cycle_days"], found["held_cycle"]) == (3, 7, None)
    # Cycle 3 is the third week: it is cut off as the fourth Monday begins, at 16:00 UTC of the Sunday.
    assert found["cutoff_at"] == "2026-01-25T16:00:00Z"
    states = [till.get(f"/v1/cycles/{cycle}").json["state"] for cycle in (1, 2, 3, 4)]
    assert states == ["posted", "posted", "open", "ahead"]
    assert (found["mints"], found["mints_changes_at"]) == (True, None)
    with transaction.atomic():
        minting.write(minting.Draft(mints=False, effective_at=settled.instant(23)), by="Wu", at=settled.at)
    assert till.get("/v1/cycles").json["mints_changes_at"] == "2026-01-27T04:00:00Z"
    clock(settled.instant(23))
    assert till.get("/v1/cycles").json["mints"] is False
    assert till.get("/v1/cycles/3").json["state"] == "closed"
    for wrong in ("0", "50001", "x", "9" * 30):
        assert till.get(f"/v1/cycles/{wrong}").status == 422
