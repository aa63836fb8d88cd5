"""A read asks the database a fixed number of times, however much there is to tell."""

from typing import Any

import pytest

from tests.support.looking import staff_of
from tests.support.town import Town
from tests.support.visiting import counted

WHO = 3
"""Statements by which a session's person and roles are known."""
READ = 6

PATHS = (
    *(
        "orders",
        "orders?merchant=grocer",
        "orders/{order}",
        "orders/{order}/refunds",
        "refunds",
        "refunds?merchant=grocer",
    ),
    *("wallets/{lin}", "wallets/{lin}?at={at}", "wallets/{lin}/positions", "wallets/{lin}/positions?at={at}"),
    *("wallets/{lin}/vouchers", "wallets/{lin}/coupons", "wallets/{lin}/movements", "pools", "pools/green"),
    *("pools/green/cycles", "plans", "rules", "rules/current", "cycles", "cycles/2", "settlements", "settlements/4"),
    *("settlements/4/pools/green", "holds", "holds?standing=false"),
    *("claims", "claims?waiting=false"),
    *("members", "members/lin", "merchants", "merchants/grocer", "merchants/grocer/shops", "merchants/grocer/rates"),
    *("payouts", "payouts/{payout}", "deposits", "merchants/grocer/statement", "merchants/grocer/statement.csv"),
    *("grants", "fees", "journals", "journals/1", "reconciliations", "checks", "trust-book"),
    *("proposals",),
    *("audit", "runs", "clients", "staff", "me"),
)


@pytest.fixture
def lively(town: Town) -> Town:
    """Four weeks in which much is bought, drawn, spent and given back."""
    for cycle in range(1, 5):
        for member in ("mei", "lin", "bo"):
            order = town.sell(member, "grocer", 50_000)
            town.refund(order, 1_000)
            town.sell(member, "baker", 30_000)
        town.close(cycle)
        town.draw("lin")
    return town


def test_no_read_asks_more_than_six_times_beside_who_is_asking(lively: Town, clock: Any) -> None:
    # Who only reads is answered over a connection of their own, whose statements aren't counted here.
    operator, auditor = staff_of("operator"), staff_of("auditor")
    clock(lively.at)
    order = auditor.get("/v1/orders").json["items"][0]["id"]
    lively.later(days=1).pay_out()
    told = {
        "order": order,
        "payout": auditor.get("/v1/payouts").json["items"][0]["id"],
        "lin": lively.ids["lin"],
        "at": lively.calendar.cutoff_at(2).isoformat().replace("+", "%2B"),
    }
    asked = {}
    for path in PATHS:
        with counted() as found:
            assert operator.get(f"/v1/{path.format(**told)}").status == 200, path
        asked[path] = len(found)
    assert {path: count for path, count in asked.items() if count > WHO + READ} == {}
