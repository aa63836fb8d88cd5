"""The town: everything that can happen happens, the books hold after it, and a seed tells one story."""

from pathlib import Path

import pytest

from greenloop.core.faults import Refusal
from greenloop.sim.town import build_town
from tests.support.databases import Database, Sqlite, point_django_at

HAPPENS = {
    "order taken",
    "order replayed",
    "order with vouchers",
    "order with coupons",
    "order delivered later",
    "order vested",
    "rate changed",
    "rules changed",
    "grant approved",
    "hold placed",
    "hold released",
    "merchant hoarded",
    "draws held",
    "draw let through",
    "spend let through",
    "order taken that was held",
    "claim rejected",
    "claim withdrawn",
    "claim lapsed",
    "brought everything back",
    "refund paid",
    "refund pending",
    "refund paid after waiting",
    "deposit",
    "settlement posted",
    "settlement held",
    "settlement approved",
    "settlement rejected",
    "fen drawn",
    "fen of vouchers expired",
    "fen of coupons expired",
    "fen of fees",
    "fen paid out",
}
REFUSED = {
    *("order.zero", "order.amount", "order.member", "order.merchant", "order.shop", "order.paid_at", "order.conflict"),
    *("spend.balance", "spend.own_shop", "spend.coupon"),
    *("claim.held", "claim.rejected", "claim.short", "spend.held"),
    *("refund.above_order", "refund.order", "refund.merchant", "refund.amount"),
    *("draw.pool", "draw.account", "wallet.short"),
    *("cycle.open", "settle.two_people", "fee.cycle", "payout.early"),
    *("grant.two_people", "grant.funds", "concession.rate", "rules.refused"),
}
POOLS = {"green", "welcome", "taigu", "double", "kiosk", "pingyao", "red"}


def test_everything_that_can_happen_in_an_alliance_happens_in_the_town(database: Database) -> None:
    town = build_town(seed=1)
    assert set(town.happened) >= HAPPENS
    assert set(town.refused) >= REFUSED
    assert set(town.refunds) <= {"paid", "pending"}
    assert {pool.name for pool in town.pools if pool.issued_fen} == POOLS
    assert town.members == 200
    assert town.orders.without_points > 0
    taken_back = town.clawbacks
    assert min(taken_back.voucher_fen, taken_back.expired_fen, taken_back.cash_fen, taken_back.reserve_fen) > 0
    assert taken_back.repaid_fen > 0


def test_no_pool_of_the_town_issues_more_than_it_was_paid(database: Database) -> None:
    town = build_town(seed=8, members=40, merchants=7, cycles=6)
    for pool in town.pools:
        assert pool.free_fen >= 0
        assert pool.coverage_ppm is None or pool.coverage_ppm >= 1_000_000
        assert pool.name == "red" or pool.issued_fen <= pool.inflow_fen


def test_a_seed_tells_the_same_story_on_every_database(database: Database, tmp_path: Path) -> None:
    def story(seed: int) -> object:
        return build_town(seed=seed, members=40, merchants=7, cycles=6)

    here = story(3)
    engine = Sqlite(tmp_path)
    try:
        with engine.clone() as elsewhere:
            point_django_at(elsewhere.url)
            assert story(3) == here
        with engine.clone() as elsewhere:
            point_django_at(elsewhere.url)
            assert story(4) != here
    finally:
        point_django_at(database.url)


def test_a_town_is_built_in_an_empty_database_only(database: Database) -> None:
    build_town(seed=1, members=10, merchants=6, cycles=1)
    with pytest.raises(Refusal, match="needs an empty one of its own"):
        build_town(seed=1, members=10, merchants=6, cycles=1)


@pytest.mark.parametrize(("members", "merchants", "cycles"), [(9, 6, 1), (10, 5, 1), (10, 6, 0)])
def test_a_town_has_a_least_size(members: int, merchants: int, cycles: int) -> None:
    with pytest.raises(Refusal, match="at least 10 members"):
        build_town(seed=1, members=members, merchants=merchants, cycles=cycles)


def test_whoever_watches_is_told_of_every_day(database: Database) -> None:
    told: list[tuple[str, int, int]] = []
    build_town(seed=1, members=10, merchants=6, cycles=2, progress=lambda *news: told.append(news))
    assert told == [("town", day, 6) for day in range(1, 7)]
