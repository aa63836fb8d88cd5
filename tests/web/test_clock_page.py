"""The page of the clockwork: what ran, what is late, what comes next."""

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from greenloop.config import clock
from greenloop.services import clockwork
from tests.support.visiting import counted, said, visit

if TYPE_CHECKING:
    from tests.support.town import Town


def test_staff_see_what_ran_and_what_came_of_it(town: "Town", operator: int, monkeypatch: pytest.MonkeyPatch) -> None:
    town.sell("mei", "grocer", 100_000)
    town.at = town.calendar.cutoff_at(1)
    monkeypatch.setattr(clock, "now", lambda: town.at)
    clock.tick(holder="w")
    page = said(visit(operator), "/clock/")
    assert "vest orders" in page
    # 100.00 conceded of 1 000.00 in cash at 10 %.
    assert "orders 1 · concession ¥100.00" in page
    assert "Late: due for more than ten minutes" in page  # by the clock of today, months after the town's


def test_a_failure_says_why(town: "Town", operator: int) -> None:
    clockwork.begin(task="settle", slot="1", due_at=town.at, holder="w", at=town.at)
    clockwork.fail(task="settle", slot="1", holder="w", outcome="breach: off by one fen", at=town.at)
    assert "breach: off by one fen" in said(visit(operator), "/clock/")


def test_the_page_says_what_waits_for_people_and_what_comes_next(
    town: "Town", operator: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from greenloop.services.loop.rules import publish_rules
    from tests.support.town import plain_rules

    publish_rules(document=plain_rules(daily_rebate_cap_fen=1), effective_at=town.at, by="rules", at=town.at)
    town.sell("mei", "grocer", 100_000)
    town.close(1)
    town.close(2)
    clockwork.begin(task="check", slot="2026-01-06", due_at=town.at, holder="w", at=town.at)
    clockwork.fail(task="check", slot="2026-01-06", holder="w", outcome="breach: off by one fen", at=town.at)
    page = said(visit(operator), "/clock/")
    assert "The settlement of cycle 2 waits for a second person" in page
    assert "These stand still until people have looked: move the platform's fee, pay merchants." in page
    assert "What comes next" in page


def test_the_page_says_whether_anybody_is_at_the_clock(town: "Town", operator: int) -> None:
    del town
    client, now = visit(operator), datetime.now(UTC)
    assert "No worker has ever been at the clock here" in said(client, "/clock/")
    clockwork.beat(holder="here/1", at=now)
    page = said(client, "/clock/")
    assert re.search(r"A worker was at the clock \d s ago\.", page)
    assert "look at its log" not in page
    clockwork.beat(holder="here/1", at=now - timedelta(minutes=4))
    page = said(client, "/clock/")
    assert "says so each minute while it lives. Start it, or look at its log." in page
    assert "s ago." not in page


def test_the_page_costs_few_statements_and_is_for_staff(town: "Town", operator: int) -> None:
    client = visit(operator)
    said(client, "/clock/")
    with counted() as found:
        said(client, "/clock/")
    assert len(found) <= 13
    said(visit(town.ids["mei"]), "/clock/", status=403)
