"""Orders after they were taken, and before: looked up, listed, quoted, confirmed, cancelled."""

from typing import Any

from greenloop.store import sql
from tests.support.calling import Caller, till_of
from tests.support.ledger import fetch
from tests.support.looking import looker_of, staff_of
from tests.support.town import Town


def test_an_order_is_read_by_its_merchant_its_shopper_and_the_platform_s_people(town: Town, till: Caller) -> None:
    order = town.sell("lin", "grocer", 12_345, order_no="A-1")
    readers: list[tuple[Any, str]] = [(till, "lin"), (looker_of(town.ids["lin"]), "lin"), (staff_of("finance"), "lin")]
    for caller, member in [*readers, (staff_of("auditor"), str(town.ids["lin"]))]:
        found = caller.get(f"/v1/orders/{order}").json
        # 10 % of 123.45 is 12.345, half up 1 235; the coupon is 7 % of that: 86.45, down to 86.
        assert (found["id"], found["order_no"], found["merchant"], found["member"]) == (
            *(str(order), "A-1", "grocer", member),
        )
        assert (found["concession_fen"], found["member_points"], found["member_coupon_fen"]) == (1_235, 1_235, 86)
        assert (found["delivered"], found["vested_cycle"], found["left_fen"]) == (True, None, 12_345)
    for stranger in (till_of("baker"), looker_of(town.ids["mei"])):
        answer = stranger.get(f"/v1/orders/{order}")
        assert (answer.status, answer.code) == (404, "order.unknown")
    assert till.get("/v1/orders/17").code == till.get("/v1/orders/x").code == "order.unknown"


def test_a_merchant_s_orders_are_listed_by_time_page_by_page(town: Town, till: Caller) -> None:
    for number in range(5):
        confirmed = number % 2 == 0
        town.later(minutes=1).sell("lin", "grocer", 1_000, order_no=f"A-{number}", confirmed=confirmed)
    town.sell("lin", "baker", 1_000, order_no="B-1")
    seen: list[str] = []
    cursor = ""
    for _ in range(3):
        page = till.get(f"/v1/orders?merchant=grocer&limit=2{cursor}").json
        seen += [each["order_no"] for each in page["items"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert (seen, page["next_cursor"]) == (["A-4", "A-3", "A-2", "A-1", "A-0"], None)
    (one,) = till.get("/v1/orders?merchant=grocer&order_no=A-3").json["items"]
    assert one["order_no"] == "A-3"
    assert till.get("/v1/orders?merchant=grocer&order_no=B-1").json["items"] == []
    until = town.at.isoformat().replace("+", "%2B")
    assert len(till.get(f"/v1/orders?merchant=grocer&until={until}").json["items"]) == 4
    assert len(till.get(f"/v1/orders?merchant=grocer&since={until}").json["items"]) == 1


def test_only_the_platform_s_people_list_everybody_s_orders(town: Town, till: Caller) -> None:
    town.sell("lin", "grocer", 1_000)
    town.sell("lin", "baker", 1_000)
    assert len(staff_of("risk").get("/v1/orders").json["items"]) == 2
    assert till.get("/v1/orders").code == "orders.merchant"
    assert till.get("/v1/orders?merchant=baker").code == "merchant.unknown"
    assert looker_of(town.ids["lin"]).get("/v1/orders?merchant=grocer").code == "merchant.unknown"
    assert till.get("/v1/orders?merchant=grocer&limit=0").status == 422
    assert till.get("/v1/orders?merchant=grocer&limit=201").status == 422
    assert till.get("/v1/orders?merchant=grocer&cursor=%21").code == "cursor.unreadable"


def test_a_quote_says_what_would_pay_and_what_would_come_and_writes_nothing(
    town: Town, till: Caller, clock: Any
) -> None:
    town.sell("lin", "grocer", 100_000)  # concession 10 000
    town.close_all([1, 2])
    clock(town.later(minutes=1).at)
    asked = {"merchant": "grocer", "member": "lin", "price_fen": 5_000}
    found = till.post("/v1/orders/quote", asked).json
    # The coupon of 7 % of 10 000 first, then 1 % of 10 000 points in vouchers; 10 % of the 4 200 of cash is conceded.
    assert (found["coupon_fen"], found["voucher_fen"], found["cash_fen"]) == (700, 100, 4_200)
    assert (found["voucher_max_fen"], found["coupon_max_fen"]) == (100, 700)
    assert (found["concession_fen"], found["member_points"], found["merchant_points"]) == (420, 420, 420)
    without = till.post("/v1/orders/quote", asked | {"use_vouchers": False, "use_coupons": False}).json
    assert (without["cash_fen"], without["voucher_max_fen"]) == (5_000, 100)
    assert till.post("/v1/orders/quote", asked | {"member": "nobody"}).code == "order.member"
    assert till.post("/v1/orders/quote", asked | {"merchant": "baker"}).code == "merchant.unknown"
    assert till.post("/v1/orders/quote", asked | {"price_fen": 0}).status == 422
    assert fetch("SELECT COUNT(*) FROM orders") == [(1,)]


def test_a_till_learns_of_a_purse_what_the_sale_takes_and_no_figure_beyond(
    town: Town, till: Caller, clock: Any
) -> None:
    town.sell("lin", "grocer", 100_000)
    town.close_all([1, 2])
    clock(town.later(minutes=1).at)
    # Lin has coupons of 700 and vouchers of 100: of a price of 40, neither is seen beyond these 40.
    found = till.post("/v1/orders/quote", {"merchant": "grocer", "member": "lin", "price_fen": 40}).json
    assert (found["coupon_fen"], found["voucher_fen"], found["cash_fen"]) == (40, 0, 0)
    assert (found["voucher_max_fen"], found["coupon_max_fen"]) == (40, 40)
    sale = {"merchant": "grocer", "member": "lin", "order_no": "n", "paid_at": town.at.isoformat(), "cash_fen": 9_000}
    for more in ({"voucher_fen": 555}, {"coupon_fen": 7_777}):
        answer = till.post("/v1/orders", sale | more)
        assert (answer.status, answer.code) == (422, "spend.balance")
        assert answer.json["detail"] == "More is asked for than can be spent. Pay the rest in cash."


def test_a_delivery_is_confirmed_once_alone_or_with_others(town: Town, till: Caller, clock: Any) -> None:
    orders = [town.sell("lin", "grocer", 1_000, delivered=False) for _ in range(3)]
    other = town.sell("lin", "baker", 1_000, delivered=False)
    clock(town.at)
    first = till.post(f"/v1/orders/{orders[0]}/confirm")
    assert (first.status, first.json["delivered"]) == (200, True)
    assert till.post(f"/v1/orders/{orders[0]}/confirm").headers["idempotency-replayed"] == "true"
    assert till.post("/v1/orders/confirm", {"orders": [str(other), str(orders[1])]}).code == "order.unknown"
    assert sql.value("SELECT COUNT(*) FROM orders WHERE vests_at IS NOT NULL") == 1
    assert till.post("/v1/orders/confirm", {"orders": [str(each) for each in orders]}).json == {"confirmed": 2}
    assert till.post("/v1/orders/confirm", {"orders": []}).status == 422
    assert till.post(f"/v1/orders/{other}/confirm").code == "order.unknown"


def test_an_order_is_cancelled_before_its_delivery_and_once(town: Town, till: Caller, clock: Any) -> None:
    order = town.sell("lin", "grocer", 10_000, delivered=False)
    clock(town.at)
    first = till.post(f"/v1/orders/{order}/cancel", idempotency_key="c-1")
    assert (first.status, first.json["state"], first.json["refund_no"]) == (201, "paid", "cancel")
    # All 100 yuan go back, and the 10 yuan that would have been conceded are not.
    assert (first.json["cash_fen"], first.json["concession_lost_fen"], first.json["dues_fen"]) == (10_000, 1_000, 9_000)
    for key in ("c-1", "c-2"):
        again = till.post(f"/v1/orders/{order}/cancel", idempotency_key=key)
        assert (again.json["id"], again.headers["idempotency-replayed"]) == (first.json["id"], "true")
    assert fetch("SELECT refunded_fen FROM orders") == [(10_000,)]


def test_an_order_that_was_delivered_or_refunded_is_not_cancelled(town: Town, till: Caller, clock: Any) -> None:
    delivered, refunded = town.sell("lin", "grocer", 10_000), town.sell("lin", "grocer", 500, delivered=False)
    town.refund(refunded, 500)
    clock(town.at)
    answer = till.post(f"/v1/orders/{delivered}/cancel")
    assert (answer.status, answer.code) == (409, "order.delivered")
    assert till.post(f"/v1/orders/{refunded}/cancel").code == "order.refunded"
    assert till_of("baker").post(f"/v1/orders/{delivered}/cancel").code == "order.unknown"
