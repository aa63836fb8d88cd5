"""The institution's notices at the API: signed, of these minutes, each once; everything else is one and the same no."""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from greenloop.api import limits
from greenloop.services.books.institution import named, signed
from greenloop.services.books.institution.collecting import Bill, collect
from tests.support import wechat
from tests.support.calling import till_of
from tests.support.documented import documented
from tests.support.ledger import fetch, whole_database
from tests.support.looking import staff_of
from tests.support.town import Town

SECRET = b"what both sides know and nobody else"
PATH = "/v1/notices/sandbox"


@pytest.fixture
def sandbox(town: Town, clock: Callable[[datetime], None], monkeypatch: pytest.MonkeyPatch) -> Town:
    clock(town.at)
    monkeypatch.setattr(settings, "GREENLOOP_INSTITUTION", "sandbox+http://127.0.0.1:9")
    monkeypatch.setattr(settings, "GREENLOOP_INSTITUTION_SECRET", SECRET.decode())
    return town


def body(number: str, **changes: Any) -> bytes:
    told = {"notice_id": "n1", "number": number, "trade_no": "T1", "outcome": "success", "amount_fen": 5_000}
    return json.dumps(told | {"occurred_at": "2026-01-05T12:00:00+08:00"} | changes).encode()


def post(text: bytes, headers: dict[str, str], path: str = PATH, **more: Any) -> Any:
    # A test's client is from nowhere, as a server's callers never are.
    told: dict[str, Any] = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    return Client().post(path, text, content_type="application/json", **told, **more)


def sign(text: bytes, at: datetime, secret: bytes = SECRET, path: str = PATH) -> dict[str, str]:
    return signed.headers(secret, "POST", path, text, at=at)


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, json.loads(answer.content)["code"]


def test_a_signed_notice_is_kept_once(sandbox: Town) -> None:
    (number,) = collect(bills=[Bill("grocer", "a", 5_000)], at=sandbox.at)
    for _ in range(3):
        assert post(body(number), sign(body(number), sandbox.at)).status_code == 200
    assert fetch("SELECT state FROM payment_instruction") == [("done",)]
    assert fetch("SELECT body_hash, source FROM payment_notice") == [
        (hashlib.sha256(body(number)).hexdigest(), "notice")
    ]


def test_everything_else_is_one_no_and_changes_nothing(sandbox: Town) -> None:
    text, before = body("c1"), whole_database()
    good = sign(text, sandbox.at)
    tries = [
        *((text, {}), (text, {name: value for name, value in good.items() if name != signed.NONCE})),
        (text + b" ", good),
        *((text, sign(text, sandbox.at, secret)) for secret in (b"", b"another")),
        *((text, sign(text, sandbox.at + timedelta(minutes=minutes))) for minutes in (-6, 6)),
        (text, sign(text, sandbox.at, path="/v1/notices/wechat")),
        *((bad, sign(bad, sandbox.at)) for bad in (b"", b"[]", b"{", b"\xff", body("c1", amount_fen=-1))),
        *((bad, sign(bad, sandbox.at)) for bad in (body("c1", outcome="x"), body("c" * 65), body("c\x001"))),
        *((bad, sign(bad, sandbox.at)) for bad in (body("c1", amount_fen=True), body("c1", occurred_at="soon"))),
    ]
    for tried, headers in tries:
        assert refused(post(tried, headers)) == (401, "auth.notice"), (tried, headers)
    assert whole_database() == before


def test_a_notice_of_another_institution_or_of_none_is_refused(sandbox: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    text = body("c1")
    for path in ("/v1/notices/wechat", "/v1/notices/nobody"):
        assert refused(post(text, sign(text, sandbox.at, path=path), path)) == (401, "auth.notice")
    monkeypatch.setattr(settings, "GREENLOOP_INSTITUTION", "")
    assert refused(post(text, sign(text, sandbox.at))) == (401, "auth.notice")


def test_no_key_and_no_session_opens_it(sandbox: Town) -> None:
    for caller in (till_of("grocer"), staff_of("operator")):
        answer = caller.post(PATH, {"number": "c1"})
        assert (answer.status, answer.code) == (401, "auth.notice")


def test_it_is_posted_only_and_has_a_size(sandbox: Town) -> None:
    assert Client().get(PATH).status_code == 405
    large = body("c1", text="x" * limits.BODY_BYTES_MAX)
    assert refused(post(large, sign(large, sandbox.at))) == (413, "body.size")


def test_too_many_forgeries_from_one_address_are_stopped(sandbox: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FAILURES_PER_MINUTE", 20)
    codes = {refused(post(body("c1"), {}, REMOTE_ADDR="192.0.2.1"))[1] for _ in range(40)}
    assert codes == {"auth.notice", "limit.failures"}


def test_a_real_signature_of_the_platform_opens_it(
    town: Town, clock: Callable[[datetime], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    clock(wechat.NOW)
    with wechat.platform() as server:
        terms = server.terms()
        told = {name: getattr(terms, name) for name in ("mchid", "appid", "serial", "private_key", "apiv3_key")}
        told |= {name: getattr(terms, name) for name in ("certificates", "notify_url", "trust_mchid", "address")}
        file = tmp_path / "wechat.json"
        file.write_text(json.dumps(told | {"platform": {"openid": "o", "name": "n"}, "payees": {}}), "utf-8")
        monkeypatch.setattr(settings, "GREENLOOP_INSTITUTION", f"wechat:{file}")
        (number,) = collect(bills=[Bill("grocer", "a", 5_000)], at=town.at)
        paid = {"out_trade_no": number, "transaction_id": "42", "trade_state": "SUCCESS", "amount": {"total": 5_000}}
        text = wechat.notice("TRANSACTION.SUCCESS", paid | {"success_time": "2026-01-05T20:00:00+08:00"})
        assert post(text, wechat.signed(text), "/v1/notices/wechat").status_code == 200
        assert fetch("SELECT state FROM payment_instruction") == [("done",)]
        without = {name: value for name, value in wechat.signed(text).items() if name != "Wechatpay-Signature-Type"}
        assert refused(post(text, without, "/v1/notices/wechat")) == (401, "auth.notice")
        old = wechat.signed(text, at=wechat.NOW - timedelta(minutes=6))
        assert refused(post(text, old, "/v1/notices/wechat")) == (401, "auth.notice")
        assert server.asked == []
    named._made.cache_clear()


def test_the_document_tells_who_calls_it() -> None:
    told = documented()["takeNotice"]
    assert told["security"] == [{"Institution": []}]
    assert {200, "4XX", "5XX"} <= set(told["responses"])
