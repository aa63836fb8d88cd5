"""Clients and their keys: an operator registers and revokes; a new key takes two people, and is shown once."""

from typing import Any

from tests.support.calling import Caller, till_of
from tests.support.ledger import fetch
from tests.support.looking import staff_of
from tests.support.town import Town


def test_a_key_is_proposed_by_one_person_and_shown_to_another_once(town: Town, clock: Any) -> None:
    operator, finance = staff_of("operator").fresh(), staff_of("finance").fresh()
    client = operator.post("/v1/clients", {"name": "mall", "kind": "partner", "merchants": ["grocer"]})
    assert (client.status, client.json["merchants"]) == (201, ["grocer"])
    keys = f"/v1/clients/{client.json['id']}/keys"
    proposed = operator.post(keys, {"scopes": ["merchants:read"], "reason": "the mall opens"})
    assert (proposed.status, operator.get(keys).json) == (202, {"keys": []})
    path, seen = f"/v1/proposals/{proposed.json['id']}", {"sha256": proposed.json["sha256"]}
    assert operator.post(f"{path}/approve", seen).code == "proposal.two_people"
    done = finance.post(f"{path}/approve", seen, idempotency_key="k")
    token = done.json["shown"]["token"]
    assert Caller(token).get("/v1/merchants/grocer").status == 200
    again = finance.post(f"{path}/approve", seen, idempotency_key="k")
    assert (again.json["shown"], again.headers["idempotency-replayed"]) == (None, "true")
    secret = token.split("_", 2)[2]
    for table in ("stored_answer", "audit_entry", "proposal", "api_key"):
        assert secret not in str(fetch(f"SELECT * FROM {table}")), table
    assert [each["scopes"] for each in operator.get(keys).json["keys"]] == [["merchants:read"]]


def test_one_key_takes_the_place_of_another(town: Town, till: Caller, clock: Any) -> None:
    operator, finance = staff_of("operator").fresh(), staff_of("finance").fresh()
    client = operator.get("/v1/clients").json["clients"][0]["id"]
    old = operator.get(f"/v1/clients/{client}/keys").json["keys"][0]["id"]
    wanted = {"scopes": ["orders:read"], "reason": "a clerk left", "revokes": old}
    proposed = operator.post(f"/v1/clients/{client}/keys", wanted).json
    finance.post(f"/v1/proposals/{proposed['id']}/approve", {"sha256": proposed["sha256"]})
    keys = operator.get(f"/v1/clients/{client}/keys").json["keys"]
    assert [each["revoked_at"] is None for each in keys] == [True, False]
    late = operator.post(f"/v1/clients/{client}/keys", wanted)
    assert (late.status, late.code) == (404, "key.unknown")


def test_a_client_has_two_live_keys_at_most(town: Town, till: Caller, clock: Any) -> None:
    operator, finance = staff_of("operator").fresh(), staff_of("finance").fresh()
    client = operator.get("/v1/clients").json["clients"][0]["id"]
    path = f"/v1/clients/{client}/keys"
    for why in ("one", "two"):
        proposed = operator.post(path, {"scopes": ["orders:read"], "reason": why})
        if proposed.status == 202:
            told = {"sha256": proposed.json["sha256"]}
            assert finance.post(f"/v1/proposals/{proposed.json['id']}/approve", told).status == 200
    assert (proposed.status, proposed.code) == (409, "key.many")


def test_an_operator_revokes_a_key_at_once(town: Town, till: Caller) -> None:
    operator = staff_of("operator")
    client = operator.get("/v1/clients").json["clients"][0]["id"]
    number = till.token.split("_")[1]
    path = f"/v1/clients/{client}/keys/{number}/revoke"
    assert operator.post(path).code == "auth.reauthenticate"
    operator.fresh()
    assert operator.post(path).json["revoked_at"] is not None
    assert till.get("/v1/merchants/grocer").code == "auth.key"
    assert operator.post(path).code == "key.unknown"
    assert operator.post(f"/v1/clients/{client}/keys/7/revoke").code == "key.unknown"
    assert operator.get("/v1/clients/7/keys").code == "client.unknown"


def test_staff_are_listed_for_operators_and_auditors(town: Town) -> None:
    operator = staff_of("operator")
    assert [(each["name"], each["roles"]) for each in operator.get("/v1/staff").json["staff"]] == [
        ("Operator", ["operator"])
    ]
    assert staff_of("auditor").get("/v1/staff").status == 200
    for role in ("finance", "risk", "marketing"):
        other = staff_of(role)
        assert other.get("/v1/staff").code == other.get("/v1/clients").code == "auth.role"
    assert till_of("grocer").get("/v1/clients").status == 401
