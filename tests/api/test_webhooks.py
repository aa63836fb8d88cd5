"""Webhooks over HTTP: a client registers, watches, rotates, sends again; nobody else's secret, nobody else's log."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings

from greenloop.services.outbox.deliver import deliver_due
from greenloop.services.people.clients import revoke_key
from tests.support.calling import ALL_SCOPES, Answer, Caller, partner_of, till_of
from tests.support.ledger import fetch
from tests.support.looking import staff_of
from tests.support.receiving import genuine, receiving
from tests.support.town import Town
from tests.support.visiting import counted


@pytest.fixture(autouse=True)
def loopback_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "GREENLOOP_HOOKS_TO_LOOPBACK", True)


def registered(caller: Caller, url: str, *kinds: str, **headers: str) -> Any:
    answer = caller.post("/v1/webhooks", {"url": url, "kinds": kinds or ("payout.paid", "refund.paid")}, **headers)
    assert answer.status == 201, answer.body
    return answer.json


def test_a_till_registers_and_is_told_what_its_merchant_is_paid(town: Town, till: Caller, clock: Any) -> None:
    clock(town.at)
    with receiving() as receiver:
        made = registered(till, receiver.url)
        assert (made["client"], made["kinds"]) == ("tills of grocer", ["payout.paid", "refund.paid"])
        town.sell("mei", "grocer", 100_000)
        town.sell("mei", "baker", 100_000)
        town.later(days=1).pay_out()
        deliver_due(at=town.at)
    (got,) = receiver.got
    assert genuine(made["secret"], got.headers, got.body)
    assert got.json["data"] == {"merchant": "grocer", "business_date": "2026-01-06", "amount_fen": 90_000}
    (row,) = till.get(f"/v1/webhooks/{made['id']}/deliveries").json["items"]
    assert (row["event_id"], row["kind"], row["state"], row["status"]) == (got.id, "payout.paid", "done", 204)
    whole = till.get(f"/v1/deliveries/{row['id']}").json
    assert whole["body"] == got.json
    assert [each["status"] for each in whole["tries"]] == [204]


def test_a_secret_is_in_the_first_answer_and_in_no_kept_one(town: Town, till: Caller) -> None:
    first = registered(till, "http://127.0.0.1:8000/a", idempotency_key="w-1")
    again = till.post("/v1/webhooks", {"url": "http://127.0.0.1:8000/a", "kinds": ["payout.paid", "refund.paid"]})
    kept = registered(till, "http://127.0.0.1:8000/a", idempotency_key="w-1")
    assert first["secret"].startswith("whsec_")
    assert (again.json["id"], again.json["secret"]) == (first["id"], None)
    assert again.headers["idempotency-replayed"] == "true"
    assert kept == first | {"secret": None}
    path = f"/v1/webhooks/{first['id']}"
    new = till.post(f"{path}/secret", idempotency_key="w-2").json
    assert new["secret"] not in {first["secret"], None}
    assert new["old_secret_until"] is not None
    assert till.post(f"{path}/secret", idempotency_key="w-2").json["secret"] is None
    assert till.get(path).json["secret"] is None
    everything = str(
        [fetch(f"SELECT * FROM {table}") for table in ("stored_answer", "webhook_endpoint", "audit_entry")]
    )
    assert first["secret"] not in everything
    assert new["secret"] not in everything


def test_what_can_t_be_registered_says_why(town: Town, till: Caller) -> None:
    def ask(url: str, *kinds: str) -> Answer:
        return till.post("/v1/webhooks", {"url": url, "kinds": kinds})

    for url in ("http://shop.example/", "https://10.0.0.1/", "https://[::ffff:10.0.0.1]/", "https://u@shop.example/"):
        answer = ask(url, "payout.paid")
        assert (answer.status, answer.code, answer.json["field"]) == (422, "webhook.address", "url"), url
    assert ask("http://127.0.0.1:8000/", "payout.paid", "everything").code == "webhook.kind"
    assert ask("http://127.0.0.1:8000/").status == 422
    for place in range(10):
        registered(till, f"http://127.0.0.1:8000/{place}")
    answer = ask("http://127.0.0.1:8000/11", "payout.paid")
    assert (answer.status, answer.code) == (409, "webhook.many")


def test_a_client_sees_and_changes_only_its_own(town: Town, till: Caller, clock: Any) -> None:
    clock(town.at)
    made = registered(till, "http://127.0.0.1:8000/")
    town.sell("mei", "grocer", 100_000)
    town.later(days=1).pay_out()
    (delivery,) = till.get(f"/v1/webhooks/{made['id']}/deliveries").json["items"]
    # The mall acts for the same merchant; the tills' endpoint is none of its own.
    mall = partner_of("grocer", "baker")
    for path in (f"/v1/webhooks/{made['id']}", f"/v1/webhooks/{made['id']}/deliveries"):
        assert (mall.get(path).status, mall.get(path).code) == (404, "webhook.unknown")
    assert mall.get(f"/v1/deliveries/{delivery['id']}").code == "delivery.unknown"
    assert mall.post(f"/v1/deliveries/{delivery['id']}/replay").code == "delivery.unknown"
    for path in ("secret", "end"):
        assert mall.post(f"/v1/webhooks/{made['id']}/{path}").code == "webhook.unknown"
    assert mall.get("/v1/webhooks").json["items"] == []
    assert till.get("/v1/webhooks/7").code == till.get("/v1/webhooks/x").code == "webhook.unknown"
    assert till_of("baker", scopes=("orders:read",)).get("/v1/webhooks").code == "auth.scope"


TOLD_BY = {
    "orders:read": (
        "orders.vested",
        "refund.paid",
        "refund.pending",
        "payment.paid",
        "payment.closed",
        "payment.failed",
    ),
    "statements:read": ("payout.paid",),
    "merchants:read": ("rate.set", "hold.placed", "hold.released"),
    "wallets:read": ("vouchers.expiring",),
}
URL = "http://127.0.0.1:8000/"


def test_a_key_is_told_of_what_it_could_read(town: Town, clock: Any) -> None:
    clock(town.at)
    plain = till_of("grocer", scopes=("webhooks:write",))
    registered(plain, URL, "settlement.posted", "rules.published")
    for kind in (kind for kinds in TOLD_BY.values() for kind in kinds):
        answer = plain.post("/v1/webhooks", {"url": URL, "kinds": [kind, "settlement.posted"]})
        assert (answer.status, answer.code, answer.json["field"]) == (403, "auth.scope", "kinds")
    assert plain.get("/v1/webhooks").json["items"][0]["kinds"] == ["rules.published", "settlement.posted"]
    for merchant, scope in (("baker", "orders:read"), ("grocer", "wallets:read")):
        registered(till_of(merchant, scopes=("webhooks:write", scope)), URL, *TOLD_BY[scope])


def test_a_key_reads_no_delivery_that_tells_more_than_it_may(town: Town, clock: Any) -> None:
    clock(town.at)
    wide, narrow = (till_of("grocer", scopes=scopes) for scopes in (ALL_SCOPES, ("webhooks:write",)))
    made = registered(wide, URL)
    town.sell("mei", "grocer", 100_000)
    town.later(days=1).pay_out()
    (delivery,) = narrow.get(f"/v1/webhooks/{made['id']}/deliveries").json["items"]
    assert narrow.get(f"/v1/deliveries/{delivery['id']}").code == "auth.scope"
    assert wide.get(f"/v1/deliveries/{delivery['id']}").status == 200


def revoke(caller: Caller, town: Town) -> None:
    revoke_key(key_id=int(caller.token.split("_")[1]), by="console", at=town.at)


def test_an_endpoint_ends_with_the_last_key_that_could_register_it(town: Town, clock: Any) -> None:
    clock(town.at)
    wide, narrow = (till_of("grocer", scopes=scopes) for scopes in (ALL_SCOPES, ("webhooks:write",)))
    paid, rules = registered(wide, f"{URL}a", "payout.paid"), registered(wide, f"{URL}b", "rules.published")
    revoke(wide, town)
    ended = {each["id"]: each["ended_why"] for each in narrow.get("/v1/webhooks").json["items"]}
    assert ended == {paid["id"]: "key", rules["id"]: ""}
    town.sell("mei", "grocer", 100_000)
    town.later(days=1).pay_out()
    assert fetch("SELECT COUNT(*) FROM delivery") == [(0,)]
    assert fetch("SELECT about, detail FROM audit_entry WHERE act = 'webhook.end'") == [
        (f"webhook/{paid['id']}", '{"why":"key"}')
    ]
    revoke(narrow, town)
    assert fetch("SELECT COUNT(*) FROM webhook_endpoint WHERE ended_at IS NULL") == [(0,)]


def test_a_key_that_takes_over_keeps_the_endpoints(town: Town, clock: Any) -> None:
    clock(town.at)
    till = till_of("grocer")
    made = registered(till, URL)
    after = till_of("grocer")
    revoke(till, town)
    assert after.get(f"/v1/webhooks/{made['id']}").json["ended_at"] is None


def test_what_was_given_up_is_sent_again(town: Town, till: Caller, clock: Any) -> None:
    clock(town.at)
    with receiving(answer=500) as receiver:
        made = registered(till, receiver.url)
        town.sell("mei", "grocer", 100_000)
        town.later(days=1).pay_out()
        since = town.at
        path = f"/v1/webhooks/{made['id']}"
        while till.get(path).json["waiting"]:
            deliver_due(at=town.at)
            town.later(hours=27)
        clock(town.at)
        receiver.answer = 204
        assert till.get(f"{path}/deliveries?state=done").json["items"] == []
        (delivery,) = till.get(f"{path}/deliveries?state=given_up").json["items"]
        late = {"since": (town.at + timedelta(days=1)).isoformat()}
        assert till.post(f"{path}/replay", late).json == {"deliveries": 0}
        assert till.post(f"{path}/replay", {"since": since.isoformat()}).json == {"deliveries": 1}
        again = till.post(f"/v1/deliveries/{delivery['id']}/replay")
        assert (again.json["state"], again.headers["idempotency-replayed"]) == ("waiting", "true")
        deliver_due(at=town.at)
    assert till.get(path).json["given_up"] == 0
    assert {got.id for got in receiver.got} == {delivery["event_id"]}
    entries = fetch("SELECT actor, act FROM audit_entry WHERE act LIKE 'webhook.%%' ORDER BY id")
    ((client,),) = fetch("SELECT id FROM api_client")
    assert entries == [(f"client/{client}", "webhook.register"), (f"client/{client}", "webhook.replay")]


def test_an_ended_endpoint_stays_in_the_log_and_can_t_be_used(town: Town, till: Caller) -> None:
    made = registered(till, "http://127.0.0.1:8000/")
    path = f"/v1/webhooks/{made['id']}"
    assert till.post(f"{path}/end").json["ended_why"] == "asked"
    assert till.post(f"{path}/end").headers["idempotency-replayed"] == "true"
    assert (till.post(f"{path}/secret").status, till.post(f"{path}/secret").code) == (409, "webhook.closed")
    assert [each["id"] for each in till.get("/v1/webhooks").json["items"]] == [made["id"]]
    assert registered(till, "http://127.0.0.1:8000/")["id"] != made["id"]


def test_auditors_look_and_operators_send_again(town: Town, till: Caller, clock: Any) -> None:
    clock(town.at)
    made = registered(till, "http://127.0.0.1:8000/")
    town.sell("mei", "grocer", 100_000)
    town.later(days=1).pay_out()
    auditor, operator = staff_of("auditor"), staff_of("operator")
    for path in ("", f"/{made['id']}", f"/{made['id']}/deliveries"):
        with counted() as found:
            assert auditor.get(f"/v1/webhooks{path}").status == 200
        assert len(found) <= 9
    assert auditor.post(f"/v1/webhooks/{made['id']}/end").code == "auth.role"
    assert operator.post(f"/v1/webhooks/{made['id']}/end").json["given_up"] == 1
    assert staff_of("risk").get("/v1/webhooks").code == "auth.role"


def test_the_kinds_are_told_in_the_caller_s_language(town: Town, till: Caller) -> None:
    kinds = {each["kind"]: each["what"] for each in till.get("/v1/event-kinds").json}
    assert kinds["payout.paid"] == "A merchant is paid out."
