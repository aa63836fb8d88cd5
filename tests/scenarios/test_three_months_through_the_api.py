"""Thirteen weeks of two shops and five members through the API, each fen worked out beside the line that checks it.

Weekly cycles; an order vests once its refund window of 7 days has passed. A point releases 1 % a cycle and ends at 5 %;
half of a pool's surplus is a dividend when its inflow grows by more than 15 %. Red points release 2.5 %. Drawn vouchers
are good for 14 days. Day 1 is a Monday; cycle n is cut off as day 7n + 1 begins. The grocer concedes 10 %, the baker
20 %. Ann brought Ben, Ben brought Cai; Dan and Eve came by themselves.

Tills take, quote and refund; members draw and look; an operator settles. The bank's statements, payouts, expiry and
the platform's fee are the clock's own work.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from django.core.management import call_command

from greenloop.core.money import SCALE
from tests.support.calling import Caller, till_of
from tests.support.databases import Database
from tests.support.ledger import fetch
from tests.support.looking import Looker, looker_of, staff_of
from tests.support.town import Town, found_town, plain_rules


@dataclass(slots=True)
class Quarter:
    """Who calls, and what was written down on the way: orders by name, wallets by instant."""

    town: Town
    operator: Looker
    tills: dict[str, Caller]
    people: dict[str, Looker]
    orders: dict[str, str] = field(default_factory=dict)
    kept: list[tuple[datetime, str, Any]] = field(default_factory=list)

    def buy(self, name: str, member: str, merchant: str, cash_fen: int, **more: Any) -> dict[str, Any]:
        """Take a sale that is delivered, whose cash is on the next statement."""
        told = {"merchant": merchant, "member": member, "order_no": name, "paid_at": self.town.at.isoformat()}
        answer = self.tills[merchant].post("/v1/orders", told | {"cash_fen": cash_fen, "delivered": True} | more)
        assert answer.status == 201, answer.body
        self.orders[name] = answer.json["id"]
        self.town.confirm()
        return dict(answer.json)

    def refund(self, name: str, merchant: str, amount_fen: int) -> dict[str, Any]:
        """Refund a part of an order, after a dry run that comes to the same."""
        path, asked = f"/v1/orders/{self.orders[name]}/refunds", {"refund_no": "r-1", "amount_fen": amount_fen}
        tried = self.tills[merchant].post(f"{path}?dry_run=true", asked).json
        answer = self.tills[merchant].post(path, asked)
        assert answer.status == 201, answer.body
        differing = {"id", "asked_at", "paid_at", "dry_run"}
        assert {k: v for k, v in tried.items() if k not in differing} == {
            k: v for k, v in answer.json.items() if k not in differing
        }
        return dict(answer.json)

    def settle(self, cycle: int) -> tuple[int, int]:
        """Settle a cycle at its cut-off; return what the green and the red pool issued, in fen."""
        self.town.at = self.town.calendar.cutoff_at(cycle)
        answer = self.operator.post(f"/v1/settlements/{cycle}/run", idempotency_key=f"settle-{cycle}")
        assert (answer.status, answer.json["state"]) == (200, "posted"), answer.body
        issued = {
            each["pool"]: each["issued_fen"] for each in self.operator.get(f"/v1/settlements/{cycle}").json["pools"]
        }
        self.look()
        return issued["green"], issued["red"]

    def wallet(self, who: str) -> dict[str, Any]:
        return dict(self.people[who].get("/v1/wallets/me").json)

    def drawable(self, *names: str) -> list[int]:
        return [self.wallet(who)["drawable_fen"] for who in names]

    def look(self) -> None:
        """Write down what everybody has now, to be asked for at the end."""
        self.kept += [(self.town.at, who, self.wallet(who)["pools"]) for who in self.people]


@pytest.fixture
def quarter(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Quarter]:
    from greenloop.api import callers, limits
    from greenloop.api.loop import till, wallet

    call_command("collectstatic", verbosity=0, interactive=False)
    document = plain_rules(refund_days=7, voucher_days=14)
    document["plans"]["short"] |= {"cap": SCALE // 20}
    document["pools"]["green"] |= {"dividend_share": [1, 2], "dividend_threshold": 15 * SCALE // 100, "window": 1}
    town = found_town(document)
    for ref, referrer in (("ann", None), ("ben", "ann"), ("cai", "ben"), ("dan", None), ("eve", None)):
        town.member(ref, referrer=referrer)
    monkeypatch.setattr("greenloop.api.clock.now", lambda: town.at)
    people = {ref: looker_of(town.ids[ref]) for ref in ("ann", "ben", "cai", "dan", "eve")}
    yield Quarter(town, staff_of("operator"), {ref: till_of(ref) for ref in ("grocer", "baker")}, people)
    till.writer.rest()
    wallet.reader.rest()
    callers.forget()
    limits.forget()


def test_a_quarter_of_two_shops_and_five_members_through_the_api(quarter: Quarter) -> None:
    first_week_sells_and_takes_a_part_back(quarter)
    second_week_brings_the_first_points(quarter)
    third_week_releases_the_first_vouchers(quarter)
    fourth_week_spends_and_grows(quarter)
    fifth_week_takes_half_an_order_back(quarter)
    sixth_week_takes_back_what_was_spent(quarter)
    quiet_weeks_reach_the_cap(quarter)
    everything_ties_out(quarter)
    every_wallet_is_remembered(quarter)


def first_week_sells_and_takes_a_part_back(q: Quarter) -> None:
    q.town.day(1)
    assert q.buy("ann", "ann", "grocer", 200_000)["concession_fen"] == 20_000
    assert q.buy("ben", "ben", "baker", 50_000)["concession_fen"] == 10_000
    # T+1: 200 000 − 20 000 and 50 000 − 10 000.
    assert q.town.day(2).pay_out() == {"grocer": 180_000, "baker": 40_000}
    q.town.day(3)
    assert q.buy("cai", "cai", "grocer", 30_000)["member_points"] == 3_000
    q.town.day(5)
    # Before vesting: of 100 yuan that go back 10 had been conceded, so the grocer's dues pay 90.
    back = q.refund("cai", "grocer", 10_000)
    assert (back["cash_fen"], back["concession_lost_fen"], back["dues_fen"]) == (10_000, 1_000, 9_000)
    assert q.town.day(6).pay_out() == {"grocer": 27_000 - 9_000}
    assert q.settle(1) == (0, 0)
    assert q.wallet("ann")["pools"] == []


def second_week_brings_the_first_points(q: Quarter) -> None:
    q.town.day(9)
    q.buy("dan", "dan", "grocer", 110_000)  # concession 11 000
    assert q.town.day(10).pay_out() == {"grocer": 99_000}
    assert q.settle(2) == (0, 0)
    # 20 000 + 10 000 + 2 000 have vested: the pool got 60 %, and 8 % of Ben's for Ann, of Cai's for Ben.
    pools = {each["name"]: each["free_fen"] for each in q.tills["grocer"].get("/v1/pools").json["items"]}
    assert pools == {"green": 19_200, "red": 800 + 160}
    ann = q.wallet("ann")
    assert ([each["points"] for each in ann["pools"]], ann["coupon_fen"]) == ([20_000, 800], 1_400)


def third_week_releases_the_first_vouchers(q: Quarter) -> None:
    q.town.day(16)
    q.buy("eve", "eve", "baker", 91_250)  # concession 18 250
    assert q.town.day(17).pay_out() == {"baker": 73_000}
    # 1 % of 64 000 points, 2.5 % of 960.
    assert q.settle(3) == (640, 24)
    assert q.drawable("ann", "ben", "cai", "dan", "eve") == [200 + 20, 100 + 4, 20, 0, 0]


def fourth_week_spends_and_grows(q: Quarter) -> None:
    q.town.day(22)
    asked = {"merchant": "baker", "member": "ann", "price_fen": 10_150, "use_coupons": False}
    quoted = q.tills["baker"].post("/v1/orders/quote", asked).json
    # Ann could pay 220 by vouchers and 1 400 by coupons. She pays 150, and 20 % of the 10 000 of cash are conceded.
    assert (quoted["voucher_max_fen"], quoted["coupon_max_fen"], quoted["voucher_fen"]) == (220, 1_400, 220)
    assert q.buy("ann2", "ann", "baker", 10_000, voucher_fen=150)["concession_fen"] == 2_000
    drawn = q.people["ben"].post("/v1/wallets/me/draws", {"pool": "green"}, idempotency_key="ben-1").json
    assert drawn["drawn_fen"] == 100
    q.buy("cai2", "cai", "grocer", 50_000)  # concession 5 000
    assert q.town.day(23).pay_out() == {"baker": 8_000 + 150, "grocer": 45_000}
    q.buy("fill", "dan", "grocer", 20_000, delivered=False)  # concession 2 000, dues 18 000; never delivered
    # Vested, not released yet: the grocer bears all of it. Dan's coupon falls from 770 to 700.
    back = q.refund("dan", "grocer", 10_000)
    assert (back["dues_fen"], back["member_points_lost"], back["merchant_points_lost"]) == (10_000, 1_000, 1_000)
    assert q.wallet("dan")["points"] == 10_000
    assert q.town.day(24).pay_out() == {"grocer": 18_000 - 10_000}
    # 1 % of 64 000 and of 20 000 points: 840. 60 % of 11 000, 6 600, came in the cycle before, and 60 % of Eve's
    # 18 250, 10 950, in this one: 10 950 − 6 600 − 15 % of it, 990, is 3 360. Half of that, 1 680, over 84 000 points
    # is 2 % more.
    assert q.settle(4) == (840 + 1_680, 24)
    indices = {row["entry_cycle"]: row["index"] for who in ("ann", "dan") for row in green(q, who)}
    assert indices[2] == str(4 * SCALE // 100)
    assert indices[3] == str(3 * SCALE // 100)


def fifth_week_takes_half_an_order_back(q: Quarter) -> None:
    q.town.day(29)
    q.buy("dan2", "dan", "grocer", 150_000)  # concession 15 000, dues 135 000
    q.town.day(30)
    # After release. Lots of Ann and the grocer lose 10 000 points each, which had released 4 %: 800 return. Ann has
    # claimed 150 of the 400 that are left to her; her coupon falls from 1 400 to 700.
    free_fen = pool(q)["free_fen"]
    back = q.refund("ann", "grocer", 100_000)
    assert (back["cash_fen"], back["withheld_fen"], back["dues_fen"]) == (100_000, 0, 100_000)
    assert pool(q)["free_fen"] - free_fen == 800
    # 10 000 × 4 % less 150; 800 red points × 2.5 %, twice.
    assert (q.drawable("ann"), q.wallet("ann")["coupon_fen"]) == ([250 + 40], 700)
    assert q.town.day(31).pay_out() == {"grocer": 135_000 - 100_000}
    # 44 000 points end at 5 % with 1 % more; 20 000 and Eve's and the baker's 36 500 get 1 %.
    assert q.settle(5) == (440 + 200 + 365, 24)


def sixth_week_takes_back_what_was_spent(q: Quarter) -> None:
    q.town.day(36)
    assert q.wallet("eve")["drawable_fen"] == 182  # 1 % of 18 250, rounded down
    assert q.buy("eve2", "eve", "grocer", 0, voucher_fen=182)["concession_fen"] == 0
    assert q.town.day(37).pay_out() == {"grocer": 182}
    # Ben never spent what he drew on day 22, and its 14 days are over.
    assert q.town.expire().voucher_fen == 100
    assert (q.wallet("ben")["expired_fen"], q.wallet("ben")["unspent_fen"]) == (100, 0)
    q.buy("dan3", "dan", "baker", 100_000)  # concession 20 000, dues 80 000
    q.town.day(38)
    # Half of Eve's order: 9 125 points stay with her, which have released 91.25. Of the 182 that she has spent 91 are
    # kept back from her cash. Her coupon of 1 277 falls to 7 % of 9 125: 638.
    back = q.refund("eve", "baker", 45_625)
    assert (back["cash_fen"], back["withheld_fen"], back["concession_lost_fen"]) == (45_625, 91, 9_125)
    eve = q.wallet("eve")
    assert (eve["points"], eve["released_fen"], eve["drawable_fen"], eve["coupon_fen"]) == (9_125, 91, 0, 638)
    assert q.town.day(39).pay_out() == {"baker": 80_000 - 45_625}
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
    payouts = 180_000 + 40_000 + 18_000 + 99_000 + 73_000 + 8_150 + 45_000 + 8_000 + 35_000 + 182 + 34_375
    assert fetch("SELECT SUM(amount_fen) FROM payout") == [(payouts,)]
    last = q.people["ann"].get("/v1/wallets/me/movements").json["items"]
    assert [(each["kind"], each["amount_fen"], each["order_no"]) for each in last] == [
        ("spend", 150, "ann2"),
        ("draw", 150, "ann2"),
    ]


def every_wallet_is_remembered(q: Quarter) -> None:
    assert len(q.kept) == 13 * 5
    for at, who, pools in q.kept:
        instant = at.isoformat().replace("+", "%2B")
        assert q.people[who].get(f"/v1/wallets/me?at={instant}").json["pools"] == pools, (at, who)


def green(q: Quarter, who: str) -> list[dict[str, Any]]:
    rows = q.people[who].get("/v1/wallets/me/positions").json["positions"]
    return [row for row in rows if not row["is_red"]]


def pool(q: Quarter, name: str = "green") -> dict[str, Any]:
    return dict(q.tills["grocer"].get(f"/v1/pools/{name}").json)
