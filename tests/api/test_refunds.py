"""Refunds over HTTP: every fen that goes back, the same tried before, once per number, and waiting for money."""

from typing import Any

from tests.support.calling import Caller, till_of
from tests.support.ledger import fetch
from tests.support.looking import looker_of, staff_of
from tests.support.town import Town

MOVED = ("cash_fen", "voucher_fen", "coupon_fen", "withheld_fen", "concession_lost_fen", "dues_fen")
LOST = ("member_points_lost", "merchant_points_lost", "red_points_lost")


def told(found: dict[str, Any], names: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(found[name] for name in names)


def test_a_part_of_an_order_goes_back_with_its_share_of_every_tender(town: Town, till: Caller, clock: Any) -> None:
    town.sell("lin", "grocer", 100_000)
    town.close_all([1, 2])
    order = town.sell("lin", "grocer", 9_200, voucher_fen=100, coupon_fen=700, delivered=False)
    clock(town.at)
    asked = {"refund_no": "r-1", "amount_fen": 5_000}
    tried = till.post(f"/v1/orders/{order}/refunds?dry_run=true", asked)
    done = till.post(f"/v1/orders/{order}/refunds", asked)
    # Half of 100 yuan: 50 fen of 100 in vouchers, 350 of 700 in coupons, 4 600 of 9 200 in cash. 920 were conceded,
    # and 10 % of the 4 600 that stay are 460.
    for answer, status in ((tried, 200), (done, 201)):
        assert (answer.status, answer.json["state"]) == (status, "paid")
        assert told(answer.json, MOVED) == (4_600, 50, 350, 0, 460, 4_600 + 50 + 350 - 460)
    assert (tried.json["id"], tried.json["dry_run"], done.json["dry_run"]) == (None, True, False)
    assert {**tried.json, "id": 0, "asked_at": 0, "paid_at": 0, "dry_run": 0} == {
        **done.json,
        "id": 0,
        "asked_at": 0,
        "paid_at": 0,
        "dry_run": 0,
    }


def test_a_dry_run_writes_nothing_and_comes_to_what_the_refund_comes_to(town: Town, till: Caller, clock: Any) -> None:
    order = town.sell("lin", "grocer", 123_456)
    town.close_all([1, 2])
    town.draw("lin")
    town.sell("lin", "baker", voucher_fen=120)
    town.sell("bo", "grocer", 200_000, delivered=False)
    clock(town.at)
    before = fetch("SELECT COUNT(*), MAX(id) FROM journal") + fetch("SELECT * FROM wallet ORDER BY account_id, pool_id")
    asked = {"refund_no": "r-1", "amount_fen": 123_456}
    tried = till.post(f"/v1/orders/{order}/refunds?dry_run=true", asked).json
    assert before == fetch("SELECT COUNT(*), MAX(id) FROM journal") + fetch(
        "SELECT * FROM wallet ORDER BY account_id, pool_id"
    )
    done = till.post(f"/v1/orders/{order}/refunds", asked).json
    # Of 123 fen released Lin spent 120, which are kept back from her cash; her 864 of coupons are still there.
    assert told(done, ("cash_fen", "withheld_fen", "dues_fen")) == (123_456, 120, 123_456)
    # The concession of 12 346 was both sides' points; 8 % of it, 987, were Mei's red points.
    assert told(done, LOST) == (12_346, 12_346, 987)
    assert {name: tried[name] for name in (*MOVED, *LOST, "effect")} == {
        name: done[name] for name in (*MOVED, *LOST, "effect")
    }


def test_a_dry_run_that_is_misspelt_refunds_nothing(town: Town, till: Caller, clock: Any) -> None:
    order = town.sell("mei", "grocer", 10_000, delivered=False)
    clock(town.at)
    for misspelt, code in (
        ("dry-run=1", "query.invalid"),
        ("DRY_RUN", "query.invalid"),
        ("dry_run=so", "body.invalid"),
    ):
        answer = till.post(f"/v1/orders/{order}/refunds?{misspelt}", {"refund_no": "r-1", "amount_fen": 1_000})
        assert (answer.status, answer.code) == (422, code)
    assert till.get(f"/v1/orders/{order}/refunds").json["items"] == []


def test_the_number_of_a_cancelled_order_is_no_refund_s(town: Town, till: Caller, clock: Any) -> None:
    order = town.sell("mei", "grocer", 10_000, delivered=False)
    clock(town.at)
    for query in ("", "?dry_run=true"):
        answer = till.post(f"/v1/orders/{order}/refunds{query}", {"refund_no": "cancel", "amount_fen": 1})
        assert (answer.status, answer.code, answer.json["field"]) == (422, "refund.reserved", "refund_no")
    # So a cancellation gives back the whole price, whatever a till has called its refunds.
    cancelled = till.post(f"/v1/orders/{order}/cancel").json
    assert (cancelled["refund_no"], cancelled["amount_fen"]) == ("cancel", 10_000)


def test_a_refund_has_one_effect_per_number(town: Town, till: Caller, clock: Any) -> None:
    order = town.sell("lin", "grocer", 10_000)
    clock(town.at)
    path = f"/v1/orders/{order}/refunds"
    first = till.post(path, {"refund_no": "r-1", "amount_fen": 4_000}, idempotency_key="k-1")
    again = till.post(path, {"refund_no": "r-1", "amount_fen": 4_000}, idempotency_key="k-1")
    natural = till.post(path, {"refund_no": "r-1", "amount_fen": 4_000})
    assert first.body == again.body == natural.body
    assert [each.headers.get("idempotency-replayed") for each in (first, again, natural)] == [None, "true", "true"]
    other = till.post(path, {"refund_no": "r-2", "amount_fen": 4_000}, idempotency_key="k-1")
    assert (other.status, other.code) == (409, "idempotency.conflict")
    changed = till.post(path, {"refund_no": "r-1", "amount_fen": 4_001}, idempotency_key="k-3")
    assert (changed.status, changed.code) == (409, "refund.conflict")
    over = till.post(path, {"refund_no": "r-2", "amount_fen": 6_001})
    assert (over.status, over.code) == (422, "refund.above_order")
    assert till.post(f"{path}?dry_run=true", {"refund_no": "r-2", "amount_fen": 6_001}).code == "refund.above_order"
    assert fetch("SELECT COUNT(*) FROM refund") == [(1,)]


def test_a_refund_without_money_waits_and_is_paid_when_asked_again(town: Town, till: Caller, clock: Any) -> None:
    order = town.sell("lin", "grocer", 10_000)
    town.later(days=1).pay_out()
    clock(town.at)
    path, asked = f"/v1/orders/{order}/refunds", {"refund_no": "r-1", "amount_fen": 10_000}
    tried = till.post(f"{path}?dry_run=true", asked).json
    assert (tried["state"], fetch("SELECT COUNT(*) FROM refund")) == ("pending", [(0,)])
    pending = till.post(path, asked)
    assert (pending.json["state"], told(pending.json, MOVED)) == ("pending", (0,) * 6)
    town.deposit("grocer", 9_000)
    paid = till.post(path, asked)
    assert (paid.json["state"], paid.json["id"], paid.json["cash_fen"]) == ("paid", pending.json["id"], 10_000)


def test_refunds_are_read_by_both_sides_and_listed_for_the_merchant(town: Town, till: Caller) -> None:
    order = town.sell("lin", "grocer", 10_000)
    for number in range(3):
        town.refund(order, 1_000, f"r-{number}")
    listed = till.get(f"/v1/orders/{order}/refunds").json["items"]
    assert [each["refund_no"] for each in listed] == ["r-0", "r-1", "r-2"]
    page = till.get("/v1/refunds?merchant=grocer&limit=2").json
    rest = till.get(f"/v1/refunds?merchant=grocer&limit=2&cursor={page['next_cursor']}").json
    assert [each["refund_no"] for each in page["items"] + rest["items"]] == ["r-2", "r-1", "r-0"]
    one = f"/v1/refunds/{listed[0]['id']}"
    assert looker_of(town.ids["lin"]).get(one).json == listed[0]
    assert len(staff_of("finance").get("/v1/refunds").json["items"]) == 3
    for stranger in (till_of("baker"), looker_of(town.ids["mei"])):
        assert (stranger.get(one).status, stranger.get(one).code) == (404, "refund.unknown")
        assert stranger.get("/v1/refunds?merchant=grocer").code == "merchant.unknown"
    assert till.get("/v1/refunds").code == "refunds.merchant"


def test_a_pending_refund_asked_for_by_key_is_paid_by_asking_again_with_it(
    town: Town, till: Caller, clock: Any
) -> None:
    order = town.sell("lin", "grocer", 10_000)
    town.day(2, 10).pay_out()
    clock(town.at)
    path, asked = f"/v1/orders/{order}/refunds", {"refund_no": "r-1", "amount_fen": 4_000}
    pending = till.post(path, asked, idempotency_key="k-1")
    assert (pending.status, pending.json["state"]) == (201, "pending")
    again = till.post(path, asked, idempotency_key="k-1")
    assert (again.json, again.headers.get("idempotency-replayed")) == (pending.json, None)
    # The key is for this refund, though its answer isn't the last word yet.
    other = till.post(path, {"refund_no": "r-2", "amount_fen": 1}, idempotency_key="k-1")
    assert (other.status, other.code) == (409, "idempotency.conflict")
    assert fetch("SELECT COUNT(*) FROM refund") == [(1,)]
    town.deposit("grocer", 50_000)
    paid = till.post(path, asked, idempotency_key="k-1")
    assert (paid.json["state"], paid.json["id"]) == ("paid", pending.json["id"])
    # Paid is the last word, and kept.
    kept = till.post(path, asked, idempotency_key="k-1")
    assert (kept.json, kept.headers.get("idempotency-replayed")) == (paid.json, "true")
    assert fetch("SELECT state FROM refund") == [("paid",)]
