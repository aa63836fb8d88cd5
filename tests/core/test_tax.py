"""Tax classes and what a tariff makes of a month: each sum could be done by hand (G13)."""

from itertools import product

import pytest

from greenloop.core.faults import Refusal
from greenloop.core.trust import tax
from greenloop.core.trust.tax import EXAMPLE, GIFT, REFERRAL, Assessed, Due, Month, assess, due, read_tariff

TARIFF = read_tariff(EXAMPLE)


def test_every_source_and_holder_has_one_class() -> None:
    found = {
        (source, held): tax.class_of(source, is_merchant=held) for source, held in product(tax.SOURCES, (False, True))
    }
    assert found == {
        ("green", False): "discount",
        ("green", True): "business",
        ("earned", False): "discount",
        ("earned", True): "business",
        ("red", False): "referral_income",
        ("red", True): "referral_income",
        ("grant", False): "points_gift",
        ("grant", True): "points_gift",
    }
    with pytest.raises(ValueError, match="lottery"):
        tax.class_of("lottery", is_merchant=False)


@pytest.mark.parametrize(
    ("income_fen", "withheld_fen"),
    [
        (0, 0),
        (80_000, 0),  # 800.00: all of it is deducted
        (80_005, 1),  # 0.05 taxable, 20 %
        (400_000, 64_000),  # 4 000.00 less 800.00, 20 %
        (400_001, 64_000),  # less 20 % of it: 3 200.008 taxable, 640.0016
        (2_500_000, 400_000),  # 20 000.00 taxable: still 20 %
        (3_000_000, 520_000),  # 24 000.00 taxable, 30 % less 2 000.00
        (10_000_000, 2_500_000),  # 80 000.00 taxable, 40 % less 7 000.00
    ],
)
def test_a_month_of_referring_is_withheld_from_as_the_example_s_brackets_say(
    income_fen: int, withheld_fen: int
) -> None:
    assert due(TARIFF.classes[REFERRAL], income_fen).fen == withheld_fen


def test_fractions_of_a_fen_are_left_out_and_named() -> None:
    # 20 % of 0.03 is 0.6 fen.
    assert due(TARIFF.classes[GIFT], 3) == Due(0, 600_000)
    assert due(TARIFF.classes[GIFT], 5) == Due(1, 0)


def test_what_is_taken_back_lowers_its_month_and_then_the_next_ones() -> None:
    gift = TARIFF.classes[GIFT]
    # 10.00, then 3.00 more taken back than came, then 5.00 of which 2.00 are left: 20 % of 12.00.
    months = [Month(1_000, 0), Month(0, 300), Month(500, 0)]
    assert assess(gift, months) == Assessed(1_200, Due(240, 0), 0)
    assert assess(gift, [*months[:2], Month(100, 0)]) == Assessed(1_000, Due(200, 0), 200)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"classes": {"lottery": {}}}, "classes.lottery"),
        ({"classes": {GIFT: {}}}, "classes.points_gift"),
        ({"rate": 1}, "rate"),
    ],
)
def test_a_tariff_is_read_whole_or_refused(changes: dict[str, object], field: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_tariff({**EXAMPLE, **changes})
    assert field in str(refused.value) or refused.value.field == field


@pytest.mark.parametrize("above", [[1], [0, 0], [0, 5, 3], []])
def test_brackets_begin_at_nothing_and_rise(above: list[int]) -> None:
    brackets = [{"above_fen": fen, "rate_ppm": 1, "less_fen": 0} for fen in above]
    terms = {"fixed_up_to_fen": 0, "deduction_fen": 0, "deduction_ppm": 0, "brackets": brackets}
    with pytest.raises(Refusal):
        read_tariff({"name": "x", "classes": {GIFT: terms}})


def test_a_quarter_is_a_year_and_three_months() -> None:
    assert tax.months_of("2026Q1") == (2026, (1, 2, 3))
    assert tax.months_of("2026Q4") == (2026, (10, 11, 12))
    for written in ("2026", "2026Q5", "26Q1", "2026q1", "Q1", "２０２６Q1"):
        with pytest.raises(Refusal):
            tax.months_of(written)
