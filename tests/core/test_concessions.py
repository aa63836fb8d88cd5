"""From a price to points: the concession, its five parts, and the points it gives."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenloop.core.faults import Refusal
from greenloop.core.loop.concession import (
    DEFAULT_SPLIT,
    MIN_CONCESSION_FEN,
    RATE_MAX_PPM,
    RATE_MIN_PPM,
    Split,
    check_rate,
    concession_fen,
    points_of,
    split_concession,
)

DEFAULT = Split(green_ppm=600_000, red_ppm=80_000, coupon_ppm=70_000, reserve_ppm=50_000, fee_ppm=200_000)
PLENTY = 10**12


def parts(fen: int, *, room: int = PLENTY, split: Split = DEFAULT) -> tuple[int, int, int, int, int]:
    """Green, red, coupon, reserve, fee."""
    divided = split_concession(fen, split, red_room_fen=room)
    return divided.green_fen, divided.red_fen, divided.coupon_fen, divided.reserve_fen, divided.fee_fen


def test_ten_percent_of_100_yuan_is_10_yuan() -> None:
    assert concession_fen(cash_fen=10_000, rate_ppm=100_000) == 1_000


def test_a_concession_is_rounded_half_up() -> None:
    assert concession_fen(cash_fen=50, rate_ppm=30_000) == 2  # 1.5
    assert concession_fen(cash_fen=49, rate_ppm=30_000) == 1  # 1.47
    assert concession_fen(cash_fen=1_001, rate_ppm=50_000) == 50  # 50.05
    assert concession_fen(cash_fen=1_010, rate_ppm=50_000) == 51  # 50.5
    assert concession_fen(cash_fen=100, rate_ppm=115_000) == 12  # 11.5, which a binary float holds as 11.499…


def test_only_cash_concedes() -> None:
    assert concession_fen(cash_fen=0, rate_ppm=200_000) == 0


@given(st.integers(0, 10**12), st.integers(RATE_MIN_PPM, RATE_MAX_PPM))
def test_a_concession_is_within_half_a_fen_of_the_exact_one(cash: int, rate: int) -> None:
    difference = concession_fen(cash_fen=cash, rate_ppm=rate) * 10**6 - cash * rate
    assert -(10**6) < 2 * difference <= 10**6


@pytest.mark.parametrize("rate", [30_000, 30_001, 100_000, 199_999, 200_000])
def test_rates_from_3_to_20_percent_are_accepted(rate: int) -> None:
    check_rate(rate)


@pytest.mark.parametrize("rate", [29_999, 200_001, 0, -30_000, 10**6])
def test_rates_outside_3_to_20_percent_are_refused(rate: int) -> None:
    with pytest.raises(Refusal) as refused:
        check_rate(rate)
    assert (refused.value.code, refused.value.field) == ("concession.rate", "rate_ppm")
    assert refused.value.facts == {"least": 30_000, "most": 200_000, "rate": rate}
    assert str(rate) in str(refused.value)


def test_ten_yuan_are_split_as_by_default() -> None:
    # 60 % green, 8 % red, 7 % coupon, 5 % reserve, 20 % fee
    assert parts(1_000) == (600, 80, 70, 50, 200)
    assert DEFAULT_SPLIT == DEFAULT


def test_what_rounding_leaves_goes_to_the_reserve() -> None:
    # 11: 6.6, 0.88, 0.77, 0.55, 2.2 are 6, 0, 0, 0, 2; the other 3 go to the reserve
    assert parts(11) == (6, 0, 0, 3, 2)


def test_without_a_referrer_the_red_part_goes_to_the_reserve_and_never_to_green() -> None:
    assert parts(1_000, room=0) == (600, 0, 70, 130, 200)


def test_beyond_the_referrers_limit_the_rest_of_the_red_part_goes_to_the_reserve() -> None:
    assert parts(1_000, room=79) == (600, 79, 70, 51, 200)
    assert parts(1_000, room=80) == (600, 80, 70, 50, 200)
    assert parts(1_000, room=81) == (600, 80, 70, 50, 200)


@pytest.mark.parametrize("fen", [0, 1, 9])
def test_a_concession_below_ten_fen_goes_to_the_reserve_whole(fen: int) -> None:
    assert parts(fen) == (0, 0, 0, fen, 0)


def test_from_ten_fen_on_a_concession_is_split() -> None:
    assert MIN_CONCESSION_FEN == 10
    assert parts(10) == (6, 0, 0, 2, 2)


@st.composite
def splits(draw: st.DrawFn) -> Split:
    cuts = sorted(draw(st.lists(st.integers(0, 10**6), min_size=4, max_size=4)))
    edges = [0, *cuts, 10**6]
    green, red, coupon, reserve, fee = (high - low for low, high in itertools.pairwise(edges))
    return Split(green_ppm=green, red_ppm=red, coupon_ppm=coupon, reserve_ppm=reserve, fee_ppm=fee)


@given(st.integers(0, 10**12), splits(), st.integers(0, 10**9))
def test_the_five_parts_always_add_up_and_none_is_negative(fen: int, split: Split, room: int) -> None:
    divided = split_concession(fen, split, red_room_fen=room)
    each = parts(fen, room=room, split=split)
    assert sum(each) == divided.total == fen
    assert min(each) >= 0
    assert divided.red_fen <= room
    if fen >= 10:
        assert divided.green_fen == fen * split.green_ppm // 10**6
        assert divided.coupon_fen == fen * split.coupon_ppm // 10**6
        assert divided.fee_fen == fen * split.fee_ppm // 10**6
        assert divided.reserve_fen >= fen * split.reserve_ppm // 10**6


def test_points_equal_the_concession_by_default() -> None:
    assert points_of(1_000, 10**6) == 1_000


def test_a_multiple_is_rounded_down() -> None:
    assert points_of(1_001, 1_500_000) == 1_501  # 1501.5
    assert points_of(10, 0) == 0


def test_a_concession_below_ten_fen_gives_no_points() -> None:
    assert points_of(9, 5 * 10**6) == 0
    assert points_of(10, 5 * 10**6) == 50
