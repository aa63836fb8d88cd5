"""R9: what a wallet has accrued, and how it draws, spends, lets expire and takes back."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenloop.core.faults import Refusal
from greenloop.core.loop.wallet import (
    Wallet,
    accrued_fen,
    accrued_of_limbs,
    claimable,
    draw,
    expire,
    give_back,
    spend,
)
from greenloop.core.money import WALLET_POINTS_MAX

from .office import Office, S

EMPTY = Wallet(claimed_fen=0, voucher_fen=0, redeemed_fen=0, expired_fen=0)


def wallet(claimed: int = 0, voucher: int = 0, redeemed: int = 0, expired: int = 0) -> Wallet:
    return Wallet(claimed_fen=claimed, voucher_fen=voucher, redeemed_fen=redeemed, expired_fen=expired)


# Accrual


def test_a_wallet_is_rounded_down_once_over_all_its_positions() -> None:
    # 0.505 + 0.505 + 0.99 = 2.0 exactly, although no position alone is worth a whole fen
    positions = [(101, S // 200), (101, S // 200), (99, S // 100)]
    assert accrued_fen(positions) == 2
    assert accrued_fen([*positions[:2], (98, S // 100)]) == 1
    assert accrued_fen([]) == 0


def test_a_137_fen_lot_claimed_every_cycle_gets_24_fen_as_if_it_had_waited() -> None:
    office = Office(pool={"allot": [1, 1]})
    office.sale("o1", 137)
    office.settle()
    drawn = []
    for _ in range(36):
        office.settle()
        drawn.append(office.draw())
    # 137 × 0.5 % = 0.685 a cycle, 24.66 in all; rounding each cycle down by itself would give 36 × 0
    assert sum(drawn) == 24
    assert set(drawn) == {0, 1}


@given(st.lists(st.tuples(st.integers(0, WALLET_POINTS_MAX // 8), st.integers(0, 5 * S)), max_size=8))
def test_two_64_bit_limbs_give_the_exact_sum_up_to_the_limit_of_a_wallet(positions: list[tuple[int, int]]) -> None:
    high = sum(points * (index // 10**6) for points, index in positions)
    low = sum(points * (index % 10**6) for points, index in positions)
    assert max(high, low) < 2**63
    assert accrued_of_limbs(high, low) == accrued_fen(positions) == sum(p * i for p, i in positions) // S


def test_the_limbs_are_joined_in_whole_numbers() -> None:
    # One below the next fen, where a binary float of 53 bits would round up to it
    accrued = accrued_of_limbs(9_199_999_999_999_999_999, 999_999)
    assert (accrued, type(accrued)) == (9_199_999_999_999, int)


def test_the_limit_of_a_wallet_fits_both_limbs_and_a_little_more_does_not() -> None:
    assert WALLET_POINTS_MAX == 1_840_000_000_000
    assert WALLET_POINTS_MAX * (5 * S // 10**6) < 2**63
    assert (WALLET_POINTS_MAX + 5 * 10**9) * (5 * S // 10**6) > 2**63


# One wallet


def test_a_new_wallet_is_empty() -> None:
    assert Wallet() == EMPTY


def test_claimable_is_what_accrued_and_was_not_claimed_yet() -> None:
    assert claimable(EMPTY, 100) == 100
    assert claimable(wallet(claimed=30), 100) == 70
    assert claimable(wallet(claimed=100), 100) == 0


def test_drawing_moves_claimable_into_the_voucher_balance() -> None:
    assert draw(wallet(claimed=30, voucher=5), 100, 20) == (wallet(claimed=50, voucher=25), 20)
    assert draw(wallet(claimed=30, voucher=5), 100, None) == (wallet(claimed=100, voucher=75), 70)
    assert draw(wallet(claimed=30), 100, 0) == (wallet(claimed=30), 0)
    assert draw(EMPTY, 0, None) == (EMPTY, 0)


def test_spending_takes_the_unspent_balance_first_and_draws_only_what_is_missing() -> None:
    assert spend(wallet(claimed=30, voucher=30), 100, 10) == (wallet(30, 20, 10), 0)
    assert spend(wallet(claimed=30, voucher=30), 100, 30) == (wallet(30, 0, 30), 0)
    assert spend(wallet(claimed=30, voucher=30), 100, 45) == (wallet(45, 0, 45), 15)
    assert spend(wallet(claimed=30, voucher=30), 100, 100) == (wallet(100, 0, 100), 70)


def test_an_expired_voucher_leaves_the_balance_and_stays_claimed() -> None:
    assert expire(wallet(claimed=30, voucher=30, expired=1), 10) == wallet(30, 20, 0, 11)
    assert expire(wallet(claimed=30, voucher=30), 30) == wallet(30, 0, 0, 30)


def test_a_returned_voucher_comes_back_as_a_voucher() -> None:
    assert give_back(wallet(claimed=30, voucher=5, redeemed=25), 25) == wallet(30, 30, 0)
    assert give_back(wallet(claimed=30, voucher=5, redeemed=25), 1) == wallet(30, 6, 24)


def test_what_expired_is_remembered_through_every_move() -> None:
    before = wallet(claimed=40, voucher=10, redeemed=20, expired=10)
    assert draw(before, 100, 5) == (wallet(45, 15, 20, 10), 5)
    assert spend(before, 100, 15) == (wallet(45, 0, 35, 10), 5)
    assert expire(before, 4) == wallet(40, 6, 20, 14)
    assert give_back(before, 7) == wallet(40, 17, 13, 10)


REFUSED: dict[str, Callable[[], object]] = {
    "drawing one fen too many": lambda: draw(wallet(claimed=30), 100, 71),
    "drawing a negative amount": lambda: draw(wallet(claimed=30), 100, -1),
    "spending one fen too many": lambda: spend(wallet(claimed=30, voucher=30), 100, 101),
    "spending a negative amount": lambda: spend(wallet(claimed=30, voucher=30), 100, -1),
    "letting expire more than is unspent": lambda: expire(wallet(claimed=30, voucher=10), 11),
    "letting expire a negative amount": lambda: expire(wallet(claimed=30, voucher=10), -1),
    "returning more than was redeemed": lambda: give_back(wallet(claimed=30, redeemed=10), 11),
    "returning a negative amount": lambda: give_back(wallet(claimed=30, redeemed=10), -1),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_wallet_refuses(what: str) -> None:
    with pytest.raises(Refusal) as refused:
        REFUSED[what]()
    assert refused.value.field == "amount_fen"
    assert refused.value.code == ("wallet.negative" if "negative" in what else "wallet.short")
    assert str(refused.value)


# The same through the books


def test_a_spend_pays_out_of_the_trust_and_leaves_the_pool_alone() -> None:
    office = Office()
    office.sale("o1", 1000, merchant="shop")
    office.settle_times(2)
    office.spend(3)
    state = office.state()
    assert state["accounts"]["mei"]["city"] == {"accrued_fen": 5, "claimed_fen": 3, "voucher_fen": 0}
    assert state["pools"]["city"] == {"cycle": 3, "free_fen": 590, "backing_fen": 10}
    # Liability: 2 still claimable by mei, 5 by the shop. Trust: 590 + 10 − 3.
    assert (state["liability_fen"], state["dust_fen"], state["trust_fen"]) == (7, 0, 597)


def test_an_expired_voucher_returns_to_the_pool_and_counts_as_spent() -> None:
    office = Office()
    office.sale("o1", 1000, merchant="shop")
    office.settle_times(2)
    assert office.draw() == 5
    office.expire(4)
    state = office.state()
    assert state["accounts"]["mei"]["city"] == {"accrued_fen": 5, "claimed_fen": 5, "voucher_fen": 1}
    assert state["pools"]["city"] == {"cycle": 3, "free_fen": 594, "backing_fen": 10}
    # No money moved: 600 were collected and 600 are there.
    assert (state["liability_fen"], state["dust_fen"], state["trust_fen"]) == (6, 0, 600)


def test_a_returned_voucher_brings_its_money_back() -> None:
    office = Office()
    office.sale("o1", 1000)
    office.settle_times(2)
    office.spend(5)
    office.give_back(2)
    assert office.wallet() == (5, 5, 2)
    assert office.state()["trust_fen"] == 597
    assert office.tell("return", account="mei", pool="city", amount_fen=4)["field"] == "amount_fen"
    office.give_back(3)
    office.spend(5)
    assert office.wallet() == (5, 5, 0)


def test_a_spend_of_all_uses_the_drawn_balance_before_it_draws() -> None:
    office = Office()
    office.sale("o1", 1000)
    office.settle_times(2)
    assert office.draw(amount_fen=3) == 3
    office.spend(2)
    assert office.wallet() == (5, 3, 1)
    office.spend(3)
    assert office.wallet() == (5, 5, 0)
    assert office.tell("spend", account="mei", pool="city", amount_fen=1)["field"] == "amount_fen"


def test_vouchers_stay_tied_to_their_pool() -> None:
    office = Office()
    office.pool("other")
    office.sale("o1", 1000)
    office.sale("o2", 2000, pool="other")
    for pool in ("city", "other"):
        office.settle(pool)
        office.settle(pool)
    assert (office.draw(pool="city"), office.draw(pool="other")) == (5, 10)
    assert office.tell("spend", account="mei", pool="city", amount_fen=6)["field"] == "amount_fen"


def test_somebody_without_points_can_draw_nothing() -> None:
    office = Office()
    assert office.draw("stranger") == 0
    assert office.draw("stranger", amount_fen=0) == 0
    assert office.tell("draw", account="stranger", pool="city", amount_fen=1)["field"] == "amount_fen"
    assert office.tell("spend", account="stranger", pool="city", amount_fen=1)["field"] == "amount_fen"
    assert office.state()["liability_fen"] == 0
