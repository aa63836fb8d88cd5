"""A till sends its sales: one effect and one answer, however often it asks, and a clear no."""

import json
from typing import Any

import pytest

from tests.support.calling import Answer, Caller, till_of
from tests.support.ledger import fetch
from tests.support.town import Town

LANES = pytest.mark.parametrize("ahead", [False, True], ids=["django", "ahead"])


def order(town: Town, order_no: str = "A-1", **changes: Any) -> dict[str, Any]:
    told = {"merchant": "grocer", "order_no": order_no, "member": "mei", "paid_at": town.at.isoformat()}
    return told | {"cash_fen": 12_345, "delivered": True} | changes


def taken() -> list[tuple[Any, ...]]:
    return fetch("SELECT order_no, cash_fen FROM orders ORDER BY order_no")


@LANES
def test_a_sale_is_taken_and_answered_with_its_concession_and_the_points_to_come(
    town: Town, till: Caller, ahead: bool
) -> None:
    till.ahead = ahead
    answer = till.post("/v1/orders", order(town))
    # 10 % of 123.45 yuan is 12.345, half up 12.35: 1 235 fen, and as many points for both sides.
    assert answer.status == 201, answer.body
    found = answer.json
    assert {name: found[name] for name in ("concession_fen", "member_points", "merchant_points", "rate_ppm")} == {
        "concession_fen": 1_235,
        "member_points": 1_235,
        "merchant_points": 1_235,
        "rate_ppm": 100_000,
    }
    assert isinstance(found["id"], str)
    assert taken() == [("A-1", 12_345)]


@LANES
def test_a_sale_sent_again_has_one_effect_and_the_same_answer(town: Town, till: Caller, ahead: bool) -> None:
    till.ahead = ahead
    first, again = till.post("/v1/orders", order(town)), till.post("/v1/orders", order(town))
    assert (again.status, again.body) == (201, first.body)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert len(taken()) == 1


@LANES
def test_a_sale_sent_again_with_its_key_gets_the_answer_that_was_kept(town: Town, till: Caller, ahead: bool) -> None:
    till.ahead = ahead
    first = till.post("/v1/orders", order(town), idempotency_key="k-1")
    again = till.post("/v1/orders", order(town), idempotency_key="k-1")
    assert (again.status, again.body, again.headers["idempotency-replayed"]) == (201, first.body, "true")
    other = till.post("/v1/orders", order(town, "A-2"), idempotency_key="k-1")
    assert (other.status, other.code, other.json["field"]) == (409, "idempotency.conflict", "Idempotency-Key")
    assert taken() == [("A-1", 12_345)]


@LANES
def test_another_sale_under_the_same_number_is_a_conflict(town: Town, till: Caller, ahead: bool) -> None:
    till.ahead = ahead
    till.post("/v1/orders", order(town))
    other = till.post("/v1/orders", order(town, cash_fen=1))
    assert (other.status, other.code, other.json["field"]) == (409, "order.conflict", "order_no")
    assert taken() == [("A-1", 12_345)]


@LANES
def test_each_order_of_a_bulk_call_stands_or_falls_alone(town: Town, till: Caller, ahead: bool) -> None:
    till.ahead = ahead
    sent = [order(town, "B-1"), order(town, "B-2", member="nobody"), {"merchant": "grocer"}, order(town, "B-3")]
    answer = till.post("/v1/orders/bulk", {"orders": sent})
    results = answer.json["results"]
    assert [(each["index"], each["status"]) for each in results] == [(0, 201), (1, 422), (2, 422), (3, 201)]
    assert [each["problem"]["code"] for each in results if "problem" in each] == ["order.member", "body.invalid"]
    assert taken() == [("B-1", 12_345), ("B-3", 12_345)]
    again = till.post("/v1/orders/bulk", {"orders": [sent[0], sent[3]]})
    assert [each["replayed"] for each in again.json["results"]] == [True, True]
    assert again.headers["idempotency-replayed"] == "true"
    assert len(taken()) == 2


@LANES
def test_a_backlog_may_come_one_order_a_line(town: Town, till: Caller, ahead: bool) -> None:
    till.ahead = ahead
    lines = b"\n".join([json.dumps(order(town, f"L-{n}")).encode() for n in range(3)] + [b"not json"])
    answer = till.post("/v1/orders/bulk", lines, content_type="application/x-ndjson")
    told = [json.loads(line) for line in answer.body.splitlines()]
    assert [each["status"] for each in told] == [201, 201, 201, 400]
    assert len(taken()) == 3


def fields() -> list[tuple[dict[str, Any], str, str]]:
    return [
        ({"cash_fen": -1}, "body.invalid", "cash_fen"),
        ({"cash_fen": "12"}, "body.invalid", "cash_fen"),
        ({"cash_fen": 1.5}, "body.invalid", "cash_fen"),
        ({"cash_fen": 10**13}, "body.invalid", "cash_fen"),
        ({"cash_fen": 0}, "order.zero", "cash_fen"),
        ({"order_no": ""}, "body.invalid", "order_no"),
        ({"order_no": "x" * 65}, "body.invalid", "order_no"),
        ({"order_no": "a\u0000b"}, "body.invalid", "order_no"),
        ({"member": "nobody"}, "order.member", "member"),
        ({"shop": "nowhere"}, "order.shop", "shop"),
        ({"paid_at": "2026-01-05T12:00:00"}, "body.invalid", "paid_at"),
        ({"paid_at": "0001-01-01T00:00:00+14:00"}, "order.paid_at", "paid_at"),
        ({"paid_at": "2099-01-05T12:00:00Z"}, "order.paid_at", "paid_at"),
        ({"voucher_fen": 5}, "spend.balance", "voucher_fen"),
        ({"tip_fen": 5}, "body.invalid", "tip_fen"),
    ]


@LANES
@pytest.mark.parametrize(("changes", "code", "field"), fields())
def test_a_sale_that_can_t_be_is_refused_and_the_field_named(
    town: Town, till: Caller, ahead: bool, changes: dict[str, Any], code: str, field: str
) -> None:
    till.ahead = ahead
    answer = till.post("/v1/orders", order(town) | changes)
    assert (answer.status, answer.code, answer.json.get("field", "")) == (422, code, field)
    assert taken() == []


@LANES
def test_a_no_is_said_in_the_caller_s_language(town: Town, till: Caller, ahead: bool) -> None:
    till.ahead = ahead
    told = till.post("/v1/orders", order(town, member="nobody"), accept_language="zh-CN,zh;q=0.9")
    assert "消费者" in told.json["detail"] or "会员" in told.json["detail"]
    assert till.post("/v1/orders", order(town, member="nobody")).json["detail"] == "The member nobody is not enrolled."


@LANES
def test_a_key_takes_orders_of_its_own_merchant_only(town: Town, till: Caller, ahead: bool) -> None:
    till.ahead = ahead
    answer = till.post("/v1/orders", order(town, merchant="baker"))
    assert (answer.status, answer.code) == (403, "auth.merchant")
    bulk = till.post("/v1/orders/bulk", {"orders": [order(town, merchant="baker"), order(town)]})
    assert [each["status"] for each in bulk.json["results"]] == [403, 201]


@LANES
def test_bodies_and_batches_have_limits(town: Town, till: Caller, ahead: bool) -> None:
    till.ahead = ahead
    assert till.post("/v1/orders", b" " * 70_000).code == "body.size"
    assert till.post("/v1/orders/bulk", b" " * (1024 * 1024 + 1)).code == "body.size"
    many = {"orders": [order(town, f"M-{n}") for n in range(1_001)]}
    assert (answer := till.post("/v1/orders/bulk", many)).code == "body.invalid", answer.body
    assert till.post("/v1/orders", b"{").code == "body.json"
    assert till.post("/v1/orders", b"[" * 60_000).code in {"body.json", "body.invalid"}
    assert taken() == []


@LANES
def test_the_same_sale_twice_with_one_key_in_one_batch_is_one_order(town: Town, till: Caller, ahead: bool) -> None:
    from threading import Thread

    till.ahead = ahead
    answers: list[Answer] = []
    threads = [
        Thread(target=lambda: answers.append(till.post("/v1/orders", order(town), idempotency_key="k")))
        for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {(each.status, each.body) for each in answers} == {(201, answers[0].body)}
    assert sorted("idempotency-replayed" in each.headers for each in answers) == [False] + [True] * 11
    assert len(taken()) == 1


def test_scopes_say_what_a_key_may(town: Town) -> None:
    reader = till_of("grocer", scopes=("orders:read",))
    assert (reader.post("/v1/orders", order(town)).code) == "auth.scope"
