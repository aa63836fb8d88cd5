"""A new rate card: checked and written inside its caller's transaction, by one person's verb or two people's."""

from dataclasses import dataclass
from datetime import datetime

from greenloop.core import instants
from greenloop.core.faults import Refusal, say
from greenloop.core.loop.concession import check_rate
from greenloop.services.outbox import news
from greenloop.store.models import Merchant, RateCard


@dataclass(frozen=True, slots=True)
class Card:
    """A rate card that may be written; `known` says that it stands already."""

    merchant_id: int
    rate_ppm: int
    valid_from_at: datetime
    known: bool


def checked(*, merchant: str, rate_ppm: int, valid_from_at: datetime, at: datetime) -> Card:
    """Return a merchant's new rate card, which nobody has written yet.

    :raises Refusal: the rate is outside 3–20 %, the merchant is unknown, or the instant is past, taken, or in a
        year that is none of ours.
    """
    check_rate(rate_ppm)
    instants.check(valid_from_at, "valid_from_at")
    found = Merchant.objects.filter(ref=merchant).first()
    if not found:
        raise Refusal("merchant.unknown", say("The merchant {ref} is not enrolled."), field="merchant", ref=merchant)
    earlier = RateCard.objects.filter(merchant=found, valid_from_at=valid_from_at).first()
    known = earlier is not None and earlier.rate_ppm == rate_ppm
    if not known and (valid_from_at < at or earlier is not None):
        raise Refusal(
            "rate.past",
            say("A rate card can't change what is past or already set. Choose an instant after {at}."),
            field="valid_from_at",
            at=at,
        )
    return Card(found.id, rate_ppm, valid_from_at, known)


def write(card: Card, *, at: datetime) -> bool:
    """Write a rate card, unless it stands already; return whether it was written."""
    if not card.known:
        RateCard.objects.create(merchant_id=card.merchant_id, rate_ppm=card.rate_ppm, valid_from_at=card.valid_from_at)
        news.rate_set(card.merchant_id, card.rate_ppm, card.valid_from_at, at=at)
    return not card.known
