"""Fen, parts per million and how an amount is written."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenloop.core.faults import Refusal
from greenloop.core.money import (
    AMOUNT_FEN_MAX,
    PPM,
    SCALE,
    WALLET_POINTS_MAX,
    ceil_div,
    coverage_ppm,
    fen_of,
    half_up_ppm,
    share_ppm,
    yuan,
)

amounts = st.integers(0, 10**15)
rates = st.integers(0, PPM)


def test_the_scales_are_those_of_the_specification() -> None:
    assert (SCALE, PPM, WALLET_POINTS_MAX) == (10**12, 10**6, 1_840_000_000_000)
    assert AMOUNT_FEN_MAX == 10**12


@pytest.mark.parametrize(
    "numerator, denominator, quotient",
    [
        (0, 3, 0),
        (1, 3, 1),
        (3, 3, 1),
        (4, 3, 2),
        (-1, 3, 0),
        (-3, 3, -1),
        (-4, 3, -1),
        (10**30 + 1, 10**12, 10**18 + 1),
    ],
)
def test_a_quotient_rounded_up(numerator: int, denominator: int, quotient: int) -> None:
    assert ceil_div(numerator, denominator) == quotient


def test_a_share_is_rounded_down_to_whole_fen() -> None:
    assert share_ppm(1000, 600_000) == 600
    assert share_ppm(11, 600_000) == 6  # 6.6
    assert share_ppm(999, 1_000) == 0  # 0.999


def test_a_concession_is_rounded_half_up() -> None:
    assert half_up_ppm(1000, 50_500) == 51  # 50.5
    assert half_up_ppm(1000, 50_499) == 50  # 50.499
    assert half_up_ppm(50, 30_000) == 2  # 1.5
    assert half_up_ppm(49, 30_000) == 1  # 1.47
    assert half_up_ppm(0, 30_000) == 0
    assert half_up_ppm(100, 115_000) == 12  # 11.5, which a binary float holds as 11.499…


@given(amounts, rates)
def test_rounding_half_up_is_never_more_than_half_a_fen_off(amount: int, ppm: int) -> None:
    difference = half_up_ppm(amount, ppm) * PPM - amount * ppm
    assert -PPM < 2 * difference <= PPM


@given(amounts, rates)
def test_a_share_is_at_most_the_exact_part_and_less_than_a_fen_below_it(amount: int, ppm: int) -> None:
    assert 0 <= amount * ppm - share_ppm(amount, ppm) * PPM < PPM


@pytest.mark.parametrize(
    "fen, text",
    [(0, "0.00"), (1, "0.01"), (10, "0.10"), (100, "1.00"), (1234, "12.34"), (-1, "-0.01"), (-1234, "-12.34")],
)
def test_fen_are_written_as_yuan_with_two_decimals(fen: int, text: str) -> None:
    assert yuan(fen) == text


@pytest.mark.parametrize(
    "text, fen",
    [
        ("12.34", 1234),
        ("12", 1200),
        ("12.3", 1230),
        ("0.01", 1),
        ("0", 0),
        ("-0.05", -5),
        ("1.100", 110),
        (" 7.00 ", 700),
        ("10000000000", 10**12),
        ("000000000000000000001.50", 150),
        (Decimal("12.34"), 1234),
        (Decimal("1E+2"), 10_000),
        (Decimal("0.070"), 7),
    ],
)
def test_yuan_are_read_as_exact_fen(text: str | Decimal, fen: int) -> None:
    assert fen_of(text) == fen


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "-", ".", "12.", ".5", "1,000", "1e3", "0x10", "twelve", "１２", "--1", "+1", "1 2", "12.345", "0.001",
        "1.2.3", "nan", "NaN", "Infinity", "10000000000.01", "-10000000000.01", "9" * 400,
        Decimal("0.001"), Decimal("NaN"), Decimal("Infinity"), Decimal("1E+400"), Decimal("1E-400"),
        Decimal("10000000000.01"),
    ],
)  # fmt: skip
def test_what_is_not_an_exact_amount_is_refused_with_a_reason(text: str | Decimal) -> None:
    with pytest.raises(Refusal) as refused:
        fen_of(text)
    assert len(str(refused.value)) > 20
    assert len(str(refused.value)) < 300


@given(st.integers(-AMOUNT_FEN_MAX, AMOUNT_FEN_MAX))
def test_an_amount_that_is_written_is_read_back_the_same(fen: int) -> None:
    assert fen_of(yuan(fen)) == fen
    assert fen_of(Decimal(fen).scaleb(-2)) == fen


@pytest.mark.parametrize(
    "value, code, shown",
    [
        ("twelve", "money.unreadable", "twelve"),
        ("x" * 99, "money.unreadable", "x" * 30),
        (Decimal("NaN"), "money.unreadable", "NaN"),
        (Decimal("1E-400"), "money.unreadable", "1E-400"),
        (Decimal("1E-31"), "money.unreadable", "1E-31"),
        (Decimal("1E-30"), "money.parts_of_a_fen", "0." + "0" * 28),
        ("12.345", "money.parts_of_a_fen", "12.345"),
    ],
)
def test_the_code_of_a_refused_amount_is_stable_and_the_amount_is_shown(
    value: str | Decimal, code: str, shown: str
) -> None:
    with pytest.raises(Refusal) as refused:
        fen_of(value)
    assert (refused.value.code, refused.value.facts["amount"]) == (code, shown)


@pytest.mark.parametrize("value", ["10000000000.01", "9" * 5_000, Decimal("1E+400")])
def test_an_amount_of_any_length_above_the_limit_is_too_large(value: str | Decimal) -> None:
    with pytest.raises(Refusal) as refused:
        fen_of(value)
    assert (refused.value.code, refused.value.facts["largest"]) == ("money.too_large", "10000000000.00")


def test_a_zero_is_read_down_to_thirty_decimals() -> None:
    assert fen_of(Decimal("0E-30")) == 0
    with pytest.raises(Refusal):
        fen_of(Decimal("0E-31"))


def test_coverage_is_what_lies_behind_each_yuan_owed_rounded_down_and_nothing_while_nothing_is_owed() -> None:
    # 1.00 free and 3.00 owed: 4 ÷ 3 yuan for each.
    assert coverage_ppm(100, 300) == 1_333_333
    assert coverage_ppm(0, 300) == 1_000_000
    assert coverage_ppm(100, 0) is None
