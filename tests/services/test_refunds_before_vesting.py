"""Refunds before an order vests: the tender comes back in proportion, the concession is recomputed on what is left."""

import pytest

from greenloop.core.faults import Refusal
from greenloop.services.loop.refund import RefundForm, refund
from greenloop.store.sql import moment
from tests.support.databases import Database
from tests.support.ledger import fetch, whole_database
from tests.support.town import Town, found_town, ledger_moves, plain_rules


def rich(town: Town) -> Town:
    """Let Mei buy for 10 000 yuan at the grocer and two cycles pass: 1 000 fen to draw, a coupon of 7 000."""
    town.sell("mei", "grocer", 1_000_000)
    town.close_all([1, 2])
    return town


def mixed_order(town: Town) -> int:
    """Let Mei pay 100 yuan at the baker: 60 in cash, 10 in vouchers, 30 by coupon. 20 % of the cash is 1 200."""
    return town.sell("mei", "baker", 6_000, voucher_fen=1_000, coupon_fen=3_000)


def test_the_cash_of_a_confirmed_order_comes_back_from_the_bank(town: Town) -> None:
    order = town.sell("mei", "grocer", 100_000)
    with ledger_moves() as moved:
        assert town.refund(order, 30_000) == "paid"
    # 10 % of the 70 000 that stay is 7 000: the concession falls by 3 000, the merchant's dues by 27 000.
    assert moved == {"trust:bank": -30_000, "trust:concession_pending": -3_000, "trust:merchant_payable": -27_000}
    with ledger_moves() as moved:
        town.vest(1)
    # 7 000: green 4 200, coupon 490, fee 1 400, the reserve 350 + the red 560 that nobody gets.
    assert moved == {
        "trust:concession_pending": -7_000,
        "trust:pool:green": 4_200,
        "trust:coupon": 490,
        "trust:fee_payable": 1_400,
        "trust:reserve": 910,
    }
    assert (town.points("mei"), town.points("grocer")) == (7_000, 7_000)


def test_cash_that_no_statement_has_confirmed_comes_back_from_transit(town: Town) -> None:
    order = town.sell("mei", "grocer", 100_000, confirmed=False)
    with ledger_moves() as moved:
        town.refund(order, 30_000)
    assert moved == {"trust:in_transit": -30_000, "trust:concession_pending": -3_000, "trust:merchant_payable": -27_000}
    # The statement then shows what is left of it.
    assert town.confirm([order]) == 70_000


def test_an_unconfirmed_order_pays_for_its_own_refund_and_nobody_else_s(town: Town) -> None:
    order = town.sell("mei", "grocer", 100_000, confirmed=False)
    assert town.refund(order, 100_000) == "paid"
    assert town.confirm([order]) == 0
    assert town.later(days=1).pay_out() == {}


def test_a_quarter_of_a_mixed_price_returns_a_quarter_of_each_part(town: Town) -> None:
    order = mixed_order(rich(town))
    with ledger_moves() as moved:
        town.refund(order, 2_500)
    # A quarter: vouchers 250, coupons 750, cash 1 500. On 4 500 of cash 900 are conceded, 300 less than before.
    assert moved == {
        "trust:bank": -1_500,
        "trust:voucher:green": 250,
        "trust:coupon": 750,
        "trust:concession_pending": -300,
        "trust:merchant_payable": -2_500 + 300,
    }
    wallet = town.wallet("mei")
    assert (wallet.voucher_fen, wallet.redeemed_fen, town.coupons("mei")) == (250, 750, 7_000 - 3_000 + 750)


def test_refunds_in_three_thirds_return_exactly_the_price(town: Town) -> None:
    order = mixed_order(rich(town))
    tenders = []
    for third in (3_333, 3_333, 3_334):
        town.refund(order, third)
        tenders.append(fetch("SELECT cash_fen, voucher_fen, coupon_fen FROM refund ORDER BY id DESC LIMIT 1")[0])
    # Of 3 333: vouchers 333.3, coupons 999.9, cash the rest, 2 001. Of 6 666: 666.6 and 1 999.8, cash 4 001.
    assert tenders == [(2_001, 333, 999), (2_000, 333, 1_000), (1_999, 334, 1_001)]
    assert [sum(int(row[part]) for row in tenders) for part in range(3)] == [6_000, 1_000, 3_000]
    assert fetch("SELECT concession_fen - concession_lost_fen FROM orders WHERE id = %s", order) == [(0,)]


def test_vouchers_return_to_where_they_were_taken_from_the_last_taken_first(town: Town) -> None:
    rich(town).draw("mei", 300)
    town.later(days=1).draw("mei", 300)
    order = town.sell("mei", "baker", voucher_fen=700)
    # Taken: 300 and 300 that were drawn, then 100 drawn for it. A refund of 250 returns those 100 and 150 more.
    town.refund(order, 250)
    assert fetch("SELECT left_fen FROM voucher ORDER BY drawn_at, id") == [(0,), (150,), (100,)]


def test_returned_vouchers_are_valid_to_the_later_of_their_expiry_and_thirty_days(database: Database) -> None:
    town = rich(found_town(plain_rules(voucher_days=10)))
    start = town.at
    town.draw("mei", 300)
    order = town.sell("mei", "baker", voucher_fen=300)
    town.refund(order, 100)
    town.later(days=20).refund(order, 100)
    days = [(moment(row[0]) - start).days for row in fetch("SELECT expires_at FROM voucher")]
    # Long past their ten days, they are good for thirty days from the second refund.
    assert days == [50]
    town.later(days=29)
    assert town.expire().voucher_fen == 0
    town.sell("mei", "baker", voucher_fen=150)
    assert town.later(days=1).expire().voucher_fen == 50


def test_a_returned_voucher_that_is_good_for_longer_keeps_its_day(town: Town) -> None:
    rich(town).draw("mei", 300)
    drawn_at = town.at
    order = town.sell("mei", "baker", voucher_fen=300)
    town.later(days=20).refund(order, 100)
    assert (moment(fetch("SELECT expires_at FROM voucher")[0][0]) - drawn_at).days == 365


def test_returned_coupons_are_extended_too(database: Database) -> None:
    town = rich(found_town(plain_rules(coupon_days=10)))
    order = town.sell("mei", "baker", coupon_fen=3_000)
    town.later(days=20).expire()
    with ledger_moves() as moved:
        town.refund(order, 3_000)
    assert moved == {"trust:coupon": 3_000, "trust:merchant_payable": -3_000}
    town.later(days=29).sell("mei", "baker", coupon_fen=1_000)
    assert town.later(days=1).expire().coupon_fen == 2_000


def test_a_refund_asked_for_again_gives_the_same_answer_and_writes_nothing(town: Town) -> None:
    order = town.sell("mei", "grocer", 100_000)
    town.refund(order, 30_000, "r1")
    before = whole_database()
    assert town.later(days=1).refund(order, 30_000, "r1") == "paid"
    with pytest.raises(Refusal) as refused:
        town.refund(order, 30_001, "r1")
    assert (refused.value.code, refused.value.field) == ("refund.conflict", "refund_no")
    assert whole_database() == before


def test_more_than_the_price_is_never_refunded(town: Town) -> None:
    order = town.sell("mei", "grocer", 100_000)
    with pytest.raises(Refusal) as refused:
        town.refund(order, 100_001)
    assert (refused.value.code, refused.value.field) == ("refund.above_order", "amount_fen")
    town.refund(order, 60_000)
    before = whole_database()
    with pytest.raises(Refusal, match="40000"):
        town.refund(order, 40_001)
    assert whole_database() == before
    town.refund(order, 40_000)
    with pytest.raises(Refusal):
        town.refund(order, 1)


def test_a_refund_that_can_t_be_is_refused_and_the_others_of_its_batch_are_paid(town: Town) -> None:
    good = town.sell("mei", "grocer", 100_000, order_no="n1")
    forms = [
        RefundForm("nobody", "n1", "r1", 5),
        RefundForm("baker", "n1", "r1", 5),
        RefundForm("grocer", "n2", "r1", 5),
        RefundForm("grocer", "n1", "", 5),
        RefundForm("grocer", "n1", "r" * 65, 5),
        RefundForm("grocer", "n1", "r1", 0),
        RefundForm("grocer", "n1", "r1", -5),
        RefundForm("grocer", "n1", "r1", True),
        RefundForm("grocer", "n1", "r1", 5.0),  # type: ignore[arg-type]
        RefundForm("grocer", "n1", "r1", 40_000),
        RefundForm("grocer", "n1", "r1", 40_000),
        RefundForm("grocer", "n1", "r2", 60_001),
        RefundForm("grocer", "n1", "r3", 60_000),
    ]
    with ledger_moves() as moved:
        done = refund(forms=forms, at=town.at)
    fields = [done.refusals[place].field if place in done.refusals else None for place in range(len(forms))]
    assert fields == [
        *("merchant", "order_no", "order_no", "refund_no", "refund_no"),
        *("amount_fen", "amount_fen", "amount_fen", "amount_fen", None, None, "amount_fen", None),
    ]
    assert done.states[9:] == ["paid", "paid", None, "paid"]
    assert done.refund_ids[9] == done.refund_ids[10]
    assert moved["trust:bank"] == -100_000
    assert fetch("SELECT refunded_fen FROM orders WHERE id = %s", good) == [(100_000,)]


def test_a_concession_that_falls_below_10_fen_makes_no_points(town: Town) -> None:
    order = town.sell("lin", "grocer", 1_000)
    town.refund(order, 910)
    with ledger_moves() as moved:
        town.close(1)
    # 10 % of the 90 left: 9 fen, all of it the reserve's.
    assert moved == {"trust:concession_pending": -9, "trust:reserve": 9}
    assert (town.points("lin"), town.points("mei", "red")) == (0, 0)
