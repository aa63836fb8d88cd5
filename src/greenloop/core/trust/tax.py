"""The tax class of each benefit, and what a tariff makes of a holder's months. Engineering input, not tax advice (G13).

A benefit's class follows from where it comes from and from who holds it, and both are fixed before it exists: a pool is
red or green for ever, a coupon is earned or granted, an account is a merchant's or a member's. So no benefit is
without a class, and none ever changes its class.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from greenloop.core.faults import Refusal, say
from greenloop.core.money import AMOUNT_FEN_MAX, PPM
from greenloop.core.reading import Fields, root

DISCOUNT, GIFT, REFERRAL, BUSINESS = "discount", "points_gift", "referral_income", "business"
CLASSES = (DISCOUNT, GIFT, REFERRAL, BUSINESS)
GREEN, RED, EARNED, GRANTED = "green", "red", "earned", "grant"
SOURCES = (GREEN, RED, EARNED, GRANTED)
"""Where benefits come from: vouchers of a green pool or the red one, coupons of a purchase or of a grant."""
BRACKETS_MAX = 20


def class_of(source: str, *, is_merchant: bool) -> str:
    """Return the class of a benefit by its source and its holder.

    What comes back of purchases is a discount on them, and for a merchant, which conceded, part of its business. A
    rebate that a grant pays is a gift: nothing of it was paid by its holder. Red points are income from referring.
    """
    if source not in SOURCES:
        raise ValueError(source)
    if source == RED:
        return REFERRAL
    if source == GRANTED:
        return GIFT
    return BUSINESS if is_merchant else DISCOUNT


@dataclass(frozen=True, slots=True)
class Bracket:
    """Taxable amounts above `above_fen` are withheld from at `rate_ppm`, less `less_fen` of the tax."""

    above_fen: int
    rate_ppm: int
    less_fen: int


@dataclass(frozen=True, slots=True)
class Terms:
    """How a month's income of one class is withheld from.

    Up to `fixed_up_to_fen` a fixed `deduction_fen` is not taxable, above it `deduction_ppm` of the income.
    """

    fixed_up_to_fen: int
    deduction_fen: int
    deduction_ppm: int
    brackets: tuple[Bracket, ...]


@dataclass(frozen=True, slots=True)
class Tariff:
    """Classes that are withheld from, with their terms. An operator's setting: what is right is for its tax adviser."""

    name: str
    classes: Mapping[str, Terms]


@dataclass(frozen=True, slots=True)
class Due:
    """What is withheld of one income, in fen, rounded down; `remainder_ppm` are the millionths of a fen left out."""

    fen: int
    remainder_ppm: int


@dataclass(frozen=True, slots=True)
class Month:
    """A month of one holder in one class, in fen: received, and taken back by refunds in that month."""

    received_fen: int
    taken_back_fen: int


@dataclass(frozen=True, slots=True)
class Assessed:
    """What months come to: their taxable base, what is withheld, and what was taken back beyond what they received."""

    base_fen: int
    due: Due
    left_over_fen: int


EXAMPLE: Mapping[str, object] = {
    "name": "example",
    "classes": {
        # A chance gift: 20 % of all of it.
        GIFT: {
            "fixed_up_to_fen": 0,
            "deduction_fen": 0,
            "deduction_ppm": 0,
            "brackets": [{"above_fen": 0, "rate_ppm": 200_000, "less_fen": 0}],
        },
        # Paid work in advance of the yearly settlement: 800 yuan or 20 % off, then 20, 30 and 40 %.
        REFERRAL: {
            "fixed_up_to_fen": 400_000,
            "deduction_fen": 80_000,
            "deduction_ppm": 200_000,
            "brackets": [
                {"above_fen": 0, "rate_ppm": 200_000, "less_fen": 0},
                {"above_fen": 2_000_000, "rate_ppm": 300_000, "less_fen": 200_000},
                {"above_fen": 5_000_000, "rate_ppm": 400_000, "less_fen": 700_000},
            ],
        },
    },
}
"""A tariff to start from, after public Chinese rules. It is an example, and nobody has vouched for it."""


def read_tariff(document: object) -> Tariff:
    """Read a tariff from a JSON-able document; a class that it leaves out is not withheld from.

    :raises Refusal: anything in it is missing, unknown or contradictory; the message lists every reason.
    """
    fields = root(document)
    fields.only(("name", "classes"))
    name = fields.text("name", length_max=64)
    inner = fields.inner("classes")
    found: dict[str, Terms] = {}
    if inner is not None:
        inner.only(CLASSES)
        for known in CLASSES:
            terms = inner.inner(known) if inner.has(known) else None
            if terms is not None:
                found[known] = _terms(terms)
    fields.check()
    return Tariff(name, found)


def _terms(fields: Fields) -> Terms:
    fields.only(("fixed_up_to_fen", "deduction_fen", "deduction_ppm", "brackets"))
    brackets = []
    for each in fields.objects("brackets"):
        each.only(("above_fen", "rate_ppm", "less_fen"))
        brackets.append(
            Bracket(
                each.whole("above_fen", least=0, most=AMOUNT_FEN_MAX),
                each.whole("rate_ppm", least=0, most=PPM),
                each.whole("less_fen", least=0, most=AMOUNT_FEN_MAX),
            )
        )
    if not 0 < len(brackets) <= BRACKETS_MAX or brackets[0].above_fen:
        fields.fault("brackets", say("Give up to {most} brackets, the first one above 0."), most=BRACKETS_MAX)
    if any(one.above_fen >= other.above_fen for one, other in pairwise(brackets)):
        fields.fault("brackets", say("Each bracket begins above the one before it."))
    return Terms(
        fields.whole("fixed_up_to_fen", least=0, most=AMOUNT_FEN_MAX),
        fields.whole("deduction_fen", least=0, most=AMOUNT_FEN_MAX),
        fields.whole("deduction_ppm", least=0, most=PPM),
        tuple(brackets),
    )


def due(terms: Terms, base_fen: int) -> Due:
    """Return what is withheld of a month's income; nothing is below 0, and fractions of a fen are left out."""
    taxable = base_fen * PPM
    taxable -= terms.deduction_fen * PPM if base_fen <= terms.fixed_up_to_fen else base_fen * terms.deduction_ppm
    if taxable <= 0:
        return Due(0, 0)
    bracket = next(each for each in reversed(terms.brackets) if taxable > each.above_fen * PPM)
    # Millionths of millionths of a fen: the deduction is a share, and so is the rate.
    exact = max(0, taxable * bracket.rate_ppm - bracket.less_fen * PPM * PPM)
    return Due(exact // (PPM * PPM), exact % (PPM * PPM) // PPM)


def assess(terms: Terms, months: Sequence[Month]) -> Assessed:
    """Return what the months of a quarter come to for one holder and class.

    What is taken back lowers its own month; what it exceeds it by lowers the following ones of the quarter. What is
    left after the last is `left_over_fen`: it belongs to income that was withheld from before, and nothing here is
    paid back for it.
    """
    base_fen = left_over_fen = fen = remainder_ppm = 0
    for month in months:
        net_fen = month.received_fen - month.taken_back_fen - left_over_fen
        left_over_fen = max(0, -net_fen)
        found = due(terms, max(0, net_fen))
        base_fen += max(0, net_fen)
        fen += found.fen
        remainder_ppm += found.remainder_ppm
    return Assessed(base_fen, Due(fen, remainder_ppm), left_over_fen)


def months_of(quarter: str) -> tuple[int, tuple[int, int, int]]:
    """Read a quarter such as 2026Q3 and return its year and its months.

    :raises Refusal: it is none.
    """
    year, mark, number = quarter.partition("Q")
    if not (mark and len(year) == 4 and year.isascii() and year.isdigit() and number in ("1", "2", "3", "4")):
        message = say("“{quarter}” is no quarter; write it like 2026Q3.")
        raise Refusal("tax.quarter", message, field="quarter", quarter=quarter[:20])
    first = 3 * int(number) - 2
    return int(year), (first, first + 1, first + 2)
