"""What somebody tries who means harm: each was a hole once, or would be a costly one."""

from typing import Any

import pytest
from django.utils import translation

from greenloop.services import trail
from tests.support.calling import Caller, partner_of
from tests.support.ledger import fetch
from tests.support.looking import staff_of
from tests.support.town import Town

ANN: dict[str, Any] = {"ref": "ann", "city": "Hangzhou", "enrolled_at": "2026-01-05T09:00:00+08:00"}


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
    lin = {name: fact for name, fact in staff_of("auditor").get("/v1/members/lin").json.items() if name != "account_id"}
    assert mall.post("/v1/members", lin | {"phone": "13900139000"}).code == "phone.elsewhere"
    assert fetch("SELECT account_id, lookup FROM identifier WHERE kind = 'phone'") == hers
    # The client that enrolled her corrects it, and others may still name her without one.
    assert till.post("/v1/members", ANN | {"phone": "13900139000"}).status == 201
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
