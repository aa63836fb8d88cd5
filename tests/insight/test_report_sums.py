"""What the report adds up, against the books and against a clerk who goes through them row by row."""

from collections import defaultdict

import pytest

from greenloop.core.money import PPM, SCALE
from greenloop.insight.report.facts import gather
from greenloop.services.loop.rules import publish_rules
from greenloop.store.queries import report
from tests.support.databases import Database
from tests.support.ledger import balances, fetch
from tests.support.life import Life
from tests.support.town import found_town, plain_rules

SEEDS = (11,)


def lived(seed: int) -> None:
    Life(seed).live(10, errands=12)


@pytest.fixture(params=SEEDS)
def town(request: pytest.FixtureRequest, database: Database) -> None:
    lived(request.param)


def whole(*values: object) -> tuple[int, ...]:
    return tuple(int(str(value)) for value in values)


@pytest.mark.usefixtures("town")
def test_every_fen_conceded_is_waiting_given_back_or_in_one_of_the_parts() -> None:
    sums = report.order_sums()
    assert sums.conceded_fen == sums.waiting_fen + sums.given_back_fen + sums.kept_fen
    parts = (sums.green_fen, sums.red_fen, sums.coupon_part_fen, sums.reserve_fen, sums.fee_fen)
    assert sum(parts) == sums.kept_fen
    assert min(parts) >= 0
    assert sums.waiting_fen == balances()["trust:concession_pending"]


@pytest.mark.usefixtures("town")
def test_every_fen_of_a_pool_is_free_owed_spent_or_back_from_expiry() -> None:
    ledger = balances()
    for pool in report.pool_sums():
        assert pool.inflow_fen == pool.free_fen + pool.backing_fen - pool.expired_fen
        assert pool.inflow_fen * pool.allot[1] <= pool.collected_fen * pool.allot[0]
        drawn = pool.backing_fen - pool.undrawn_fen
        assert drawn == pool.used_fen + pool.expired_fen + pool.unspent_fen
        assert pool.undrawn_fen == ledger[f"trust:accrued:{pool.name}"]
        assert pool.unspent_fen == ledger[f"trust:voucher:{pool.name}"]


@pytest.mark.usefixtures("town")
def test_pools_are_paid_in_what_orders_gave_them() -> None:
    sums, pools = report.order_sums(), report.pool_sums()
    assert sum(pool.inflow_fen for pool in pools if not pool.is_red) == sums.green_fen
    assert sum(pool.inflow_fen for pool in pools if pool.is_red) == sums.red_fen


@pytest.mark.usefixtures("town")
def test_what_a_pool_owed_after_a_settlement_is_the_sum_of_all_postings_up_to_it() -> None:
    moved = fetch(
        "SELECT journal_id, d.name, c.name, amount_fen FROM posting p JOIN ledger_account d ON d.id = debit_id "
        "JOIN ledger_account c ON c.id = credit_id"
    )
    journals = {
        whole(pool, cycle): number
        for pool, cycle, number in fetch("SELECT pool_id, cycle, journal_id FROM settled_cycle")
    }
    names = {whole(pool)[0]: str(name) for pool, name in fetch("SELECT id, name FROM pool")}
    seen = 0
    for cycle in report.cycle_sums():
        last = journals[cycle.pool_id, cycle.cycle]
        if last is None:
            assert cycle.owed_fen is None
            continue
        mine = {f"trust:accrued:{names[cycle.pool_id]}", f"trust:voucher:{names[cycle.pool_id]}"}
        owed = sum(
            whole(fen)[0] * ((credit in mine) - (debit in mine))
            for journal, debit, credit, fen in moved
            if whole(journal) <= whole(last)
        )
        assert cycle.owed_fen == owed
        seen += 1
    assert seen


def by_hand() -> dict[int, list[tuple[int, int]]]:
    """Return by pool (0: all green ones) each holder's (points, released fen), one position at a time."""
    exact: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
    rows = fetch(
        "SELECT p.account_id, c.pool_id, p.points, c.release_index FROM position p "
        "JOIN cohort c ON c.id = p.cohort_id WHERE p.points > 0"
    )
    for row in rows:
        account, pool, points, index = whole(*row)
        exact[account, pool][0] += points
        exact[account, pool][1] += points * index
    red = {whole(row[0])[0] for row in fetch("SELECT id FROM pool WHERE is_red")}
    held: dict[int, list[tuple[int, int]]] = defaultdict(list)
    green: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for (account, pool), (points, released) in exact.items():
        held[pool].append((points, released // SCALE))
        if pool not in red:
            green[account][0] += points
            green[account][1] += released // SCALE
    held[0] = [(points, fen) for points, fen in green.values()]
    return held


@pytest.mark.usefixtures("town")
def test_the_spread_over_holders_is_what_a_clerk_finds_one_holder_at_a_time() -> None:
    held = by_hand()
    spreads = report.spreads()
    assert {spread.pool_id or 0 for spread in spreads} == {pool for pool, holders in held.items() if holders}
    for spread in spreads:
        holders = held[spread.pool_id or 0]
        multiples = sorted(fen * PPM // points for points, fen in holders)
        count = len(multiples)
        assert (spread.holders, spread.points) == (count, sum(points for points, _ in holders))
        assert spread.released_fen == sum(fen for _, fen in holders)
        for share, found in ((10, spread.p10_ppm), (50, spread.median_ppm), (90, spread.p90_ppm)):
            assert found == multiples[-(-count * share // 100) - 1]
        assert spread.reached == tuple(sum(1 for ppm in multiples if ppm >= by * PPM) for by in (1, 2, 5))


@pytest.mark.usefixtures("town")
def test_each_holder_stands_in_one_step() -> None:
    steps = report.steps_of_holders(5_000)
    for spread in report.spreads():
        if spread.pool_id:
            assert sum(holders for pool, _, holders in steps if pool == spread.pool_id) == spread.holders


def test_each_red_pool_is_shown_with_the_red_parts_that_its_rules_sent_there(database: Database) -> None:
    # Lin, brought by Mei, pays 1 000.00 and 500.00 at 10 %: 8 % of 100.00 and 50.00 conceded are red.
    town = found_town()
    publish_rules(document=plain_rules(red_pool="crimson"), effective_at=town.instant(5, 0), by="rules", at=town.at)
    town.day(6)
    town.sell("lin", "grocer", 1_000_00, paid_at=town.instant(4))
    town.sell("lin", "grocer", 500_00, paid_at=town.instant(5))
    town.close(1)
    red = {pool.name: (pool.collected_fen, pool.inflow_fen) for pool in report.pool_sums() if pool.is_red}
    assert red == {"red": (8_00, 8_00), "crimson": (4_00, 4_00)}


def test_a_holder_whose_points_a_refund_took_is_no_holder(database: Database) -> None:
    town = found_town()
    order = town.sell("mei", "grocer", 100_00)
    town.sell("lin", "grocer", 100_00)
    town.close_all([1, 2])
    town.refund(order, 100_00)
    spread = next(spread for spread in report.spreads() if spread.pool_id is None)
    assert spread.holders == 2  # Lin and the grocer


def test_the_report_asks_the_same_few_questions_however_much_there_is(database: Database) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    town = found_town()
    asked = []
    for cycle in range(1, 5):
        town.sell("mei", "grocer", 100_00)
        town.sell("lin", "baker", 100_00)
        town.close(cycle)
        with CaptureQueriesContext(connection) as queries:
            gather(year=None, proofs=[], at=town.at)
        asked.append(len(queries))
    assert len(set(asked)) == 1
    assert asked[0] <= 12
