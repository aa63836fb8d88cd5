"""An order number is used once, for ever: the same sale again has the same answer, another sale is refused."""

from datetime import timedelta

import pytest

from greenloop.services.loop.hold import hold_account
from tests.support.ledger import fetch, whole_database
from tests.support.town import Town, ledger_moves


def test_the_same_sale_again_gets_the_same_answer_and_writes_nothing(town: Town) -> None:
    sales = [town.sale("mei", "grocer", 1_000), town.sale("lin", "baker", 2_000), town.sale("mei", "nobody", 1)]
    first = town.take(*sales)
    before = whole_database()
    again = town.later(days=2).take(*sales)
    assert again.order_ids == first.order_ids
    assert (first.replayed, again.replayed) == (frozenset(), frozenset({0, 1}))
    assert {place: refusal.code for place, refusal in again.refusals.items()} == {2: "order.merchant"}
    assert whole_database() == before


def test_a_till_may_say_later_that_the_goods_went_over_the_counter(town: Town) -> None:
    # Whether it is delivered is no part of the sale's body: it may have changed since.
    sale = town.sale("mei", "grocer", 1_000, delivered=False)
    first = town.take(sale)
    again = town.take(sale._replace(delivered=True))
    assert (again.order_ids, again.replayed) == (first.order_ids, frozenset({0}))
    # What is answered is what the books say, not what was asked this time.
    assert [sold.delivered for sold in again.sold if sold] == [False]


def test_what_is_said_of_the_delivery_doesn_t_hang_on_being_taken_in_one_batch(town: Town) -> None:
    sale = town.sale("mei", "grocer", 1_000, delivered=False)
    taking = town.take(sale, sale._replace(delivered=True))
    assert (taking.refusals, taking.replayed) == ({}, frozenset({1}))
    assert [sold.delivered for sold in taking.sold if sold] == [False, False]


def test_a_number_with_another_sale_is_refused_and_writes_nothing(town: Town) -> None:
    town.merchant("chain", shops=("east", "west"))
    sale = town.sale("mei", "chain", 1_000, shop="east")
    town.take(sale)
    before = whole_database()
    others: list[tuple[str, object]] = [
        ("cash_fen", 1_001),
        ("member", "lin"),
        ("paid_at", sale.paid_at - timedelta(seconds=1)),
        ("shop", "west"),
        ("shop", None),
    ]
    for field, value in others:
        taking = town.take(sale._replace(**{field: value}))  # type: ignore[arg-type]
        assert (taking.refusals[0].code, taking.refusals[0].field) == ("order.conflict", "order_no"), field
        assert taking.order_ids == [None]
    assert whole_database() == before


def test_two_merchants_may_use_the_same_number(town: Town) -> None:
    sales = [town.sale("mei", ref, 1_000, order_no="7") for ref in ("grocer", "baker")]
    assert not town.take(*sales).refusals
    assert fetch("SELECT COUNT(*) FROM orders") == [(2,)]


def test_a_sale_twice_in_one_batch_is_one_order(town: Town) -> None:
    sale = town.sale("mei", "grocer", 1_000)
    with ledger_moves() as moved:
        taking = town.take(sale, sale, sale._replace(cash_fen=999))
    assert taking.order_ids[0] == taking.order_ids[1]
    assert taking.replayed == {1}
    assert {place: refusal.code for place, refusal in taking.refusals.items()} == {2: "order.conflict"}
    assert moved["trust:in_transit"] == 1_000


def test_a_batch_of_new_repeated_and_wrong_sales_takes_exactly_the_new_ones(town: Town) -> None:
    old = [town.sale("mei", "grocer", 1_000), town.sale("lin", "grocer", 1_000)]
    first = town.take(*old)
    new = [town.sale("bo", "grocer", 500), town.sale("bo", "nobody", 500)]
    with ledger_moves() as moved:
        taking = town.take(new[0], old[1], old[0]._replace(cash_fen=5), new[1], old[0], new[0])
    assert taking.order_ids[1] == first.order_ids[1]
    assert taking.order_ids[4] == first.order_ids[0]
    assert taking.order_ids[5] == taking.order_ids[0]
    assert taking.replayed == {1, 4, 5}
    codes = {place: refusal.code for place, refusal in taking.refusals.items()}
    assert codes == {2: "order.conflict", 3: "order.merchant"}
    assert moved["trust:in_transit"] == 500


def test_a_sale_paid_by_vouchers_and_coupons_is_replayed_though_they_are_spent(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    town.close_all([1, 2])
    # Mei has 100 fen of vouchers and a coupon of 700; the first call takes all of it.
    sale = town.sale("mei", "baker", 50, voucher_fen=100, coupon_fen=700)
    first = town.take(sale)
    assert not first.refusals
    before = whole_database()
    again = town.take(sale)
    assert (again.order_ids, again.replayed, again.refusals) == (first.order_ids, frozenset({0}), {})
    # With another body it is a conflict, not a question of balance.
    assert town.take(sale._replace(voucher_fen=101)).refusals[0].code == "order.conflict"
    assert whole_database() == before


def test_a_sale_is_replayed_though_the_account_has_been_held_since(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    town.close_all([1, 2])
    sale = town.sale("mei", "baker", 50, voucher_fen=60)
    first = town.take(sale)
    hold_account(account_id=town.ids["mei"], reason="looks odd", by="risk", at=town.at)
    again = town.take(sale, town.sale("mei", "baker", 50, voucher_fen=10))
    assert (again.order_ids[0], again.replayed) == (first.order_ids[0], frozenset({0}))
    assert again.refusals[1].code == "spend.held"


@pytest.mark.parametrize("size", [1, 7])
def test_the_journal_of_a_batch_carries_the_number_of_its_first_order(town: Town, size: int) -> None:
    taking = town.take(*(town.sale("mei", "grocer", 1_000) for _ in range(size)))
    assert fetch("SELECT key, kind, book FROM journal") == [(f"order-batch/{taking.order_ids[0]}", "take", "trust")]
    assert fetch("SELECT DISTINCT journal_id FROM orders") == fetch("SELECT id FROM journal")
