"""What a process remembers of merchants from one batch to the next never outlives a change, whoever made it."""

import subprocess
import sys

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from greenloop.services.loop.taking import sellers
from greenloop.services.people.enrol import add_shop, set_rate
from greenloop.store import sql
from tests.support.ledger import fetch
from tests.support.town import Town

ELSEWHERE = """
import django
django.setup()
from datetime import datetime
from greenloop.services.people.enrol import set_rate
at = datetime.fromisoformat(input())
set_rate(merchant="grocer", rate_ppm=50_000, valid_from_at=at, at=at)
"""


def rate_of(town: Town) -> int:
    """Sell something at the grocer and return the rate that its order was given, in ppm."""
    order = town.sell("mei", "grocer", 1_000)
    return int(fetch("SELECT rate_ppm FROM orders WHERE id = %s", order)[0][0])


def refusal(town: Town, **facts: object) -> str | None:
    """Return the code by which a sale at the grocer is refused, None where it is taken."""
    refusals = town.take(town.sale("mei", "grocer", 1_000, **facts)).refusals
    return refusals[0].code if refusals else None


def test_a_new_rate_holds_for_the_very_next_batch(town: Town) -> None:
    assert rate_of(town) == 100_000
    set_rate(merchant="grocer", rate_ppm=50_000, valid_from_at=town.at, at=town.at)
    assert rate_of(town) == 50_000


def test_a_new_rate_of_another_process_holds_for_the_very_next_batch(town: Town) -> None:
    assert rate_of(town) == 100_000
    subprocess.run([sys.executable, "-c", ELSEWHERE], input=town.at.isoformat(), text=True, check=True)
    assert rate_of(town) == 50_000


def test_a_new_store_sells_in_the_very_next_batch(town: Town) -> None:
    assert refusal(town, shop="north") == "order.shop"
    add_shop(merchant="grocer", ref="north", at=town.at)
    assert refusal(town, shop="north") is None


def test_a_merchant_sells_as_soon_as_it_is_enrolled(town: Town) -> None:
    new = town.sale("mei", "florist", 1_000)
    assert town.take(new).refusals[0].code == "order.merchant"
    town.merchant("florist")
    assert not town.take(new).refusals


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE merchant SET ref = 'closed' WHERE ref = 'grocer'", "order.merchant"),
        ("DELETE FROM rate_card WHERE merchant_id = (SELECT id FROM merchant WHERE ref = 'grocer')", "order.rate"),
        ("UPDATE shop SET ref = 'moved' WHERE ref = 'south'", "order.shop"),
        ("DELETE FROM shop WHERE ref = 'south'", "order.shop"),
    ],
)
def test_what_is_changed_by_hand_is_seen_by_the_very_next_batch(town: Town, statement: str, code: str) -> None:
    add_shop(merchant="grocer", ref="south", at=town.at)
    assert refusal(town, shop="south") is None
    sql.run(statement)
    assert refusal(town, shop="south") == code


def test_while_nobody_changes_a_merchant_only_the_first_batch_reads_it(town: Town) -> None:
    def reads() -> int:
        with CaptureQueriesContext(connection) as found:
            town.take(town.sale("mei", "grocer", 1_000))
        return sum("rate_card" in query["sql"] for query in found.captured_queries)

    town.later(days=1)
    assert [reads(), reads(), reads()] == [1, 0, 0]


def test_a_process_remembers_so_many_merchants_and_begins_anew(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sellers, "KNOWN_MAX", 1)
    assert [rate_of(town) for _ in range(2)] == [100_000, 100_000]
    town.sell("mei", "baker", 1_000)
    assert [rate_of(town) for _ in range(2)] == [100_000, 100_000]


def test_a_change_that_is_undone_leaves_what_is_remembered_true(town: Town) -> None:
    assert rate_of(town) == 100_000
    with transaction.atomic():
        sql.run("UPDATE rate_card SET rate_ppm = 50000")
        transaction.set_rollback(True)
    assert rate_of(town) == 100_000


def test_every_change_draws_a_version_of_its_own(town: Town) -> None:
    # Drawn, not counted: two copies of one database that go different ways have no version in common.
    versions = []
    for number in range(20):
        add_shop(merchant="grocer", ref=f"s{number}", at=town.at)
        versions.append(int(fetch("SELECT version FROM directory")[0][0]))
    assert len(set(versions)) == 20
    assert max(versions) - min(versions) > 1_000_000
