"""Merchants over HTTP: enrolled by operators, seen by who acts for them; stores, and rate cards that two people set."""

from datetime import timedelta
from typing import Any

from tests.support.calling import Caller, partner_of, till_of
from tests.support.ledger import fetch
from tests.support.looking import Looker, looker_of, staff_of
from tests.support.town import Town
from tests.support.visiting import seated

TEA = {
    "ref": "tea",
    "city": "Hangzhou",
    "enrolled_at": "2026-01-05T09:00:00+08:00",
    "rate_ppm": 80_000,
    "shops": ["tea-1"],
    "linked": ["bo"],
}


def test_an_operator_enrols_a_merchant_with_its_stores_and_first_rate(town: Town, clock: Any) -> None:
    clock(town.at)
    operator = staff_of("operator")
    made = operator.post("/v1/merchants", TEA)
    assert (made.status, made.json["rate_ppm"], made.json["shops"]) == (201, 80_000, ["tea-1"])
    assert operator.post("/v1/merchants", TEA).json == made.json
    assert operator.get("/v1/merchants/tea").json == made.json
    assert operator.post("/v1/merchants", TEA | {"rate_ppm": 10_000, "ref": "low"}).status == 422
    for role in ("finance", "risk", "marketing", "auditor"):
        assert staff_of(role).post("/v1/merchants", TEA | {"ref": "other"}).code == "auth.role"
    assert [each["ref"] for each in operator.get("/v1/merchants").json["items"]] == ["tea", "baker", "grocer"]


def test_a_merchant_sees_itself_and_no_other(town: Town, till: Caller, clock: Any) -> None:
    clock(town.at)
    owner = Looker(seated("grocer"), 0)
    for caller in (till, owner):
        assert [each["ref"] for each in caller.get("/v1/merchants").json["items"]] == ["grocer"]
        assert caller.get("/v1/merchants/grocer").json["rate_ppm"] == 100_000
        for path in ("baker", "baker/shops", "baker/rates", "nobody"):
            answer = caller.get(f"/v1/merchants/{path}")
            assert (answer.status, answer.code) == (404, "merchant.unknown")
    assert till.post("/v1/merchants/baker/shops", {"ref": "s"}).code == "merchant.unknown"
    assert looker_of(town.ids["lin"]).get("/v1/merchants").json["items"] == []
    both = partner_of("grocer", "baker")
    page = both.get("/v1/merchants?limit=1").json
    rest = both.get(f"/v1/merchants?limit=1&cursor={page['next_cursor']}").json
    assert [each["ref"] for each in page["items"] + rest["items"]] == ["baker", "grocer"]


def test_a_store_is_added_once_and_sells(town: Town, till: Caller) -> None:
    made = till.post("/v1/merchants/grocer/shops", {"ref": "north"})
    assert (made.status, made.json, made.headers.get("idempotency-replayed")) == (201, {"ref": "north"}, None)
    assert till.post("/v1/merchants/grocer/shops", {"ref": "north"}).headers["idempotency-replayed"] == "true"
    assert till.get("/v1/merchants/grocer/shops").json == {"shops": [{"ref": "north"}]}
    town.sell("mei", "grocer", 1_000, shop="north")
    assert fetch("SELECT act, about FROM audit_entry WHERE act = 'shop.add'") == [
        ("shop.add", f"merchant/{town.merchants['grocer']}")
    ]


def test_a_rate_card_is_set_by_two_people(town: Town, clock: Any) -> None:
    clock(town.at)
    marketing, finance = staff_of("marketing"), staff_of("finance").fresh()
    later = town.at + timedelta(days=3)
    wanted = {"rate_ppm": 120_000, "valid_from_at": later.isoformat(), "reason": "agreed in May"}
    proposed = marketing.post("/v1/merchants/grocer/rates", wanted)
    assert (proposed.status, len(proposed.json["sha256"])) == (202, 64)
    assert [each["rate_ppm"] for each in marketing.get("/v1/merchants/grocer/rates").json["rates"]] == [100_000]
    path = f"/v1/proposals/{proposed.json['id']}"
    assert finance.get(path).json["content"]["rate_ppm"] == 120_000
    assert finance.post(f"{path}/approve", {"sha256": proposed.json["sha256"]}).json["state"] == "done"
    cards = till_of("grocer").get("/v1/merchants/grocer/rates").json["rates"]
    assert [each["rate_ppm"] for each in cards] == [120_000, 100_000]
    # 10 % still holds before the instant, 12 % from it on.
    assert finance.get("/v1/merchants/grocer").json["rate_ppm"] == 100_000
    clock(later)
    assert finance.get("/v1/merchants/grocer").json["rate_ppm"] == 120_000
