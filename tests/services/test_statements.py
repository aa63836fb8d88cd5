"""What a merchant's statement adds up, day by day: by hand, against the payout's own sums, and over any history."""

from datetime import date, timedelta

import pytest

from greenloop.core.faults import Refusal
from greenloop.store.queries import refunds, sales, statements
from greenloop.store.queries.statements import DaySums, Period, Statement
from tests.support.databases import Database
from tests.support.ledger import balances, fetch
from tests.support.life import Life
from tests.support.town import OPENS_DATE, Town

OFFSET = 480


def day(number: int) -> date:
    return OPENS_DATE + timedelta(days=number - 1)


def stated(merchant: str, first: int, last: int) -> Statement:
    return statements.statement(statements.subject(merchant).id, Period(day(first), day(last), OFFSET))


def eventful(town: Town) -> Town:
    """Let two days of the grocer pass: sales, one unconfirmed, a payout, a refund, money brought back."""
    first = town.sell("mei", "grocer", 100_000)
    town.sell("lin", "grocer", 50_000, confirmed=False)
    town.day(2).pay_out()
    town.sell("bo", "grocer", 60_000)
    town.refund(first, 40_000)
    town.deposit("grocer", 10_000)
    return town


def test_each_day_says_what_was_sold_conceded_refunded_brought_back_and_paid_out(town: Town) -> None:
    eventful(town)
    found = stated("grocer", 1, 3)
    # Day 1: 1 000 and 500 yuan of cash, 10 % conceded. Day 2: 600 yuan; of a refund of 400 the concession's 40 return.
    assert [(each.date, each.sums) for each in found.days] == [
        (day(1), DaySums(orders=2, unconfirmed=1, cash_fen=150_000, concession_fen=15_000)),
        (
            day(2),
            DaySums(
                orders=1,
                cash_fen=60_000,
                concession_fen=6_000,
                refunds=1,
                refunded_fen=40_000,
                conceded_back_fen=4_000,
                refund_dues_fen=36_000,
                deposit_fen=10_000,
                payout_fen=90_000,
            ),
        ),
    ]
    # 1 350 earned on day 1; then 540 − 360 + 100 − 900.
    assert [each.balance_fen for each in found.days] == [135_000, 73_000]
    assert (found.opening_fen, found.closing_fen) == (0, 73_000)
    assert (found.total.price_fen, found.total.earned_fen) == (210_000, 189_000)


def test_what_is_owed_is_what_the_payout_could_pay_and_what_waits_for_the_bank(town: Town) -> None:
    eventful(town)
    owed = stated("grocer", 1, 3).owed
    merchant = statements.subject("grocer").id
    # 540 earned − 360 refunded + 100 brought back; 450 of the sale whose cash is on its way.
    assert (owed.payable_fen, owed.unconfirmed_fen, owed.unconfirmed) == (28_000, 45_000, 1)
    assert refunds.dues_fen([merchant]) == {merchant: 28_000}
    assert owed.total_fen == balances()["trust:merchant_payable"]
    assert town.day(3).pay_out() == {"grocer": 28_000}
    assert stated("grocer", 3, 3).closing_fen == 45_000


def test_a_payout_names_what_it_covered(town: Town) -> None:
    eventful(town)
    town.day(3).pay_out()
    payouts = stated("grocer", 1, 3).payouts
    # Newest first: 540 − 360 + 100, then the 900 of day 1.
    assert [
        (each.business_date, each.amount_fen, each.orders, each.sales_fen, each.refunds_fen, each.deposits_fen)
        for each in payouts
    ] == [(day(3), 28_000, 1, 54_000, 36_000, 10_000), (day(2), 90_000, 1, 90_000, 0, 0)]
    assert [each.earlier_fen for each in payouts] == [0, 0]
    # Over day 3 alone, all of it is from before.
    assert [(each.sales_fen, each.earlier_fen) for each in stated("grocer", 3, 3).payouts] == [(0, 28_000)]


def test_a_sale_counts_on_its_local_day_not_on_greenwich_s(town: Town) -> None:
    town.day(3)
    # 23:59 on day 1 in Hangzhou is 15:59 in Greenwich; half past midnight on day 2 is still day 1 there.
    town.sell("mei", "grocer", 1_000, paid_at=town.instant(1, 0) + timedelta(hours=23, minutes=59))
    town.sell("mei", "grocer", 2_000, paid_at=town.instant(2, 0) + timedelta(minutes=30))
    found = stated("grocer", 1, 2)
    assert [(each.date, each.sums.cash_fen) for each in found.days] == [(day(1), 1_000), (day(2), 2_000)]
    assert [each.cash_fen for each in listed("grocer", 1)] == [1_000]


def test_vouchers_and_coupons_are_earned_like_cash_and_concede_nothing(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    town.close_all([1, 2])
    town.sell("mei", "baker", 1_000, voucher_fen=100, coupon_fen=700)
    sums = stated("baker", 1, 30).total
    # 20 % of 10 yuan of cash.
    assert (sums.price_fen, sums.concession_fen, sums.earned_fen) == (1_800, 200, 1_600)


def test_a_refund_that_waits_for_money_is_told_and_moves_nothing(town: Town) -> None:
    order = town.sell("mei", "grocer", 100_000)
    town.day(2).pay_out()
    assert town.refund(order, 50_000) == "pending"
    found = stated("grocer", 1, 2)
    assert (found.owed.pending, found.owed.pending_fen) == (1, 50_000)
    assert (found.total.refunds, found.closing_fen) == (0, 0)


def test_a_merchant_that_has_sold_nothing_has_an_empty_statement(town: Town) -> None:
    town.sell("mei", "grocer", 1_000)
    found = stated("baker", 1, 30)
    assert (found.days, found.total, found.opening_fen, found.closing_fen) == ((), DaySums(), 0, 0)
    assert statements.span(statements.subject("baker").id, OFFSET) is None


def test_the_span_of_a_merchant_ends_with_its_last_movement_and_knows_its_last_sale(town: Town) -> None:
    eventful(town)
    town.day(5).pay_out()
    found = statements.span(statements.subject("grocer").id, OFFSET)
    assert found == statements.Span(day(1), day(5), day(2))


def test_the_rate_card_has_a_history_newest_first(town: Town) -> None:
    rates = statements.rates(statements.subject("grocer").id)
    assert [rate.rate_ppm for rate in rates] == [100_000]


def test_a_merchant_that_is_not_enrolled_has_no_statement(town: Town) -> None:
    with pytest.raises(Refusal) as refused:
        statements.subject("nobody")
    assert refused.value.code == "merchant.unknown"


def listed(merchant: str, number: int, **more: object) -> list[sales.SaleRow]:
    told: dict[str, object] = {"limit": 100} | more
    return sales.newest(statements.subject(merchant).id, Period(day(number), day(number), OFFSET), **told)  # type: ignore[arg-type]


def test_a_day_s_orders_are_listed_newest_first_page_by_page_each_once(town: Town) -> None:
    for number in range(7):
        # Three of them are paid in one second; some aren't confirmed.
        town.sell("mei", "grocer", 1_000 + number, paid_at=town.instant(1, 9 + number // 3), confirmed=number % 2 > 0)
    everything = listed("grocer", 1)
    assert [row.place for row in everything] == sorted((row.place for row in everything), reverse=True)
    assert len(everything) == 7
    walked: list[sales.SaleRow] = []
    while page := listed("grocer", 1, limit=2, before=walked[-1].place if walked else None):
        walked += page
    assert walked == everything
    oldest = sales.oldest_first(statements.subject("grocer").id, Period(day(1), day(1), OFFSET), limit=100)
    assert list(oldest) == everything[::-1]


def test_a_day_s_list_never_begins_after_the_day(town: Town) -> None:
    town.sell("mei", "grocer", 1_000, order_no="G1")
    town.later(days=1).sell("mei", "grocer", 1_000, order_no="G2")
    late = town.at + timedelta(days=9), 1
    assert [row.order_no for row in listed("grocer", 1, limit=9, before=late)] == ["G1"]


def test_an_order_of_the_list_says_how_far_it_has_come(town: Town) -> None:
    eventful(town)
    rows = listed("grocer", 1)
    assert [(row.cash_fen, row.refunded_fen, row.confirmed_at is not None, row.paid_out_date) for row in rows] == [
        (50_000, 0, False, None),
        (100_000, 40_000, True, day(2)),
    ]
    found = sales.refunds(statements.subject("grocer").id, Period(day(2), day(2), OFFSET), limit=9)
    assert [(each.order_no, each.amount_fen, each.concession_lost_fen, each.dues_fen) for each in found] == [
        (rows[1].order_no, 40_000, 4_000, 36_000)
    ]


@pytest.mark.parametrize("seed", [5, 6])
def test_over_any_history_days_join_without_a_gap_and_end_with_what_the_ledger_owes(
    database: Database, seed: int
) -> None:
    life = Life(seed)
    life.live(8, errands=14)
    owed_fen = 0
    for merchant in ("grocer", "baker", "tailor"):
        whole = stated(merchant, 1, 30)
        assert (whole.opening_fen, whole.closing_fen) == (0, whole.owed.total_fen)
        assert all(each.earlier_fen == 0 for each in whole.payouts)
        assert sum(each.amount_fen for each in whole.payouts) == whole.total.payout_fen
        balance_fen, parts = 0, DaySums()
        for number in range(1, 31):
            part = stated(merchant, number, number)
            assert part.opening_fen == balance_fen
            balance_fen, parts = part.closing_fen, parts + part.total
        assert (balance_fen, parts) == (whole.closing_fen, whole.total)
        merchant_id = statements.subject(merchant).id
        assert refunds.dues_fen([merchant_id])[merchant_id] == whole.owed.payable_fen
        assert whole.total.orders == fetch("SELECT COUNT(*) FROM orders WHERE merchant_id = %s", merchant_id)[0][0]
        owed_fen += whole.owed.total_fen
    assert owed_fen == balances()["trust:merchant_payable"]
    assert life.done["paid"]
    assert life.done["pay_out"]
