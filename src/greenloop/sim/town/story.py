"""The story of the town, day by day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from random import Random

from greenloop.core.cycle import Calendar
from greenloop.core.faults import Refusal, say
from greenloop.services.loop.rules import rulings
from greenloop.sim import tally
from greenloop.sim.clock import Clock, simulated
from greenloop.sim.tally import ClawbackSums, OrderSums, PoolSums
from greenloop.sim.town import large, market, office, purses, returns
from greenloop.sim.town.folk import FIRST_WAVE_PERCENT
from greenloop.sim.town.rules import CYCLE_DAYS, OPENS_DATE, UTC_OFFSET_MINUTES
from greenloop.sim.town.state import Town
from greenloop.sim.watch import Progress, unwatched

LATE_EVERY = 4
"""Every fourth cycle is closed a day late: the office was asleep."""


@dataclass(frozen=True, slots=True)
class TownSummary:
    """What the town came to. `happened` counts events by name, `refused` refusals by code; amounts are fen.

    `fingerprint` is the SHA-256 of all ids of members, merchants and orders.
    """

    seed: int
    members: int
    merchants: int
    cycles: int
    orders: OrderSums
    pools: tuple[PoolSums, ...]
    refunds: Mapping[str, int]
    clawbacks: ClawbackSums
    happened: Mapping[str, int]
    refused: Mapping[str, int]
    fingerprint: str


def build_town(
    *, seed: int, members: int = 200, merchants: int = 12, cycles: int = 10, progress: Progress = unwatched
) -> TownSummary:
    """Build a town in an empty database, live through its cycles of three days, and return what it came to.

    The same seed and sizes give the same rows with the same ids on every database.

    :raises Refusal: there are fewer than 10 members or 6 merchants, or no cycle, or rules are published here already.
    """
    if members < 10 or merchants < 6 or cycles < 1:
        message = say("A town needs at least 10 members, 6 merchants and 1 cycle.")
        raise Refusal("town.size", message, field="members")
    if rulings():
        message = say("This database has rules and perhaps orders already. A town needs an empty one of its own.")
        raise Refusal("town.database", message)
    calendar = Calendar(OPENS_DATE, UTC_OFFSET_MINUTES, CYCLE_DAYS)
    with simulated(Clock(calendar.midnight_at(OPENS_DATE))) as clock:
        town = Town(Random(f"{seed}/town"), clock, calendar, members, merchants)  # its seed is printed  # nosec B311
        office.open_town(town)
        for number in range(cycles * CYCLE_DAYS):
            _live_through(town, number, cycles)
            progress("town", number + 1, cycles * CYCLE_DAYS)
        _end(town, cycles)
    return _summary(town, seed, cycles)


def _live_through(town: Town, number: int, cycles: int) -> None:
    """Live through one day; the first day of a cycle brings newcomers and changes, the second one a raid."""
    midnight = town.clock.move_to(town.calendar.midnight_at(OPENS_DATE + timedelta(days=number)))
    asleep = town.cycle % LATE_EVERY == 0
    if town.calendar.cutoff_at(town.cycle) + timedelta(days=asleep) <= midnight:
        office.close_cycle(town)
    day_of_cycle = number % CYCLE_DAYS
    town.at_hour(8)
    if number and day_of_cycle == 0:
        office.welcome(town, _newcomers(town, number // CYCLE_DAYS, cycles))
        office.change_rate(town)
    if number == cycles // 2 * CYCLE_DAYS:
        office.change_rules(town)
    town.at_hour(9)
    office.read_statement(town)
    market.deliver(town)
    purses.let_go(town)
    town.at_hour(10)
    returns.bring_back(town)
    if day_of_cycle == 2:
        returns.bring_back_everything(town)
        town.at_hour(11)
        returns.bring_money(town)
    town.at_hour(12)
    office.pay_merchants(town)
    town.at_hour(13)
    large.come_again(town)
    town.at_hour(14)
    purses.draw_some(town)
    if day_of_cycle == 1:
        purses.spend_everything(town)
        purses.stop_some(town)
    town.at_hour(16)
    office.decide_held(town)
    large.decide_large(town)
    market.hold_market(town)


def _newcomers(town: Town, cycle: int, cycles: int) -> range:
    """Return the numbers of the members who join with a cycle: those who were not there at first, spread evenly."""
    first = town.members * FIRST_WAVE_PERCENT // 100 or 1
    later, waves = town.members - first, max(1, cycles - 1)
    return range(first + later * (cycle - 1) // waves, first + later * cycle // waves)


def _end(town: Town, cycles: int) -> None:
    """Close what is still open in the two nights after the last day."""
    for day in range(2):
        town.clock.move_to(town.calendar.cutoff_at(cycles) + timedelta(days=day))
        while town.cycle <= cycles and town.calendar.cutoff_at(town.cycle) <= town.clock.at and town.held is None:
            office.close_cycle(town)
        town.at_hour(16)
        office.decide_held(town)


def _summary(town: Town, seed: int, cycles: int) -> TownSummary:
    ids = [*town.accounts.values(), *town.merchant_ids.values(), *(order.order_id for order in town.bought)]
    return TownSummary(
        seed=seed,
        members=len(town.accounts),
        merchants=town.merchants,
        cycles=cycles,
        orders=tally.orders(),
        pools=tally.pools(),
        refunds=tally.refunds(),
        clawbacks=tally.clawbacks(),
        happened={name: count for name, count in sorted(town.happened.items()) if count},
        refused=dict(sorted(town.refused.items())),
        fingerprint=sha256(",".join(map(str, ids)).encode()).hexdigest(),
    )
