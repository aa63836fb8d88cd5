"""Large draws and spends over HTTP: who asks is told that they wait, and those who may look see them."""

from typing import Any

import pytest

from greenloop.services.loop.claim import approve, reject
from greenloop.store.queries import claims
from tests.support.calling import till_of
from tests.support.looking import looker_of, staff_of
from tests.support.town import Town, found_town, plain_rules


@pytest.fixture
def town(database: object, clock: Any) -> Town:
    """Mei has 2 yuan to draw; no wallet draws or spends more than 1.50 yuan a day without a second person."""
    del database
    town = found_town(plain_rules(large_claim_fen=150))
    town.sell("mei", "grocer", 100_000)
    town.close_all([1, 2, 3])
    clock(town.at)
    return town


def decide(verb: Any, claim: str, town: Town, **facts: str) -> None:
    verb(claim_id=int(claim), seen=claims.claim(int(claim)).content_hash, by="Ren", at=town.at, **facts)


def test_a_large_draw_is_answered_with_its_claim_and_asked_again_with_the_same(town: Town) -> None:
    mei = looker_of(town.ids["mei"])
    answer = mei.post("/v1/wallets/me/draws", {"pool": "green"}, idempotency_key="d-1")
    assert answer.status == 202
    assert answer.json | {"claim": ""} == {
        "account_id": str(town.ids["mei"]),
        "pool": "green",
        "claim": "",
        "reserved_fen": 200,
    }
    again = mei.post("/v1/wallets/me/draws", {"pool": "green"}, idempotency_key="d-1")
    assert (again.status, again.json, again.headers["idempotency-replayed"]) == (202, answer.json, "true")
    found = mei.get("/v1/wallets/me").json
    assert (found["drawable_fen"], found["reserved_fen"], found["unspent_fen"]) == (0, 200, 0)
    decide(approve, answer.json["claim"], town)
    found = mei.get("/v1/wallets/me").json
    assert (found["drawable_fen"], found["reserved_fen"], found["unspent_fen"]) == (0, 0, 200)


def test_a_large_spend_is_refused_with_its_claim_until_somebody_has_let_it_through(town: Town) -> None:
    till = till_of("baker")
    sale = {"merchant": "baker", "order_no": "7", "member": "mei", "paid_at": town.at.isoformat(), "cash_fen": 0}
    quoted = till.post(
        "/v1/orders/quote", {"merchant": "baker", "member": "mei", "price_fen": 160, "use_coupons": False}
    ).json
    assert (quoted["voucher_fen"], quoted["held"]) == (160, True)
    answer = till.post("/v1/orders", sale | {"voucher_fen": 160})
    assert (answer.status, answer.code, answer.json["field"]) == (409, "claim.held", "voucher_fen")
    claim = answer.json["claim"]
    (item,) = till.post("/v1/orders/bulk", {"orders": [sale | {"voucher_fen": 160}]}).json["results"]
    assert (item["status"], item["problem"]["claim"]) == (409, claim)
    decide(approve, claim, town)
    assert till.post("/v1/orders", sale | {"voucher_fen": 160}).status == 201
    assert till.post("/v1/orders", sale | {"voucher_fen": 160}).headers["idempotency-replayed"] == "true"


def test_those_who_may_look_see_what_waits_and_what_was_decided(town: Town) -> None:
    mei, risk = looker_of(town.ids["mei"]), staff_of("risk")
    claim = mei.post("/v1/wallets/me/draws", {"pool": "green"}).json["claim"]
    (row,) = risk.get("/v1/claims").json["items"]
    told = (row["id"], row["kind"], row["account_id"], row["pool"], row["amount_fen"], row["most_fen"], row["state"])
    assert told == (claim, "draw", str(town.ids["mei"]), "green", 200, 150, "held")
    assert row["sha256"] == claims.claim(int(claim)).content_hash
    own = mei.get("/v1/wallets/me/claims").json
    (shown,) = own["claims"]
    assert (own["account_id"], shown["id"], shown["state"]) == (str(town.ids["mei"]), claim, "held")
    assert (shown["kind"], shown["place"], shown["amount_fen"], shown["reason"]) == ("draw", "green", 200, "")
    decide(reject, claim, town, reason="a raid")
    (shown,) = mei.get("/v1/wallets/me/claims").json["claims"]
    assert (shown["state"], shown["reason"]) == ("rejected", "a raid")
    assert staff_of("auditor").get("/v1/claims").json["items"] == []
    assert [each["id"] for each in risk.get("/v1/claims?waiting=false").json["items"]] == [claim]
    found = risk.get(f"/v1/claims/{claim}").json
    assert (found["state"], found["reason"], found["decided_by"]) == ("rejected", "a raid", "name/ren")
    assert risk.get("/v1/claims/17").code == "claim.unknown"
    for other in (staff_of("marketing"), mei):
        assert other.get("/v1/claims").code == other.get(f"/v1/claims/{claim}").code == "auth.role"
    address = f"/v1/wallets/{town.ids['mei']}/claims"
    assert staff_of("marketing").get(address).code == "auth.role"
    assert staff_of("marketing").get(f"/v1/wallets/{town.ids['mei']}").status == 200
    for reader in ("risk", "auditor", "regulator"):
        assert [each["id"] for each in staff_of(reader).get(address).json["claims"]] == [claim]
    assert looker_of(town.ids["bo"]).get(address).code == "account.unknown"


def test_a_client_reads_how_a_claim_stands_and_not_why_people_turned_it_down(town: Town) -> None:
    till, address = till_of("grocer", at=town.at), f"/v1/wallets/{town.ids['grocer']}"
    claim = till.post(f"{address}/draws", {"pool": "green"}).json["claim"]
    decide(reject, claim, town, reason="a raid")
    (shown,) = till.get(f"{address}/claims").json["claims"]
    assert (shown["id"], shown["state"], shown["reason"]) == (claim, "rejected", "")
