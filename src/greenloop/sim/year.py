"""The replay: a year of real shopping goes through the loop, day by day, as its stores and the centre would live it.

Every evening the tills send the day's baskets. Every morning the bank confirms yesterday's cash, goods are brought
back, and stores are paid for yesterday. At each cut-off what is final vests, the cycle is settled, the platform's fee
moves, and what nobody spent in time expires.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from greenloop.core.cycle import Calendar
from greenloop.core.faults import Refusal, say
from greenloop.core.loop.presets import preset_document
from greenloop.core.money import share_ppm
from greenloop.services.books import keeper
from greenloop.services.books.fees import transfer_fees
from greenloop.services.books.payout import pay_out
from greenloop.services.loop.confirm import confirm_cash
from greenloop.services.loop.expire import expire
from greenloop.services.loop.rules import publish_rules, rulings
from greenloop.services.loop.settle import settle
from greenloop.services.loop.take import take
from greenloop.services.loop.vest import vest
from greenloop.services.people.enrol import enrol_members, enrol_merchants
from greenloop.services.trust.acting import SCHEDULER, acting
from greenloop.sim import groceries, habits, shopping, tally
from greenloop.sim.clock import Clock, simulated
from greenloop.sim.returns import ReturnsDesk
from greenloop.sim.tally import OrderSums, PoolSums
from greenloop.sim.watch import Progress, Stopwatch, unwatched
from greenloop.store.trustbook import place as trust_book

BATCH_MAX = 2_000
REFUND_DAYS = 7
OPERATOR = "operator"
AFTERWARDS = 2
"""Days that may follow the last basket's cycle: the stores' clock is behind, and the last morning comes after."""

STATEMENT = timedelta(hours=8)
RETURNS = timedelta(hours=10)
PAYOUT = timedelta(hours=12)
CLOSING = timedelta(hours=23, minutes=59, seconds=59)
"""When things happen on a local day, after midnight."""


@dataclass(frozen=True, slots=True)
class YearSummary:
    """What became of the year. Counts, and amounts in fen.

    `refused` counts baskets by the code of their refusal, `refunds` refunds by state and `refunds_refused` by code;
    `seconds` is the time of each stage.
    """

    seed: int
    plan: str
    cycle_days: int
    baskets: int
    refused: Mapping[str, int]
    households: int
    stores: int
    cycles_settled: int
    orders: OrderSums
    pools: tuple[PoolSums, ...]
    payout_bound_fen: int
    refunds: Mapping[str, int]
    refunds_refused: Mapping[str, int]
    expired_fen: int
    paid_out_fen: int
    seconds: Mapping[str, float]

    @property
    def inflow_fen(self) -> int:
        """Return what entered the pools in settled cycles."""
        return sum(pool.inflow_fen for pool in self.pools)

    @property
    def issued_fen(self) -> int:
        """Return the vouchers that settlements issued."""
        return sum(pool.issued_fen for pool in self.pools)

    @property
    def coverage_ppm(self) -> int | None:
        """Return the coverage of the pool that has the least; None while no pool owes anything."""
        return min((pool.coverage_ppm for pool in self.pools if pool.coverage_ppm is not None), default=None)


def replay_year(
    *,
    seed: int,
    plan: str = "steady",
    cycle_days: int = 7,
    orders: int | None = None,
    until: date | None = None,
    progress: Progress = unwatched,
) -> YearSummary:
    """Replay the year into an empty database under a preset's rules, and return what became of it.

    `orders` baskets, spread evenly over the year, are replayed, or all 155 848; with `until` the year is moved by whole
    weeks to end shortly before that day. The same seed (and day) gives the same rows with the same ids on every
    database, and the same amounts in whichever weeks the year lies.

    :raises Refusal: the baskets are not installed, the plan or the cycle's length is not known, or rules are published
        in this database already.
    """
    if rulings():
        message = say("This database has rules and perhaps orders already. A replay needs an empty one of its own.")
        raise Refusal("replay.database", message)
    watch = Stopwatch()
    progress("load", 0, 1)
    with watch.stage("load"):
        last_date = None if until is None else until - timedelta(days=cycle_days + AFTERWARDS)
        baskets = groceries.baskets(orders=orders, until=last_date)
    progress("load", 1, 1)
    opens_date = (baskets[0].paid_at + timedelta(minutes=groceries.UTC_OFFSET_MINUTES)).date()
    calendar = Calendar(opens_date, groceries.UTC_OFFSET_MINUTES, cycle_days)
    with simulated(Clock(calendar.midnight_at(opens_date))) as clock:
        year = _Year(baskets=baskets, calendar=calendar, clock=clock, watch=watch, seed=seed, progress=progress)
        year.open(plan)
        year.live()
    return year.summary(plan)


class _Year:
    """The alliance while the year passes."""

    def __init__(
        self,
        *,
        baskets: groceries.Baskets,
        calendar: Calendar,
        clock: Clock,
        watch: Stopwatch,
        seed: int,
        progress: Progress,
    ) -> None:
        self._baskets, self._calendar, self._seed = baskets, calendar, seed
        self._clock, self._watch, self._progress = clock, watch, progress
        with watch.stage("load"):
            self._stores = habits.store_forms(baskets, seed=seed, enrolled_at=clock.at)
            cities = {form.ref: form.city for form in self._stores}
            self._households = habits.household_forms(baskets, seed=seed, cities=cities)
            self._wishes = habits.voucher_wishes(baskets, seed=seed)
            self._desk = ReturnsDesk(habits.returns(baskets, seed=seed, calendar=calendar))
        self._days = (calendar.local_date(baskets[-1].paid_at) - calendar.opens_date).days + 1
        self._accounts: dict[str, int] = {}
        self._untaken: set[int] = set()
        self._refused: Counter[str] = Counter()
        self._next = 0
        self._cycles = self._expired_fen = self._paid_out_fen = 0

    def open(self, plan: str) -> None:
        """Publish the rules and enrol the stores."""
        opening, calendar = self._clock.at, self._calendar
        document = preset_document(
            plan,
            opens_date=calendar.opens_date,
            utc_offset_minutes=calendar.utc_offset_minutes,
            cycle_days=calendar.cycle_days,
        )
        document["refund_days"] = REFUND_DAYS
        publish_rules(document=document, effective_at=opening, by=OPERATOR, at=opening)
        with self._watch.stage("enrol"):
            enrol_merchants(forms=self._stores, at=opening)

    def live(self) -> None:
        """Live through the year; it ends with the morning after its last day."""
        for number in range(self._days):
            day = self._calendar.opens_date + timedelta(days=number)
            self._morning(day)
            self._evening(day)
        self._morning(self._calendar.opens_date + timedelta(days=self._days))
        self._keep()

    def _morning(self, day: date) -> None:
        midnight, watch = self._calendar.midnight_at(day), self._watch
        if self._calendar.cutoff_at(self._cycles + 1) == midnight:
            self._close_cycle()
        with watch.stage("confirm"):
            at = self._clock.move_to(midnight + STATEMENT)
            confirm_cash(statement=f"bank/{day}", paid_until_at=midnight, at=at)
        with watch.stage("refund"):
            at = self._clock.move_to(midnight + RETURNS)
            if self._calendar.cutoff_at(self._cycles) == midnight:
                self._desk.bring_money(deposit_no=f"returns/{day}", at=at)
            self._desk.open(day=day, untaken=self._untaken, at=at)
        with watch.stage("pay out"):
            with acting(actor=SCHEDULER):
                paid = pay_out(business_date=day, at=self._clock.move_to(midnight + PAYOUT))
            self._paid_out_fen += sum(paid.values())

    def _close_cycle(self) -> None:
        cycle, watch = self._cycles + 1, self._watch
        at = self._clock.move_to(self._calendar.cutoff_at(cycle))
        with watch.stage("vest"):
            vest(cycle=cycle, at=at)
        with watch.stage("settle"):
            settle(cycle=cycle, at=at)
        with watch.stage("fees"):
            transfer_fees(cycle=cycle, at=at)
        with watch.stage("expire"):
            more = True
            while more:
                gone = expire(at=at)
                self._expired_fen += gone.voucher_fen + gone.coupon_fen
                more = gone.more
        self._keep()
        self._cycles = cycle
        self._progress("settle", cycle, self._days // self._calendar.cycle_days)

    def _keep(self) -> None:
        """Hand over to the trust book what was posted since the last time, where one was made."""
        if trust_book.there():
            with self._watch.stage("keep"):
                keeper.keep_all(holder=SCHEDULER, now=lambda: self._clock.at)

    def _evening(self, day: date) -> None:
        at = self._clock.move_to(self._calendar.midnight_at(day) + CLOSING)
        begin, self._next = self._next, self._end_of(day)
        with self._watch.stage("enrol"):
            newcomers = [self._households[place] for place in range(begin, self._next) if place in self._households]
            if newcomers:
                self._accounts.update(enrol_members(forms=newcomers, at=at))
        for start in range(begin, self._next, BATCH_MAX):
            self._take(slice(start, min(start + BATCH_MAX, self._next)))
        self._progress("take", self._next, len(self._baskets))

    def _end_of(self, day: date) -> int:
        """Return the place of the first basket after a local day."""
        midnight, place = self._calendar.midnight_at(day + timedelta(days=1)), self._next
        while place < len(self._baskets) and self._baskets[place].paid_at < midnight:
            place += 1
        return place

    def _take(self, part: slice) -> None:
        batch, at = self._baskets[part], self._clock.at
        with self._watch.stage("look into wallets"):
            sales = shopping.sales(baskets=batch, wishes_ppm=self._wishes[part], accounts=self._accounts, at=at)
        with self._watch.stage("take"):
            taking = take(sales=sales, at=at)
        for place, refusal in taking.refusals.items():
            self._untaken.add(batch[place].number)
            self._refused[refusal.code] += 1

    def summary(self, plan: str) -> YearSummary:
        """Return what became of the year."""
        orders, payout = tally.orders(), rulings()[0].rules.split.green_ppm
        return YearSummary(
            seed=self._seed,
            plan=plan,
            cycle_days=self._calendar.cycle_days,
            baskets=len(self._baskets),
            refused=dict(sorted(self._refused.items())),
            households=len(self._accounts),
            stores=len(self._stores),
            cycles_settled=self._cycles,
            orders=orders,
            pools=tally.pools(),
            payout_bound_fen=share_ppm(orders.entered_fen, payout),
            refunds=tally.refunds(),
            refunds_refused=self._desk.refused,
            expired_fen=self._expired_fen,
            paid_out_fen=self._paid_out_fen,
            seconds=self._watch.seconds,
        )
