"""Merchants are paid the next business day, once a day, net of refunds; what they bring back is theirs again."""

from collections.abc import Iterable
from datetime import timedelta
from threading import current_thread

import pytest

from greenloop.core.faults import Refusal
from greenloop.store import locks, sql
from tests.support.ledger import fetch, whole_database
from tests.support.threads import at_once
from tests.support.town import Town, ledger_moves


def test_a_merchant_is_paid_on_the_next_business_day(town: Town) -> None:
    # 100 000 less 10 %, 50 000 less 20 %.
    town.sell("mei", "grocer", 100_000)
    town.sell("lin", "baker", 50_000)
    assert town.pay_out() == {}
    town.day(2, 0)
    with ledger_moves() as moved:
        assert town.pay_out() == {"grocer": 90_000, "baker": 40_000}
    assert moved == {"trust:bank": -130_000, "trust:merchant_payable": -130_000}
    assert fetch("SELECT key FROM journal WHERE kind = 'payout'") == [("payout/2026-01-06",)]


def test_only_confirmed_cash_is_paid_out(town: Town) -> None:
    order = town.sell("mei", "grocer", 100_000, confirmed=False)
    town.sell("mei", "grocer", 10_000)
    assert town.day(2).pay_out() == {"grocer": 9_000}
    town.confirm([order])
    assert town.day(3).pay_out() == {"grocer": 90_000}


def test_vouchers_and_coupons_are_paid_to_the_merchant_like_cash(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    town.close_all([1, 2])
    town.sell("mei", "baker", 1_000, voucher_fen=100, coupon_fen=700)
    town.later(days=1)
    assert town.pay_out() == {"grocer": 90_000, "baker": 800 + 100 + 700}


def test_a_business_date_is_paid_out_once(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    town.day(2)
    first = town.pay_out()
    town.sell("mei", "grocer", 100_000, paid_at=town.instant(1))
    before = whole_database()
    assert town.later(hours=5).pay_out() == first
    assert town.day(3).pay_out(town.today() - timedelta(days=1)) == first
    assert whole_database() == before
    assert town.pay_out() == {"grocer": 90_000}


def test_a_business_date_that_has_not_begun_is_refused(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    with pytest.raises(Refusal) as refused:
        town.pay_out(town.today() + timedelta(days=1))
    assert (refused.value.code, refused.value.field) == ("payout.early", "business_date")


def test_the_business_day_is_the_city_s_not_greenwich_s(town: Town) -> None:
    # At 23:59 on day 1 in Hangzhou it is 15:59 in Greenwich; a minute later the day is over.
    town.day(1, 23).sell("mei", "grocer", 100_000)
    town.day(2, 0).sell("mei", "grocer", 100_000)
    assert town.pay_out() == {"grocer": 90_000}


def test_refunds_since_the_last_payout_are_netted(town: Town) -> None:
    order = town.sell("mei", "grocer", 100_000)
    town.sell("mei", "grocer", 50_000)
    town.refund(order, 40_000)
    # 60 000 less 6 000, and 50 000 less 5 000.
    assert town.day(2).pay_out() == {"grocer": 54_000 + 45_000}
    # The refund of an order that is paid out already comes off the next dues, today's too, though not yet payable.
    town.sell("mei", "grocer", 30_000)
    town.refund(order, 20_000)
    assert town.pay_out() == {"grocer": 99_000}
    # 27 000 of dues less 20 000 − 2 000.
    assert town.day(3).pay_out() == {"grocer": 27_000 - 18_000}


def test_refunds_of_today_s_orders_lower_what_is_paid_for_yesterday_s(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    order = town.day(2).sell("mei", "grocer", 100_000)
    town.refund(order, 100_000)
    # Its own 90 000 are not payable yet, its refund of 90 000 is due already: nothing is left to pay today.
    assert town.pay_out() == {}
    assert town.day(3).pay_out() == {"grocer": 90_000}


def test_a_merchant_that_is_owed_nothing_gets_nothing(town: Town) -> None:
    order = town.sell("mei", "grocer", 100_000)
    town.refund(order, 100_000)
    before = fetch("SELECT COUNT(*) FROM journal")
    assert town.day(2).pay_out() == {}
    assert fetch("SELECT COUNT(*) FROM journal") == before


def test_a_deposit_is_owed_back_like_any_dues(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    with ledger_moves() as moved:
        town.deposit("grocer", 5_000)
    assert moved == {"trust:bank": 5_000, "trust:merchant_payable": 5_000}
    assert town.day(2).pay_out() == {"grocer": 95_000}


def test_a_deposit_alone_is_paid_back_the_next_day(town: Town) -> None:
    town.deposit("grocer", 5_000)
    assert town.day(2).pay_out() == {"grocer": 5_000}


def test_a_deposit_number_counts_once(town: Town) -> None:
    number = town.deposit("grocer", 5_000)
    before = whole_database()
    assert town.deposit("grocer", 5_000) == number
    with pytest.raises(Refusal) as refused:
        town.deposit("grocer", 5_001)
    assert (refused.value.code, refused.value.field) == ("deposit.conflict", "deposit_no")
    wrongs: list[object] = [0, -1, 1.5, True, 10**12 + 1]
    for amount in wrongs:
        with pytest.raises(Refusal) as refused:
            town.deposit("grocer", amount, "d2")  # type: ignore[arg-type]
        assert refused.value.field == "amount_fen"
    with pytest.raises(Refusal) as refused:
        town.deposit("nobody", 5_000, "d2")
    assert refused.value.field == "merchant"
    assert whole_database() == before
    assert town.deposit("baker", 5_000) != number


def test_a_refund_that_becomes_pending_while_its_merchant_is_waited_for_keeps_its_dues(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = town.sell("lin", "grocer", 100_000, delivered=False)
    town.day(2).pay_out()
    town.sell("mei", "grocer", 10_000)
    town.sell("mei", "baker", 10_000)
    town.day(3)
    paying, lock = current_thread(), locks.merchants

    def refund_first(ids: Iterable[int]) -> None:
        if current_thread() is paying:
            at_once([lambda: town.refund(order, 100_000, "r1")])
        lock(ids)

    if sql.is_postgresql():
        monkeypatch.setattr(locks, "merchants", refund_first)
    else:  # a file has one writer: nothing comes between the beginning of a payout and its locks
        town.refund(order, 100_000, "r1")
    assert town.pay_out() == {"baker": 8_000}
    assert fetch("SELECT state FROM refund") == [("pending",)]
    town.deposit("grocer", 90_000)
    assert town.refund(order, 100_000, "r1") == "paid"
    # 9 000 of dues stayed, 90 000 were brought, the refund took 90 000.
    assert town.day(4).pay_out() == {"grocer": 9_000}


def test_who_is_owed_something_only_since_merchants_were_locked_is_paid_on_the_next_date(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.sell("mei", "baker", 10_000)
    town.day(2)
    paying, lock = current_thread(), locks.merchants

    def deposit_first(ids: Iterable[int]) -> None:
        if current_thread() is paying:
            at_once([lambda: town.deposit("grocer", 5_000)])
        lock(ids)

    if sql.is_postgresql():
        monkeypatch.setattr(locks, "merchants", deposit_first)
    assert town.pay_out() == {"baker": 8_000}
    monkeypatch.undo()
    if not sql.is_postgresql():  # a file has one writer: nothing comes between
        town.deposit("grocer", 5_000)
    assert town.day(3).pay_out() == {"grocer": 5_000}
