"""Whole fen, parts per million and the one fixed scale; every rounding rule has its name here.

Amounts are integers in fen (1/100 yuan), points in 1/100 point, rates in parts per million (ppm). Indices, release
rates and growth are integers × SCALE (settlement.md, Units).
"""

from decimal import Decimal

from greenloop.core.faults import Refusal, say

SCALE = 10**12
PPM = 10**6

AMOUNT_FEN_MAX = 10**12
"""The largest single amount a verb takes: ten thousand million yuan."""

WALLET_POINTS_MAX = 1_840_000_000_000
"""The most points (fen) one wallet may hold, so that a read in two 64-bit limbs stays exact up to a cap of 5."""

_DECIMALS_SHOWN_MAX = 30


def ceil_div(numerator: int, denominator: int) -> int:
    """Divide by a positive `denominator` and round up."""
    return -(-numerator // denominator)


def share_ppm(amount: int, ppm: int) -> int:
    """Take `ppm` parts per million of `amount`, rounded down."""
    return amount * ppm // PPM


def coverage_ppm(free_fen: int, owed_fen: int) -> int | None:
    """Return (free + owed) ÷ owed in ppm, rounded down: what is behind each yuan owed; None while nothing is owed.

    What is owed is accrued + voucher (guardrails.md, coverage).
    """
    return (free_fen + owed_fen) * PPM // owed_fen if owed_fen else None


def half_up_ppm(amount: int, ppm: int) -> int:
    """Take `ppm` parts per million of `amount`, rounded to the nearest; halves go up."""
    return (amount * ppm * 2 + PPM) // (2 * PPM)


def yuan(fen: int) -> str:
    """Write `fen` as yuan with two decimals: 1234 is "12.34"."""
    whole, rest = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}{whole}.{rest:02d}"


def fen_of(value: str | Decimal) -> int:
    """Read an amount in yuan, as text or Decimal, as exact fen.

    Zeros behind the second decimal are fine, anything else there is not: rounding is the sender's decision.

    :raises Refusal: `value` is no plain decimal number, has parts of a fen, or is beyond ±AMOUNT_FEN_MAX.
    """
    text = _plain(value) if isinstance(value, Decimal) else value.strip()
    whole, dot, decimals = text.removeprefix("-").partition(".")
    digits = whole + decimals
    if not (whole and digits.isascii() and digits.isdigit()) or (dot and not decimals):
        raise Refusal(
            "money.unreadable",
            say("“{amount}” is not an amount in yuan; write digits and at most two decimals, such as 12.34."),
            amount=text[:_DECIMALS_SHOWN_MAX],
        )
    if decimals[2:].strip("0"):
        raise Refusal(
            "money.parts_of_a_fen",
            say("The amount {amount} has parts of a fen; round it to two decimals before sending it."),
            amount=text[:_DECIMALS_SHOWN_MAX],
        )
    significant = whole.lstrip("0")
    fen = AMOUNT_FEN_MAX + 1 if len(significant) > 15 else int((significant or "0") + decimals[:2].ljust(2, "0"))
    if fen > AMOUNT_FEN_MAX:
        raise _too_large()
    return -fen if text.startswith("-") else fen


def _plain(value: Decimal) -> str:
    """Write a Decimal without exponent; one whose exponent would fill the memory is refused or unreadable."""
    if not value.is_finite():
        return str(value)
    if value.adjusted() > 15:
        raise _too_large()
    exponent = value.as_tuple().exponent
    return str(value) if isinstance(exponent, int) and exponent < -_DECIMALS_SHOWN_MAX else format(value, "f")


def _too_large() -> Refusal:
    return Refusal(
        "money.too_large",
        say("The amount is larger than {largest} yuan; check its unit, or split it."),
        largest=yuan(AMOUNT_FEN_MAX),
    )
