"""Who lives in the town: members in waves, brought by one another, and merchants of every kind."""

from collections.abc import Sequence
from datetime import datetime
from random import Random

from greenloop.core.money import PPM
from greenloop.services.people.enrol import MemberForm, MerchantForm
from greenloop.sim.town.rules import CITIES, DOUBLE_PPM, KIOSK

FIRST_WAVE_PERCENT = 60
REFERRED_PERCENT = 40
OWNERS = 3
"""This many of the first members own a shop, or work in one."""


def member_ref(number: int) -> str:
    """Return the ref of a member, counted from 0."""
    return f"member-{number}"


def merchant_ref(number: int) -> str:
    """Return the ref of a merchant, counted from 0."""
    return f"shop-{number}"


def wave(numbers: Sequence[int], *, chance: Random, at: datetime) -> list[MemberForm]:
    """Return the forms of members who enrol together; four in ten are brought by somebody before them."""
    forms = []
    for number in numbers:
        brought = number > 0 and chance.randrange(100) < REFERRED_PERCENT
        referrer = member_ref(chance.randrange(number)) if brought else None
        forms.append(MemberForm(member_ref(number), chance.choice(CITIES), at, referrer))
    return forms


def merchant_forms(count: int, *, members: int, chance: Random, at: datetime) -> list[MerchantForm]:
    """Return the merchants: cities, grades and multiples in turn, so that every route finds some of them.

    The first one keeps the kiosk; the first few belong to members; the last one takes no coupons.
    """
    return [
        MerchantForm(
            ref=merchant_ref(number),
            city=CITIES[number % len(CITIES)],
            enrolled_at=at,
            rate_ppm=chance.randint(3, 20) * 10_000,
            grade="ABC"[number // len(CITIES) % 3],
            multiple_ppm=DOUBLE_PPM if number % 5 == 4 else PPM,
            shops=(KIOSK, "main") if number == 0 else ("main",),
            linked=(member_ref(number),) if number < min(OWNERS, members) else (),
            accepts_coupons=number < count - 1 or count == 1,
        )
        for number in range(count)
    ]
