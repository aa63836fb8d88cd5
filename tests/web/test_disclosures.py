"""The page of disclosures: for anybody, in both languages, with figures that a clerk could add up."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from greenloop.core.money import SCALE
from greenloop.services.loop import minting
from greenloop.store.queries import disclosed
from greenloop.web import clock
from greenloop.web.words import moment
from tests.support.databases import Database
from tests.support.signing import page
from tests.support.town import Town
from tests.web.staff import QUERIES_MAX

ENGLISH = {"accept-language": "en"}


@pytest.fixture
def busy(town: Town) -> Town:
    """Give a town of three settled cycles: 100 000 of Mei at the grocer in cycle 1, 60 000 of Lin in cycle 2."""
    town.sell("mei", "grocer", 100_000)
    town.close(1)
    town.sell("lin", "grocer", 60_000)
    town.close_all([2, 3])
    return town


def test_anybody_reads_the_live_figures(busy: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    del busy
    monkeypatch.setattr(settings, "GREENLOOP_SERVICE_DESK", "0571-0000 0000, 9–18 h")
    shown = page(Client(headers=ENGLISH).get("/disclosures/"))
    # 20 000 points released 2 %, 12 000 released 1 %: 520 ÷ 32 000. Of 96 + 4.80 in the pools, 5.32 are owed.
    for told in (
        *("0.300 ×", "0.016 ×", "0.020 ×", "P10: 0.010 ×", "18.94 ×", "short, number 1", "none is published"),
        *("green pools, for holders of green points", "60 %", "¥1,600.00", "0571-0000 0000"),
    ):
        assert told in shown
    assert "一分钱的去向" in page(Client(headers={"accept-language": "zh-hans"}).get("/disclosures/"))


def test_points_are_told_by_pool_and_by_the_cycle_in_which_they_entered(busy: Town) -> None:
    found = disclosed.disclosed(busy.at)
    ((pool, stand),) = found.stands
    assert (pool.name, stand.points, stand.mean) == ("green", 32_000, 520 * SCALE // 32_000)
    assert [(each.cycle, each.stand.points, each.stand.mean) for each in found.entries] == [
        (2, 12_000, SCALE // 100),
        (1, 20_000, SCALE // 50),
    ]


def test_what_came_in_from_new_members_is_told_of_the_newest_settled_cycle(busy: Town) -> None:
    found = disclosed.disclosed(busy.at).inflow
    assert found is not None
    assert (found.cycle, found.fen, found.new_ppm) == (3, 0, None)
    # Mei and Lin enrolled at the opening. Thirty days and some cycles on they aren't new any more; Zhu is.
    busy.close_all([4, 5, 6])
    busy.merchant("butcher")
    busy.member("zhu", enrolled_at=busy.at)
    busy.sell("mei", "grocer", 30_000)
    busy.sell("zhu", "grocer", 10_000)
    busy.close(7)
    found = disclosed.disclosed(busy.at + timedelta(minutes=2)).inflow
    assert found is not None
    # 60 % of 3 000 and of 1 000.
    assert (found.cycle, found.fen, found.new_fen, found.new_ppm) == (7, 2_400, 600, 250_000)


def test_the_figures_are_read_once_a_minute_by_few_statements(busy: Town) -> None:
    def asked(at: object) -> int:
        with CaptureQueriesContext(connection) as captured:
            disclosed.disclosed(at)  # type: ignore[arg-type]
            return len(captured)

    first_at = busy.at + timedelta(days=300)
    assert 0 < asked(first_at) <= QUERIES_MAX
    assert asked(first_at + timedelta(seconds=59)) == 0
    assert asked(first_at + timedelta(seconds=60)) > 0
    assert asked(first_at) > 0, "a clock that went back reads anew"


def test_before_there_is_anything_the_page_says_so(database: Database) -> None:
    del database
    shown = page(Client(headers=ENGLISH).get("/disclosures/"))
    assert "No rules are in force yet." in shown
    assert "No points have entered a pool yet." in shown


def test_every_page_says_that_minting_stops_and_since_when(busy: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: busy.at)
    reader = Client(headers=ENGLISH)
    told = "purchases make no more points"
    assert told not in page(reader.get("/")) + page(reader.get("/disclosures/")).split("Two people can decide")[0]
    since = busy.at + timedelta(hours=1)
    with transaction.atomic():
        minting.write(minting.Draft(mints=False, effective_at=since), by="Wu", at=busy.at)
    # What pages know is a minute old at most.
    busy.later(minutes=2)
    assert f"From {moment(since)} on {told}" in page(reader.get("/"))
    busy.later(hours=1)
    for path in ("/", "/disclosures/", "/bound/", "/log/", "/proof/"):
        assert f"Since {moment(since)} {told}" in page(reader.get(path)), path
    assert "Purchases make points no" in page(reader.get("/disclosures/"))
