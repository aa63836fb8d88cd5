"""Which local days make a cycle, and when it is cut off."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenloop.core.cycle import Calendar
from greenloop.core.faults import Breach, Refusal

WEEKLY = Calendar(opens_date=date(2025, 1, 1), utc_offset_minutes=480, cycle_days=7)
SECOND = timedelta(seconds=1)


def test_a_weekly_cycle_in_china_ends_at_the_local_midnight_after_its_seventh_day() -> None:
    # 1 to 7 January; midnight of 8 January in China is 16:00 UTC the day before
    assert WEEKLY.cutoff_at(1) == datetime(2025, 1, 7, 16, tzinfo=UTC)
    assert WEEKLY.cutoff_at(2) == datetime(2025, 1, 14, 16, tzinfo=UTC)
    assert WEEKLY.cutoff_at(0) == datetime(2024, 12, 31, 16, tzinfo=UTC)


def test_the_cutoff_is_the_first_instant_of_the_next_cycle() -> None:
    cutoff = WEEKLY.cutoff_at(1)
    assert WEEKLY.cycle_at(cutoff - SECOND) == 1
    assert WEEKLY.cycle_at(cutoff) == 2


def test_an_evening_in_utc_is_already_the_next_day_in_china() -> None:
    assert WEEKLY.local_date(datetime(2025, 1, 1, 15, 59, tzinfo=UTC)) == date(2025, 1, 1)
    assert WEEKLY.local_date(datetime(2025, 1, 1, 16, 0, tzinfo=UTC)) == date(2025, 1, 2)


def test_west_of_greenwich_the_day_ends_later() -> None:
    calendar = Calendar(opens_date=date(2025, 1, 1), utc_offset_minutes=-300, cycle_days=1)
    assert calendar.cutoff_at(1) == datetime(2025, 1, 2, 5, tzinfo=UTC)
    assert calendar.cycle_at(datetime(2025, 1, 1, 4, 59, tzinfo=UTC)) == 0
    assert calendar.cycle_at(datetime(2025, 1, 1, 5, 0, tzinfo=UTC)) == 1


def test_before_the_opening_the_cycle_is_zero_or_less() -> None:
    assert WEEKLY.cycle_at(datetime(2024, 12, 31, 15, 59, tzinfo=UTC)) == 0
    assert WEEKLY.cycle_at(datetime(2024, 12, 20, tzinfo=UTC)) == -1


def test_an_instant_may_come_in_any_time_zone() -> None:
    instant = datetime(2025, 1, 8, 0, 0, tzinfo=timezone(timedelta(hours=8)))
    assert WEEKLY.cycle_at(instant) == 2
    assert WEEKLY.local_date(instant) == date(2025, 1, 8)


def test_an_instant_without_a_time_zone_is_a_fault_of_ours() -> None:
    with pytest.raises(Breach):
        WEEKLY.cycle_at(datetime(2025, 1, 8))  # noqa: DTZ001  a naive instant is the point


@pytest.mark.parametrize("days", [1, 30])
def test_a_cycle_lasts_one_to_thirty_days(days: int) -> None:
    assert Calendar(opens_date=date(2025, 1, 1), utc_offset_minutes=0, cycle_days=days).cycle_days == days


@pytest.mark.parametrize(
    "field, value",
    [
        ("cycle_days", 0),
        ("cycle_days", 31),
        ("cycle_days", -7),
        ("utc_offset_minutes", 900),
        ("utc_offset_minutes", -900),
    ],
)
def test_a_calendar_outside_its_range_is_refused_by_field(field: str, value: int) -> None:
    fields = {"utc_offset_minutes": 480, "cycle_days": 7} | {field: value}
    with pytest.raises(Refusal) as refused:
        Calendar(opens_date=date(2025, 1, 1), **fields)
    assert refused.value.field == field
    assert str(refused.value)


@given(
    st.integers(1, 30),
    st.integers(-12 * 60, 14 * 60),
    st.integers(-50, 500),
    st.integers(0, 86_399),
)
def test_every_instant_lies_in_exactly_one_cycle(days: int, offset: int, cycle: int, second: int) -> None:
    calendar = Calendar(opens_date=date(2025, 1, 1), utc_offset_minutes=offset, cycle_days=days)
    begins, ends = calendar.cutoff_at(cycle - 1), calendar.cutoff_at(cycle)
    assert ends - begins == timedelta(days=days)
    assert calendar.cycle_at(begins + timedelta(seconds=second)) == cycle
    assert calendar.cycle_at(ends - SECOND) == cycle
    assert calendar.local_date(begins) == date(2025, 1, 1) + timedelta(days=days * (cycle - 1))
