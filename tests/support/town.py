"""A small alliance to test with: two merchants, three members, plain rules whose arithmetic fits on a slip of paper.

Under the plain rules a lot of 100 points releases 1 voucher a cycle, 30 times; red points release 2.5 % a cycle, 40
times. There is no dividend and no refund window, so a delivered, confirmed order of a cycle vests at its end.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from greenloop.core.cycle import Calendar
from greenloop.core.loop.presets import preset_document
from greenloop.core.money import SCALE
from greenloop.services.books import fees, grants, payout
from greenloop.services.loop import confirm, draw, expire, refund, settle, take, vest
from greenloop.services.loop.claiming import Held
from greenloop.services.loop.refund import RefundForm
from greenloop.services.loop.rules import publish_rules
from greenloop.services.loop.settle import Run
from greenloop.services.loop.take import Sale, Taking
from greenloop.services.loop.vest import Vesting
from greenloop.services.people.enrol import MemberForm, MerchantForm, enrol_members, enrol_merchants
from greenloop.store import sql
from greenloop.store.queries.wallets import purses_of
from tests.support.ledger import balances

OPENS_DATE = date(2026, 1, 5)
CALENDAR = Calendar(OPENS_DATE, 480, 7)
OPENING_AT = CALENDAR.midnight_at(OPENS_DATE)

Document = dict[str, Any]


def plain_rules(*, cycle_days: int = 7, **changes: object) -> Document:
    """Return the plain rules' document, with keys replaced by `changes`."""
    document: Document = preset_document("short", opens_date=OPENS_DATE, cycle_days=cycle_days)
    document["plans"]["short"] |= {"cycles": 30, "r0": SCALE // 100}
    document["plans"]["red"] |= {"cycles": 40, "r0": SCALE // 40}
    document["pools"]["green"] |= {"dividend_share": [0, 1]}
    return document | {"refund_days": 0} | changes


@dataclass(frozen=True, slots=True)
class Holding:
    """One wallet as its holder sees it, in fen."""

    accrued_fen: int
    claimed_fen: int
    voucher_fen: int
    redeemed_fen: int
    expired_fen: int
    debt_fen: int

    @property
    def claimable_fen(self) -> int:
        return self.accrued_fen - self.claimed_fen


@dataclass(slots=True)
class Town:
    """The alliance with a clock of its own. Order numbers count from 1, statements too."""

    at: datetime
    calendar: Calendar
    ids: dict[str, int] = field(default_factory=dict)
    merchants: dict[str, int] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 1_000_000)))

    # --- time

    def day(self, day: int, hour: int = 12) -> "Town":
        """Set the clock to an hour of the n-th local day since the opening, which is day 1."""
        self.at = self.instant(day, hour)
        return self

    def instant(self, day: int, hour: int = 12) -> datetime:
        return OPENING_AT + timedelta(days=day - 1, hours=hour)

    def later(self, **by: int) -> "Town":
        self.at += timedelta(**by)
        return self

    # --- people

    def merchant(self, ref: str, **facts: Any) -> int:
        told: dict[str, Any] = {"city": "Hangzhou", "enrolled_at": OPENING_AT, "rate_ppm": 100_000} | facts
        self.merchants |= enrol_merchants(forms=[MerchantForm(ref=ref, **told)], at=OPENING_AT)
        self.ids[ref] = self.merchants[ref]
        return self.ids[ref]

    def member(self, ref: str, **facts: Any) -> int:
        told: dict[str, Any] = {"city": "Hangzhou", "enrolled_at": OPENING_AT} | facts
        self.ids |= enrol_members(forms=[MemberForm(ref=ref, **told)], at=OPENING_AT)
        return self.ids[ref]

    # --- the loop's verbs

    def sale(self, member: str, merchant: str, cash_fen: int = 0, **facts: Any) -> Sale:
        number = {} if "order_no" in facts else {"order_no": str(next(self.numbers))}
        told: dict[str, Any] = {"paid_at": self.at, "delivered": True} | number | facts
        return Sale(merchant=merchant, member=member, cash_fen=cash_fen, **told)

    def take(self, *sales: Sale) -> Taking:
        return take.take(sales=sales, at=self.at)

    def sell(self, member: str, merchant: str, cash_fen: int = 0, **facts: Any) -> int:
        """Take one sale, raise if it is refused, confirm its cash unless told not to; return the order's id."""
        confirmed = facts.pop("confirmed", True)
        taking = self.take(self.sale(member, merchant, cash_fen, **facts))
        for refusal in taking.refusals.values():
            raise refusal
        order = taking.order_ids[0]
        assert order is not None
        if confirmed:
            self.confirm([order])
        return order

    def confirm(self, orders: Collection[int] | None = None) -> int:
        """Confirm the cash of orders, or of all that were paid until now."""
        paid_until_at = self.at if orders is None else None
        statement = f"statement-{next(self.numbers)}"
        return confirm.confirm_cash(statement=statement, at=self.at, order_ids=orders, paid_until_at=paid_until_at)

    def deliver(self, *orders: int) -> int:
        return confirm.confirm_delivery(at=self.at, order_ids=orders)

    def vest(self, cycle: int) -> Vesting:
        """Move the clock to the cycle's end, if it isn't there yet, and vest."""
        self.at = max(self.at, self.calendar.cutoff_at(cycle))
        return vest.vest(cycle=cycle, at=self.at)

    def close(self, cycle: int) -> Run:
        """Move the clock to the cycle's end, vest and settle."""
        self.vest(cycle)
        return settle.settle(cycle=cycle, at=self.at)

    def close_all(self, cycles: Iterable[int]) -> None:
        for cycle in cycles:
            self.close(cycle)

    def draw(self, ref: str, amount_fen: int | None = None, *, pool: str = "green") -> int:
        drawn = self.ask(ref, amount_fen, pool=pool)
        assert isinstance(drawn, int)
        return drawn

    def ask(self, ref: str, amount_fen: int | None = None, *, pool: str = "green") -> int | Held:
        """Draw what may be held for a second person."""
        return draw.draw(account_id=self.ids[ref], pool=pool, at=self.at, amount_fen=amount_fen)

    def expire(self) -> expire.Expiry:
        return expire.expire(at=self.at)

    def refund(self, order: int, amount_fen: int, no: str | None = None) -> str | None:
        """Refund part of an order's price, raise if that is refused, and return its state."""
        merchant, order_no = sql.rows(_ORDER_KEY, [order])[0]
        form = RefundForm(merchant, order_no, no or f"r{next(self.numbers)}", amount_fen)
        done = refund.refund(forms=[form], at=self.at)
        for refusal in done.refusals.values():
            raise refusal
        return done.states[0]

    # --- the books' verbs

    def pay_out(self, on: date | None = None) -> dict[str, int]:
        """Pay merchants out for a business date, today's unless told; return fen by ref."""
        paid = payout.pay_out(business_date=on or self.today(), at=self.at)
        names = {number: ref for ref, number in self.merchants.items()}
        return {names[merchant]: fen for merchant, fen in paid.items()}

    def deposit(self, merchant: str, amount_fen: int, no: str = "d1") -> int:
        return payout.deposit(merchant=merchant, deposit_no=no, amount_fen=amount_fen, at=self.at)

    def transfer_fees(self, cycle: int) -> int:
        return fees.transfer_fees(cycle=cycle, at=self.at)

    def grant(self, amount_fen: int, rebate_fen: int, ref: str = "welcome") -> None:
        grants.propose_grant(ref=ref, amount_fen=amount_fen, rebate_fen=rebate_fen, by="marketing", at=self.at)
        grants.approve_grant(ref=ref, by="finance", at=self.at)

    # --- looking

    def today(self) -> date:
        return self.calendar.local_date(self.at)

    def wallet(self, ref: str, pool: str = "green") -> Holding:
        """Return a wallet; one that doesn't exist is empty."""
        number = sql.value("SELECT id FROM pool WHERE name = %s", [pool])
        for purse in purses_of([self.ids[ref]]).get(self.ids[ref], ()):
            if purse.pool_id == number:
                kept = purse.wallet
                held = (kept.claimed_fen, kept.voucher_fen, kept.redeemed_fen, kept.expired_fen)
                return Holding(purse.accrued_fen, *held, purse.debt_fen)
        return Holding(0, 0, 0, 0, 0, 0)

    def points(self, ref: str, pool: str = "green") -> int:
        return int(sql.value(_POINTS, [self.ids[ref], pool]) or 0)

    def coupons(self, ref: str) -> int:
        return int(sql.value("SELECT SUM(left_fen) FROM coupon WHERE account_id = %s", [self.ids[ref]]) or 0)


_POINTS = """
    SELECT SUM(p.points) FROM position p JOIN cohort c ON c.id = p.cohort_id JOIN pool o ON o.id = c.pool_id
    WHERE p.account_id = %s AND o.name = %s
"""
_ORDER_KEY = "SELECT m.ref, o.order_no FROM orders o JOIN merchant m ON m.id = o.merchant_id WHERE o.id = %s"


def found_town(document: Mapping[str, object] | None = None) -> Town:
    """Publish rules (the plain ones, unless told) and enrol a grocer at 10 %, a baker at 20 %, Mei, Lin and Bo.

    Mei brought Lin, and Lin brought Bo.
    """
    rules = plain_rules() if document is None else dict(document)
    days = rules["calendar"]["cycle_days"]  # type: ignore[index]  # the document of plain_rules
    town = Town(at=OPENING_AT, calendar=replace(CALENDAR, cycle_days=days))
    publish_rules(document=rules, effective_at=OPENING_AT, by="rules", at=OPENING_AT - timedelta(days=8))
    town.member("mei")
    town.member("lin", referrer="mei")
    town.member("bo", referrer="lin")
    town.merchant("grocer", rate_ppm=100_000)
    town.merchant("baker", rate_ppm=200_000)
    return town.day(1)


@contextmanager
def ledger_moves() -> Iterator[dict[str, int]]:
    """Yield a dict that is filled, at the end, with the fen by which each control account's balance has moved."""
    moved: dict[str, int] = {}
    before = balances()
    yield moved
    after = balances()
    moved |= {name: fen - before.get(name, 0) for name, fen in after.items() if fen != before.get(name, 0)}
