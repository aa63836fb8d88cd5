"""Clients and their keys: an operator registers and revokes; a new key takes two people, and is shown once."""

from datetime import timedelta
from hashlib import sha256
from typing import Any

from greenloop.api import callers
from greenloop.services.trust.steps import canonical
from greenloop.store.models import Proposal
from tests.support.calling import Caller, partner_of, till_of
from tests.support.ledger import fetch
from tests.support.looking import Looker, staff_of
from tests.support.town import Town


def test_a_key_is_proposed_by_one_person_and_shown_to_another_once(town: Town, clock: Any) -> None:
    operator, finance = staff_of("operator").fresh(), staff_of("finance").fresh()
    client = operator.post("/v1/clients", {"name": "mall", "kind": "partner", "merchants": ["grocer"]})
    assert (client.status, client.json["merchants"]) == (201, ["grocer"])
    keys = f"/v1/clients/{client.json['id']}/keys"
    proposed = operator.post(keys, {"scopes": ["merchants:read"], "reason": "the mall opens"})
    assert (proposed.status, operator.get(keys).json) == (202, {"keys": []})
    path, seen = f"/v1/proposals/{proposed.json['id']}", {"sha256": proposed.json["sha256"]}
    assert finance.get(path).json["content"]["merchants"] == ["grocer"]
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
    client = operator.get("/v1/clients").json["items"][0]["id"]
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
    client = operator.get("/v1/clients").json["items"][0]["id"]
    path = f"/v1/clients/{client}/keys"
    for why in ("one", "two"):
        proposed = operator.post(path, {"scopes": ["orders:read"], "reason": why})
        if proposed.status == 202:
            told = {"sha256": proposed.json["sha256"]}
            assert finance.post(f"/v1/proposals/{proposed.json['id']}/approve", told).status == 200
    assert (proposed.status, proposed.code) == (409, "key.many")


def test_an_operator_revokes_a_key_at_once(town: Town, till: Caller) -> None:
    operator = staff_of("operator")
    client = operator.get("/v1/clients").json["items"][0]["id"]
    number = till.token.split("_")[1]
    path = f"/v1/clients/{client}/keys/{number}/revoke"
    assert operator.post(path).code == "auth.reauthenticate"
    operator.fresh()
    assert operator.post(path).json["revoked_at"] is not None
    assert till.get("/v1/merchants/grocer").code == "auth.key"
    assert operator.post(path).code == "key.unknown"
    assert operator.post(f"/v1/clients/{client}/keys/7/revoke").code == "key.unknown"
    assert operator.get("/v1/clients/7/keys").code == "client.unknown"


def test_an_operator_takes_a_merchant_away_from_a_client_at_once(town: Town, clock: Any) -> None:
    mall, operator = partner_of("grocer", "baker"), staff_of("operator")
    path = f"/v1/clients/{operator.get('/v1/clients').json['items'][0]['id']}/merchants"
    assert operator.post(f"{path}/baker/withdraw").code == "auth.reauthenticate"
    assert staff_of("finance").fresh().post(f"{path}/baker/withdraw").code == "auth.role"
    assert mall.get("/v1/merchants/baker").status == 200
    gone = operator.fresh().post(f"{path}/baker/withdraw")
    assert (gone.status, gone.json["merchants"]) == (200, ["grocer"])
    callers.forget()
    assert [mall.get(f"/v1/merchants/{ref}").status for ref in ("grocer", "baker")] == [200, 404]
    assert operator.post(f"{path}/baker/withdraw").headers["idempotency-replayed"] == "true"
    assert operator.post(f"{path}/nobody/withdraw").code == "merchant.unknown"
    ((actor, detail),) = fetch("SELECT actor, detail FROM audit_entry WHERE act = 'client.withdraw'")
    assert (actor, detail) == (f"account/{operator.account_id}", '{"merchant":"baker"}')


def test_a_key_proposed_before_its_merchants_were_named_is_proposed_anew(town: Town, till: Caller, clock: Any) -> None:
    clock(town.at)
    operator, finance = staff_of("operator").fresh(), staff_of("finance").fresh()
    client = operator.get("/v1/clients").json["items"][0]
    text = canonical({"client": client["name"], "must_sign": "no", "revokes": None, "scopes": ["orders:read"]})
    mark = sha256(text.encode()).hexdigest()
    told = {"about": f"client/{client['id']}", "content": text, "content_hash": mark, "reason": "opens"}
    by = {"state": "open", "proposed_by": f"account/{operator.account_id}", "proposed_at": town.at}
    Proposal.objects.create(id=77, kind="key.rotate", expires_at=town.at + timedelta(hours=9), **told, **by)
    answer = finance.post("/v1/proposals/77/approve", {"sha256": mark})
    assert (answer.status, answer.code) == (409, "proposal.stale")
    assert finance.get("/v1/proposals/77").json["state"] == "open"
    assert finance.post("/v1/proposals/77/reject").json["state"] == "rejected"


def test_a_known_client_acts_for_more_merchants_once_two_people_say_so(town: Town, clock: Any) -> None:
    clock(town.at)
    mall, operator, finance = partner_of("grocer"), staff_of("operator").fresh(), staff_of("finance").fresh()
    assert mall.get("/v1/merchants/baker").code == "merchant.unknown"
    known = {"name": "mall", "kind": "partner", "merchants": ["grocer"]}
    refused = operator.post("/v1/clients", known | {"merchants": ["grocer", "baker"]})
    assert (refused.status, refused.code) == (409, "client.two_people")
    assert operator.post("/v1/clients", known).json["merchants"] == ["grocer"]
    more = {"kind": "client.extend", "content": {"client": "mall", "merchants": ["baker"]}, "reason": "the mall grows"}
    proposed = operator.post("/v1/proposals", more)
    path, seen = f"/v1/proposals/{proposed.json['id']}", {"sha256": proposed.json["sha256"]}
    assert operator.post(f"{path}/approve", seen).code == "proposal.two_people"
    assert mall.get("/v1/merchants/baker").status == 404
    assert finance.post(f"{path}/approve", seen).json["outcome"] == "1 merchants added"
    callers.forget()
    assert mall.get("/v1/merchants/baker").status == 200
    assert operator.post("/v1/proposals", more).code == "proposal.nothing"


def test_what_a_client_can_t_be_extended_by_is_refused(town: Town, till: Caller, clock: Any) -> None:
    operator = staff_of("operator")
    operator.post("/v1/clients", {"name": "mall", "kind": "partner"})
    for client, merchants, code in (
        ("nobody", ["baker"], "client.unknown"),
        ("mall", ["nobody"], "merchant.unknown"),
        ("mall", [], "document.value"),
        ("tills of grocer", ["baker"], "client.known"),
    ):
        content = {"client": client, "merchants": merchants}
        answer = operator.post("/v1/proposals", {"kind": "client.extend", "content": content, "reason": "x"})
        assert answer.code == code, answer.body
    for role in ("finance", "marketing"):
        content = {"client": "mall", "merchants": ["baker"]}
        answer = staff_of(role).post("/v1/proposals", {"kind": "client.extend", "content": content, "reason": "x"})
        assert answer.code == "proposal.role"


def test_a_key_is_proposed_again_when_its_client_has_come_to_act_for_others(town: Town, clock: Any) -> None:
    operator, finance = staff_of("operator").fresh(), staff_of("finance").fresh()
    client = operator.post("/v1/clients", {"name": "mall", "kind": "partner", "merchants": ["grocer"]}).json["id"]
    key = operator.post(f"/v1/clients/{client}/keys", {"scopes": ["orders:read"], "reason": "opens"}).json
    content = {"client": "mall", "merchants": ["baker"]}
    more = operator.post("/v1/proposals", {"kind": "client.extend", "content": content, "reason": "grows"}).json
    for made, code in ((more, None), (key, "client.changed")):
        answer = finance.post(f"/v1/proposals/{made['id']}/approve", {"sha256": made["sha256"]})
        assert (answer.json.get("code"), answer.status) == (code, 409 if code else 200)
    assert operator.get(f"/v1/clients/{client}/keys").json["keys"] == []


def test_clients_and_staff_are_told_page_by_page(town: Town) -> None:
    operator, _ = staff_of("operator"), staff_of("auditor")
    for name in ("one", "two", "three"):
        operator.post("/v1/clients", {"name": name, "kind": "partner", "merchants": ["grocer", "baker"]})
    assert [each["name"] for each in listed(operator, "/v1/clients")] == ["three", "two", "one"]
    assert [each["merchants"] for each in listed(operator, "/v1/clients")] == [["baker", "grocer"]] * 3
    assert [each["roles"] for each in listed(operator, "/v1/staff")] == [["operator"], ["auditor"]]
    assert operator.get("/v1/clients?cursor=x").code == operator.get("/v1/staff?cursor=x").code == "cursor.unreadable"


def listed(looker: Looker, path: str) -> list[Any]:
    """Follow a list to its end, one row a page."""
    found, cursor = [], ""
    while True:
        page = looker.get(f"{path}?limit=1{cursor}").json
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def test_staff_are_listed_for_operators_and_auditors(town: Town) -> None:
    operator = staff_of("operator")
    assert [(each["name"], each["roles"]) for each in operator.get("/v1/staff").json["items"]] == [
        ("Operator", ["operator"])
    ]
    assert staff_of("auditor").get("/v1/staff").status == 200
    for role in ("finance", "risk", "marketing"):
        other = staff_of(role)
        assert other.get("/v1/staff").code == other.get("/v1/clients").code == "auth.role"
    assert till_of("grocer").get("/v1/clients").code == "auth.person"
