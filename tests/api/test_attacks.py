"""What somebody tries who means harm: each was a hole once, or would be a costly one."""

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from greenloop.services import trail
from greenloop.services.outbox.endpoints import write_endpoint
from greenloop.services.people.clients import issue_key
from tests.support.calling import NOW, Caller, partner_of, past_django, signature
from tests.support.ledger import fetch
from tests.support.looking import staff_of
from tests.support.town import Town

ANN: dict[str, Any] = {"ref": "ann", "city": "Hangzhou", "enrolled_at": "2026-01-05T09:00:00+08:00"}
PATHS = ("/secret", "/end", "/replay")


def test_no_client_takes_over_an_account_by_naming_a_phone_for_it(town: Town, till: Caller) -> None:
    mall = partner_of("baker")
    assert till.post("/v1/members", ANN | {"phone": "13800138000"}).status == 201
    hers = fetch("SELECT account_id, lookup FROM identifier WHERE kind = 'phone'")
    # Her own number is refused like any other: the answer tells nothing about it.
    for phone in ("13900139000", "13800138000"):
        for path, body in (
            ("/v1/members", ANN | {"phone": phone}),
            ("/v1/members/bulk", {"members": [ANN | {"ref": "eve"}, ANN | {"phone": phone}]}),
        ):
            answer = mall.post(path, body)
            assert (answer.status, answer.code) == (422, "phone.elsewhere")
    # Nor for somebody who has no phone yet, and enrolled through no client.
    lin = {name: fact for name, fact in staff_of("risk").get("/v1/members/lin").json.items() if name != "account_id"}
    assert mall.post("/v1/members", lin | {"phone": "13900139000"}).code == "phone.elsewhere"
    assert fetch("SELECT account_id, lookup FROM identifier WHERE kind = 'phone'") == hers
    # Nor may the client that enrolled her name another for her now; and others may still name her without one.
    assert till.post("/v1/members", ANN | {"phone": "13900139000"}).code == "phone.known"
    assert fetch("SELECT account_id, lookup FROM identifier WHERE kind = 'phone'") == hers
    assert mall.post("/v1/members", ANN).status == 201


@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize("number", [0, 2**63 - 1, 2**63, 10**19 - 1])
def test_a_key_of_any_number_is_not_known(town: Town, number: int, ahead: bool) -> None:
    for signs in (False, True):
        answer = Caller(f"glk_{number}_x", signs=signs, ahead=ahead).post("/v1/orders", {})
        assert (answer.status, answer.code) == (401, "auth.key"), (number, signs)


def test_the_path_that_is_signed_is_that_of_any_language(town: Town, till: Caller) -> None:
    signing = Caller(till.token, signs=True)
    for path in ("/v1/merchants/%E6%9D%82%E8%B4%A7", "/v1/merchants/caf%C3%A9"):
        answer = signing.get(path)
        assert (answer.status, answer.code) == (404, "merchant.unknown"), path
    assert signing.get("/v1/merchants/%FF").status == 401


def test_no_caller_s_language_is_left_behind_for_the_next(town: Town, till: Caller) -> None:
    chinese = Caller(till.token, ahead=True, headers={"accept-language": "zh-CN"})
    with translation.override("en"):
        answer = chinese.post("/v1/orders/bulk", {"orders": [1]}).json["results"][0]
        assert answer["problem"]["title"] == "拒收"
        assert translation.get_language() == "en"


def test_the_audit_log_names_the_request_as_it_was_answered(town: Town) -> None:
    operator = staff_of("operator").fresh()
    known = trail.begin("Li Wei, 13800138000")
    try:
        told = {"name": "mall", "kind": "partner"}
        assert operator.post("/v1/clients", told, x_request_id="Li Wei, 13800138000").status == 201
    finally:
        trail.end()
    assert fetch("SELECT request_id FROM audit_entry WHERE act = 'client.register'") == [(known.request_id,)]


def test_an_answer_that_was_kept_is_its_caller_s_alone_and_needs_the_scope_again(town: Town, till: Caller) -> None:
    made = till.post("/v1/members", ANN, idempotency_key="k")
    account = made.json["account_id"]
    # The same key and the same body from another client is another request: she is not theirs to see.
    mall = partner_of("grocer")
    other = mall.post("/v1/members", ANN, idempotency_key="k")
    assert (other.status, "idempotency-replayed" in other.headers) == (201, False)
    assert mall.get(f"/v1/wallets/{account}").code == "account.unknown"
    # A second key of the first client that has no scope for it is given nothing that was kept.
    weak = Caller(issue_key(client="tills of grocer", scopes=["orders:read"], by="console", at=NOW).token)
    assert weak.post("/v1/members", ANN, idempotency_key="k").code == "auth.scope"
    # With another address, query or body the key is in conflict, whoever's answer stands there.
    for path, body in (("/v1/members?x=1", ANN), ("/v1/members", ANN | {"city": "Ningbo"})):
        assert till.post(path, body, idempotency_key="k").code == "idempotency.conflict", path


def test_a_webhook_and_its_secret_are_its_client_s_alone(town: Town, till: Caller) -> None:
    made = write_endpoint(
        client="tills of grocer", url="https://example.com/hook", kinds=("order.taken",), by="console", at=NOW
    )
    mall = partner_of("grocer")
    hook = f"/v1/webhooks/{made.id}"
    told = [mall.get(hook + path) for path in ("", "/deliveries")]
    told += [mall.post(hook + path, {"since": NOW} if path == "/replay" else None) for path in PATHS]
    assert {each.code for each in told} == {"webhook.unknown"}
    assert {till.get(hook + path).status for path in ("", "/deliveries")} == {200}
    assert mall.get("/v1/webhooks").json["items"] == []


def test_the_platform_s_people_do_nothing_before_their_second_factor(town: Town) -> None:
    operator = staff_of("operator")
    session = operator.client.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time()}]
    session.save()
    for path in ("/v1/me", "/v1/audit", "/v1/orders", f"/v1/wallets/{town.ids['lin']}"):
        assert operator.get(path).code == "auth.factor", path


def test_a_browser_that_was_led_here_from_elsewhere_writes_nothing(town: Town) -> None:
    led = Client(enforce_csrf_checks=True)
    led.cookies = staff_of("operator").fresh().client.cookies
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
        answer = led.post("/v1/clients", json.dumps({"name": "mall", "kind": "partner"}), content_type=kind)
        assert (answer.status_code, answer.json()["code"]) == (403, "auth.csrf"), kind
    assert fetch("SELECT COUNT(*) FROM api_client") == [(0,)]


def test_of_many_callers_who_send_one_nonce_at_once_one_is_let_in(town: Town, till: Caller) -> None:
    order = {"merchant": "grocer", "order_no": "1", "member": "lin", "paid_at": town.at.isoformat(), "cash_fen": 100}
    body = json.dumps(order).encode()
    signed = {"content-type": "application/json"} | signature(till.token, "POST", "/v1/orders", body)
    with ThreadPoolExecutor(16) as pool:
        told = [pool.submit(past_django, "POST", "/v1/orders", body, signed) for _ in range(16)]
        found = Counter(each.result().status for each in told)
    assert found == {201: 1, 401: 15}


def test_callers_who_are_answered_together_get_their_own_wallets(town: Town, till: Caller) -> None:
    mall = partner_of("baker")
    hers = {
        who.token: who.post("/v1/members", ANN | {"ref": ref}).json["account_id"]
        for who, ref in ((till, "ann"), (mall, "eve"))
    }
    asked = [(token, account) for token in hers for account in hers.values()] * 16

    def ask(token: str, account: str) -> bool:
        answer = Caller(token, ahead=True).get(f"/v1/wallets/{account}")
        if hers[token] == account:
            return answer.status == 200 and answer.json["account_id"] == account
        return answer.code == "account.unknown"

    with ThreadPoolExecutor(32) as pool:
        assert all(pool.map(lambda each: ask(*each), asked))
