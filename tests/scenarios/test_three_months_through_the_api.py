"""Thirteen weeks of two shops and five members through the API, each fen worked out beside the line that checks it.

Weekly cycles; an order vests once its refund window of 7 days has passed. A point releases 1 % a cycle and ends at 5 %;
half of a pool's surplus is a dividend when its inflow grows by more than 15 %. Red points release 2.5 %. Drawn vouchers
are good for 14 days. Day 1 is a Monday; cycle n is cut off as day 7n + 1 begins. The grocer concedes 10 %, the baker
20 %. Ann brought Ben, Ben brought Cai; Dan and Eve came by themselves.

Everybody calls with the product's own client. Rules, rates and keys are proposed by one person and approved by another;
an app enrols members, tills take, quote and refund, members draw and look, finance confirms cash, pays and takes a
deposit, an operator settles. What nobody asks for is the clock's: each morning it lets vouchers expire, moves the
platform's fee, and proves the books.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command

from greenloop.config import clock
from greenloop.core.money import SCALE
from greenloop_client import Client, ProblemError
from tests.support.calling import ALL_SCOPES, by_client
from tests.support.databases import Database
from tests.support.looking import looker_of, staff_of
from tests.support.town import CALENDAR, OPENING_AT, plain_rules

if TYPE_CHECKING:
    from greenloop_client import models

STAFF = ("operator", "finance", "marketing", "auditor")
CITY = "Hangzhou"
DAY = timedelta(days=1)
MORNING_AT = OPENING_AT + timedelta(hours=8, minutes=30)


@dataclass(slots=True)
class Quarter:
    """Who calls, and what was written down on the way: orders by name, wallets by instant."""

    at: datetime
    staff: dict[str, Client]
    tills: dict[str, Client] = field(default_factory=dict)
    people: dict[str, Client] = field(default_factory=dict)
    orders: dict[str, str] = field(default_factory=dict)
    kept: list[tuple[datetime, str, Any]] = field(default_factory=list)

    def day(self, day: int) -> "Quarter":
        """Go to noon of the n-th day."""
        return self.go(OPENING_AT + timedelta(days=day - 1, hours=12))

    def go(self, at: datetime) -> "Quarter":
        """Let time pass. Each morning at half past eight the clock does what is due, which paying out isn't yet."""
        for days in range((self.at - MORNING_AT) // DAY + 1, (at - MORNING_AT) // DAY + 1):
            self.at = MORNING_AT + days * DAY
            clock.tick(holder="clock")
        self.at = at
        return self

    def approve(self, proposal_id: str, by: str = "finance") -> "models.DecidedOut":
        """Let finance, or another, look at what somebody else proposed, and approve that."""
        decider = self.staff[by]
        return decider.approve_proposal(proposal_id, {"sha256": decider.read_proposal(proposal_id)["sha256"]})

    def key(self, name: str, *merchants: str, signs: bool = False) -> Client:
        """Register a client and give it a key that finance approves; return what calls with it."""
        operator = self.staff["operator"]
        named: models.ClientIn = {
            "name": name,
            "kind": "merchant" if merchants else "partner",
            "merchants": list(merchants),
        }
        client = operator.register_client(named)
        asked: models.KeyIn = {"scopes": list(ALL_SCOPES), "must_sign": signs, "reason": "it opens"}
        shown = self.approve(operator.propose_key(client["id"], asked)["id"])["shown"]
        assert shown is not None
        return by_client(shown["token"], signs=signs)

    def buy(self, name: str, member: str, merchant: str, cash_fen: int, **more: Any) -> "models.OrderOut":
        """Take a sale that is delivered, whose cash is on the next statement."""
        told: Any = {"merchant": merchant, "member": member, "order_no": name, "paid_at": self.at.isoformat()}
        order = self.tills[merchant].take_order(told | {"cash_fen": cash_fen, "delivered": True} | more)
        self.orders[name] = order["id"]
        statement: models.BankStatementIn = {"statement": f"bank/{name}", "paid_until_at": self.at.isoformat()}
        assert self.staff["finance"].confirm_cash(statement)["confirmed_fen"] == cash_fen
        return order

    def refund(self, name: str, merchant: str, amount_fen: int) -> "models.RefundShown":
        """Refund a part of an order, after a dry run that comes to the same."""
        till = self.tills[merchant]
        asked: models.RefundIn = {"refund_no": "r-1", "amount_fen": amount_fen}
        tried = till.refund_order(self.orders[name], asked, dry_run=True)
        done = till.refund_order(self.orders[name], asked)
        differing = {"id", "asked_at", "paid_at", "dry_run"}
        assert {k: v for k, v in tried.items() if k not in differing} == {
            k: v for k, v in done.items() if k not in differing
        }
        return done

    def pay_out(self) -> dict[str, int]:
        """Pay merchants out for today; return fen by ref."""
        finance, today = self.staff["finance"], CALENDAR.local_date(self.at).isoformat()
        paid = finance.pay_out({"business_date": today})
        payouts = {each["merchant"]: each["amount_fen"] for each in finance.list_payouts(business_date=today)}
        assert (paid["merchants"], paid["amount_fen"]) == (len(payouts), sum(payouts.values()))
        return payouts

    def settle(self, cycle: int) -> tuple[int, int]:
        """Settle a cycle at its cut-off; return what the green and the red pool issued, in fen."""
        self.go(CALENDAR.cutoff_at(cycle))
        operator = self.staff["operator"]
        assert operator.run_settlement(cycle)["state"] == "posted"
        issued = {each["pool"]: each["issued_fen"] for each in operator.read_settlement(cycle)["pools"]}
        self.look()
        return issued["green"], issued["red"]

    def wallet(self, who: str) -> "models.WalletOut":
        return self.people[who].read_wallet("me")

    def drawable(self, *names: str) -> list[int]:
        return [self.wallet(who)["drawable_fen"] for who in names]

    def look(self) -> None:
        """Write down what everybody has now, to be asked for at the end."""
        self.kept += [(self.at, who, self.wallet(who)["pools"]) for who in self.people]


@pytest.fixture
def quarter(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Quarter]:
    """The platform's people, whom the console has appointed, on a clock of the quarter's own; nothing else is there."""
    from greenloop.api import callers, limits
    from greenloop.api.loop import till, wallet

    call_command("collectstatic", verbosity=0, interactive=False)
    quarter = Quarter(OPENING_AT, {role: staff_of(role).fresh().by_client() for role in STAFF})
    for door in ("greenloop.api.clock.now", "greenloop.config.clock.now"):
        monkeypatch.setattr(door, lambda: quarter.at)
    yield quarter
    till.writer.rest()
    wallet.reader.rest()
    callers.forget()
    limits.forget()


def test_a_quarter_of_two_shops_and_five_members_through_the_api(quarter: Quarter) -> None:
    rules_are_published_a_week_ahead(quarter)
    shops_and_members_are_enrolled(quarter)
    first_week_sells_and_takes_a_part_back(quarter)
    second_week_brings_the_first_points(quarter)
    third_week_releases_the_first_vouchers(quarter)
    fourth_week_spends_and_grows(quarter)
    fifth_week_takes_half_an_order_back(quarter)
    sixth_week_takes_back_what_was_spent(quarter)
    quiet_weeks_reach_the_cap(quarter)
    everything_ties_out(quarter)
    the_books_tie_out(quarter)
    every_wallet_is_remembered(quarter)


def rules_are_published_a_week_ahead(q: Quarter) -> None:
    document = plain_rules(refund_days=7, voucher_days=14)
    document["plans"]["short"] |= {"cap": SCALE // 20}
    document["pools"]["green"] |= {"dividend_share": [1, 2], "dividend_threshold": 15 * SCALE // 100, "window": 1}
    asked: models.RulesIn = {"document": document, "effective_at": OPENING_AT.isoformat(), "reason": "we open"}
    operator = q.staff["operator"]
    q.at = OPENING_AT - timedelta(days=6)
    with pytest.raises(ProblemError, match=r"rules\.notice"):
        operator.propose_rules(asked)
    q.at = OPENING_AT - timedelta(days=8)
    proposed = operator.propose_rules(asked)["id"]
    with pytest.raises(ProblemError, match=r"proposal\.two_people"):
        operator.approve_proposal(proposed, {"sha256": operator.read_proposal(proposed)["sha256"]})
    assert q.approve(proposed)["state"] == "done"
    assert [each["state"] for each in operator.list_rules()] == ["next"]


def shops_and_members_are_enrolled(q: Quarter) -> None:
    q.at = OPENING_AT - timedelta(days=1)
    operator, now = q.staff["operator"], q.at.isoformat()
    operator.enrol_merchant(
        {"ref": "grocer", "city": CITY, "enrolled_at": now, "rate_ppm": 100_000, "shops": ["market street"]}
    )
    operator.enrol_merchant({"ref": "baker", "city": CITY, "enrolled_at": now, "rate_ppm": 150_000})
    # The baker would rather concede 20 % from the opening on.
    card: models.RateIn = {"rate_ppm": 200_000, "valid_from_at": OPENING_AT.isoformat(), "reason": "agreed"}
    q.approve(q.staff["marketing"].propose_rate("baker", card)["id"])
    assert [each["rate_ppm"] for each in operator.list_rates("baker")["rates"]] == [200_000, 150_000]
    q.tills = {"grocer": q.key("tills of the grocer", "grocer"), "baker": q.key("the baker's", "baker", signs=True)}
    q.tills["grocer"].add_shop("grocer", {"ref": "by the lake"})
    brought = {"ann": None, "ben": "ann", "cai": "ben", "dan": None, "eve": None}
    members: list[models.MemberIn] = [
        {"ref": ref, "city": CITY, "enrolled_at": now, "referrer": referrer} for ref, referrer in brought.items()
    ]
    enrolled = q.key("app").enrol_members({"members": members})["members"]
    q.people = {each["ref"]: looker_of(int(each["account_id"])).by_client() for each in enrolled}
    assert {who: each.read_me()["member"] for who, each in q.people.items()} == {who: who for who in brought}


def first_week_sells_and_takes_a_part_back(q: Quarter) -> None:
    q.day(1)
    assert q.buy("ann", "ann", "grocer", 200_000, shop="by the lake")["concession_fen"] == 20_000
    assert q.buy("ben", "ben", "baker", 50_000)["concession_fen"] == 10_000
    # T+1: 200 000 − 20 000 and 50 000 − 10 000.
    assert q.day(2).pay_out() == {"grocer": 180_000, "baker": 40_000}
    q.day(3)
    assert q.buy("cai", "cai", "grocer", 30_000, delivered=False)["member_points"] == 3_000
    assert q.tills["grocer"].confirm_order(q.orders["cai"])["delivered"]
    q.day(5)
    # Before vesting: of 100 yuan that go back 10 had been conceded, so the grocer's dues pay 90.
    back = q.refund("cai", "grocer", 10_000)
    assert (back["cash_fen"], back["concession_lost_fen"], back["dues_fen"]) == (10_000, 1_000, 9_000)
    assert q.day(6).pay_out() == {"grocer": 27_000 - 9_000}
    assert q.settle(1) == (0, 0)
    assert q.wallet("ann")["pools"] == []


def second_week_brings_the_first_points(q: Quarter) -> None:
    q.day(9)
    q.buy("dan", "dan", "grocer", 110_000)  # concession 11 000
    assert q.day(10).pay_out() == {"grocer": 99_000}
    assert q.settle(2) == (0, 0)
    # 20 000 + 10 000 + 2 000 have vested: the pool got 60 %, and 8 % of Ben's for Ann, of Cai's for Ben.
    pools = {each["name"]: each["free_fen"] for each in q.tills["grocer"].list_pools()}
    assert pools == {"green": 19_200, "red": 800 + 160}
    ann = q.wallet("ann")
    assert ([each["points"] for each in ann["pools"]], ann["coupon_fen"]) == ([20_000, 800], 1_400)


def third_week_releases_the_first_vouchers(q: Quarter) -> None:
    q.day(16)
    q.buy("eve", "eve", "baker", 91_250)  # concession 18 250
    assert q.day(17).pay_out() == {"baker": 73_000}
    # 1 % of 64 000 points, 2.5 % of 960.
    assert q.settle(3) == (640, 24)
    assert q.drawable("ann", "ben", "cai", "dan", "eve") == [200 + 20, 100 + 4, 20, 0, 0]


def fourth_week_spends_and_grows(q: Quarter) -> None:
    q.day(22)
    asked: models.QuoteIn = {"merchant": "baker", "member": "ann", "price_fen": 10_150, "use_coupons": False}
    quoted = q.tills["baker"].quote_order(asked)
    # Ann could pay 220 by vouchers and 1 400 by coupons. She pays 150, and 20 % of the 10 000 of cash are conceded.
    assert (quoted["voucher_max_fen"], quoted["coupon_max_fen"], quoted["voucher_fen"]) == (220, 1_400, 220)
    assert q.buy("ann2", "ann", "baker", 10_000, voucher_fen=150)["concession_fen"] == 2_000
    assert q.people["ben"].draw("me", {"pool": "green"})["drawn_fen"] == 100
    q.buy("cai2", "cai", "grocer", 50_000)  # concession 5 000
    assert q.day(23).pay_out() == {"baker": 8_000 + 150, "grocer": 45_000}
    q.buy("late", "dan", "grocer", 10_000, delivered=False)  # concession 1 000, dues 9 000; never delivered
    # Vested, not released yet: the grocer bears all of it, and brings 3 000 because 9 000 of dues are not enough.
    assert q.refund("dan", "grocer", 10_000)["state"] == "pending"
    # Asked for once more, the day's payout is what it was.
    assert q.pay_out() == {"baker": 8_000 + 150, "grocer": 45_000}
    brought: models.DepositIn = {"merchant": "grocer", "deposit_no": "d-1", "amount_fen": 3_000, "reason": "bank/d-1"}
    q.approve(q.staff["finance"].propose_deposit(brought)["id"], by="operator")
    # Dan's coupon falls from 770 to 700.
    back = q.refund("dan", "grocer", 10_000)
    assert (back["dues_fen"], back["member_points_lost"], back["merchant_points_lost"]) == (10_000, 1_000, 1_000)
    assert q.wallet("dan")["points"] == 10_000
    assert q.day(24).pay_out() == {"grocer": 9_000 + 3_000 - 10_000}
    # 1 % of 64 000 and of 20 000 points: 840. 60 % of 11 000, 6 600, came in the cycle before, and 60 % of Eve's
    # 18 250, 10 950, in this one: 10 950 − 6 600 − 15 % of it, 990, is 3 360. Half of that, 1 680, over 84 000 points
    # is 2 % more.
    assert q.settle(4) == (840 + 1_680, 24)
    indices = {row["entry_cycle"]: row["index"] for who in ("ann", "dan") for row in green(q, who)}
    assert indices[2] == str(4 * SCALE // 100)
    assert indices[3] == str(3 * SCALE // 100)


def fifth_week_takes_half_an_order_back(q: Quarter) -> None:
    q.day(29)
    q.buy("dan2", "dan", "grocer", 150_000)  # concession 15 000, dues 135 000
    q.day(30)
    # After release. Lots of Ann and the grocer lose 10 000 points each, which had released 4 %: 800 return. Ann has
    # claimed 150 of the 400 that are left to her; her coupon falls from 1 400 to 700.
    free_fen = pool(q)["free_fen"]
    back = q.refund("ann", "grocer", 100_000)
    assert (back["cash_fen"], back["withheld_fen"], back["dues_fen"]) == (100_000, 0, 100_000)
    assert pool(q)["free_fen"] - free_fen == 800
    # 10 000 × 4 % less 150; 800 red points × 2.5 %, twice.
    assert (q.drawable("ann"), q.wallet("ann")["coupon_fen"]) == ([250 + 40], 700)
    assert q.day(31).pay_out() == {"grocer": 135_000 - 100_000}
    # 44 000 points end at 5 % with 1 % more; 20 000 and Eve's and the baker's 36 500 get 1 %.
    assert q.settle(5) == (440 + 200 + 365, 24)


def sixth_week_takes_back_what_was_spent(q: Quarter) -> None:
    q.day(36)
    assert q.wallet("eve")["drawable_fen"] == 182  # 1 % of 18 250, rounded down
    assert q.buy("eve2", "eve", "grocer", 0, voucher_fen=182)["concession_fen"] == 0
    assert q.day(37).pay_out() == {"grocer": 182}
    # Ben never spent what he drew on day 22, and its 14 days are over.
    assert json.loads(next(q.staff["auditor"].list_runs(task="expire"))["outcome"]) == {
        "voucher_fen": 100,
        "coupon_fen": 0,
    }
    assert (q.wallet("ben")["expired_fen"], q.wallet("ben")["unspent_fen"]) == (100, 0)
    q.buy("dan3", "dan", "baker", 100_000)  # concession 20 000, dues 80 000
    q.day(38)
    # Half of Eve's order: 9 125 points stay with her, which have released 91.25. Of the 182 that she has spent 91 are
    # kept back from her cash. Her coupon of 1 277 falls to 7 % of 9 125: 638.
    back = q.refund("eve", "baker", 45_625)
    assert (back["cash_fen"], back["withheld_fen"], back["concession_lost_fen"]) == (45_625, 91, 9_125)
    eve = q.wallet("eve")
    assert (eve["points"], eve["released_fen"], eve["drawable_fen"], eve["coupon_fen"]) == (9_125, 91, 0, 638)
    assert q.day(39).pay_out() == {"baker": 80_000 - 45_625}
    # Dan's 15 000 put 9 000 into the pool, after 4 200 (60 % of Ann's 2 000 and Cai's 5 000): 9 000 − 4 200 − 630 =
    # 4 170, and half is to be shared by 18 250 and 14 000 points: more than they can take. They end at 5 %, from 1 %
    # and from 0; 20 000 points end with the last 1 %. Red: 24, and 2.5 % of the 400 that Cai's second order gave Ben.
    assert q.settle(6) == (200 + 730 + 700, 24 + 10)


def quiet_weeks_reach_the_cap(q: Quarter) -> None:
    # Dan's 20 000 put 12 000 into the pool after 9 000: half of 12 000 − 9 000 − 1 350, 825, over the 30 000 points of
    # cycle 6 is 2.75 %, beside their 1 %.
    assert q.settle(7) == (300 + 825, 34)
    # 1 % of 30 000 and of 40 000; then what is missing to 5 %: 0.25 % of 30 000; then 40 000 alone, to 5 % in cycle 12.
    issued = [q.settle(cycle) for cycle in range(8, 14)]
    assert issued == [(300 + 400, 34), (75 + 400, 34), (400, 34), (400, 34), (400, 34), (0, 34)]


def everything_ties_out(q: Quarter) -> None:
    assert {who: q.wallet(who)["released_fen"] for who in q.people} == {
        "ann": 500 + 100 + 220,  # 5 % of 10 000 and of 2 000; 800 × 2.5 % × 11
        "ben": 500 + 44 + 80,  # 5 % of 10 000; 160 × 2.5 % × 11 and 400 × 2.5 % × 8, one floor
        "cai": 100 + 250,  # 5 % of 2 000 and of 5 000
        "dan": 500 + 750 + 1_000,  # 5 % of 10 000, 15 000 and 20 000
        "eve": 456,  # 5 % of 9 125
    }
    # Claimed: Ann 150, Ben 100, Eve 182 − 91.
    assert q.drawable("ann", "ben", "cai", "dan", "eve") == [820 - 150, 624 - 100, 350, 2_250, 456 - 91]
    assert {row["index"] for who in q.people for row in green(q, who)} == {str(SCALE // 20)}
    # Paid in: 19 200 + 6 600 + 10 950 + 4 200 + 9 000 + 12 000 = 61 950. Backing: 5 % of 166 250 points, rounded up.
    # Ben's 100 that expired are free again. Owed: the backing, less 150 + 182 spent and 100 expired, and the 91 that
    # Eve's cash gave back.
    found = pool(q)
    assert (found["free_fen"], found["voucher_fen"]) == (61_950 - 8_313 + 100, 0)
    assert found["accrued_fen"] == 8_313 - 150 - 182 - 100 + 91
    # Red: 1 360 paid in; 24 eleven times and 10 eight times.
    assert pool(q, "red")["free_fen"] == 1_360 - 264 - 80
    last = list(q.people["ann"].list_movements("me"))
    assert [(each["kind"], each["amount_fen"], each["order_no"]) for each in last] == [
        ("spend", 150, "ann2"),
        ("draw", 150, "ann2"),
    ]


def the_books_tie_out(q: Quarter) -> None:
    q.day(92)
    finance, auditor = q.staff["finance"], q.staff["auditor"]
    paid_fen = 180_000 + 40_000 + 18_000 + 99_000 + 73_000 + 8_150 + 45_000 + 2_000 + 35_000 + 182 + 34_375
    assert sum(each["amount_fen"] for each in finance.list_payouts()) == paid_fen
    # 20 % of what was conceded as it entered: 32 000, 11 000, 18 250, 7 000, 15 000 and 20 000.
    fees = {2: 6_400, 3: 2_200, 4: 3_650, 5: 1_400, 6: 3_000, 7: 4_000}
    assert {each["cycle"]: each["amount_fen"] for each in finance.list_fees()} == fees
    assert finance.reconcile()["differences"] == []
    # Each morning of 92 days, and not once broken.
    assert [each["broken"] for each in auditor.list_checks()] == [[]] * 92


def every_wallet_is_remembered(q: Quarter) -> None:
    assert len(q.kept) == 13 * 5
    for at, who, pools in q.kept:
        assert q.people[who].read_wallet("me", at=at.isoformat())["pools"] == pools, (at, who)


def green(q: Quarter, who: str) -> list["models.PositionOut"]:
    return [row for row in q.people[who].read_positions("me")["positions"] if not row["is_red"]]


def pool(q: Quarter, name: str = "green") -> "models.PoolOut":
    return q.tills["grocer"].read_pool(name)
