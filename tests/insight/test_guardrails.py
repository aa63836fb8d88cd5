"""What a database says of the guardrails: in order after a busy life, and off where a row says what can't be."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import transaction

from greenloop.core.money import SCALE
from greenloop.insight.gauges import Gauges
from greenloop.insight.guardrails import live
from greenloop.store import sql
from tests.support.databases import Database
from tests.support.town import Town, found_town


@pytest.fixture
def town(database: Database) -> Town:
    """Give a town that has sold, settled, drawn and spent."""
    del database
    made = found_town()
    made.sell("lin", "grocer", 100_000)
    made.sell("bo", "baker", 50_000)
    made.close_all([1, 2, 3])
    made.draw("lin")
    made.sell("lin", "baker", 2_000, voucher_fen=100)
    return made


def off(town: Town) -> set[str]:
    """Return the guardrails of which a figure is off."""
    return {each.law for each in live.looked_at(town.at) if not each.holds}


@contextmanager
def undone(statement: str, *params: object) -> Iterator[None]:
    """Let a statement be so, and undo it."""
    with transaction.atomic():
        assert sql.run(statement, params)
        yield
        transaction.set_rollback(True)


def test_after_a_busy_life_every_figure_is_in_order_and_most_have_looked_at_something(town: Town) -> None:
    found = live.looked_at(town.at)
    assert [each for each in found if not each.holds] == []
    laws = {each.law for each in found}
    assert laws == {f"G{number}" for number in range(1, 16)}
    # Nobody signs in, no institution is told anything, no rules followed the first, and minting never stopped.
    assert {each.law for each in found if not each.looked_at} == {"G9", "G11", "G14", "G15"}


TOP_UP = "INSERT INTO posting_rule (kind, debit_class, credit_class) VALUES ('top', 'trust:bank', 'trust:voucher')"
OWN_SHOP = """
    UPDATE orders SET member_id = (SELECT account_id FROM merchant m WHERE m.id = orders.merchant_id)
    WHERE voucher_fen > 0
"""


@pytest.mark.parametrize(
    ("law", "statement"),
    [
        ("G1", "UPDATE pool SET backing_fen = backing_fen + 100000000 WHERE NOT is_red"),
        ("G4", TOP_UP),
        ("G5", "UPDATE member SET referrer_id = NULL WHERE referrer_id IS NOT NULL"),
        ("G6", OWN_SHOP),
        ("G7", "UPDATE orders SET rate_ppm = 20000 WHERE entry_cycle IS NOT NULL"),
        ("G7", "UPDATE orders SET vests_at = NULL WHERE entry_cycle IS NOT NULL"),
        ("G12", "UPDATE merchant SET city = '消费返' || '本'"),
    ],
)
def test_a_row_that_can_t_be_is_seen(town: Town, law: str, statement: str) -> None:
    with undone(statement):
        assert law in off(town)
    assert off(town) == set()


def test_rules_that_came_without_notice_are_seen_once_anybody_bought_by_them(town: Town) -> None:
    from greenloop.services.loop.rules import publish_rules
    from tests.support.town import plain_rules

    publish_rules(document=plain_rules(name="soon"), effective_at=town.at, by="rules", at=town.at)
    assert "G11" not in off(town)
    town.sell("bo", "baker", 1_000)
    assert "G11" in off(town)


def test_what_a_yuan_conceded_has_brought_back_is_measured_pool_by_pool(town: Town) -> None:
    # Two points a yuan conceded; after cycle 3 the points of cycle 1 have released 1 % twice: 2 × 0.02.
    found = live.washed(town.at)
    assert (found.looked_at, found.difference, found.detail) == (1, 0, "0.040")
    with undone("UPDATE cohort SET release_index = %s WHERE points > 0", SCALE // 2):
        assert (live.washed(town.at).difference, live.washed(town.at).detail) == (1, "1.000")


def test_what_a_yuan_conceded_has_brought_back_is_a_gauge_for_who_watches(town: Town) -> None:
    del town
    found = {
        sample.name: (sample.labels, sample.value)
        for metric in Gauges().collect()
        for sample in metric.samples
        if "brought" in sample.name
    }
    assert found == {"greenloop_pool_brought_back": ({"pool": "green"}, 0.04)}
