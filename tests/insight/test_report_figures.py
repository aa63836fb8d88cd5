"""Figures, axes and flows: how a number becomes something to read."""

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from greenloop.insight import drawing, figures
from greenloop.insight.report.flow import Link, Node, flow

AMOUNTS = st.integers(min_value=-(10**15), max_value=10**15)


def common(text: str) -> str:
    return text.replace(figures.SPACE, " ")


@pytest.mark.parametrize(
    ("fen", "written"),
    [(0, "0.00"), (7, "0.07"), (123_456, "1,234.56"), (-123_456_789, "−1,234,567.89"), (100, "1.00")],
)
def test_an_amount_is_written_to_the_fen(fen: int, written: str) -> None:
    assert figures.plain(fen) == written
    assert figures.money(abs(fen)) == f"¥{written.removeprefix('−')}"


@pytest.mark.parametrize(
    ("numerator", "denominator", "places", "written"),
    [
        (9_999, 10_000, 2, "0.99"),
        (1, 1, 2, "1.00"),
        (200, 3, 3, "66.666"),
        (5, 0, 2, "–"),
        (12_345_678, 1, 0, "12,345,678"),
    ],
)
def test_a_ratio_never_looks_better_than_it_is(numerator: int, denominator: int, places: int, written: str) -> None:
    assert figures.ratio(numerator, denominator, places).rstrip(".").removesuffix(".0") == written.removesuffix(".0")


@pytest.mark.parametrize(
    ("numerator", "denominator", "written"),
    [(1, 3, "33.3 %"), (2, 3, "66.7 %"), (-1, 8, "−12.5 %"), (-1, 10_000, "0.0 %"), (1, 0, "–"), (30, 10, "300.0 %")],
)
def test_a_share_is_rounded_half_up(numerator: int, denominator: int, written: str) -> None:
    assert common(figures.percent(numerator, denominator)) == written


def test_a_multiple_is_written_in_the_language_of_the_page() -> None:
    with translation.override("en"):
        assert common(figures.times(271_999)) == "0.271 ×"
    with translation.override("zh-hans"):
        assert common(figures.times(271_999)).startswith("0.271 ")


@pytest.mark.parametrize(
    ("value", "english", "chinese"),
    [(0, "0", "0"), (1500, "1.5k", "1500"), (20_000, "20k", "2万"), (-3e6, "−3M", "−300万"), (1e9, "1bn", "10亿")],
)
def test_an_axis_label_is_short_in_either_language(value: float, english: str, chinese: str) -> None:
    with translation.override("en"):
        assert figures.short(value) == english
    with translation.override("zh-hans"):
        assert figures.short(value) == chinese


@given(fen=AMOUNTS)
def test_no_fen_is_lost_in_writing(fen: int) -> None:
    text = figures.plain(fen).replace(",", "").replace(".", "").replace("−", "-")
    assert int(text) == fen


@given(low=st.floats(-1e9, 1e9), high=st.floats(-1e9, 1e9))
def test_ticks_are_round_rising_few_and_cover_the_values(low: float, high: float) -> None:
    low, high = min(low, high), max(low, high)
    ticks = drawing.round_ticks(low, high)
    assert list(ticks) == sorted(set(ticks))
    assert ticks[0] <= low + 1e-6
    assert ticks[-1] >= high - abs(high) * 1e-9
    assert 2 <= len(ticks) <= drawing.TICKS + 3


@given(high=st.floats(0.5, 1e7))
def test_ticks_of_factors_start_at_1_and_reach_the_top(high: float) -> None:
    ticks = drawing.power_ticks(high)
    assert ticks[0] == 1
    assert ticks[-1] >= high
    assert list(ticks) == sorted(set(ticks))


def test_a_label_can_carry_any_name_without_becoming_markup() -> None:
    assert "<b>" not in drawing.text("<b>&", 0, 0, css='"x')
    assert "&lt;b&gt;&amp;" in drawing.text("<b>&", 0, 0)
    assert '"x"' not in drawing.tag("rect", css='"x')


def test_a_value_beyond_the_axis_is_drawn_at_its_edge() -> None:
    frame = drawing.Frame(3, (0.0, 5.0, 10.0))
    assert frame.y(99) == frame.y(10) == drawing.TOP
    assert frame.y(-1) == frame.y(0) == drawing.HEIGHT - drawing.BOTTOM


def test_a_missing_value_breaks_the_line() -> None:
    frame = drawing.Frame(4, (0.0, 1.0))
    assert frame.line([(0, 0.1), (1, None), (2, 0.2), (3, 0.3)], "x").count("M") == 2


def test_a_year_of_days_has_no_more_labels_than_fit() -> None:
    frame = drawing.Frame(365, (0.0, 1.0))
    assert frame.grid(str, below="day").count("<text") <= 13
    assert frame.titles(["x"] * 365) == ""


def test_a_flow_draws_what_holds_something_and_leaves_out_the_rest() -> None:
    nodes = [
        Node("a", 0, 100, "All", "1.00", "x"),
        Node("b", 1, 100, "Some", "1.00", "x"),
        Node("c", 1, 0, "None", "0", "x"),
    ]
    drawn = flow(nodes, [Link("a", "b", 100), Link("a", "c", 0)])
    assert drawn.count('class="link') == 1
    assert "None" not in drawn
    assert flow([], []) == ""
