"""What the town knows of itself while its story is told."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import ParamSpec, TypeVar

from greenloop.core.cycle import Calendar
from greenloop.core.faults import Refusal
from greenloop.services.loop.refund import RefundForm
from greenloop.services.loop.take import Sale
from greenloop.sim.clock import Clock

P = ParamSpec("P")
T = TypeVar("T")
FRESH = 60
"""This many of the newest orders have hardly vested."""


@dataclass(slots=True)
class Bought:
    """One order that was taken: its id, the sale, and what was asked back of it so far, in fen."""

    order_id: int
    sale: Sale
    asked_back_fen: int = 0
    refunds: int = 0

    @property
    def total_fen(self) -> int:
        """Return the price."""
        return self.sale.cash_fen + self.sale.voucher_fen + self.sale.coupon_fen

    @property
    def left_fen(self) -> int:
        """Return what has not been asked back."""
        return self.total_fen - self.asked_back_fen


@dataclass(slots=True)
class Town:
    """The town: its chance, clock and calendar, who is enrolled, what was bought, and what happened.

    `happened` counts events by name, `refused` refusals by code. `deliveries` and `holds` are due at an instant.
    `raided` are the members who bought with all they had and are about to bring everything back, `waiting` the sales
    that are held for a second person.
    """

    chance: Random
    clock: Clock
    calendar: Calendar
    members: int
    merchants: int
    accounts: dict[str, int] = field(default_factory=dict)
    merchant_ids: dict[str, int] = field(default_factory=dict)
    bought: list[Bought] = field(default_factory=list)
    last_batch: list[Sale] = field(default_factory=list)
    deliveries: list[tuple[datetime, int]] = field(default_factory=list)
    holds: list[tuple[datetime, int]] = field(default_factory=list)
    pending: dict[tuple[str, str], RefundForm] = field(default_factory=dict)
    raided: list[str] = field(default_factory=list)
    waiting: list[Sale] = field(default_factory=list)
    brought_by: dict[str, str] = field(default_factory=dict)
    held: int | None = None
    fees_fen: int = 0
    happened: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    cycle: int = 1
    numbers: int = 0

    def number(self) -> int:
        """Return a number that was not used before: for orders, statements, deposits."""
        self.numbers += 1
        return self.numbers

    def at_hour(self, hour: int, minute: int = 0) -> datetime:
        """Move on to an hour of the present local day."""
        midnight = self.calendar.midnight_at(self.calendar.local_date(self.clock.at))
        return self.clock.move_to(midnight + timedelta(hours=hour, minutes=minute))

    def tries(self, what: str, verb: Callable[P, T], /, *args: P.args, **facts: P.kwargs) -> T | None:
        """Do something that may be refused: count it under its name, or the refusal under its code."""
        try:
            answer = verb(*args, **facts)
        except Refusal as refusal:
            self.refused[refusal.code] += 1
            return None
        self.happened[what] += 1
        return answer

    def order_of_chance(self) -> Bought | None:
        """Return an order of which something is left: one of the newest, of any age, or one that came back before."""
        kinds = [self.bought[-FRESH:], self.bought, [each for each in self.bought if each.refunds]]
        found = [each for each in self.chance.choice(kinds) if each.left_fen > 0]
        return self.chance.choice(found) if found else None
