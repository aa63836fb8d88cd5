"""What pays for a price: vouchers of several pools, oldest first, an old debt before anything else."""

from datetime import UTC, datetime

import pytest

from greenloop.core.faults import Refusal
from greenloop.core.loop.spending import (
    Drawn,
    Paper,
    Purse,
    Spent,
    Use,
    available_fen,
    draw,
    pay,
    place_debt,
    take_from,
)
from greenloop.core.loop.wallet import Wallet

LATE, LATER = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)


def paper(number: int, left: int) -> Paper:
    return Paper(id=number, left_fen=left, expires_at=LATE if number == 1 else LATER)


def purse(pool: int = 1, *, accrued: int = 100, drawn: tuple[int, ...] = (), debt: int = 0) -> Purse:
    """A purse whose vouchers (1, 2, …) are all that was ever drawn."""
    return Purse(
        pool_id=pool,
        accrued_fen=accrued,
        wallet=Wallet(claimed_fen=sum(drawn), voucher_fen=sum(drawn), redeemed_fen=0, expired_fen=0),
        debt_fen=debt,
        vouchers=tuple(paper(number, left) for number, left in enumerate(drawn, 1)),
    )


def test_vouchers_are_used_in_their_order_and_the_last_one_in_part() -> None:
    left, uses = take_from([paper(1, 30), paper(2, 50)], 45)
    assert uses == (Use(1, 30), Use(2, 15))
    assert left == (paper(2, 35),)


def test_vouchers_that_are_not_needed_stay_whole() -> None:
    assert take_from([paper(1, 30), paper(2, 50)], 30) == ((paper(2, 50),), (Use(1, 30),))
    assert take_from([paper(1, 30)], 0) == ((paper(1, 30),), ())
    assert take_from([], 0) == ((), ())


def test_a_purse_can_pay_its_vouchers_and_what_it_can_draw_after_its_debt() -> None:
    assert available_fen(purse(accrued=100, drawn=(30,))) == 100  # 30 + 70
    assert available_fen(purse(accrued=100, drawn=(30,), debt=50)) == 50  # 30 + 20
    assert available_fen(purse(accrued=100, drawn=(30,), debt=500)) == 30


def test_a_draw_repays_an_old_debt_first() -> None:
    after, drawn = draw(purse(accrued=100, debt=40), None)
    assert drawn == Drawn(repaid_fen=40, drawn_fen=60)
    assert (after.debt_fen, after.wallet.claimed_fen, after.wallet.voucher_fen) == (0, 100, 60)


def test_a_debt_above_the_claimable_takes_all_of_it() -> None:
    after, drawn = draw(purse(accrued=100, debt=140), None)
    assert drawn == Drawn(repaid_fen=100, drawn_fen=0)
    assert (after.debt_fen, after.wallet.claimed_fen, after.wallet.voucher_fen) == (40, 100, 0)


def test_a_draw_of_an_amount_repays_the_debt_beside_it() -> None:
    after, drawn = draw(purse(accrued=100, debt=40), 25)
    assert drawn == Drawn(repaid_fen=40, drawn_fen=25)
    assert (after.debt_fen, after.wallet.claimed_fen, after.wallet.voucher_fen) == (0, 65, 25)


def test_a_debt_is_repaid_from_what_is_claimable_and_not_from_drawn_vouchers() -> None:
    after, drawn = draw(purse(accrued=100, drawn=(30,), debt=50), None)
    assert drawn == Drawn(repaid_fen=50, drawn_fen=20)
    assert after.wallet == Wallet(claimed_fen=100, voucher_fen=50, redeemed_fen=50, expired_fen=0)


def test_without_a_debt_a_draw_is_a_draw() -> None:
    after, drawn = draw(purse(accrued=100, drawn=(30,)), 70)
    assert drawn == Drawn(repaid_fen=0, drawn_fen=70)
    assert (after.wallet.claimed_fen, after.wallet.voucher_fen) == (100, 100)


def test_a_draw_above_what_the_debt_leaves_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        draw(purse(accrued=100, debt=40), 61)
    assert refused.value.field == "amount_fen"


def test_pools_pay_in_the_order_given_each_its_vouchers_first_and_then_what_is_drawn() -> None:
    # First pool: 30 in vouchers and 70 to draw. Second pool: 20 in vouchers and 80 to draw. The price is 130.
    (first, second, third), spent = pay([purse(1, drawn=(10, 20)), purse(2, drawn=(20,)), purse(3, drawn=(5,))], 130)
    assert spent == (
        Spent(pool_id=1, drawn=Drawn(0, 70), amount_fen=100, uses=(Use(1, 10), Use(2, 20))),
        Spent(pool_id=2, drawn=Drawn(0, 10), amount_fen=30, uses=(Use(1, 20),)),
    )
    assert first.wallet == Wallet(claimed_fen=100, voucher_fen=0, redeemed_fen=100, expired_fen=0)
    assert second.wallet == Wallet(claimed_fen=30, voucher_fen=0, redeemed_fen=30, expired_fen=0)
    assert (first.vouchers, second.vouchers) == ((), ())
    assert third == purse(3, drawn=(5,))


def test_a_price_below_the_unspent_vouchers_draws_nothing() -> None:
    (after,), spent = pay([purse(drawn=(30, 20), debt=10)], 35)
    assert spent == (Spent(pool_id=1, drawn=Drawn(0, 0), amount_fen=35, uses=(Use(1, 30), Use(2, 5))),)
    assert after.wallet == Wallet(claimed_fen=50, voucher_fen=15, redeemed_fen=35, expired_fen=0)
    assert (after.vouchers, after.debt_fen) == ((paper(2, 15),), 10)


def test_a_spend_that_has_to_draw_repays_the_debt_too() -> None:
    (after,), spent = pay([purse(accrued=100, drawn=(30,), debt=50)], 40)
    assert spent == (Spent(pool_id=1, drawn=Drawn(repaid_fen=50, drawn_fen=10), amount_fen=40, uses=(Use(1, 30),)),)
    assert (after.debt_fen, after.wallet.claimed_fen, after.wallet.voucher_fen) == (0, 90, 0)


@pytest.mark.parametrize(
    "debts, placed",
    [
        ((0, 0, 0), (0, 0, 0)),
        ((0, 0, 60), (60, 0, 0)),
        ((20, 0, 60), (70, 10, 0)),  # the first can draw 100 − 30 = 70
        ((0, 200, 0), (70, 100, 30)),
        ((300, 0, 0), (70, 100, 130)),  # the last one takes what nothing can repay yet
    ],
)
def test_debts_are_placed_where_the_next_draws_meet_them(
    debts: tuple[int, int, int], placed: tuple[int, int, int]
) -> None:
    first, second, third = debts
    purses = (purse(1, drawn=(30,), debt=first), purse(2, debt=second), purse(3, accrued=90, debt=third))
    assert place_debt(purses) == tuple(
        purse(before.pool_id, accrued=before.accrued_fen, drawn=drawn, debt=debt)
        for before, drawn, debt in zip(purses, ((30,), (), ()), placed, strict=True)
    )


def test_a_single_purse_keeps_its_debt_and_no_purse_has_none() -> None:
    assert place_debt([purse(debt=500)]) == (purse(debt=500),)
    assert place_debt([]) == ()
