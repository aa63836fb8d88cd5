"""Settlements over HTTP: tried, run, held above the daily cap, and decided by a second person who has looked."""

from typing import Any

import pytest

from tests.support.calling import Caller
from tests.support.ledger import fetch
from tests.support.looking import looker_of, staff_of
from tests.support.town import Town, found_town, plain_rules


@pytest.fixture
def capped(database: Any, clock: Any) -> Town:
    """An alliance that may release 150 fen a day, at the second cut-off: 200 are due."""
    town = found_town(plain_rules(daily_rebate_cap_fen=150))
    town.sell("mei", "grocer", 100_000)
    town.close(1)
    town.at = town.calendar.cutoff_at(2)
    clock(town.at)
    return town


def test_a_settlement_is_tried_before_it_is_run(town: Town, clock: Any) -> None:
    town.sell("mei", "grocer", 100_000)
    town.close(1)
    auditor, operator = staff_of("auditor"), staff_of("operator")
    clock(town.calendar.cutoff_at(2))
    tried = auditor.post("/v1/settlements/2/preview").json
    # 60 % of 10 000 is in the pool; 1 % of the 10 000 points of Mei and of the grocer.
    assert (tried["issued_fen"], tried["pools"][0]["free_before_fen"], tried["pools"][0]["free_fen"]) == (
        200,
        6_000,
        5_800,
    )
    assert fetch("SELECT COUNT(*) FROM settlement_run") == [(1,)]
    done = operator.post("/v1/settlements/2/run", idempotency_key="s-2")
    assert done.json == {"cycle": 2, "state": "posted", "issued_fen": 200, "cap_fen": None}
    for key in ("s-2", "s-3"):
        again = operator.post("/v1/settlements/2/run", idempotency_key=key)
        assert (again.json, again.headers["idempotency-replayed"]) == (done.json, "true")
    shown = auditor.get("/v1/settlements/2").json
    assert [(each["pool"], each["issued_fen"]) for each in shown["pools"]] == [("green", 200), ("red", 0)]
    steps = auditor.get("/v1/settlements/2/pools/green").json["steps"]
    assert [(each["points"], each["index_before"], each["index_after"]) for each in steps] == [
        (20_000, "0", str(10**10))
    ]
    assert auditor.post("/v1/settlements/2/preview").code == "settle.not_open"
    assert auditor.get("/v1/settlements/9").code == "settle.unknown"
    page = auditor.get("/v1/settlements?limit=1").json
    rest = auditor.get(f"/v1/settlements?limit=1&cursor={page['next_cursor']}").json
    assert [each["cycle"] for each in page["items"] + rest["items"]] == [2, 1]


def test_a_cycle_is_not_settled_before_its_cut_off(town: Town, clock: Any) -> None:
    clock(town.at)
    answer = staff_of("operator").post("/v1/settlements/1/run")
    assert (answer.status, answer.code) == (409, "cycle.open")


def test_a_key_that_was_used_for_another_cycle_vests_nothing(town: Town, clock: Any) -> None:
    operator = staff_of("operator")
    clock(town.calendar.cutoff_at(1))
    assert operator.post("/v1/settlements/1/run", idempotency_key="run").json["state"] == "posted"
    town.at = town.calendar.cutoff_at(1)
    town.later(hours=1).sell("mei", "grocer", 100_000)
    clock(town.calendar.cutoff_at(2))
    again = operator.post("/v1/settlements/2/run", idempotency_key="run")
    assert (again.status, again.code) == (409, "idempotency.conflict")
    assert fetch("SELECT entry_cycle FROM orders") == [(None,)]
    assert operator.post("/v1/settlements/2/run", idempotency_key="run-2").json["state"] == "posted"
    assert fetch("SELECT entry_cycle FROM orders") == [(2,)]


def test_a_held_settlement_is_approved_by_a_second_person_as_it_was_seen(capped: Town) -> None:
    operator, finance = staff_of("operator").fresh(), staff_of("finance")
    held = operator.post("/v1/settlements/2/run").json
    assert (held["state"], held["issued_fen"], held["cap_fen"]) == ("held", 200, 150)
    shown = finance.get("/v1/settlements/2").json
    assert (shown["pools"][0]["issued_fen"], len(shown["sha256"])) == (200, 64)
    assert finance.get("/v1/settlements/2/pools/green").json["steps"][0]["index_after"] == str(10**10)
    assert fetch("SELECT SUM(backing_fen) FROM pool") == [(0,)]
    seen = {"sha256": shown["sha256"]}
    assert finance.post("/v1/settlements/2/approve", seen).code == "auth.reauthenticate"
    finance.fresh()
    assert operator.post("/v1/settlements/2/approve", seen).code == "settle.two_people"
    assert finance.post("/v1/settlements/2/approve", {"sha256": "0" * 64}).code == "settle.changed"
    done = finance.post("/v1/settlements/2/approve", seen, idempotency_key="a-2")
    assert (done.status, done.json["state"], done.json["issued_fen"]) == (200, "posted", 200)
    again = finance.post("/v1/settlements/2/approve", seen, idempotency_key="a-2")
    assert (again.body, again.headers["idempotency-replayed"]) == (done.body, "true")
    late = finance.post("/v1/settlements/2/approve", seen)
    assert (late.status, late.code) == (409, "settle.not_held")


def test_a_held_settlement_is_rejected_with_caps_and_proposed_anew(capped: Town) -> None:
    operator, finance = staff_of("operator").fresh(), staff_of("finance").fresh()
    operator.post("/v1/settlements/2/run")
    mark = finance.get("/v1/settlements/2").json["sha256"]
    done = finance.post("/v1/settlements/2/reject", {"sha256": mark, "caps_fen": {"green": 100}})
    # Half of what was due: the index of 20 000 points is 0.005, and 100 fen.
    assert (done.json["state"], done.json["issued_fen"]) == ("held", 100)
    assert finance.post("/v1/settlements/2/reject", {"sha256": mark, "caps_fen": {"green": -1}}).status == 422
    assert (
        operator.post("/v1/settlements/2/reject", {"sha256": mark, "caps_fen": {"green": 5}}).code == "settle.changed"
    )
    mark = operator.get("/v1/settlements/2").json["sha256"]
    assert operator.post("/v1/settlements/2/approve", {"sha256": mark}).json["issued_fen"] == 100


def test_only_operators_and_finance_decide(capped: Town, clock: Any) -> None:
    from tests.support.calling import till_of

    callers: list[Any] = [staff_of(role).fresh() for role in ("risk", "marketing", "auditor")]
    callers.append(looker_of(capped.ids["lin"]))
    for caller in callers:
        for path, body in (
            ("run", None),
            ("approve", {"sha256": "0" * 64}),
            ("reject", {"sha256": "0" * 64, "caps_fen": {"green": 0}}),
        ):
            answer = caller.post(f"/v1/settlements/2/{path}", body)
            assert (answer.status, answer.code) == (403, "auth.role")
    till: Caller = till_of("grocer")
    assert till.get("/v1/settlements").code == "auth.person"
    assert fetch("SELECT COUNT(*) FROM settlement_run") == [(1,)]
