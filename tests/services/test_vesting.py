"""Orders vest at the cut-off once they are delivered, paid for, past their refund window and not held."""

from datetime import timedelta
from typing import Any

import pytest

from greenloop.core.faults import Refusal
from greenloop.services.loop.confirm import confirm_cash, confirm_delivery
from greenloop.services.loop.hold import hold_order, release
from greenloop.services.loop.vest import Vesting
from tests.support.databases import Database
from tests.support.ledger import fetch, whole_database
from tests.support.town import Town, found_town, ledger_moves, plain_rules


def entry_of(*orders: int) -> list[object]:
    return [fetch("SELECT entry_cycle FROM orders WHERE id = %s", order)[0][0] for order in orders]


def test_only_delivered_confirmed_unheld_orders_whose_window_has_passed_vest(database: Database) -> None:
    town = found_town(plain_rules(refund_days=5))
    fine = town.sell("mei", "grocer", 10_000)
    undelivered = town.sell("mei", "grocer", 10_000, delivered=False)
    unpaid = town.sell("mei", "grocer", 10_000, confirmed=False)
    held = town.sell("mei", "grocer", 10_000)
    hold = hold_order(order_id=held, reason="looks odd", by="risk", at=town.at)
    # The window of an order of day 3, noon, ends on day 8.
    young = town.day(3).sell("mei", "grocer", 10_000)
    # Concession 1 000: green 600, coupon 70, fee 200, the reserve 50 + the red 80 that nobody gets.
    assert town.vest(1) == Vesting(1, 1, 1_000, 600, 0, 70, 130, 200)
    town.close(1)
    assert entry_of(fine, undelivered, unpaid, held, young) == [1, None, None, None, None]
    # In cycle 2 the cash arrives, the hold is lifted, the goods are delivered on day 9 (+ 5 = day 14, noon).
    town.day(9)
    assert (town.deliver(undelivered), town.deliver(undelivered)) == (1, 0)
    town.confirm([unpaid])
    release(hold_id=hold, by="risk", at=town.at)
    assert town.close(2).issued_fen == 20
    assert entry_of(undelivered, unpaid, held, young) == [2, 2, 2, 2]


def test_what_is_late_by_a_moment_joins_the_next_cycle(database: Database) -> None:
    town = found_town(plain_rules(refund_days=6))
    # Day 2 begins; six days later, as day 8 begins, the window has passed: exactly at the cut-off.
    in_time = town.day(2, 0).sell("mei", "grocer", 10_000)
    late = town.later(seconds=1).sell("mei", "grocer", 10_000)
    slow_cash = town.day(1).sell("mei", "grocer", 10_000, confirmed=False, paid_at=town.instant(1))
    town.at = town.calendar.cutoff_at(1) + timedelta(seconds=1)
    town.confirm([slow_cash])
    town.close(1)
    assert entry_of(in_time, late, slow_cash) == [1, None, None]
    town.close(2)
    assert entry_of(late, slow_cash) == [2, 2]


def test_a_closed_cohort_never_receives_points(town: Town) -> None:
    town.sell("mei", "grocer", 10_000)
    late = town.sell("lin", "grocer", 10_000, confirmed=False)
    town.close(1)
    town.confirm([late])
    town.close(2)
    assert fetch(
        "SELECT entry, points FROM cohort c JOIN pool p ON p.id = c.pool_id WHERE NOT p.is_red ORDER BY entry"
    ) == [
        (1, 2_000),
        (2, 2_000),
    ]


def test_a_cycle_vests_once_whatever_is_asked_and_however_often(town: Town) -> None:
    town.sell("lin", "grocer", 10_000)
    first = town.vest(1)
    late = town.sell("lin", "grocer", 10_000, paid_at=town.instant(2))
    before = whole_database()
    assert town.vest(1) == first
    assert whole_database() == before
    town.close(1)
    assert town.vest(1) == first
    assert entry_of(late) == [None]


def test_a_cycle_without_orders_vests_nothing_as_often_as_asked(town: Town) -> None:
    nothing = town.vest(1)
    assert (nothing.orders, nothing.concession_fen) == (0, 0)
    town.close(1)
    before = whole_database()
    assert town.vest(1) == nothing
    assert whole_database() == before


def test_an_order_refunded_whole_before_vesting_enters_without_points(town: Town) -> None:
    order = town.sell("lin", "grocer", 10_000)
    town.refund(order, 10_000)
    with ledger_moves() as moved:
        town.close(1)
    assert moved == {}
    assert (town.points("lin"), town.coupons("lin")) == (0, 0)


def test_vesting_before_the_cut_off_or_out_of_order_is_refused(town: Town) -> None:
    town.sell("lin", "grocer", 10_000)
    before = whole_database()
    from greenloop.services.loop import vest

    for at in (town.at, town.calendar.cutoff_at(1) - timedelta.resolution):
        with pytest.raises(Refusal) as refused:
            vest.vest(cycle=1, at=at)
        assert (refused.value.code, refused.value.field) == ("cycle.open", "cycle")
    with pytest.raises(Refusal) as refused:
        vest.vest(cycle=2, at=town.calendar.cutoff_at(2))
    assert (refused.value.code, refused.value.field) == ("cycle.order", "cycle")
    assert whole_database() == before


def test_a_wallet_that_would_pass_the_limit_of_exact_reads_vests_nothing(town: Town) -> None:
    # 20 % of 10 billion yuan is 2 × 10^11 fen of points; a wallet holds 1.84 × 10^12 at most, which is nine of them.
    for _ in range(9):
        town.sell("mei", "baker", 10**12)
    town.vest(1)
    town.close(1)
    tenth = town.sell("mei", "baker", 10**12)
    before = whole_database()
    with pytest.raises(Refusal) as refused:
        town.vest(2)
    assert (refused.value.code, refused.value.field) == ("vest.limit", "account")
    assert whole_database() == before
    # Held, it stays out, and the cycle can close.
    hold_order(order_id=tenth, reason="too large", by="risk", at=town.at)
    assert town.close(2).issued_fen == 2 * 9 * 2 * 10**9


def test_a_statement_confirms_cash_once(town: Town) -> None:
    orders = [town.sell("mei", "grocer", fen, confirmed=False) for fen in (100, 200, 300)]
    assert confirm_cash(statement="s1", at=town.at, order_ids=orders[:2]) == 300
    before = whole_database()
    assert confirm_cash(statement="s1", at=town.at, order_ids=orders[1::-1]) == 300
    assert confirm_cash(statement="s2", at=town.at, order_ids=orders[:2]) == 0
    assert whole_database() == before
    assert confirm_cash(statement="s3", at=town.at, paid_until_at=town.at) == 300


def test_a_statement_that_has_confirmed_other_orders_is_refused(town: Town) -> None:
    orders = [town.sell("mei", "grocer", fen, confirmed=False) for fen in (100, 200)]
    confirm_cash(statement="s1", at=town.at, order_ids=orders[:1])
    confirm_cash(statement="s2", at=town.at, order_ids=orders[:1])  # nothing was left for it to confirm
    before = whole_database()
    others: list[dict[str, Any]] = [{"order_ids": orders}, {"order_ids": orders[1:]}, {"paid_until_at": town.at}]
    for other in others:
        with pytest.raises(Refusal) as refused:
            confirm_cash(statement="s1", at=town.at, **other)
        assert (refused.value.code, refused.value.field) == ("confirm.conflict", "statement")
    assert whole_database() == before
    assert confirm_cash(statement="s2", at=town.at, paid_until_at=town.at) == 200
    assert confirm_cash(statement="s2", at=town.later(days=1).at, paid_until_at=town.instant(1)) == 200


def test_who_confirms_has_to_say_what(town: Town) -> None:
    wrongs: list[dict[str, Any]] = [{}, {"order_ids": []}, {"order_ids": range(10_001)}]
    for wrong in wrongs:
        with pytest.raises(Refusal) as refused:
            confirm_cash(statement="s1", at=town.at, **wrong)
        assert refused.value.field == "order_ids"
        with pytest.raises(Refusal):
            confirm_delivery(at=town.at, **wrong)


def test_holding_and_releasing_what_is_not_there_is_refused(town: Town) -> None:
    from greenloop.services.loop.hold import hold_account

    facts = {"reason": "looks odd", "by": "risk", "at": town.at}
    with pytest.raises(Refusal) as refused:
        hold_order(order_id=1, **facts)  # type: ignore[arg-type]
    assert refused.value.field == "order_id"
    with pytest.raises(Refusal) as refused:
        hold_account(account_id=1, **facts)  # type: ignore[arg-type]
    assert refused.value.field == "account_id"
    with pytest.raises(Refusal) as refused:
        release(hold_id=1, by="risk", at=town.at)
    assert refused.value.field == "hold_id"


def test_an_order_held_twice_is_held_once(town: Town) -> None:
    order = town.sell("mei", "grocer", 10_000)
    holds = {hold_order(order_id=order, reason=why, by="risk", at=town.at) for why in ("odd", "very odd")}
    release(hold_id=holds.pop(), by="risk", at=town.at)
    assert holds == set()
    town.close(1)
    assert entry_of(order) == [1]
