"""The replay on a slice of the real year: it ties out, and a seed replays it in one way."""

from dataclasses import replace
from pathlib import Path

import pytest

from greenloop.core.faults import Refusal
from greenloop.sim.year import YearSummary, replay_year
from tests.sim.baskets import need_the_real_baskets
from tests.support.databases import Database, Sqlite, point_django_at

STAGES = {
    *("load", "enrol", "take", "confirm", "refund", "pay out"),
    *("vest", "settle", "fees", "expire", "look into wallets"),
}


@pytest.fixture(autouse=True)
def _real_baskets() -> None:
    need_the_real_baskets()


def test_a_slice_of_the_year_ties_out(database: Database) -> None:
    told: dict[str, tuple[int, int]] = {}
    year = replay_year(seed=11, orders=900, progress=lambda stage, done, total: told.update({stage: (done, total)}))
    assert year.baskets == 900 == year.orders.count + sum(year.refused.values())
    assert set(year.refused) <= {"order.zero", "order.amount"}
    assert year.refused["order.zero"] > 0
    assert year.orders.without_points > 0
    assert year.cycles_settled == 52
    green = sum(pool.issued_fen for pool in year.pools if not pool.is_red)
    assert 0 < green <= year.payout_bound_fen
    assert 0 < year.issued_fen <= year.inflow_fen
    assert (year.coverage_ppm or 0) >= 1_000_000
    assert year.orders.voucher_fen > 0
    assert year.orders.coupon_fen > 0
    assert year.refunds["paid"] > 0
    assert year.refunds_refused == {}
    assert set(year.seconds) == STAGES
    assert told == {"load": (1, 1), "take": (900, 900), "settle": (52, 52)}


def test_a_seed_replays_the_year_in_one_way_on_every_database(database: Database, tmp_path: Path) -> None:
    def year() -> YearSummary:
        return replace(replay_year(seed=2, orders=150, plan="hybrid", cycle_days=30), seconds={})

    here = year()
    assert here.cycles_settled == 12
    try:
        with Sqlite(tmp_path).clone() as elsewhere:
            point_django_at(elsewhere.url)
            assert year() == here
    finally:
        point_django_at(database.url)


def test_a_year_is_replayed_into_an_empty_database_only(database: Database) -> None:
    replay_year(seed=1, orders=1)
    with pytest.raises(Refusal, match="needs an empty one of its own"):
        replay_year(seed=1, orders=1)


def test_a_plan_nobody_knows_is_refused(database: Database) -> None:
    with pytest.raises(Refusal, match="no preset of that name") as refused:
        replay_year(seed=1, orders=10, plan="dream")
    assert refused.value.field == "plan"


def test_a_cycle_of_no_days_is_refused(database: Database) -> None:
    with pytest.raises(Refusal, match="1 to 30 days"):
        replay_year(seed=1, orders=10, cycle_days=0)
