"""What the groceries don't say and a seed makes up: rate cards, cities, who brought whom, vouchers, refunds.

Each habit draws from a stream of its own, named after the seed, so that one can change without moving the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from greenloop.core.cycle import Calendar
from greenloop.core.money import share_ppm
from greenloop.services.loop.refund import RefundForm
from greenloop.services.people.enrol import MemberForm, MerchantForm
from greenloop.sim.groceries import Basket

CITIES = ("Linfen", "Pingyao", "Taigu")
GRADES = ("A", "A", "A", "B", "B", "C")
REFERRED_PERCENT = 30
SPENDERS_PERCENT = 60
REFUNDS_PER_10_000 = 100
LATE_DAYS_MAX = 45


def stream(seed: int, habit: str) -> Random:
    """Return the source of chance of one habit."""
    return Random(f"{seed}/{habit}")  # a printed seed, no secret  # nosec B311


def store_ref(store: int) -> str:
    """Return the ref of a store, which is a merchant with one shop."""
    return f"store-{store}"


def household_ref(household: int) -> str:
    """Return the ref of a household, which is a member."""
    return f"household-{household}"


def store_forms(baskets: Sequence[Basket], *, seed: int, enrolled_at: datetime) -> list[MerchantForm]:
    """Give each store a rate card of 3 to 20 %, a city and a grade; it is there from the first day."""
    chance = stream(seed, "stores")
    return [
        MerchantForm(
            ref=store_ref(store),
            city=chance.choice(CITIES),
            enrolled_at=enrolled_at,
            rate_ppm=chance.randint(3, 20) * 10_000,
            grade=chance.choice(GRADES),
            shops=(store_ref(store),),
        )
        for store in sorted({basket.store for basket in baskets})
    ]


def household_forms(baskets: Sequence[Basket], *, seed: int, cities: Mapping[str, str]) -> Mapping[int, MemberForm]:
    """Let each household join with its first basket, in the city of that store; 30 % are brought by an earlier one.

    Returns the forms by the place of that basket.
    """
    chance = stream(seed, "households")
    forms: dict[int, MemberForm] = {}
    joined: list[str] = []
    known: set[int] = set()
    for place, basket in enumerate(baskets):
        if basket.household in known:
            continue
        brought = bool(joined) and chance.randrange(100) < REFERRED_PERCENT
        ref = household_ref(basket.household)
        forms[place] = MemberForm(
            ref, cities[store_ref(basket.store)], basket.paid_at, chance.choice(joined) if brought else None
        )
        joined.append(ref)
        known.add(basket.household)
    return forms


def voucher_wishes(baskets: Sequence[Basket], *, seed: int) -> Sequence[int]:
    """Say for each basket which part of its price, in ppm, its household likes to pay with vouchers and coupons.

    Six households in ten think of their vouchers at all, and they do at every other till.
    """
    chance = stream(seed, "vouchers")
    thrifty = {
        household: chance.randrange(100) < SPENDERS_PERCENT
        for household in sorted({basket.household for basket in baskets})
    }
    return [
        chance.randint(20, 100) * 10_000 if thrifty[basket.household] and chance.randrange(2) else 0
        for basket in baskets
    ]


@dataclass(frozen=True, slots=True)
class Return:
    """Goods of a basket brought back on a local day: the refund its store asks for then."""

    basket: Basket
    asked_date: date
    form: RefundForm


def returns(baskets: Sequence[Basket], *, seed: int, calendar: Calendar) -> Sequence[Return]:
    """Let one basket in a hundred come back, in order of days: half of them whole, half in part.

    Six in ten come back within a week, before they vest; the others up to six weeks later. One part in three is
    followed by another.
    """
    chance = stream(seed, "refunds")
    found: list[Return] = []
    for basket in baskets:
        if basket.price_fen <= 0 or chance.randrange(10_000) >= REFUNDS_PER_10_000:
            continue
        soon = chance.randrange(10) < 6
        days = chance.randint(1, 6) if soon else chance.randint(7, LATE_DAYS_MAX)
        whole = chance.randrange(2) == 0
        first_fen = basket.price_fen if whole else max(1, share_ppm(basket.price_fen, chance.randint(10, 90) * 10_000))
        found.append(_return(basket, 1, first_fen, days, calendar))
        rest_fen = basket.price_fen - first_fen
        if rest_fen and chance.randrange(3) == 0:
            found.append(_return(basket, 2, chance.randint(1, rest_fen), days + chance.randint(1, 30), calendar))
    return sorted(found, key=lambda each: (each.asked_date, each.basket.number, each.form.refund_no))


def _return(basket: Basket, number: int, amount_fen: int, days: int, calendar: Calendar) -> Return:
    asked_date = calendar.local_date(basket.paid_at) + timedelta(days=days)
    form = RefundForm(store_ref(basket.store), str(basket.number), f"return-{number}", amount_fen)
    return Return(basket, asked_date, form)
