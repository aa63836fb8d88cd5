"""How figures are written: amounts exact to the fen, ratios rounded down so that none looks better than it is."""

from datetime import datetime, timedelta

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from greenloop.core.money import PPM, yuan

MINUS = "−"
SPACE = "\N{NO-BREAK SPACE}"
NONE = "–"


def count(number: int) -> str:
    """Write a number of things: 155848 is 155,848."""
    return f"{number:,}".replace("-", MINUS)


def plain(fen: int) -> str:
    """Write an amount for a column whose heading names yuan: 123456 is 1,234.56."""
    whole, decimals = yuan(abs(fen)).split(".")
    return f"{MINUS if fen < 0 else ''}{int(whole):,}.{decimals}"


def money(fen: int) -> str:
    """Write an amount with its sign of currency."""
    return f"{MINUS if fen < 0 else ''}¥{plain(abs(fen))}"


def ratio(numerator: int, denominator: int, places: int = 2) -> str:
    """Write a ratio with `places` decimals, rounded down; a dash where there is nothing to divide by."""
    if denominator <= 0:
        return NONE
    whole, rest = divmod(numerator * 10**places // denominator, 10**places)
    return f"{whole:,}.{rest:0{places}d}"


def percent(numerator: int, denominator: int, places: int = 1) -> str:
    """Write a share in percent, rounded half up."""
    if denominator <= 0:
        return NONE
    scale = 10**places
    tenths = (abs(numerator) * 200 * scale + denominator) // (2 * denominator)
    whole, rest = divmod(tenths, scale)
    digits = f".{rest:0{places}d}" if places else ""
    return f"{MINUS if numerator < 0 and tenths else ''}{whole:,}{digits}{SPACE}%"


def permille(numerator: int, denominator: int) -> int:
    """Return a share in ‰ for the length of a bar, from 0 to 1000."""
    return min(1000, max(0, numerator * 1000 // denominator)) if denominator > 0 else 0


def times(ppm: int, places: int = 3) -> str:
    """Write a multiple that is known in ppm: 271000 is 0.271 ×."""
    return times_of(ppm, PPM, places)


def times_of(numerator: int, denominator: int, places: int = 3) -> str:
    """Write numerator ÷ denominator as a multiple; a dash where there is nothing to divide by."""
    if denominator <= 0:
        return NONE
    return _("{number} ×").format(number=ratio(numerator, denominator, places)).replace(" ", SPACE)


def joined(*sentences: str) -> str:
    """Put sentences one after the other: Chinese leaves no blank between them."""
    return ("" if _in_chinese() else " ").join(sentences)


def _in_chinese() -> bool:
    return (get_language() or "").startswith("zh")


def local_day(at: datetime, offset_minutes: int) -> str:
    """Write the local day that an instant ends or lies in: a cut-off at midnight closes the day before it."""
    return (at + timedelta(minutes=offset_minutes) - timedelta(microseconds=1)).date().isoformat()


def short(value: float) -> str:
    """Write an axis label: 0, 250, 1.5k, 2M; in Chinese 1.5万, 2亿."""
    steps = ((1e8, "亿"), (1e4, "万")) if _in_chinese() else ((1e9, "bn"), (1e6, "M"), (1e3, "k"))
    for size, unit in steps:
        if abs(value) >= size:
            return f"{value / size:g}{unit}".replace("-", MINUS)
    return f"{value:g}".replace("-", MINUS)
