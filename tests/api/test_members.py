"""Members over HTTP: enrolled through a client, which sees them, and nobody else's; and who has signed in."""

from functools import partial
from typing import Any

from greenloop.services.people.sign_in import PhoneForm, give_phones
from greenloop.store import sql
from tests.support.calling import NOW, Caller, partner_of, till_of
from tests.support.ledger import fetch
from tests.support.looking import looker_of, staff_of
from tests.support.threads import at_once
from tests.support.town import Town

ANN: dict[str, Any] = {"ref": "ann", "city": "Hangzhou", "enrolled_at": "2026-01-05T09:00:00+08:00", "referrer": "mei"}


def test_a_client_enrols_a_member_once_and_sees_it(town: Town, till: Caller) -> None:
    made = till.post("/v1/members", ANN)
    assert (made.status, made.json["ref"], made.json["referrer"]) == (201, "ann", "mei")
    assert till.post("/v1/members", ANN).json == made.json
    assert fetch("SELECT COUNT(*) FROM member WHERE ref = 'ann'") == [(1,)]
    assert till.get("/v1/members/ann").json == made.json
    assert [each["ref"] for each in till.get("/v1/members").json["items"]] == ["ann"]
    wallet = till.get(f"/v1/wallets/{made.json['account_id']}")
    assert (wallet.status, wallet.json["points"]) == (200, 0)
    other = till.post("/v1/members", ANN | {"city": "Ningbo"})
    assert (other.status, other.code) == (409, "member.known")


def test_a_client_sees_nobody_who_enrolled_elsewhere(town: Town, till: Caller) -> None:
    mall = partner_of("baker")
    assert till.post("/v1/members", ANN).status == 201
    for ref in ("ann", "mei", "nobody"):
        answer = mall.get(f"/v1/members/{ref}")
        assert (answer.status, answer.code) == (404, "member.unknown")
    # Naming somebody who is enrolled already, with the same facts, doesn't make them one's own.
    assert mall.post("/v1/members", ANN).status == 201
    assert mall.get("/v1/members/ann").status == 404
    assert mall.get("/v1/members").json["items"] == []
    assert [each["ref"] for each in staff_of("risk").get("/v1/members").json["items"]] == ["ann", "bo", "lin", "mei"]


def test_many_members_enrol_all_or_none_and_pages_follow(town: Town, till: Caller) -> None:
    crowd = [ANN | {"ref": f"m{number}", "referrer": f"m{number - 1}" if number else None} for number in range(7)]
    made = till.post("/v1/members/bulk", {"members": crowd}, idempotency_key="crowd")
    assert (made.status, [each["ref"] for each in made.json["members"]]) == (201, [f"m{number}" for number in range(7)])
    again = till.post("/v1/members/bulk", {"members": crowd}, idempotency_key="crowd")
    assert (again.body, again.headers["idempotency-replayed"]) == (made.body, "true")
    bad = [ANN | {"ref": "x1"}, ANN | {"ref": "x2", "referrer": "nobody"}]
    assert till.post("/v1/members/bulk", {"members": bad}).status in {404, 422}
    assert fetch("SELECT COUNT(*) FROM member WHERE ref LIKE 'x%%'") == [(0,)]
    seen, cursor = [], ""
    while True:
        page = till.get(f"/v1/members?limit=3{cursor}").json
        seen += [each["ref"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == [f"m{number}" for number in range(6, -1, -1)]


def test_a_phone_signs_one_person_in_and_is_never_told(town: Town, till: Caller) -> None:
    made = till.post("/v1/members", ANN | {"phone": "13800138000"}, idempotency_key="a")
    assert b"138" not in made.body.replace(made.json["account_id"].encode(), b"")
    taken = till.post("/v1/members", ANN | {"ref": "eve", "phone": "13800138000"})
    assert (taken.status, taken.code) == (409, "phone.taken")
    assert "13800138000" not in str(fetch("SELECT * FROM stored_answer")) + str(fetch("SELECT * FROM audit_entry"))


def test_what_a_client_lets_sign_in_stands_in_the_audit_log_without_the_number(town: Town, till: Caller) -> None:
    phones = {"a": {"phone": "13800138000"}, "b": {}, "c": {"phone": "13900139000"}}
    crowd = {"members": [ANN | {"ref": ref} | phone for ref, phone in phones.items()]}
    first, again = (till.post("/v1/members/bulk", crowd) for _ in range(2))
    assert (first.status, again.status) == (201, 201)
    made = {each["ref"]: each["account_id"] for each in first.json["members"]}
    ((actor, about, detail),) = fetch("SELECT actor, about, detail FROM audit_entry WHERE act = 'phone.give'")
    (client,) = fetch("SELECT id FROM api_client WHERE name = 'tills of grocer'")
    assert (actor, about) == (f"client/{client[0]}", f"account/{made['a']}")
    assert detail == f'{{"also":["account/{made["c"]}"]}}'


def test_a_client_names_a_member_s_first_phone_and_none_after_it(town: Town, till: Caller) -> None:
    till.post("/v1/members", ANN)
    first, other = ANN | {"phone": "13800138000"}, ANN | {"phone": "13900139000"}
    assert till.post("/v1/members", first).status == 201
    assert till.post("/v1/members", first | {"phone": "+86 138 0013 8000"}).status == 201
    before = fetch("SELECT account_id, lookup, sealed FROM identifier")
    for path, body in (("", other), ("/bulk", {"members": [ANN | {"ref": "eve"}, other]})):
        answer = till.post(f"/v1/members{path}", body)
        assert (answer.status, answer.code, answer.json["field"]) == (409, "phone.known", "phone")
        assert b"138" not in answer.body
    assert fetch("SELECT account_id, lookup, sealed FROM identifier") == before
    assert fetch("SELECT COUNT(*) FROM member WHERE ref = 'eve'") == [(0,)]
    # The platform's people still give one: whoever has lost a phone comes to them.
    account = int(till.get("/v1/members/ann").json["account_id"])
    give_phones(forms=[PhoneForm(account, "13900139000")], at=NOW)
    assert fetch("SELECT account_id, lookup, sealed FROM identifier") != before
    assert till.post("/v1/members", first).code == "phone.known"


def test_of_two_first_phones_at_once_one_is_kept(town: Town, till: Caller) -> None:
    till.post("/v1/members", ANN)
    phones = [f"1380013800{number}" for number in range(4)]
    answers = at_once([partial(till.post, "/v1/members", ANN | {"phone": phone}) for phone in phones])
    assert sorted(answer.status for answer in answers) == [201, 409, 409, 409]


def test_who_has_signed_in_is_told_who_they_are(town: Town, clock: Any) -> None:
    told = looker_of(town.ids["lin"]).get("/v1/me").json
    assert told == {"account_id": str(town.ids["lin"]), "member": "lin", "merchants": [], "roles": []}
    assert staff_of("risk").get("/v1/me").json["roles"] == ["risk"]
    assert looker_of(town.ids["lin"]).get("/v1/members/lin").status == 403
    assert till_of("grocer").get("/v1/me").status == 403
    assert sql.value("SELECT COUNT(*) FROM client_member") == 0
