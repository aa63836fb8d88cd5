"""What a refund gives back and takes away, order by order (domain.md, Refunds)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenloop.core.faults import Refusal
from greenloop.core.loop.refund import (
    Clawback,
    Tender,
    claw_back,
    concession_after,
    next_tender,
    points_after,
    refund_tender,
)
from greenloop.core.loop.wallet import Wallet

ORDER = Tender(cash_fen=7_000, voucher_fen=2_000, coupon_fen=1_000)
amounts = st.integers(0, 10**9)


def tender(cash: int, voucher: int, coupon: int) -> Tender:
    return Tender(cash_fen=cash, voucher_fen=voucher, coupon_fen=coupon)


def test_a_partial_refund_comes_back_in_the_kinds_that_paid() -> None:
    # 70 + 20 + 10 paid 100 yuan; half of it is 35 + 10 + 5
    assert refund_tender(order=ORDER, refunded_total_fen=5_000) == tender(3_500, 1_000, 500)


def test_vouchers_and_coupons_are_rounded_down_and_cash_takes_the_rest() -> None:
    # 3.33 of 100: 0.666 voucher, 0.333 coupon
    assert refund_tender(order=ORDER, refunded_total_fen=333) == tender(234, 66, 33)


def test_a_whole_refund_returns_exactly_what_was_paid() -> None:
    assert refund_tender(order=ORDER, refunded_total_fen=10_000) == ORDER
    assert refund_tender(order=ORDER, refunded_total_fen=0) == tender(0, 0, 0)


@pytest.mark.parametrize("fen", [10_001, -1])
def test_a_refund_above_the_order_is_refused(fen: int) -> None:
    with pytest.raises(Refusal) as refused:
        refund_tender(order=ORDER, refunded_total_fen=fen)
    assert (refused.value.code, refused.value.field) == ("refund.above_order", "refund_fen")
    assert refused.value.facts == {"price": 10_000, "refunded": fen}


def test_rounding_never_turns_a_voucher_into_cash() -> None:
    # Paid with one voucher fen and one coupon fen: half of each is nothing, so the first fen is a voucher, not cash.
    order = tender(0, 1, 1)
    assert refund_tender(order=order, refunded_total_fen=1) == tender(0, 1, 0)
    assert refund_tender(order=order, refunded_total_fen=2) == order


@given(amounts, amounts, amounts, st.data())
def test_the_tender_adds_up_and_gives_nobody_another_kind(
    cash: int, voucher: int, coupon: int, data: st.DataObject
) -> None:
    order, price = tender(cash, voucher, coupon), cash + voucher + coupon
    sum_fen = data.draw(st.integers(0, price))
    refund = refund_tender(order=order, refunded_total_fen=sum_fen)
    assert refund.total == sum_fen
    assert 0 <= refund.cash_fen <= cash
    assert 0 <= refund.voucher_fen <= voucher
    assert 0 <= refund.coupon_fen <= coupon
    if price:
        by_rule = voucher * sum_fen // price, coupon * sum_fen // price
        rest = sum_fen - sum(by_rule)
        if rest <= cash:
            assert (refund.voucher_fen, refund.coupon_fen, refund.cash_fen) == (*by_rule, rest)


def test_the_next_refund_gives_what_the_sum_owes_less_what_was_returned() -> None:
    # 33.33 of 100, then another 33.33: 66.66 owes 46.67 + 13.33 + 6.66
    first = refund_tender(order=ORDER, refunded_total_fen=3_333)
    assert first == tender(2_334, 666, 333)
    assert next_tender(order=ORDER, returned=first, refund_fen=3_333) == tender(2_333, 667, 333)


@pytest.mark.parametrize(
    "paid, before, step, refund",
    [
        # The sum of 3 fen owes 1 + 1 + 1, but 2 were cash already: the third is the voucher, and the coupon waits.
        (tender(2, 2, 2), tender(2, 0, 0), 1, tender(0, 1, 0)),
        # 5 fen owe 1 + 2 + 2 of 2 + 4 + 4; after 2 in cash the next 3 are 2 + 1.
        (tender(2, 4, 4), tender(2, 0, 0), 3, tender(0, 2, 1)),
        # After 2 + 1 + 1 the next fen owes one of each less a cash fen: the voucher again.
        (tender(2, 4, 4), tender(2, 1, 1), 1, tender(0, 1, 0)),
        (tender(2, 2, 2), tender(2, 1, 0), 3, tender(0, 1, 2)),
        (tender(2, 2, 2), tender(0, 0, 0), 0, tender(0, 0, 0)),
    ],
)
def test_where_rounding_would_ask_a_part_back_another_part_gives_less(
    paid: Tender, before: Tender, step: int, refund: Tender
) -> None:
    assert next_tender(order=paid, returned=before, refund_fen=step) == refund


@pytest.mark.parametrize("fen, code", [(6_668, "refund.above_order"), (-1, "refund.negative")])
def test_the_next_refund_is_at_most_what_is_left(fen: int, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        next_tender(order=ORDER, returned=tender(2_334, 666, 333), refund_fen=fen)
    assert (refused.value.code, refused.value.field) == (code, "refund_fen")
    assert fen >= 0 or refused.value.facts == {"refund": fen}


@given(amounts, amounts, amounts, st.lists(st.integers(0, 10**9), max_size=6))
def test_refunds_in_steps_never_ask_anything_back_and_end_with_what_was_paid(
    cash: int, voucher: int, coupon: int, steps: list[int]
) -> None:
    order = tender(cash, voucher, coupon)
    returned = tender(0, 0, 0)
    for step in [*steps, order.total]:
        refund_fen = min(step, order.total - returned.total)
        refund = next_tender(order=order, returned=returned, refund_fen=refund_fen)
        assert refund.total == refund_fen
        assert min(refund.cash_fen, refund.voucher_fen, refund.coupon_fen) >= 0
        returned = tender(
            returned.cash_fen + refund.cash_fen,
            returned.voucher_fen + refund.voucher_fen,
            returned.coupon_fen + refund.coupon_fen,
        )
        assert returned.cash_fen <= cash
        assert returned.voucher_fen <= voucher
        assert returned.coupon_fen <= coupon
    assert returned == order


def test_the_concession_is_recomputed_half_up_on_the_cash_that_remains() -> None:
    assert concession_after(cash_left_fen=3_500, rate_ppm=100_000) == 350
    assert concession_after(cash_left_fen=50, rate_ppm=30_000) == 2  # 1.5
    assert concession_after(cash_left_fen=0, rate_ppm=100_000) == 0


def test_points_are_recomputed_on_what_remains_of_the_concession() -> None:
    assert points_after(1_500, 1_000, 999) == 1_498  # 1498.5
    assert points_after(1_000, 1_000, 600) == 600
    assert points_after(1_000, 1_000, 0) == 0
    assert points_after(333, 1_000, 1_000) == 333


def wallet(claimed: int = 0, voucher: int = 0, redeemed: int = 0, expired: int = 0) -> Wallet:
    return Wallet(claimed_fen=claimed, voucher_fen=voucher, redeemed_fen=redeemed, expired_fen=expired)


def taken(voucher: int = 0, expired: int = 0, cash: int = 0) -> Clawback:
    return Clawback(voucher_fen=voucher, expired_fen=expired, cash_fen=cash)


@pytest.mark.parametrize(
    "before, accrued, free, after, clawback",
    [
        # nothing above what is accrued
        (wallet(100, 100), 100, 0, wallet(100, 100), taken()),
        (wallet(90, 90), 100, 0, wallet(90, 90), taken()),
        # from the unspent balance
        (wallet(100, 60, 40), 70, 0, wallet(70, 30, 40), taken(voucher=30)),
        (wallet(100, 30, 70), 70, 0, wallet(70, 0, 70), taken(voucher=30)),
        # then from what expired, as far as the pool has free money
        (wallet(100, 10, 40, 50), 70, 20, wallet(70, 0, 40, 30), taken(voucher=10, expired=20)),
        (wallet(100, 10, 40, 50), 70, 99, wallet(70, 0, 40, 30), taken(voucher=10, expired=20)),
        (wallet(100, 10, 75, 15), 70, 99, wallet(70, 0, 75, 0), taken(voucher=10, expired=15, cash=5)),
        (wallet(100, 10, 40, 50), 70, 19, wallet(70, 0, 40, 31), taken(voucher=10, expired=19, cash=1)),
        (wallet(100, 10, 40, 50), 70, 0, wallet(70, 0, 40, 50), taken(voucher=10, cash=20)),
        # then in cash
        (wallet(100, 0, 100), 0, 99, wallet(0, 0, 100), taken(cash=100)),
    ],
)
def test_an_over_claim_is_taken_from_vouchers_then_from_expired_ones_then_in_cash(
    before: Wallet, accrued: int, free: int, after: Wallet, clawback: Clawback
) -> None:
    assert claw_back(before, accrued, free) == (after, clawback)


@given(amounts, amounts, amounts, amounts, amounts)
def test_after_a_clawback_exactly_the_accrued_is_claimed(
    voucher: int, redeemed: int, expired: int, accrued: int, free: int
) -> None:
    before = wallet(voucher + redeemed + expired, voucher, redeemed, expired)
    after, clawback = claw_back(before, accrued, free)
    assert after.claimed_fen == min(before.claimed_fen, accrued)
    assert clawback.total == before.claimed_fen - after.claimed_fen
    assert min(after.voucher_fen, after.expired_fen, clawback.cash_fen) >= 0
    assert clawback.expired_fen <= free
    assert after.redeemed_fen == before.redeemed_fen
