"""The bound on the average: what the rules in force allow, and what all green points have released."""

from datetime import timedelta

from greenloop.core.money import SCALE
from greenloop.services.loop.rules import publish_rules
from greenloop.store.queries import bounds
from tests.support.databases import Database
from tests.support.town import OPENING_AT, Town, plain_rules


def test_at_a_payout_of_60_percent_and_two_points_a_yuan_the_average_is_bounded_by_0_30(town: Town) -> None:
    found = bounds.rules_at(town.at)
    assert found.now is not None
    assert (found.now.payout_ppm, found.now.points_min_ppm, found.now.bound_ppm) == (600_000, 2_000_000, 300_000)
    # Green 60 %, red 8 %, coupons 7 %.
    assert (found.now.share_ppm, found.now.cap, found.now.cycles_max) == (750_000, 5 * SCALE, 30)
    assert found.following is None


def test_the_next_change_of_the_rules_is_known_before_it_is_in_force(town: Town) -> None:
    document = plain_rules(name="later")
    document["routes"][0]["merchant_multiple_ppm"] = 500_000
    change_at = town.at + timedelta(days=8)
    publish_rules(document=document, effective_at=change_at, by="rules", at=town.at)
    found = bounds.rules_at(town.at)
    assert found.now is not None
    assert found.following is not None
    assert (found.now.rules.name, found.following.rules.name) == ("short", "later")
    # One point for the shopper, half a point for the shop: 0.6 ÷ 1.5.
    assert (found.following.effective_at, found.following.bound_ppm) == (change_at, 400_000)
    then = bounds.rules_at(change_at)
    assert (then.now, then.following) == (found.following, None)


def test_a_bound_that_doesn_t_come_out_even_is_rounded_up(town: Town) -> None:
    document = plain_rules(name="later")
    document["routes"][0]["merchant_multiple_ppm"] = 700_000
    publish_rules(document=document, effective_at=town.at + timedelta(days=8), by="rules", at=town.at)
    following = bounds.rules_at(town.at).following
    # 0.6 ÷ 1.7 is 0.35294…: said as 0.352, points could pass it.
    assert following is not None
    assert following.bound_ppm == 353_000


def test_before_any_rules_there_is_no_bound_and_before_any_points_nothing_was_released(database: Database) -> None:
    del database
    assert bounds.rules_at(OPENING_AT) == bounds.Rules(None, None)
    assert bounds.released() is None


def test_what_was_released_counts_each_green_point_once(town: Town) -> None:
    town.sell("lin", "grocer", 100_000)
    town.close(1)
    town.sell("mei", "grocer", 50_000)
    town.close_all([2, 3])
    # 100 points each for Lin and the grocer, at 2 % after two releases; 50 each later, at 1 %. Mei's red points
    # don't count. In all 200 × 0.02 + 100 × 0.01 = 5 vouchers on 300 points.
    found = bounds.released()
    assert found is not None
    assert (found.points, found.cohorts) == (30_000, 2)
    assert found.mean == 5 * SCALE // 300
    assert (found.p10, found.median, found.p90) == (SCALE // 100, SCALE // 50, SCALE // 50)
    assert (found.reached, found.steps) == ((0, 0, 0), ((0, 30_000),))
    # A third of the points stands at or below 1 %, so that the median is above it.
    assert found.mean < 300_000 * SCALE // 10**6


def test_points_stand_in_the_step_of_what_they_have_released(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    town.close_all(range(1, 22))
    found = bounds.released()
    assert found is not None
    # Twenty releases of 1 %: two tenths.
    assert (found.mean, found.steps) == (SCALE // 5, ((2, 20_000),))
    assert found.reached_ppm == (0, 0, 0)
