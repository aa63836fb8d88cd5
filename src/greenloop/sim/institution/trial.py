"""A trial of payments: thousands through the sandbox institution, and all that goes wrong, until all agrees.

Four days are lived through by a clock of its own. Each difference that a day leaves has to be a case; at the end there
is none, and the institution's balance is the ledger's to the fen.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import sha256
from random import Random

from greenloop.core.faults import Refusal, ensure, say
from greenloop.core.loop.presets import preset_document
from greenloop.services.books.institution.collecting import Bill, collect
from greenloop.services.books.institution.notices import ask_silent
from greenloop.services.books.institution.sandbox import Sandbox
from greenloop.services.books.institution.sending import send_due
from greenloop.services.books.payout import pay_out
from greenloop.services.books.reconciling.chargebacks import book_charged_back
from greenloop.services.books.reconciling.profiles import read
from greenloop.services.books.reconciling.statement import compare_again, take_statement
from greenloop.services.loop.rules import publish_rules, rulings
from greenloop.services.people.enrol import MemberForm, MerchantForm, enrol_members, enrol_merchants
from greenloop.sim.institution.platform import BATCH, Basket, ring_up
from greenloop.sim.institution.server import OPENS_AT
from greenloop.store.queries import reconciling
from greenloop.store.queries.reconciling import Tie

OPENS_DATE = date(2026, 1, 5)
MERCHANTS, MEMBERS, CITY = 20, 200, "Hangzhou"
BY = "trial"


@dataclass(frozen=True, slots=True)
class Evening:
    """What one comparison left: its statement's lines, what it confirmed, and the open cases by difference."""

    when: str
    lines: int
    orders: int
    confirmed_fen: int
    cases: dict[str, int]
    tie: Tie


@dataclass(slots=True)
class Hours:
    """The trial's own clock, which the institution's follows."""

    at: datetime = OPENS_AT

    def now(self) -> datetime:
        """Return the time of the trial."""
        return self.at


@dataclass(slots=True)
class Trial:
    """What the trial is made of, and what each evening left. `keep` lets the trust book hold what was written."""

    gateway: Sandbox
    hours: Hours
    baskets: Sequence[Basket]
    keep: Callable[[datetime], object]
    evenings: list[Evening] = field(default_factory=list)
    notices: dict[str, int] = field(default_factory=dict)

    def until(self, hour: int, day: int) -> None:
        """Let time pass until an hour of the n-th day (in UTC, whose midnight is 8 o'clock here)."""
        self.hours.at = OPENS_AT + timedelta(days=day - 1, hours=hour)
        self.notices = self.gateway.set_clock(self.hours.at)

    def send_all(self) -> None:
        """Send all that is due: first what the trust book has to hold, then the instructions."""
        self.keep(self.hours.at)
        while True:
            sent = send_due(gateway=self.gateway, at=self.hours.at)
            ensure(sent.refused == 0 and sent.later == 0, "the sandbox took an instruction")
            if not sent.accepted:
                return

    def evening(self, day: int) -> None:
        """Take the statement of the n-th day, and note what is open after it."""
        on = OPENS_DATE + timedelta(days=day - 1)
        data = self.gateway.statement(on)
        listed = read(data, "sandbox")
        digest = sha256(data).hexdigest()
        taken = take_statement(listed=listed, name=on.isoformat(), file_hash=digest, by=BY, at=self.hours.at)
        ensure(taken.gap_fen == 0, "the lines of all statements add up to the balance they name")
        self.note(f"statement of {on}", taken.lines, taken.orders, taken.confirmed_fen)

    def note(self, when: str, lines: int, orders: int, fen: int) -> None:
        """Note how books and statements stand."""
        cases = {difference: count for (difference, state), count in reconciling.counts().items() if state == "open"}
        self.evenings.append(Evening(when, lines, orders, fen, cases, reconciling.tie()))


def drawn_baskets(*, payments: int, seed: int) -> list[Basket]:
    """Return what payers buy, drawn from a seed: 1 to 500 yuan, paid in cash."""
    chance = Random(seed)  # a printed seed, no secret  # nosec B311
    return [
        Basket(
            merchant=f"shop-{chance.randrange(MERCHANTS)}",
            order_no=f"p{number}",
            member=f"member-{chance.randrange(MEMBERS)}",
            cash_fen=chance.randint(100, 50_000),
        )
        for number in range(payments)
    ]


def open_alliance(at: datetime) -> None:
    """Publish rules and enrol shops and members in an empty database.

    :raises Refusal: there are rules already.
    """
    if rulings():
        message = say("This database has rules and perhaps orders already. A trial needs an empty one of its own.")
        raise Refusal("trial.database", message)
    document = preset_document("steady", opens_date=OPENS_DATE, cycle_days=7)
    publish_rules(document=document, effective_at=at - timedelta(hours=8), by=BY, at=at)
    shops = [
        MerchantForm(ref=f"shop-{number}", city=CITY, enrolled_at=at, rate_ppm=100_000) for number in range(MERCHANTS)
    ]
    enrol_merchants(forms=shops, at=at)
    members = [MemberForm(ref=f"member-{number}", city=CITY, enrolled_at=at) for number in range(MEMBERS)]
    enrol_members(forms=members, at=at)


def live(trial: Trial) -> None:
    """Live through four days: sell on two of them, hear late and ask, pay out, and be charged back."""
    open_alliance(trial.hours.at)
    most = len(trial.baskets) * 2 // 3
    _sell(trial, trial.baskets[:most], day=1)
    trial.until(17, day=1)
    trial.evening(1)
    trial.send_all()
    _sell(trial, trial.baskets[most:], day=2)
    # What was said late or wrongly, or never, is heard or asked about; then tills report those orders too.
    trial.until(9, day=2)
    ask_silent(gateway=trial.gateway, at=trial.hours.at)
    ring_up(trial.baskets, at=trial.hours.at)
    trial.until(10, day=2)
    again = compare_again(at=trial.hours.at)
    trial.note("asked about silent ones", 0, again.orders, again.confirmed_fen)
    trial.send_all()
    trial.until(17, day=2)
    trial.evening(2)
    # Merchants are paid, and some payers' banks take payments back.
    _pay(trial, day=3)
    trial.until(17, day=3)
    trial.evening(3)
    _book(trial)
    trial.until(17, day=4)
    trial.evening(4)
    _book(trial)


def _sell(trial: Trial, baskets: Sequence[Basket], *, day: int) -> None:
    """Ask payers for their money in the first hour of a day, and ring up whose payment is said to be made."""
    for first in range(0, len(baskets), BATCH):
        part = baskets[first : first + BATCH]
        bills = [Bill(each.merchant, each.order_no, each.cash_fen) for each in part]
        collect(bills=bills, at=trial.hours.at)
    trial.send_all()
    trial.until(1, day=day)
    ring_up(trial.baskets, at=trial.hours.at)


def _pay(trial: Trial, *, day: int) -> None:
    """Pay merchants for the first day, of which something is left for refunds: what was paid on the second."""
    trial.until(1, day=day)
    pay_out(business_date=OPENS_DATE + timedelta(days=day - 2), at=trial.hours.at)
    trial.send_all()


def _book(trial: Trial) -> None:
    booked = book_charged_back(at=trial.hours.at)
    ensure(not booked.pending and not booked.refused, "every chargeback of the trial can be booked")
    trial.keep(trial.hours.at)
    again = compare_again(at=trial.hours.at)
    trial.note("booked chargebacks", 0, again.orders, again.confirmed_fen)
