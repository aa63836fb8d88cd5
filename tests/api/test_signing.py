"""Signed requests: what was signed is what is done, once, and in time."""

import json
import time
from typing import Any

import pytest
from django.conf import settings

from greenloop.services.people.clients import revoke_key
from greenloop.services.people.nonces import used
from tests.api.test_taking_orders import LANES, order, taken
from tests.support import calling
from tests.support.calling import Answer, Caller, by_django, past_django, signature, till_of
from tests.support.town import Town

PATH = "/v1/orders"


def sent(till: Caller, body: bytes, headers: dict[str, str], path: str = PATH, method: str = "POST") -> Answer:
    ask = past_django if till.ahead else by_django
    return ask(method, path, body, {"content-type": "application/json"} | headers)


def json_of(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode()


@LANES
def test_a_signed_sale_is_taken(town: Town, till: Caller, ahead: bool) -> None:
    till.signs, till.ahead = True, ahead
    assert till.post(PATH, order(town)).status == 201
    assert till.post(PATH, order(town, "A-2"), idempotency_key="k-1").status == 201
    assert len(taken()) == 2


@LANES
def test_a_signed_request_sent_again_by_somebody_who_heard_it_is_refused(town: Town, till: Caller, ahead: bool) -> None:
    till.ahead = ahead
    body = json_of(order(town))
    headers = signature(till.token, "POST", PATH, body)
    assert sent(till, body, headers).status == 201
    again = sent(till, body, headers)
    assert (again.status, again.code) == (401, "auth.nonce")


@LANES
def test_each_part_that_is_signed_can_t_be_changed(town: Town, till: Caller, ahead: bool) -> None:
    till.ahead = ahead
    body = json_of(order(town))

    def code(changed: bytes = body, path: str = PATH, **headers: str) -> str:
        made = signature(till.token, "POST", PATH, body)
        return sent(till, changed, made | {name.replace("_", "-"): text for name, text in headers.items()}, path).code

    assert code(json_of(order(town, cash_fen=1))) == "auth.digest"
    assert code(path=f"{PATH}?a=1") == "auth.signature"
    assert code(idempotency_key="k") == "auth.signature_form"
    other = signature(till.token, "POST", PATH, body, nonce="another-nonce-0001")
    assert code(signature_input=other["signature-input"]) == "auth.signature"
    with_key = signature(till.token, "POST", PATH, body, "k-1")
    assert sent(till, body, with_key | {"idempotency-key": "k-2"}).code == "auth.signature"
    of_get = signature(till.token, "GET", PATH, body)
    assert sent(till, body, of_get).code == "auth.signature"
    assert taken() == []


@LANES
# A slow machine may take seconds until it looks at the clock: what is ahead comes nearer in the meantime.
@pytest.mark.parametrize(("by_s", "good"), [(-301, False), (-290, True), (290, True), (330, False)])
def test_a_signature_is_good_for_five_minutes_either_way(
    town: Town, till: Caller, ahead: bool, by_s: int, good: bool
) -> None:
    till.ahead = ahead
    body = json_of(order(town))
    answer = sent(till, body, signature(till.token, "POST", PATH, body, created=int(time.time()) + by_s))
    assert answer.status == (201 if good else 401)
    if not good:
        assert answer.code == "auth.signature_time"


@LANES
@pytest.mark.parametrize(
    "changes",
    [
        {"signature": ""},
        {"signature": "sig=:AAAA:"},
        {"signature-input": "sig=()"},
        {"signature-input": 'sig=("@method");created=1;keyid="1";nonce="0123456789abcdef";alg="hmac-sha256"'},
        {"content-digest": ""},
        {"content-digest": "md5=:AAAA:"},
    ],
)
def test_other_forms_of_signature_are_refused(town: Town, till: Caller, ahead: bool, changes: dict[str, str]) -> None:
    till.ahead = ahead
    body = json_of(order(town))
    answer = sent(till, body, signature(till.token, "POST", PATH, body) | changes)
    assert answer.status == 401
    assert answer.code in {"auth.signature_form", "auth.digest"}


@LANES
def test_a_key_that_must_sign_is_no_bearer(town: Town, ahead: bool) -> None:
    till = till_of("grocer", must_sign=True)
    till.ahead = ahead
    assert till.post(PATH, order(town)).code == "auth.must_sign"
    till.signs = True
    assert till.post(PATH, order(town)).status == 201


@LANES
@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer x", "Bearer glk_1_x", "Basic abc", "Bearer glk_99999999999999999999_x"]
)
def test_a_key_that_isn_t_one_is_refused(town: Town, ahead: bool, header: str) -> None:
    caller = Caller(ahead=ahead, headers={"authorization": header} if header else {})
    answer = caller.post(PATH, order(town))
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert taken() == []


@LANES
def test_a_key_that_was_revoked_is_refused_within_seconds(
    town: Town, till: Caller, ahead: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    till.ahead = ahead
    assert till.post(PATH, order(town)).status == 201
    revoke_key(key_id=int(till.token.split("_")[1]), by="console", at=calling.NOW)
    passed = time.monotonic() + 6
    monkeypatch.setattr(time, "monotonic", lambda: passed)
    assert till.post(PATH, order(town, "A-2")).code == "auth.key"


@LANES
def test_a_key_that_calls_too_often_waits(
    town: Town, till: Caller, ahead: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from greenloop.api import limits

    monkeypatch.setattr(settings, "GREENLOOP_CALLS_PER_SECOND", 1)
    monkeypatch.setattr(limits, "BURST_S", 10)
    till.ahead = ahead
    told = [till.post(PATH, order(town)) for _ in range(12)]
    assert [each.status for each in told[:10]] == [201] * 10
    assert (told[11].status, told[11].code, told[11].headers["retry-after"]) == (429, "limit.calls", "1")


def test_each_refusal_of_a_nonce_is_one_of_its_own() -> None:
    # One that is raised again and again keeps every frame that it went through.
    assert used() is not used()
