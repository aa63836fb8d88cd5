"""The fence around a wallet: what is held stays, whatever else is drawn and spent, and nothing else changes."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenloop.core.faults import Refusal
from greenloop.core.loop.fence import OPEN, Fence, reserve
from greenloop.core.loop.spending import Paper, Purse, available_fen, draw, drawable_fen, pay, place_debt
from greenloop.core.loop.wallet import Wallet

LATE = datetime(2026, 1, 1, tzinfo=UTC)
FENCE = Fence(day=7, most_fen=150)


def purse(accrued_fen: int = 300, voucher_fen: int = 0, debt_fen: int = 0, pool: int = 1) -> Purse:
    """A purse that has drawn its unspent vouchers, and nothing before."""
    papers = (Paper(pool, voucher_fen, LATE),) if voucher_fen else ()
    return Purse(pool, accrued_fen + voucher_fen, Wallet(voucher_fen, voucher_fen, 0, 0), debt_fen, papers)


def test_a_day_s_draws_are_added_up_and_the_next_day_begins_anew() -> None:
    drawn = FENCE.counted(purse(), drawn_fen=100)
    assert [FENCE.holds_draw(drawn, fen) for fen in (50, 51)] == [False, True]
    tomorrow = Fence(day=8, most_fen=150)
    assert [tomorrow.holds_draw(drawn, fen) for fen in (150, 151)] == [False, True]
    assert tomorrow.counted(drawn, drawn_fen=1).day_drawn_fen == 1


def test_draws_and_spends_of_a_day_are_counted_apart() -> None:
    drawn = FENCE.counted(purse(), drawn_fen=150)
    spent = pay([drawn], 150)[1]
    assert not FENCE.holds_spend([drawn], spent)
    assert FENCE.counted(drawn, spent_fen=150).day_drawn_fen == 150


def test_a_spend_is_held_where_one_of_its_purses_passes_the_fence() -> None:
    purses = [purse(100, pool=1), purse(300, pool=2)]
    assert not FENCE.holds_spend(purses, pay(purses, 250)[1])  # 100 and 150
    assert FENCE.holds_spend(purses, pay(purses, 251)[1])


def test_without_a_fence_nothing_is_held_and_nothing_counted() -> None:
    there = purse()
    assert not OPEN.holds_draw(there, 10**12)
    assert not OPEN.holds_spend([there], pay([there], 300)[1])
    assert OPEN.counted(there, drawn_fen=5, spent_fen=5) is there


def test_a_held_draw_is_neither_drawn_nor_spent_by_anything_else() -> None:
    held = reserve(purse(300, voucher_fen=100), draw_fen=250)
    assert (drawable_fen(held), available_fen(held)) == (50, 150)
    with pytest.raises(Refusal, match="50"):
        draw(held, 51)
    assert draw(held, None)[1].drawn_fen == 50


def test_a_held_spend_leaves_to_a_draw_what_its_vouchers_pay() -> None:
    held = reserve(purse(300, voucher_fen=100), spend_fen=250)
    assert (drawable_fen(held), available_fen(held)) == (150, 150)


def test_a_debt_is_not_placed_where_all_is_held() -> None:
    one, other = reserve(purse(100, debt_fen=80, pool=1), draw_fen=100), purse(100, pool=2)
    assert [each.debt_fen for each in place_debt([one, other])] == [0, 80]


amounts = st.integers(0, 500)


@given(there=amounts, vouchers=amounts, debt=amounts, draws=amounts, spends=amounts, wanted=amounts)
def test_whatever_is_drawn_or_spent_what_is_held_can_be_drawn_and_spent_afterwards(
    there: int, vouchers: int, debt: int, draws: int, spends: int, wanted: int
) -> None:
    before = purse(there, vouchers, debt)
    draws = min(draws, drawable_fen(before))
    before = reserve(before, draw_fen=draws)
    before = reserve(before, spend_fen=min(spends, available_fen(before)))

    (spent,), _ = pay([before], min(wanted, available_fen(before)))
    drawn, _ = draw(before, min(wanted, drawable_fen(before)))
    for after in (before, spent, drawn):
        let_through, done = draw(reserve(after, draw_fen=-after.draw_held_fen), after.draw_held_fen)
        assert done.drawn_fen == before.draw_held_fen
        freed = reserve(let_through, spend_fen=-after.spend_held_fen)
        assert available_fen(freed) >= before.spend_held_fen
        assert pay([freed], before.spend_held_fen)[1] or not before.spend_held_fen
