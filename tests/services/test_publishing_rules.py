"""Rule sets are published whole, in order of time, and never against cohorts that run already."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from greenloop.core.faults import Refusal
from greenloop.services.loop.rules import in_force, publish_rules, rulings
from tests.support.ledger import fetch, whole_database
from tests.support.town import OPENING_AT, Document, Town, plain_rules

Change = Callable[[Document], object]


def publish(town: Town, document: Document, day: int = 10) -> int:
    return publish_rules(document=document, effective_at=town.instant(day, 0), by="rules", at=town.at)


def test_the_same_rules_from_the_same_instant_on_are_published_once(town: Town) -> None:
    document = plain_rules(refund_days=3)
    number = publish(town, document)
    before = whole_database()
    assert publish(town, document) == number
    with pytest.raises(Refusal) as refused:
        publish(town, plain_rules(refund_days=4))
    assert (refused.value.code, refused.value.field) == ("rules.taken", "effective_at")
    with pytest.raises(Refusal) as refused:
        publish(town, plain_rules(refund_days=4), day=9)
    assert (refused.value.code, refused.value.field) == ("rules.late", "effective_at")
    assert whole_database() == before


def test_rules_are_in_force_from_their_instant_on(town: Town) -> None:
    publish(town, plain_rules(refund_days=3))
    known = rulings()
    days = [in_force(known, town.instant(day, 0)).rules.refund_days for day in (1, 9, 10, 400)]
    assert days == [0, 0, 3, 3]
    assert in_force(known, town.instant(10, 0) - timedelta.resolution).rules.refund_days == 0
    with pytest.raises(Refusal):
        in_force(known, OPENING_AT - timedelta.resolution)


def test_unsound_rules_are_refused_whole_with_every_reason_and_nothing_is_half_accepted(town: Town) -> None:
    def unsafe(document: Document) -> None:
        document["split"]["fee_ppm"] += 1
        document["plans"]["short"]["cycles"] = 41
        document["routes"].append({"pool": "nowhere", "plan": "short"})

    document = plain_rules()
    document["pools"]["other"] = dict(document["pools"]["green"])
    unsafe(document)
    before = whole_database()
    with pytest.raises(Refusal) as refused:
        publish(town, document)
    assert refused.value.code == "rules.refused"
    reasons = refused.value.facts["reasons"]
    assert isinstance(reasons, tuple)
    fields = {reason.field for reason in reasons}
    assert {"plans.short.cycles", "routes[1].pool"} <= fields
    assert any(field.startswith("split") for field in fields)
    assert whole_database() == before


def test_a_running_plan_or_pool_keeps_its_terms(town: Town) -> None:
    changes: dict[str, Change] = {
        "plans.short": lambda document: document["plans"]["short"].update(cycles=31, r0=9 * 10**9),
        "plans.red": lambda document: document["plans"]["red"].update(r0=10**9),
        "pools.green": lambda document: document["pools"]["green"].update(window=3),
        "pools.red": lambda document: document["red_terms"].update(window=3),
    }
    before = whole_database()
    for field, change in changes.items():
        document = plain_rules()
        change(document)
        with pytest.raises(Refusal) as refused:
            publish(town, document)
        assert refused.value.field == field
    assert whole_database() == before


def test_a_new_plan_is_for_new_lots_only(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    document = plain_rules()
    document["plans"]["slow"] = {**document["plans"]["short"], "r0": 5 * 10**9}
    document["routes"] = [{"pool": "green", "plan": "slow"}]
    publish(town, document, day=8)
    town.close(1)
    town.day(9).sell("lin", "grocer", 100_000)
    town.close_all([2, 3])
    # Mei's lot releases 1 % twice, Lin's 0.5 % once.
    assert (town.wallet("mei").claimable_fen, town.wallet("lin").claimable_fen) == (200, 50)


def test_a_split_is_that_of_the_rules_at_the_time_of_payment(town: Town) -> None:
    split = {"green_ppm": 600_000, "red_ppm": 0, "coupon_ppm": 0, "reserve_ppm": 100_000, "fee_ppm": 300_000}
    publish(town, plain_rules(split=split), day=5)
    town.day(6)
    for day in (4, 5):
        town.sell("lin", "grocer", 100_000, paid_at=town.instant(day))
    parts = fetch("SELECT red_part_fen, coupon_part_fen, fee_part_fen FROM orders ORDER BY id")
    assert parts == [(800, 700, 2_000), (0, 0, 3_000)]


def test_the_calendar_stays_as_it_began(town: Town) -> None:
    # Days would be counted into other cycles than those that are settled.
    town.close_all([1, 2])
    before = whole_database()
    with pytest.raises(Refusal) as refused:
        publish(town, plain_rules(cycle_days=1), day=20)
    assert refused.value.field == "calendar"
    assert str(refused.value).endswith(".")
    assert whole_database() == before


def test_red_points_go_where_the_rules_of_their_order_send_them(town: Town) -> None:
    # Lin brought by Mei buys under the old rules and, after day 5, under rules with another red plan.
    document = plain_rules(red_plan="other")
    document["plans"]["other"] = dict(document["plans"]["red"])
    publish(town, document, day=5)
    town.day(6)
    for day in (4, 5):
        town.sell("lin", "grocer", 100_000, paid_at=town.instant(day))
    town.close(1)
    red = fetch(
        "SELECT l.name, c.points FROM cohort c JOIN plan l ON l.id = c.plan_id JOIN pool p ON p.id = c.pool_id "
        "WHERE p.name = 'red' ORDER BY l.name"
    )
    assert red == [("other", 800), ("red", 800)]
