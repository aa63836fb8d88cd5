"""What tills sell: an alliance whose members hold vouchers, and batches that follow from the seed and their number.

A till that was killed sells the same batch again, and whoever counts afterwards knows what every order has to be.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from greenloop.services.loop.refund import RefundForm
from greenloop.services.loop.take import Sale
from tests.support.life import MEMBERS
from tests.support.town import OPENING_AT, Town, found_town

MERCHANTS = ("grocer", "baker")
BATCH = 20
TRADE_AT = OPENING_AT + timedelta(days=30)
FORTUNE_FEN = 3_000_000_000
"""What each member spends before the trade: its vouchers last for every batch that a profile has time for."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Twenty orders of one till, five of them paid in part with vouchers, and the refunds that follow at once."""

    number: int
    at: datetime
    sales: tuple[Sale, ...]
    refunds: tuple[RefundForm, ...]


def batch(*, seed: int, till: str, number: int) -> Batch:
    """Return a till's batch of this number; it is the same whenever it is asked for."""
    dice = random.Random(f"{seed}/{till}/{number}")
    at = TRADE_AT + timedelta(seconds=number)
    sales = tuple(
        Sale(
            merchant=dice.choice(MERCHANTS),
            order_no=f"{till}-{number}-{place}",
            member=dice.choice(MEMBERS),
            paid_at=at,
            cash_fen=dice.randrange(1, 100_000),
            voucher_fen=dice.randrange(1, 100) if place % 4 == 0 else 0,
            delivered=dice.random() < 0.5,
        )
        for place in range(BATCH)
    )
    refunds = tuple(
        RefundForm(sale.merchant, sale.order_no, "r1", (sale.cash_fen + sale.voucher_fen) // dice.choice((1, 2)) or 1)
        for sale in sales[::8]
    )
    return Batch(number, at, sales, refunds)


def found_alliance() -> Town:
    """Found the small town, and let its members have vouchers from settled cycles."""
    town = found_town()
    for member in MEMBERS:
        town.sell(member, "grocer", FORTUNE_FEN)
    town.close_all([1, 2])
    assert all(town.wallet(member).claimable_fen for member in MEMBERS)
    town.at = TRADE_AT
    return town
