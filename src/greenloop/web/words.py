"""How pages write what they were given: amounts, points, shares, instants in the alliance's local time, refusals."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _

from greenloop.core.faults import Refusal
from greenloop.core.money import PPM, SCALE
from greenloop.insight import figures
from greenloop.web.clock import local


def yuan(fen: int | None) -> str:
    """Write fen as yuan: 123456 is 1,234.56; nothing is a dash."""
    return figures.NONE if fen is None else figures.plain(fen)


def money(fen: int | None) -> str:
    """Write fen as yuan with the sign of the currency."""
    return figures.NONE if fen is None else figures.money(fen)


def points(hundredths: int | None) -> str:
    """Write points, which count in hundredths."""
    return yuan(hundredths)


def count(number: int | None) -> str:
    """Write a number of things."""
    return figures.NONE if number is None else figures.count(number)


def percent(ppm: int | None, places: int = 2) -> str:
    """Write a share known in ppm: 82500 is 8.25 %."""
    if ppm is None:
        return figures.NONE
    digits, _, unit = figures.percent(ppm, PPM, places).partition(figures.SPACE)
    whole, dot, rest = digits.partition(".")
    return f"{whole}{dot if (rest := rest.rstrip('0')) else ''}{rest}{figures.SPACE}{unit}"


def times(ppm: int | None, places: int = 3) -> str:
    """Write a multiple known in ppm: 231000 is 0.231 ×."""
    return figures.NONE if ppm is None else figures.times(ppm, places)


def ratio(ppm: int | None) -> str:
    """Write a number known in ppm, rounded down, to two places or to three where they differ: 600000 is 0.60."""
    return figures.NONE if ppm is None else figures.ratio(ppm, PPM, 3).removesuffix("0")


def index(scaled: int | None, places: int = 3) -> str:
    """Write a release index (vouchers per point × 10**12) as a multiple, rounded down."""
    return figures.NONE if scaled is None else figures.times_of(scaled, SCALE, places)


def cap(scaled: int) -> str:
    """Write a cap, which is rarely more than a whole number: 5 × 10**12 is 5 ×."""
    number = figures.ratio(scaled, SCALE, 2).rstrip("0").rstrip(".")
    return _("{number} ×").format(number=number).replace(" ", figures.SPACE)


def growth(scaled: int | None) -> str:
    """Write a growth (× 10**12) in percent; one that is not defined is a dash."""
    return figures.NONE if scaled is None else figures.percent(scaled, SCALE)


def day(at: datetime | date | None) -> str:
    """Write the local day of an instant, or a day as it is."""
    if at is None:
        return figures.NONE
    return (local(at).date() if isinstance(at, datetime) else at).isoformat()


def moment(at: datetime | None) -> str:
    """Write an instant to the minute, in local time."""
    return figures.NONE if at is None else f"{local(at):%Y-%m-%d %H:%M}"


def told(refusal: Refusal) -> str:
    """Return what a refusal says, in the visitor's language; amounts in it are written as people read them."""
    facts: dict[str, Any] = dict(refusal.facts)
    reasons = facts.get("reasons")
    if isinstance(reasons, tuple):
        facts["list"] = " ".join(told(reason) for reason in reasons)
    written = {name: moment(value) if isinstance(value, datetime) else value for name, value in facts.items()}
    return _(refusal.message).format(**written)


def filters() -> Mapping[str, Any]:
    """Return the filters that templates know."""
    return {
        "yuan": yuan,
        "money": money,
        "points": points,
        "count": count,
        "percent": percent,
        "times": times,
        "ratio": ratio,
        "index": index,
        "cap": cap,
        "growth": growth,
        "day": day,
        "moment": moment,
    }
