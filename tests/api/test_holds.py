"""Holds over HTTP: placed and released by risk and operators, seen by all the platform's people."""

from typing import Any

from tests.support.looking import looker_of, staff_of
from tests.support.town import Town


def test_a_held_account_can_t_draw_until_it_is_released(town: Town, clock: Any) -> None:
    town.sell("lin", "grocer", 100_000)
    town.close_all([1, 2])
    clock(town.at)
    risk, lin = staff_of("risk"), looker_of(town.ids["lin"])
    asked = {"account_id": str(town.ids["lin"]), "reason": "looks odd"}
    made = risk.post("/v1/holds", asked, idempotency_key="h-1")
    assert (made.status, made.json["account_id"], made.json["released_at"]) == (201, asked["account_id"], None)
    assert risk.post("/v1/holds", asked).json["id"] == made.json["id"]
    answer = lin.post("/v1/wallets/me/draws", {"pool": "green"})
    assert (answer.status, answer.code, lin.get("/v1/wallets/me").json["held"]) == (409, "draw.held", True)
    path = f"/v1/holds/{made.json['id']}"
    assert risk.post(f"{path}/release").json["released_by"] == str(risk.account_id)
    assert risk.post(f"{path}/release").headers["idempotency-replayed"] == "true"
    assert lin.post("/v1/wallets/me/draws", {"pool": "green"}).json["drawn_fen"] == 100
    auditor = staff_of("auditor")
    assert auditor.get("/v1/holds").json["items"] == []
    assert [each["id"] for each in auditor.get("/v1/holds?standing=false").json["items"]] == [made.json["id"]]
    assert auditor.get(path).json["reason"] == "looks odd"


def test_a_held_order_doesn_t_vest(town: Town, clock: Any) -> None:
    order = town.sell("lin", "grocer", 100_000)
    clock(town.at)
    operator = staff_of("operator")
    made = operator.post("/v1/holds", {"order_id": str(order), "reason": "mispriced"})
    assert (made.json["order_id"], made.json["placed_by"]) == (str(order), str(operator.account_id))
    assert town.vest(1).orders == 0


def test_what_a_hold_must_say(town: Town) -> None:
    risk = staff_of("risk")
    assert risk.post("/v1/holds", {"reason": "neither"}).code == "hold.target"
    assert risk.post("/v1/holds", {"reason": "both", "order_id": "1", "account_id": "1"}).code == "hold.target"
    assert risk.post("/v1/holds", {"reason": "", "order_id": "1"}).status == 422
    assert risk.post("/v1/holds", {"reason": "x", "order_id": "17"}).code == "hold.order"
    assert risk.post("/v1/holds", {"reason": "x", "account_id": "9" * 19}).code == "hold.account"
    assert risk.get("/v1/holds/17").code == risk.post("/v1/holds/17/release").code == "hold.unknown"
    for other in (staff_of("finance"), staff_of("auditor"), looker_of(town.ids["lin"])):
        assert other.post("/v1/holds", {"reason": "x", "order_id": "17"}).code == "auth.role"
