"""The kinds of values that bodies and answers are made of, with their limits."""

import re
from datetime import date, datetime
from typing import Annotated

from ninja import Schema
from pydantic import AwareDatetime, BeforeValidator, ConfigDict, Field, Strict, StringConstraints

from greenloop.api.problems import Problem
from greenloop.core.cycle import YEAR_MAX, YEAR_MIN
from greenloop.core.faults import say
from greenloop.core.money import AMOUNT_FEN_MAX, PPM
from greenloop.store.queries.lookups import written_id

Fen = Annotated[int, Strict(), Field(ge=0, le=AMOUNT_FEN_MAX, description="fen, 1/100 yuan")]
Amount = Annotated[int, Strict(), Field(ge=1, le=AMOUNT_FEN_MAX, description="fen, 1/100 yuan")]
Ppm = Annotated[int, Strict(), Field(ge=0, le=10 * PPM, description="parts per million")]
Ref = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=64, pattern=r"^[^\x00]*$")]
Id = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9]{1,19}$")]
Flag = Annotated[bool, Strict()]


WRITTEN_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


# A number is refused where a date is written: nobody who sends one means seconds since 1970.
def _sane(value: object) -> object:
    if not isinstance(value, str) or not WRITTEN_DATE.match(value):
        message = "an instant is written like 2026-01-05T12:00:00+08:00 (RFC 3339)"
        raise ValueError(message)
    if not 2000 <= int(value[:4]) < 2200:
        message = "the year must lie between 2000 and 2199"
        raise ValueError(message)
    return value


def _day(value: object) -> object:
    if not isinstance(value, str) or not WRITTEN_DATE.fullmatch(value):
        message = "a day is written like 2026-01-05"
        raise ValueError(message)
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_sane)]
"""An instant with its offset from UTC, written as RFC 3339."""
Day = Annotated[date, Field(ge=date(YEAR_MIN, 1, 1), le=date(YEAR_MAX, 12, 31)), BeforeValidator(_day)]
"""A local day, written like 2026-01-05."""


class Body(Schema):
    """What a caller sends: a field that isn't known is refused."""

    model_config = ConfigDict(extra="forbid")


def number(text: str, code: str) -> int:
    """Return the number that an id in an address is.

    :raises Problem: it is no id: 404, as for one that nobody has.
    """
    found = written_id(text)
    if found < 0:
        raise Problem(404, code, say("There is nothing at this address."))
    return found


def year_in_range(at: datetime) -> datetime:
    """Return an instant of an address's query as it is.

    :raises Problem: it lies outside of the years 2000 to 2199.
    """
    if not 2000 <= at.year < 2200:
        raise Problem(422, "body.invalid", say("The year must lie between 2000 and 2199."), field="at")
    return at
