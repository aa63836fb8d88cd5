"""Addresses, cursors and bodies that no honest caller sends: a clear no, or an empty list, never a failure."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from tests.support.calling import Caller
from tests.support.looking import looker_of, staff_of
from tests.support.town import Town, plain_rules

ADDRESSES = [
    *("/v1/pools/%00", "/v1/pools/%00/cycles", "/v1/orders/%00", "/v1/refunds/%ff", "/v1/wallets/%00/positions"),
    *("/v1/settlements/1/pools/%00", "/v1/holds/%00", "/v1/cycles/1%00", "/v1/orders?merchant=%00"),
    *("/v1/orders?merchant=grocer&order_no=%00", "/v1/orders?merchant=grocer&since=9999-01-01T00:00:00Z"),
    *("/v1/settlements/99999999999999999999", "/v1/holds?cursor=LTk5LjE", "/v1/rules?limit=1.5"),
    *("/v1/members/%00", "/v1/merchants/%00", "/v1/merchants/%00/rates", "/v1/merchants/%00/statement"),
    *("/v1/payouts/%00", "/v1/payouts?merchant=%00", "/v1/payouts?business_date=0000-00-00", "/v1/journals/%00"),
    *("/v1/exports/%00.ndjson", "/v1/exports/orders.ndjson?limit=0", "/v1/audit?actor=%00", "/v1/runs?task=%00"),
    *("/v1/proposals/%00", "/v1/proposals/99999999999999999999", "/v1/merchants/grocer/statement?to=9999-12-31"),
]
LISTS = (
    *("members", "merchants", "payouts", "deposits", "grants", "fees", "journals", "reconciliations", "checks"),
    *("proposals", "audit", "runs", "orders", "refunds", "settlements", "claims", "holds", "pools", "plans", "rules"),
    "pools/green/cycles",
)
ENDS = (-(2**63), 0, 2**63 - 1)


def test_an_address_that_can_t_be_is_refused(town: Town) -> None:
    auditor = staff_of("auditor")
    assert {
        path: auditor.get(path).status for path in ADDRESSES if auditor.get(path).status not in {400, 404, 422}
    } == {}


@pytest.mark.parametrize("number", ENDS)
def test_a_cursor_may_stand_for_any_place(town: Town, number: int) -> None:
    finance = staff_of("finance")
    for name in LISTS:
        assert finance.get(f"/v1/{name}?cursor={cursor(number)}").status == 200, name
    wallet = f"/v1/wallets/{town.ids['lin']}"
    for path in ("/v1/orders?merchant=grocer", f"{wallet}/vouchers?", f"{wallet}/coupons?", f"{wallet}/movements?"):
        assert finance.get(f"{path}&cursor={cursor(number, number)}").status == 200, path


def cursor(*numbers: int) -> str:
    return base64.urlsafe_b64encode(".".join(map(str, numbers)).encode()).decode().rstrip("=")


def test_rules_that_no_text_can_hold_are_refused(town: Town, clock: Any) -> None:
    finance = staff_of("finance")
    clock(town.at)
    told = {"effective_at": (town.at + timedelta(days=9)).isoformat(), "reason": "x"}
    for document in (plain_rules(name="\ud800"), plain_rules() | {"\x00": 1}, plain_rules(refund_days=10**400), {}):
        answer = finance.post("/v1/rules", told | {"document": document})
        assert answer.status in {400, 422}, (answer.status, answer.body)


def test_bodies_that_are_none_are_refused(town: Town, till: Caller) -> None:
    for body in (
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff",
        b'{"orders": ["9999999999999999999"]}',
        json.dumps({"orders": [1]}),
    ):
        content = body if isinstance(body, bytes) else body.encode()
        assert till.post("/v1/orders/confirm", content).status in {400, 404, 422}, body


def test_a_form_is_refused_whoever_sends_it(town: Town, till: Caller) -> None:
    looker = looker_of(town.ids["mei"])
    # As a browser's is looked at: what pages send of their own beside the cookie is read from forms, too.
    looker.client.handler.enforce_csrf_checks = True
    looker.client.cookies["csrftoken"] = "x" * 32
    path, body = "/v1/wallets/me/draws", b'{"pool": "green"}'
    many = b"&".join([b"a=1"] * 1_001)
    for kind, sent, status, code in (
        ("multipart/form-data", body, 415, "body.type"),
        ("multipart/form-data; boundary=x", body, 415, "body.type"),
        ("application/x-www-form-urlencoded; charset=latin-1", body, 400, "body.json"),
        ("application/x-www-form-urlencoded", many, 400, "body.json"),
    ):
        found = looker.client.post(path, sent, content_type=kind, headers={"x-csrftoken": "x" * 32})
        assert (found.status_code, found.json()["code"]) == (status, code), kind
        assert till.post("/v1/orders/confirm", body, content_type=kind).status == (415 if status == 415 else 422), kind


@pytest.mark.parametrize("written", ["0", "0.5", "1767600000", "-1", "2026", "20260105", "2026-01-05"])
def test_a_number_is_no_instant(town: Town, till: Caller, written: str) -> None:
    path = "/v1/orders?merchant=grocer"
    assert [till.get(f"{path}&{name}={written}").status for name in ("since", "until")] == [422, 422]
    assert till.get(f"/v1/wallets/{town.ids['grocer']}?at={written}").status == 422
    for value in (float(written), written) if written.replace(".", "").isdigit() else (written,):
        sale = {"merchant": "grocer", "member": "mei", "price_fen": 100, "paid_at": value}
        assert till.post("/v1/orders/quote", sale).code == "body.invalid"


@pytest.mark.parametrize("written", ["0", "0.5", "1767571200", "2026", "20260105", "2026-01-05T00:00:00Z"])
def test_a_number_is_no_day(town: Town, till: Caller, clock: Any, written: str) -> None:
    clock(town.at)
    finance = staff_of("finance").fresh()
    for name in ("from", "to"):
        for kind in ("", ".csv", ".xlsx"):
            assert till.get(f"/v1/merchants/grocer/statement{kind}?{name}={written}").code == "body.invalid"
    assert till.get(f"/v1/payouts?business_date={written}").code == "body.invalid"
    assert finance.post("/v1/payouts", {"business_date": written}).code == "body.invalid"
    assert finance.post("/v1/payouts", {"business_date": 0}).code == "body.invalid"
    assert finance.post("/v1/payouts", {"business_date": "2026-01-05"}).status == 200


def nested(depth: int) -> dict[str, Any]:
    return {"a": json.loads("[" * depth + "]" * depth)}


def test_proposals_that_no_text_can_hold_are_refused(town: Town, clock: Any) -> None:
    operator = staff_of("operator")
    clock(town.at)
    at = (town.at + timedelta(days=9)).isoformat()
    for kind, content in (
        ("rate.set", {"merchant": "\ud800", "rate_ppm": 100_000, "valid_from_at": at}),
        ("rate.set", {"merchant": "grocer", "rate_ppm": 10**400, "valid_from_at": at}),
        ("rate.set", {"\ud800": 1}),
        ("rules.publish", {"document": plain_rules(name="\ud800"), "effective_at": at}),
        ("key.rotate", {"client": "\ud800", "scopes": ["orders:read"], "must_sign": "no"}),
        ("key.rotate", {"client": "x", "scopes": [["orders:read"]], "must_sign": "no"}),
        ("key.rotate", {"client": "x", "scopes": ["\ud800"], "must_sign": "no", "revokes": "\ud800"}),
        ("correction", {"what": "\ud800"}),
        *(("correction", nested(depth)) for depth in range(10, 900, 70)),
        ("correction", {"what": "advance", "merchant": "\0", "order_no": "\0", "refund_no": "\0", "amount_fen": 1}),
        ("key.rotate", {"client": "\0", "scopes": ["orders:read"], "must_sign": "no"}),
        ("rate.set", {"merchant": "\0", "rate_ppm": 100_000, "valid_from_at": at}),
    ):
        answer = operator.post("/v1/proposals", {"kind": kind, "content": content, "reason": "x"})
        assert answer.status in {400, 403, 422}, (content, answer.status, answer.body)
    assert operator.post("/v1/proposals", {"kind": "rate.set", "content": {}, "reason": "\ud800"}).status in {400, 422}
    cursor = base64.urlsafe_b64encode(json.dumps([1, 1, "\ud800"]).encode()).decode().rstrip("=")
    assert staff_of("auditor").get(f"/v1/exports/coupons.ndjson?after={cursor}").code == "cursor.unreadable"
