"""Payments that payers' banks took back: the whole cash is gone, and the refund finds who bears it, now or later."""

import pytest

from greenloop.services.books.reconciling.chargebacks import book_charged_back, charged_back
from greenloop.services.books.reconciling.lines import Line
from greenloop.services.books.reconciling.statement import compare_again
from greenloop.services.loop.refund import refund
from tests.support.custody import Custody, cases, unexplained
from tests.support.ledger import balances, fetch
from tests.support.town import Town


@pytest.fixture
def custody(town: Town) -> Custody:
    return Custody(town)


def test_a_chargeback_is_a_case_until_the_order_is_refunded(town: Town, custody: Custody) -> None:
    custody.sell("a", 100_000)
    custody.sell("b", 100_000)
    custody.state(custody.line("payment", "a", 100_000), custody.line("payment", "b", 100_000))
    custody.state(custody.line("chargeback", "a", -100_000))
    assert cases() == [("chargeback", "chargeback", 0, -100_000, "open")]
    assert unexplained() == 0
    assert refund(forms=charged_back(), at=town.at).states == ["paid"]
    assert charged_back() == []
    compare_again(at=town.at)
    assert cases() == [("chargeback", "chargeback", 0, -100_000, "closed")]
    assert (unexplained(), balances()["trust:bank"]) == (0, 100_000)
    # Nobody is told to pay back what is gone already.
    assert fetch("SELECT kind, state FROM payment_instruction WHERE kind IN ('refund', 'back')") == [("back", "done")]


def test_a_chargeback_that_the_merchant_can_t_bear_yet_stays_a_case(town: Town, custody: Custody) -> None:
    custody.sell("a", 100_000)
    custody.state(custody.line("payment", "a", 100_000))
    town.day(2).pay_out()
    custody.state(
        Line("payout", custody.number("payout/%"), "T-out", -90_000, town.at), custody.line("chargeback", "a", -100_000)
    )
    assert refund(forms=charged_back(), at=town.at).states == ["pending"]
    compare_again(at=town.at)
    assert cases()[-1] == ("chargeback", "chargeback", 0, -100_000, "open")
    assert unexplained() == 0


def test_a_chargeback_that_waited_is_booked_once_there_are_dues_and_payouts_go_on(town: Town, custody: Custody) -> None:
    custody.sell("a", 100_000)
    custody.state(custody.line("payment", "a", 100_000))
    town.day(2).pay_out()
    out = Line("payout", custody.number("payout/%"), "T-out", -90_000, town.at)
    custody.state(out, custody.line("chargeback", "a", -100_000))
    assert book_charged_back(at=town.at).paid == 0
    assert book_charged_back(at=town.at).paid == 0
    assert fetch("SELECT refund_no, state FROM refund") == [("chargeback", "pending")]
    town.sell("lin", "grocer", 110_000)
    assert town.day(3).pay_out() == {}
    # The first order's 90 000 were paid out; the second's 99 000 pay them, the pending concession the other 10 000.
    assert book_charged_back(at=town.at).paid == 1
    assert book_charged_back(at=town.at).paid == 0
    assert (cases()[-1][4], unexplained()) == ("closed", 0)
    assert town.pay_out(on=town.today()) == {"grocer": 9_000}


def test_what_a_shopper_spent_isn_t_withheld_from_a_chargeback_for_no_cash_is_left(
    town: Town, custody: Custody
) -> None:
    town.sell("lin", "grocer", 100_000)
    custody.sell("a", 100_000)
    custody.state(custody.line("payment", "a", 100_000))
    town.close_all([1, 2])
    # Mei's 10 000 points have released 100 and earned her a coupon of 700; she spends 90 and 500 of them.
    town.sell("mei", "baker", voucher_fen=90, coupon_fen=500)
    before = balances()
    custody.state(custody.line("chargeback", "a", -100_000))
    assert book_charged_back(at=town.at).paid == 1
    # All 100 000 left the bank. The 200 that both lots released return to the pool, and the reserve gets the 200 that
    # are left of the coupon. The 90 of vouchers that were spent fall on the reserve, and are Mei's debt.
    moved = {name: fen - before[name] for name, fen in balances().items() if fen != before[name]}
    assert moved == {
        "trust:bank": -100_000,
        "trust:merchant_payable": -100_000,
        "trust:coupon": -200,
        "trust:reserve": 200 - 90,
        "trust:accrued:green": -200 + 90,
        "trust:pool:green": 200,
    }
    assert fetch("SELECT cash_fen, withheld_fen FROM refund") == [(100_000, 0)]
    assert fetch("SELECT cash_fen, dues_fen, reserve_fen FROM clawback") == [(0, 0, 90)]
    assert town.wallet("mei").debt_fen == 90
    assert fetch("SELECT kind, amount_fen FROM payment_instruction WHERE kind = 'back'") == [("back", 100_000)]
    assert fetch("SELECT state FROM reconciliation_case WHERE kind = 'chargeback'") == [("closed",)]
    assert unexplained() == 0


def test_in_the_open_cycle_the_merchant_bears_the_coupon_that_a_chargeback_can_t_withhold(
    town: Town, custody: Custody
) -> None:
    town.sell("lin", "grocer", 100_000)
    custody.sell("a", 100_000)
    custody.state(custody.line("payment", "a", 100_000))
    town.vest(1)
    town.sell("mei", "baker", coupon_fen=500)
    before = balances()
    custody.state(custody.line("chargeback", "a", -100_000))
    assert book_charged_back(at=town.at).paid == 1
    # Of its 10 000 conceded the merchant gets 9 500 back: the 500 of the coupon that were spent are nobody else's.
    moved = {name: fen - before[name] for name, fen in balances().items() if fen != before[name]}
    assert moved == {
        "trust:bank": -100_000,
        "trust:merchant_payable": -100_000 + 9_500,
        "trust:pool:green": -6_000,
        "trust:coupon": -200,
        "trust:fee_payable": -2_000,
        "trust:reserve": -1_300,
    }
    assert fetch("SELECT state FROM reconciliation_case WHERE kind = 'chargeback'") == [("closed",)]
    assert unexplained() == 0


def test_a_payment_that_went_back_in_part_is_left_to_people(town: Town, custody: Custody) -> None:
    order = custody.sell("a", 100_000)
    custody.state(custody.line("payment", "a", 100_000))
    custody.state(custody.line("chargeback", "a", -40_000))
    assert book_charged_back(at=town.at).paid == 0
    assert fetch("SELECT COUNT(*) FROM refund") == [(0,)]
    assert (cases(), unexplained()) == ([("chargeback", "chargeback", 0, -40_000, "open")], 0)
    # The other 60 000 go too, under a number of their own: now it is the whole, and it is booked.
    custody.state(custody.line("chargeback", "a", -60_000, "T-rest"))
    assert book_charged_back(at=town.at).paid == 1
    assert (cases()[-1][4], unexplained()) == ("closed", 0)
    assert fetch("SELECT refunded_fen FROM orders WHERE id = %s", order) == [(100_000,)]
