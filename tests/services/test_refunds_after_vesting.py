"""Refunds of vested orders: in the open entry cycle the split is undone, later the merchant bears the concession."""

import pytest

from tests.support.ledger import fetch
from tests.support.town import Town, ledger_moves


def pool(name: str = "green") -> tuple[object, ...]:
    return fetch("SELECT free_fen, backing_fen, spent_fen FROM pool WHERE name = %s", name)[0]


def merchant_has_other_dues(town: Town) -> None:
    """Let Bo buy something that is not delivered: the grocer is owed 900 yuan for it, and nothing vests."""
    town.sell("bo", "grocer", 100_000, delivered=False)


def test_while_the_entry_cycle_is_open_every_part_of_the_split_goes_back_to_the_merchant(town: Town) -> None:
    order = town.sell("lin", "grocer", 123_456)
    town.vest(1)
    # On the 100 000 that stay 10 000 are conceded: green 6 000, red 800, coupon 700, fee 2 000, the reserve 500.
    # Before, of 12 346: 7 407, 987, 864, 2 469 and 619.
    with ledger_moves() as moved:
        assert town.refund(order, 23_456) == "paid"
    assert moved == {
        "trust:bank": -23_456,
        "trust:pool:green": -1_407,
        "trust:pool:red": -187,
        "trust:coupon": -164,
        "trust:fee_payable": -469,
        "trust:reserve": -119,
        "trust:merchant_payable": -23_456 + 2_346,
    }
    assert (town.points("lin"), town.points("grocer"), town.points("mei", "red")) == (10_000, 10_000, 800)
    town.close(1)
    # From here on all is as if the order had been one of 1 000 yuan.
    assert town.close(2).issued_fen == 200 + 20
    assert fetch("SELECT SUM(inflow_fen) FROM pool_cycle") == [(6_800,)]
    assert town.transfer_fees(1) == 2_000


def test_an_order_refunded_whole_in_its_open_entry_cycle_leaves_nothing(town: Town) -> None:
    order = town.sell("lin", "grocer", 123_456)
    town.vest(1)
    town.refund(order, 123_456)
    town.close_all([1, 2])
    with ledger_moves() as moved:
        assert town.pay_out() == {}
    assert moved == {}
    assert fetch("SELECT SUM(debits_fen - credits_fen) FROM ledger_account WHERE book = 'trust' AND is_asset") == [(0,)]
    assert (pool(), pool("red")) == ((0, 0, 0), (0, 0, 0))
    assert (town.points("lin"), town.points("mei", "red"), town.coupons("lin")) == (0, 0, 0)


def test_later_the_merchant_bears_the_concession_and_the_pool_keeps_its_allotment(town: Town) -> None:
    order = town.sell("lin", "grocer", 123_456)
    town.close_all([1, 2])
    # Released: 1 % of 24 692 is 246.92, so 247; red 2.5 % of 987 is 24.675, so 25.
    assert (pool(), pool("red")) == ((7_407 - 247, 247, 0), (987 - 25, 25, 0))
    with ledger_moves() as moved:
        assert town.refund(order, 23_456) == "paid"
    # What is left: 1 % of 20 000 is 200, 2.5 % of 800 is 20. 47 and 5 return to free money; the coupon loses 164.
    assert moved == {
        "trust:bank": -23_456,
        "trust:merchant_payable": -23_456,
        "trust:accrued:green": -47,
        "trust:pool:green": 47,
        "trust:accrued:red": -5,
        "trust:pool:red": 5,
        "trust:coupon": -164,
        "trust:reserve": 164,
    }
    assert (town.wallet("lin").claimable_fen, town.wallet("grocer").claimable_fen) == (100, 100)
    assert town.wallet("mei", "red").claimable_fen == 20
    assert fetch("SELECT SUM(inflow_fen) FROM pool_cycle") == [(7_407 + 987,)]


def test_between_entry_and_first_release_the_lots_shrink_and_no_money_moves_in_the_pools(town: Town) -> None:
    order = town.sell("mei", "grocer", 100_000)
    town.close(1)
    with ledger_moves() as moved:
        town.refund(order, 50_000)
    assert moved == {
        "trust:bank": -50_000,
        "trust:merchant_payable": -50_000,
        "trust:coupon": -350,
        "trust:reserve": 350,
    }
    assert town.close(2).issued_fen == 100


def test_a_whole_refund_after_the_cycle_waits_until_the_merchant_brings_the_concession(town: Town) -> None:
    order = town.sell("mei", "grocer", 100_000)
    town.close(1)
    # The grocer is owed 90 000 for it and nothing else.
    with ledger_moves() as moved:
        assert town.refund(order, 100_000, "r1") == "pending"
    assert moved == {}
    assert (town.points("mei"), town.coupons("mei")) == (10_000, 700)
    assert town.refund(order, 100_000, "r1") == "pending"
    with pytest.raises(Exception, match="pending"):
        town.refund(order, 5, "r2")
    town.deposit("grocer", 9_999)
    assert town.refund(order, 100_000, "r1") == "pending"
    town.deposit("grocer", 1, "d2")
    with ledger_moves() as moved:
        assert town.refund(order, 100_000, "r1") == "paid"
    assert moved == {
        "trust:bank": -100_000,
        "trust:merchant_payable": -100_000,
        "trust:coupon": -700,
        "trust:reserve": 700,
    }
    assert fetch("SELECT COUNT(*) FROM refund") == [(1,)]
    assert town.later(days=1).pay_out() == {}


def test_a_merchant_with_a_pending_refund_is_paid_out_once_that_refund_is_paid(town: Town) -> None:
    order = town.sell("mei", "grocer", 100_000)
    town.close(1)
    assert town.refund(order, 100_000, "r1") == "pending"
    # The 90 000 that are due stay, since the refund waits for them.
    assert town.pay_out() == {}
    town.sell("lin", "grocer", 150_000)
    # 135 000 of new dues: now it can be paid, and 90 000 + 135 000 − 100 000 are left to pay out.
    assert town.refund(order, 100_000, "r1") == "paid"
    assert town.later(days=1).pay_out() == {"grocer": 125_000}


def test_several_refunds_at_every_stage_end_as_if_the_order_had_never_been(town: Town) -> None:
    merchant_has_other_dues(town)
    order = town.sell("lin", "grocer", 123_456)
    town.refund(order, 20_000)
    town.vest(1)
    town.refund(order, 20_000)
    town.close(1)
    town.refund(order, 20_000)
    town.close(2)
    town.refund(order, 63_456)
    assert (town.points("lin"), town.points("grocer"), town.points("mei", "red")) == (0, 0, 0)
    assert (town.wallet("lin").accrued_fen, town.coupons("lin")) == (0, 0)
    # What stayed in the pools is what the order allotted when its entry cycle closed: of 83 456, 8 346 were conceded.
    assert (pool()[:2], pool("red")[:2]) == ((8_346 * 60 // 100, 0), (8_346 * 8 // 100, 0))
    assert town.close(3).issued_fen == 0


def test_the_coupon_an_order_earned_is_taken_from_the_refund_where_it_is_spent(town: Town) -> None:
    merchant_has_other_dues(town)
    order = town.sell("mei", "grocer", 100_000)
    town.close(1)
    town.sell("mei", "baker", coupon_fen=500)
    with ledger_moves() as moved:
        town.refund(order, 100_000)
    # 200 are left of the coupon, 500 are withheld from Mei's cash; all 700 are the reserve's.
    assert moved == {
        "trust:bank": -99_500,
        "trust:merchant_payable": -100_000,
        "trust:coupon": -200,
        "trust:reserve": 700,
    }
    assert fetch("SELECT cash_fen, withheld_fen FROM refund") == [(100_000, 500)]


def test_in_the_open_cycle_a_spent_coupon_is_withheld_for_the_merchant(town: Town) -> None:
    order = town.sell("mei", "grocer", 100_000)
    town.vest(1)
    town.sell("mei", "baker", coupon_fen=500)
    with ledger_moves() as moved:
        town.refund(order, 100_000)
    # The merchant gets its 10 000 back, 500 of them out of Mei's cash: it has given up nothing.
    assert moved == {
        "trust:bank": -99_500,
        "trust:merchant_payable": -90_000,
        "trust:pool:green": -6_000,
        "trust:coupon": -200,
        "trust:fee_payable": -2_000,
        "trust:reserve": -1_300,
    }


def test_an_order_s_own_coupon_is_taken_back_before_an_older_one(town: Town) -> None:
    merchant_has_other_dues(town)
    town.sell("mei", "grocer", 100_000)
    town.close(1)
    second = town.sell("mei", "grocer", 50_000)
    town.close(2)
    town.refund(second, 50_000)
    assert fetch("SELECT face_fen, left_fen FROM coupon ORDER BY expires_at") == [(700, 700), (350, 0)]


def test_the_shopper_s_other_coupons_pay_before_its_cash(town: Town) -> None:
    merchant_has_other_dues(town)
    first = town.sell("mei", "grocer", 100_000)
    town.sell("mei", "grocer", 50_000)
    town.vest(1)
    town.close(1)
    town.sell("mei", "baker", coupon_fen=700)
    # Coupons of 700 and 350: one of them is spent; the 350 left pay, then 350 of cash.
    town.refund(first, 100_000)
    assert (town.coupons("mei"), fetch("SELECT withheld_fen FROM refund")) == (0, [(350,)])
