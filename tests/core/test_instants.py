"""How an instant is written, and in which years it may lie."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenloop.core import instants
from greenloop.core.faults import Refusal

CHINA = timezone(timedelta(hours=8))
ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2026-01-31T18:05:00+08:00", datetime(2026, 1, 31, 10, 5, tzinfo=UTC)),
        ("2026-01-31T10:05:00Z", datetime(2026, 1, 31, 10, 5, tzinfo=UTC)),
        ("2026-01-31t10:05:00.25z", datetime(2026, 1, 31, 10, 5, 0, 250_000, tzinfo=UTC)),
        ("2026-01-31 10:05:00-00:30", datetime(2026, 1, 31, 10, 35, tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_as_rfc_3339_writes_it(written: str, at: datetime) -> None:
    assert instants.read(written) == at


@pytest.mark.parametrize(
    "written",
    [
        *("", "1", "20260131", "253402300799999", "20260131T100500Z", "2026-01-31", "2026-01-31T10:05:00", "now"),
        *(
            "2026-01-31T10:05Z",
            "2026-01-31T10Z",
            "2026-W05-6T10:05:00Z",
            "2026-02-30T10:05:00Z",
            "2026-01-31T25:05:00Z",
        ),
        *("2026-01-31T10:05:00+0800", "2026-01-31T10:05:00+08", "2026-01-31T10:05:00Z ", "２026-01-31T10:05:00Z"),
        *("1999-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "9999-12-31T23:59:59+08:00", "0001-01-01T00:00:00+14:00"),
        *("2000-01-01T00:00:00+08:00", "2199-12-31T23:59:59-08:00", "0000-01-01T00:00:00Z"),
    ],
)
def test_no_other_text_is_an_instant(written: str) -> None:
    assert instants.read(written) is None


@given(days=st.integers(0, 73_000), zone=ZONES)
def test_what_python_writes_is_read_as_the_same_instant(days: int, zone: timezone) -> None:
    at = datetime(2000, 1, 3, 4, 5, 6, 789, tzinfo=UTC) + timedelta(days=days)
    assert instants.read(at.astimezone(zone).isoformat()) == at


@given(year=st.integers(2, 9998), zone=ZONES)
def test_an_instant_of_a_year_in_range_is_accepted_and_no_other(year: int, zone: timezone) -> None:
    at = datetime(year, 7, 1, tzinfo=zone)
    if 2000 <= year <= 2199:
        instants.check(at, "at")
        return
    with pytest.raises(Refusal) as refused:
        instants.check(at, "at")
    assert (refused.value.code, refused.value.field) == ("time.year", "at")


def test_the_first_and_the_last_moment_of_python_s_own_calendar_are_refused() -> None:
    for at in (datetime.min.replace(tzinfo=CHINA), datetime.max.replace(tzinfo=timezone(timedelta(hours=-8)))):
        with pytest.raises(Refusal):
            instants.check(at, "at")
