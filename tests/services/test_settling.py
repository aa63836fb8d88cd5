"""A cycle closes once, in order, from what stood at its cut-off; every fen that moves is in one journal a pool."""

from datetime import timedelta

import pytest

from greenloop.core.faults import Refusal
from greenloop.services.loop.settle import Run, settle
from tests.support.databases import Database
from tests.support.ledger import fetch, whole_database
from tests.support.town import Town, found_town, ledger_moves, plain_rules


def settled() -> list[tuple[object, ...]]:
    query = (
        "SELECT s.cycle, s.answer, s.indices FROM settled_cycle s JOIN pool p ON p.id = s.pool_id ORDER BY p.id, cycle"
    )
    return fetch(query)


def test_two_lots_of_100_points_release_a_voucher_each_the_cycle_after_they_entered(town: Town) -> None:
    # Concession 10 000: green 6 000, and 10 000 points each for Mei and the grocer. 1 % a cycle is 100 fen each.
    town.sell("mei", "grocer", 100_000)
    assert town.close(1) == Run(1, "posted", 0, None)
    with ledger_moves() as moved:
        assert town.close(2) == Run(2, "posted", 200, None)
    assert moved == {"trust:pool:green": -200, "trust:accrued:green": 200}
    assert (town.wallet("mei").claimable_fen, town.wallet("grocer").claimable_fen) == (100, 100)
    assert fetch("SELECT key FROM journal WHERE kind = 'settle'") == [("settle/green/2",)]
    assert fetch("SELECT free_fen, backing_fen FROM pool WHERE name = 'green'") == [(5_800, 200)]


def test_a_settled_cycle_asked_for_again_gives_the_same_result_and_writes_nothing(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    runs = [town.close(cycle) for cycle in (1, 2)]
    town.sell("mei", "grocer", 100_000)
    before = whole_database()
    again = [settle(cycle=cycle, at=town.at + timedelta(days=30), by="somebody else") for cycle in (1, 2)]
    assert again == runs
    assert whole_database() == before


def test_a_cycle_settles_in_its_turn_after_its_cut_off_and_after_its_orders_vested(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    before = whole_database()
    cutoff_at = town.calendar.cutoff_at
    for cycle, at, code in (
        (1, town.at, "cycle.open"),
        (1, cutoff_at(1) - timedelta.resolution, "cycle.open"),
        (2, cutoff_at(2), "cycle.order"),
        (0, cutoff_at(1), "cycle.order"),
        (1, cutoff_at(1), "settle.vest_first"),
    ):
        with pytest.raises(Refusal) as refused:
            settle(cycle=cycle, at=at)
        assert (refused.value.code, refused.value.field) == (code, "cycle")
    assert whole_database() == before


def test_missed_cycles_are_made_up_in_order_each_from_its_own_cut_off(database: Database) -> None:
    town = found_town(plain_rules(cycle_days=1))
    town.sell("mei", "grocer", 100_000)
    town.day(2).sell("mei", "grocer", 50_000)
    # Nobody closed a cycle until day 5.
    town.day(5, 0)
    town.close_all([1, 2, 3, 4])
    # The first lot of 10 000 released in cycles 2, 3, 4; the second of 5 000 in 3 and 4. Both sides have the same.
    assert town.wallet("mei").claimable_fen == 3 * 100 + 2 * 50
    assert fetch("SELECT cycle, issued_fen FROM settlement_run ORDER BY cycle") == [
        (1, 0),
        (2, 200),
        (3, 300),
        (4, 300),
    ]


def test_a_lot_of_137_points_loses_nothing_to_rounding_however_often_it_is_drawn(town: Town) -> None:
    # Concession 137: two lots of 137. 1 % is 1.37 fen a cycle; after 10 cycles 13.7 each, 27.4 together.
    town.sell("mei", "grocer", 1_370)
    town.close(1)
    drawn = []
    for cycle in range(2, 12):
        town.close(cycle)
        drawn.append(town.draw("mei"))
    assert drawn == [1, 1, 2, 1, 1, 2, 1, 1, 2, 1]
    assert sum(drawn) == 13
    # The pool rounds up once: 28 fen back 13 drawn, 13 claimable and 2 of dust.
    assert fetch("SELECT backing_fen FROM pool WHERE name = 'green'") == [(28,)]
    assert town.wallet("grocer").claimable_fen == 13


def test_a_lot_ends_after_its_thirtieth_release(database: Database) -> None:
    town = found_town(plain_rules(cycle_days=1))
    town.sell("mei", "grocer", 100_000)
    town.close_all(range(1, 35))
    # 30 × 1 % of 10 000, for each side; 6 000 were there, all of it is spent.
    assert (town.wallet("mei").claimable_fen, town.wallet("grocer").claimable_fen) == (3_000, 3_000)
    assert fetch("SELECT free_fen, backing_fen FROM pool WHERE name = 'green'") == [(0, 6_000)]
    assert fetch("SELECT age FROM cohort") == [(30,)]


def test_a_settlement_without_points_or_money_closes_all_the_same(town: Town) -> None:
    with ledger_moves() as moved:
        assert [town.close(cycle).issued_fen for cycle in (1, 2, 3)] == [0, 0, 0]
    assert moved == {}
    assert fetch("SELECT COUNT(*) FROM journal") == [(0,)]
    assert len(settled()) == 6


def test_points_are_worth_what_inflow_paid_for_and_nothing_breaks_when_inflow_ends(database: Database) -> None:
    # The dividend preset: half of the spare money while orders come, the certain part afterwards.
    document = plain_rules(cycle_days=1)
    document["pools"]["green"] |= {"dividend_share": [1, 2], "dividend_threshold": -(10**12)}
    document["plans"]["short"]["r0"] = 5 * 10**9
    town = found_town(document)
    for day in range(1, 6):
        town.day(day).sell("mei", "grocer", 100_000)
        town.close(day)
    town.close_all(range(6, 42))
    paid_in, issued = fetch("SELECT SUM(inflow_fen), (SELECT SUM(issued_fen) FROM settlement_run) FROM pool_cycle")[0]
    assert (int(paid_in), town.points("mei")) == (30_000, 50_000)
    assert 2 * town.points("mei") * 30 * 5 // 1_000 <= int(issued) <= 30_000


def test_the_preset_of_the_field_grows_its_releases_with_the_inflow(database: Database) -> None:
    from greenloop.core.loop.presets import preset_document
    from tests.support.town import OPENS_DATE

    document = preset_document("published", opens_date=OPENS_DATE, cycle_days=1) | {"refund_days": 0}
    document["pools"]["green"] |= {"window": 1, "dividend_share": [0, 1]}  # type: ignore[index]
    town = found_town(document)
    for day, cash_fen in enumerate((100_000, 100_000, 150_000), 1):
        town.day(day).sell("mei", "grocer", cash_fen)
        town.close(day)
    # 0.5 % of 10 000; then × 1.5 = 0.75 % for the first lot and 0.5 % for the second: 50 + 75 + 50.
    assert town.wallet("mei").claimable_fen == 175
