"""The calendar of settlement cycles: which local days make a cycle, and when it is cut off."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from greenloop.core.faults import Refusal, ensure, say

CYCLE_DAYS_MAX = 30
OFFSET_MINUTES_MIN = -12 * 60
OFFSET_MINUTES_MAX = 14 * 60
YEAR_MIN = 2000
YEAR_MAX = 2999


def midnight_at(day: date, utc_offset_minutes: int) -> datetime:
    """Return the first instant of a local day, in UTC."""
    return datetime.combine(day, time(), UTC) - timedelta(minutes=utc_offset_minutes)


def local_date(instant: datetime, utc_offset_minutes: int) -> date:
    """Return the local day of `instant`, which must know its time zone."""
    ensure(instant.tzinfo is not None, "an instant without a time zone has no local day")
    return (instant.astimezone(UTC) + timedelta(minutes=utc_offset_minutes)).date()


@dataclass(frozen=True, slots=True)
class Calendar:
    """Cycles of `cycle_days` local days, numbered from 1, the first one beginning on `opens_date`.

    The local clock is UTC + `utc_offset_minutes` the whole year round: a cycle never gains or loses an hour.

    :raises Refusal: a field is out of its range.
    """

    opens_date: date
    utc_offset_minutes: int
    cycle_days: int

    def __post_init__(self) -> None:
        if not 1 <= self.cycle_days <= CYCLE_DAYS_MAX:
            raise Refusal(
                "calendar.cycle_days",
                say("A cycle lasts 1 to {most} days, not {days}; choose a length in that range."),
                field="cycle_days",
                days=self.cycle_days,
                most=CYCLE_DAYS_MAX,
            )
        if not OFFSET_MINUTES_MIN <= self.utc_offset_minutes <= OFFSET_MINUTES_MAX:
            raise Refusal(
                "calendar.utc_offset",
                say("Local time differs from UTC by {least} to {most} minutes; China is 480."),
                field="utc_offset_minutes",
                least=OFFSET_MINUTES_MIN,
                most=OFFSET_MINUTES_MAX,
            )
        if not YEAR_MIN <= self.opens_date.year <= YEAR_MAX:
            raise Refusal(
                "calendar.opens_date",
                say("The first day must lie in the years {least} to {most}; check the year."),
                field="opens_date",
                least=YEAR_MIN,
                most=YEAR_MAX,
            )

    def cutoff_at(self, cycle: int) -> datetime:
        """Return the end of `cycle` in UTC: the local midnight after its last day, the first instant outside it."""
        return self.midnight_at(self.opens_date) + timedelta(days=cycle * self.cycle_days)

    def midnight_at(self, day: date) -> datetime:
        """Return the first instant of a local day, in UTC."""
        return midnight_at(day, self.utc_offset_minutes)

    def cycle_at(self, instant: datetime) -> int:
        """Return the number of the cycle that `instant` falls into; 0 and less lie before the opening."""
        return (self.local_date(instant) - self.opens_date).days // self.cycle_days + 1

    def local_date(self, instant: datetime) -> date:
        """Return the local day of `instant`, which must know its time zone."""
        return local_date(instant, self.utc_offset_minutes)
