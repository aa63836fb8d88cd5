"""A verb that dies at any of its statements leaves nothing behind, and asked again does all of it once."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.db import connection

from greenloop.services.books import fees, payout
from greenloop.services.loop import draw, refund, settle, take, vest
from greenloop.services.loop.refund import RefundForm
from tests.support.ledger import fetch, whole_database
from tests.support.town import Town

Verb = Callable[[], object]


class PowerCut(Exception):
    """What the test raises in the middle of a verb."""


class Fuse:
    """Lets so many statements pass, then blows."""

    def __init__(self, statements: int) -> None:
        self.left = statements

    def __call__(self, execute: Callable[..., Any], *facts: Any) -> Any:
        if self.left == 0:
            raise PowerCut
        self.left -= 1
        return execute(*facts)


def die_at_every_statement(verb: Verb) -> tuple[object, int]:
    """Run a verb that dies at its first statement, at its second, and so on, until it is done."""
    before = whole_database()
    for statements in range(500):
        fuse = Fuse(statements)
        try:
            with connection.execute_wrapper(fuse):
                return verb(), statements
        except PowerCut:
            assert whole_database() == before, f"half-written after {statements} statements"
    pytest.fail("the verb never ends")


def prepared(town: Town) -> int:
    """Let there be something to do for every verb; return an order to refund."""
    town.sell("bo", "grocer", 100_000, delivered=False)
    order = town.sell("lin", "grocer", 100_000)
    town.close_all([1, 2])
    town.draw("lin", 30)
    return order


def test_orders_are_taken_whole_or_not_at_all(town: Town) -> None:
    prepared(town)
    sales = [town.sale("lin", "baker", 1_000, voucher_fen=50, coupon_fen=5), town.sale("bo", "baker", 1_000)]
    taking, statements = die_at_every_statement(lambda: take.take(sales=sales, at=town.at))
    assert statements > 10
    assert isinstance(taking, take.Taking)
    assert None not in taking.order_ids
    assert town.take(*sales).order_ids == taking.order_ids


def test_a_cycle_vests_and_settles_whole_or_not_at_all(town: Town) -> None:
    prepared(town)
    town.sell("lin", "baker", 50_000)
    town.at = town.calendar.cutoff_at(3)
    vesting, _ = die_at_every_statement(lambda: vest.vest(cycle=3, at=town.at))
    assert isinstance(vesting, vest.Vesting)
    assert vesting.concession_fen == 10_000
    run, statements = die_at_every_statement(lambda: settle.settle(cycle=3, at=town.at))
    assert (run, statements > 10) == (settle.Run(3, "posted", 200 + 20, None), True)
    assert die_at_every_statement(lambda: fees.transfer_fees(cycle=3, at=town.at))[0] == 2_000


def test_a_refund_and_a_payout_happen_whole_or_not_at_all(town: Town) -> None:
    order = prepared(town)
    town.sell("lin", "baker", voucher_fen=80)
    number = str(fetch("SELECT order_no FROM orders WHERE id = %s", order)[0][0])
    forms = [RefundForm("grocer", number, "r1", 100_000)]
    refunded, statements = die_at_every_statement(lambda: refund.refund(forms=forms, at=town.at))
    assert (getattr(refunded, "states", None), statements > 20) == (["paid"], True)
    paid, _ = die_at_every_statement(lambda: payout.pay_out(business_date=date(2026, 1, 19), at=town.at))
    # 180 000 of dues less the price of 100 000.
    assert paid == {town.ids["grocer"]: 80_000}


def test_a_draw_and_an_expiry_happen_whole_or_not_at_all(town: Town) -> None:
    prepared(town)
    account = town.ids["lin"]
    drawn, _ = die_at_every_statement(lambda: draw.draw(account_id=account, pool="green", at=town.at))
    assert drawn == 70
    town.later(days=365)
    expired, _ = die_at_every_statement(town.expire)
    assert (getattr(expired, "voucher_fen", 0), getattr(expired, "coupon_fen", 0)) == (100, 700)
