"""Addresses, cursors and bodies that no honest caller sends: a clear no, or an empty list, never a failure."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from tests.support.calling import Caller
from tests.support.looking import staff_of
from tests.support.town import Town, plain_rules

ADDRESSES = [
    *("/v1/pools/%00", "/v1/pools/%00/cycles", "/v1/orders/%00", "/v1/refunds/%ff", "/v1/wallets/%00/positions"),
    *("/v1/settlements/1/pools/%00", "/v1/holds/%00", "/v1/cycles/1%00", "/v1/orders?merchant=%00"),
    *("/v1/orders?merchant=grocer&order_no=%00", "/v1/orders?merchant=grocer&since=9999-01-01T00:00:00Z"),
    *("/v1/settlements/99999999999999999999", "/v1/holds?cursor=LTk5LjE", "/v1/rules?limit=1.5"),
]
LISTS = ("orders", "refunds", "settlements", "holds", "pools", "plans", "rules", "pools/green/cycles")
ENDS = (-(2**63), 0, 2**63 - 1)


def test_an_address_that_can_t_be_is_refused(town: Town) -> None:
    finance = staff_of("finance")
    assert {
        path: finance.get(path).status for path in ADDRESSES if finance.get(path).status not in {400, 404, 422}
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
