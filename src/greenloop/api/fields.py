"""The kinds of values that bodies and answers are made of, with their limits."""

import json
import re
from datetime import date, datetime
from typing import Annotated, Any

from ninja import Schema
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, ConfigDict, Field, Strict, StringConstraints
from pydantic_core import PydanticCustomError

from greenloop.api.problems import Problem
from greenloop.core import instants
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

DEPTH_MAX = 16
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _instant(value: object) -> datetime:
    """Read what a caller wrote; a number is none: nobody who sends one means seconds since 1970."""
    found = instants.read(value) if isinstance(value, str) else None
    if found is None:
        raise PydanticCustomError("instant", "not an instant of RFC 3339")
    return found


def _day(value: object) -> object:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise PydanticCustomError("day", "not a day")
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_instant)]
"""An instant with its offset from UTC, written as RFC 3339."""
Day = Annotated[date, Field(ge=date(YEAR_MIN, 1, 1), le=date(YEAR_MAX, 12, 31)), BeforeValidator(_day)]
"""A local day, written like 2026-01-05."""


def _writable(content: dict[str, Any]) -> dict[str, Any]:
    """Accept an object that is not nested without end, and whose texts a database can hold."""
    level: list[Any] = [content]
    for _ in range(DEPTH_MAX):
        level = [value for each in level for value in _within(each)]
    if level:
        raise PydanticCustomError("nested", "nested too deep", {"most": DEPTH_MAX})
    if "\\u0000" in json.dumps(content):
        raise PydanticCustomError("text.nul", "U+0000")
    return content


def _within(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


Document = Annotated[dict[str, Any], AfterValidator(_writable)]
"""An object that is kept as it was sent, such as rules."""


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
