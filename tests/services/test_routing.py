"""Routing rules are data: city, new or old member, merchant grade, multiple and store decide the pool."""

from greenloop.services.loop.rules import publish_rules
from tests.support.databases import Database
from tests.support.ledger import fetch
from tests.support.town import Document, found_town, plain_rules

CONDITIONS: dict[str, dict[str, object]] = {
    "village": {"cities": ["Village", "Hamlet"]},
    "stores": {"stores": ["west"]},
    "grades": {"grades": ["C"]},
    "double": {"multiples_ppm": [2_000_000]},
    "newcomers": {"member": "new"},
}


def routed_rules() -> Document:
    """Return rules with a pool for each condition, in that order, and the green pool for all else."""
    document = plain_rules(new_member_days=10)
    for pool, condition in reversed(CONDITIONS.items()):
        document["pools"][pool] = dict(document["pools"]["green"])
        document["routes"].insert(0, {"pool": pool, "plan": "short"} | condition)
    return document


def pool_of(order: int) -> object:
    return fetch("SELECT p.name FROM orders o JOIN pool p ON p.id = o.pool_id WHERE o.id = %s", order)[0][0]


def test_the_first_route_whose_conditions_an_order_meets_names_its_pool(database: Database) -> None:
    town = found_town(routed_rules())
    town.merchant("farm", city="Village", grade="C")
    town.merchant("chain", shops=("east", "west"))
    town.merchant("kiosk", grade="C", multiple_ppm=2_000_000)
    town.merchant("palace", multiple_ppm=2_000_000)
    town.day(12).member("ann", enrolled_at=town.instant(12, 0))
    found = {
        (member, merchant, shop): pool_of(town.sell(member, merchant, 1_000, shop=shop))
        for member, merchant, shop in (
            ("mei", "farm", None),
            ("mei", "chain", "west"),
            ("mei", "chain", "east"),
            ("mei", "kiosk", None),
            ("mei", "palace", None),
            ("ann", "palace", None),
            ("ann", "grocer", None),
            ("mei", "grocer", None),
        )
    }
    assert list(found.values()) == ["village", "stores", "green", "grades", "double", "double", "newcomers", "green"]


def test_a_member_is_new_until_its_tenth_day_has_passed(database: Database) -> None:
    town = found_town(routed_rules())
    # Enrolled at the beginning of day 1: day 10 is the last of ten days, day 11 begins exactly ten days later.
    orders = [town.day(day, hour).sell("mei", "grocer", 1_000) for day, hour in ((1, 0), (10, 23), (11, 0))]
    assert [pool_of(order) for order in orders] == ["newcomers", "newcomers", "green"]


def test_each_pool_takes_in_and_releases_the_money_of_its_own_orders_only(database: Database) -> None:
    town = found_town(routed_rules())
    town.merchant("farm", city="Village")
    town.day(12).sell("mei", "farm", 100_000)
    town.sell("mei", "grocer", 50_000)
    town.close_all([1, 2, 3])
    # Concessions 10 000 and 5 000: 60 % enters each pool; 1 % of two lots is released from each.
    money = fetch("SELECT name, free_fen, backing_fen FROM pool WHERE free_fen > 0 ORDER BY name")
    assert money == [("green", 3_000 - 100, 100), ("village", 6_000 - 200, 200)]
    assert (town.wallet("mei", "village").claimable_fen, town.wallet("mei").claimable_fen) == (100, 50)
    assert (town.wallet("farm", "village").claimable_fen, town.wallet("farm").claimable_fen) == (100, 0)


def test_a_route_s_multiples_make_more_or_fewer_points_and_never_more_money(database: Database) -> None:
    document = plain_rules()
    odd = {"member_multiple_ppm": 1_200_000, "merchant_multiple_ppm": 333_333}
    document["plans"]["slow"] = {**document["plans"]["short"], "r0": 5 * 10**9, "cap": 4 * 10**12}
    document["pools"]["odd"] = dict(document["pools"]["green"])
    document["routes"].insert(0, {"pool": "odd", "plan": "slow", "grades": ["X"]} | odd)
    town = found_town(document)
    town.merchant("kiosk", grade="X")
    town.sell("mei", "kiosk", 100_000)
    town.close(1)
    # 10 000 × 1.2 and 10 000 × 0.333333 = 3 333.33, rounded down.
    assert (town.points("mei", "odd"), town.points("kiosk", "odd")) == (12_000, 3_333)
    assert fetch("SELECT free_fen FROM pool WHERE name = 'odd'") == [(6_000,)]
    town.close(2)
    # 0.5 % of 15 333 points is 76.665: 77 fen back them, 60 and 16 can be drawn.
    assert fetch("SELECT backing_fen FROM pool WHERE name = 'odd'") == [(77,)]
    assert (town.wallet("mei", "odd").claimable_fen, town.wallet("kiosk", "odd").claimable_fen) == (60, 16)


def test_new_rules_route_new_orders_and_leave_the_old_ones_where_they_are(database: Database) -> None:
    town = found_town()
    before = town.sell("mei", "grocer", 1_000)
    document = plain_rules()
    document["pools"]["second"] = dict(document["pools"]["green"])
    document["routes"] = [{"pool": "second", "plan": "short"}]
    publish_rules(document=document, effective_at=town.instant(4, 0), by="rules", at=town.at)
    late = town.day(5).sell("mei", "grocer", 1_000, paid_at=town.instant(3))
    after = town.sell("mei", "grocer", 1_000)
    assert [pool_of(order) for order in (before, late, after)] == ["green", "green", "second"]
    town.close_all([1, 2])
    assert fetch("SELECT name, backing_fen FROM pool WHERE NOT is_red ORDER BY name") == [("green", 4), ("second", 2)]


def test_a_pool_that_opens_later_counts_its_cycles_from_then(database: Database) -> None:
    town = found_town()
    town.close(1)
    document = plain_rules()
    document["pools"]["second"] = dict(document["pools"]["green"])
    document["routes"] = [{"pool": "second", "plan": "short"}]
    publish_rules(document=document, effective_at=town.day(8).at, by="rules", at=town.at)
    town.sell("mei", "grocer", 100_000)
    town.close_all([2, 3])
    # The alliance's cycle 3 is the second pool's own cycle 2: its first lots release there.
    settled = fetch(
        "SELECT p.name, s.cycle, s.issued_fen FROM settled_cycle s JOIN pool p ON p.id = s.pool_id "
        "ORDER BY p.id, s.cycle"
    )
    greens = [row for row in settled if row[0] != "red"]
    assert greens == [("green", 1, 0), ("green", 2, 0), ("green", 3, 0), ("second", 1, 0), ("second", 2, 200)]
