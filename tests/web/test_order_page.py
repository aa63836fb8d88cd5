"""An order in the browser: every fen of it, for its shopper, its shop and the platform's people, and nobody else."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from greenloop.services.loop.hold import hold_order
from greenloop.services.people.staff import appoint_staff
from tests.support.signing import NOW, PASSWORD
from tests.support.town import Town
from tests.support.visiting import counted, said, seated, visit

QUERIES_MAX = 12
ORDER = "/orders/baker/B1/"


@pytest.fixture
def baker(town: Town) -> Town:
    """Let Lin, whom Mei brought, pay 100 yuan at the baker's 20 % and three cycles pass; the dues are paid out."""
    town.sell("lin", "baker", 10_000, order_no="B1")
    town.close_all([1, 2])
    town.transfer_fees(1)
    town.pay_out()
    return town


def test_the_shopper_reads_where_each_fen_went_and_what_the_points_have_released(baker: Town) -> None:
    told = said(visit(baker.ids["lin"]), ORDER)
    for words in ("Cash to the shop 80.0 % 80.00", "the part of the cash that the shop gives up 20.00", "Price 100.00"):
        assert words in told
    parts = ("Green pool 60.0 %", "Red pool 8.0 %", "Shopping coupon 7.0 %", "Reserve 5.0 %", "Platform fee 20.0 %")
    found = [re.search(rf"{part} · [^0-9]+ ([0-9.]+)", told) for part in parts]
    assert [each and each.group(1) for each in found] == ["12.00", "1.60", "1.40", "1.00", "4.00"]
    assert "Concession 20.00" in told
    assert "You 20.00 points released so far: ¥0.20 in vouchers, 0.010 × per point" in told
    assert "The shop 20.00 points released so far: ¥0.20 in vouchers" in told
    assert "Whoever brought you red points 1.60 points released so far: ¥0.04 in vouchers, 0.025 × per point" in told
    assert "Final in cycle 1: concession divided, points counted 2026-01-12 00:00" in told
    assert "Settlements since: 1 last cut-off 2026-01-19 00:00" in told
    assert "what rounding leaves goes to the reserve, here nothing" in told


def test_the_journals_show_the_order_s_own_share_and_to_staff_the_whole_batch(baker: Town, operator: int) -> None:
    baker.sell("bo", "grocer", 5_000)
    plain = said(visit(baker.ids["lin"]), ORDER)
    assert "Vested: the concession is divided 2026-01-12 00:00" in plain
    assert "concession that waits free money of a pool 12.00" in plain
    assert "trust:" not in plain
    assert "Whole batch" not in plain
    whole = said(visit(operator), ORDER)
    assert "trust:concession_pending trust:pool:green 12.00 12.00" in whole
    assert "vest/1" in whole
    assert "payout/2026-01-19" in whole


def test_a_batch_that_holds_other_orders_shows_more_than_the_order_s_share(town: Town, operator: int) -> None:
    town.take(town.sale("lin", "baker", 10_000, order_no="B1"), town.sale("mei", "grocer", 5_000))
    told = said(visit(operator), ORDER)
    # 100 − 20 yuan of this order; with the grocer's 50 − 5 in the batch.
    assert "trust:in_transit trust:merchant_payable 80.00 125.00" in told
    assert "trust:in_transit trust:concession_pending 20.00 25.00" in told


def test_the_shop_sees_the_order_but_neither_who_bought_nor_who_brought_them(baker: Town) -> None:
    for client in (seated("baker"), seated("baker", relation="clerk", phone="clerk")):
        answer = client.get(ORDER)
        told = said(client, ORDER)
        assert "Your shop 20.00 points" in told
        assert "Paid out to the shop 2026-01-19" in told
        content = answer.content.decode()
        assert not re.search(r"\b(lin|mei)\b", content)
        assert "/holders/" not in content
        assert str(baker.ids["lin"]) not in content
        assert "Shopping coupons that came with it" not in told


def test_the_shopper_sees_the_shop_but_not_who_brought_them(baker: Town) -> None:
    content = visit(baker.ids["lin"]).get(ORDER).content.decode()
    assert "baker" in content
    assert not re.search(r"\bmei\b", content)
    assert "/holders/" not in content
    assert "/merchants/" not in content


def test_staff_see_everybody_by_ref(baker: Town, operator: int) -> None:
    content = visit(operator).get(ORDER).content.decode()
    for holder in ("lin", "mei", "baker"):
        assert f'href="/holders/{holder}/"' in content


def test_an_order_is_nobody_else_s(baker: Town) -> None:
    others = (visit(baker.ids["mei"]), visit(baker.ids["bo"]), seated("grocer", phone="other"))
    unknown = "/orders/baker/nothing/"
    for client in others:
        assert said(client, ORDER, 404) == said(client, unknown, 404)
    assert Client().get(ORDER)["Location"] == f"/sign-in/?next={ORDER}"
    assert visit(baker.ids["lin"]).post(ORDER).status_code == 405
    staff = visit(appoint_staff(name="Chen Min", roles=["auditor"], at=NOW, password=PASSWORD))
    assert staff.get(ORDER)["Location"] == "/sign-in/second-factor/set-up/"


def test_a_merchant_that_bought_reads_its_own_purchase_as_its_shopper(baker: Town) -> None:
    baker.sell("grocer", "baker", 5_000, order_no="B2")
    told = said(seated("grocer"), "/orders/baker/B2/")
    assert "You 10.00 points wait until the order is final" in told
    assert seated("baker", phone="other").get("/orders/baker/B2/").status_code == 200


@pytest.mark.parametrize(
    "order_no", ["A/B", "2026/01/05/7", "a b", "?x=1#y", "%2F", "<b>", "日期-1", "a//b", "x\r\ny", "statement"]
)
def test_any_order_number_that_a_till_makes_up_has_an_address(town: Town, order_no: str) -> None:
    town.sell("mei", "baker", 1_000, order_no=order_no)
    client = visit(town.ids["mei"])
    answer = client.get(reverse("order", args=["baker", order_no]))
    assert answer.status_code == 200
    assert "<b>" not in answer.content.decode()


def test_an_order_number_may_hold_a_slash(town: Town) -> None:
    town.sell("mei", "grocer", 1_000, order_no="2026/1")
    assert visit(town.ids["mei"]).get(reverse("order", args=["grocer", "2026/1"])).status_code == 200


def test_vouchers_are_told_by_pool_to_the_shopper_and_as_a_sum_to_the_shop(baker: Town) -> None:
    baker.sell("lin", "grocer", 1_000, voucher_fen=20, coupon_fen=140, order_no="G1")
    mine = said(visit(baker.ids["lin"]), "/orders/grocer/G1/")
    assert "pool green ¥0.20" in mine
    assert "Coupons to the shop 12.1 % 1.40" in mine
    shop = said(seated("grocer"), "/orders/grocer/G1/")
    assert "pool green" not in shop
    assert "Vouchers to the shop 1.7 % 0.20" in shop


def test_a_refund_says_what_it_gave_back_and_what_it_changed(baker: Town) -> None:
    baker.sell("bo", "baker", 50_000)
    order = baker.sell("mei", "baker", 10_000, order_no="B2")
    baker.close(3)
    baker.refund(order, 5_000, "r-1")
    told = said(visit(baker.ids["mei"]), "/orders/baker/B2/")
    assert "Refund r-1 paid ¥50.00" in told
    assert "back in cash ¥50.00, vouchers ¥0.00, coupons ¥0.00" in told
    # 20 % of 50 yuan; the coupon's half, 0.70, was there to take.
    assert "the concession fell by ¥10.00; points taken back: shopper 10.00, shop 10.00, red 0.00" in told
    assert "cost the shop" not in told
    assert "cost the shop ¥50.00 of its dues" in said(seated("baker"), "/orders/baker/B2/")
    assert "You 10.00 points" in told
    assert "refunded in part" in told


def test_an_order_refunded_whole_before_it_was_final_earned_nothing_and_says_so(town: Town) -> None:
    order = town.sell("mei", "baker", 10_000, order_no="B1")
    town.refund(order, 10_000)
    told = said(visit(town.ids["mei"]), ORDER)
    assert "refunded in full" in told
    assert "No points: the concession is below ¥0.10, or was refunded." in told
    assert "Given back by refunds 100.0 %" in told


def test_what_is_on_hold_says_so_and_only_staff_read_why(town: Town, operator: int) -> None:
    order = town.sell("mei", "baker", 10_000, order_no="B1")
    hold_order(order_id=order, reason="looks like brushing", by="risk", at=town.at)
    for client in (visit(town.ids["mei"]), seated("baker")):
        told = said(client, ORDER)
        assert "On hold while something is looked into" in told
        assert "brushing" not in told
    assert "On hold: looks like brushing" in said(visit(operator), ORDER)


def test_what_vouchers_and_coupons_paid_whole_concedes_nothing(baker: Town) -> None:
    baker.sell("lin", "grocer", 0, voucher_fen=20, coupon_fen=140, order_no="G1")
    told = said(visit(baker.ids["lin"]), "/orders/grocer/G1/")
    assert "only cash has a concession" in told
    assert "No points: vouchers and coupons paid for all of it." in told
    assert "Vouchers and coupons concede nothing: the shop receives all of it." in told


def test_no_order_s_page_asks_the_database_more_than_twelve_times(baker: Town, operator: int) -> None:
    order = baker.sell("mei", "baker", 10_000, voucher_fen=0, order_no="B2")
    for number in range(4):
        baker.refund(order, 1_000, f"r{number}")
    for path in (ORDER, "/orders/baker/B2/"):
        for client in (visit(operator), seated("baker")):
            client.get(path)
            with counted() as asked:
                assert client.get(path).status_code == 200
            assert 0 < len(asked) <= QUERIES_MAX, [each["sql"] for each in asked.captured_queries]


def test_nothing_on_the_page_promises_anything(baker: Town) -> None:
    told = said(visit(baker.ids["lin"]), ORDER)
    assert "What points have released says nothing about what they will" in told
    assert not re.search(r"will (be|receive|earn|get|release)", told)
