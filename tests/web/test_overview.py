"""The overview: what an operator sees first, from figures that a clerk could add up."""

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from greenloop.services.books.checked import keep_check
from greenloop.services.loop.hold import hold_account, hold_order
from greenloop.store.queries import minting, multiples, overview
from greenloop.web import clock
from tests.support.ledger import execute
from tests.support.signing import page
from tests.support.town import Town, found_town, plain_rules
from tests.web.staff import QUERIES_MAX, at_work, by_phone


@pytest.fixture
def busy(town: Town) -> Town:
    """Give a town of three settled cycles: 100 000 of Mei at the grocer in cycle 1, 60 000 of Lin in cycle 2."""
    town.sell("mei", "grocer", 100_000)
    town.close(1)
    town.sell("lin", "grocer", 60_000)
    town.close_all([2, 3])
    return town


def test_the_overview_shows_each_pool_with_what_came_in_what_was_issued_and_what_covers_it(busy: Town) -> None:
    found = overview.pools()
    green, red = found.shown
    # Green: 60 % of 10 000 and 6 000 came in; 20 000 points released 1 % twice, 12 000 points once: 520.
    assert (green.name, green.free_fen, green.owed_fen) == ("green", 9_600 - 520, 520)
    assert (green.open_cycle, green.open_inflow_fen, green.last_inflow_fen, green.last_issued_fen) == (4, 0, 0, 320)
    assert green.coverage_ppm == 9_600 * 1_000_000 // 520
    # Red: 8 % of Lin's 6 000 for Mei, who brought her, and 2.5 % of these 480 points released once.
    assert (red.name, red.free_fen, red.owed_fen, red.last_issued_fen) == ("red", 480 - 12, 12, 12)
    assert (found.count, found.free_fen, found.owed_fen) == (2, 9_080 + 468, 532)
    text = page(at_work("operator").get("/overview/"))
    assert "Pool green" in text
    assert "¥90.80" in text
    assert "All money of the pool ÷ what it owes to holders: 18.46 now." in text


def test_the_cycles_keep_their_coverage_while_vouchers_are_spent(busy: Town) -> None:
    busy.sell("mei", "baker", voucher_fen=200)
    busy.close(4)
    green = overview.pools().shown[0]
    rows = overview.cycles(green, limit=3)
    assert [(row.cycle, row.inflow_fen, row.issued_fen, row.owed_fen) for row in rows] == [
        (2, 3_600, 200, 200),
        (3, 0, 320, 520),
        (4, 0, 320, 640),
    ]
    assert [row.coverage_ppm for row in rows] == [
        9_600 * 1_000_000 // 200,
        9_600 * 1_000_000 // 520,
        (9_600 - 200) * 1_000_000 // 640,
    ]


def test_the_multiple_counts_every_point_once(busy: Town) -> None:
    green = overview.pools().shown[0]
    rows = multiples.cohorts(green.id)
    found = multiples.multiples(rows, multiples.paths([green.id])[green.id])
    assert found is not None
    # 20 000 points released 2 %, 12 000 points 1 %: a tenth has at most 1 %, half and nine tenths at most 2 %.
    per_cent = 10**10
    assert (found.points, found.mean) == (32_000, (20_000 * 2 + 12_000) * per_cent // 32_000)
    assert (found.p10, found.median, found.p90, found.best) == (per_cent, 2 * per_cent, 2 * per_cent, 2 * per_cent)
    assert [(each.times, each.ppm, each.releases) for each in found.reached] == [
        (1, 0, None),
        (2, 0, None),
        (5, 0, None),
    ]


def test_points_that_released_themselves_are_told_with_how_many_releases_it_took(
    database: object, sent: object
) -> None:
    del database, sent
    document = plain_rules()
    # One point in a hundred is made, so that the pool can release 0.5 of them a cycle.
    document["plans"]["short"] |= {"r0": 10**12 // 2}
    document["routes"][0] |= {"member_multiple_ppm": 10_000, "merchant_multiple_ppm": 10_000}
    town = found_town(document)
    town.sell("mei", "grocer", 100_000)
    town.close_all([1, 2, 3, 4])
    green = overview.pools().shown[0]
    found = multiples.multiples(multiples.cohorts(green.id), multiples.paths([green.id])[green.id])
    assert found is not None
    assert [(each.times, each.ppm, each.releases) for each in found.reached] == [
        (1, 1_000_000, 2),
        (2, 0, None),
        (5, 0, None),
    ]
    assert "100 % of the points, the quickest in 2 releases" in page(at_work("auditor").get("/overview/"))


def test_what_waits_is_counted(busy: Town) -> None:
    order = busy.sell("bo", "baker", 50_000)
    hold_order(order_id=order, reason="odd hours", by="risk", at=busy.at)
    hold_account(account_id=busy.ids["lin"], reason="lost phone", by="risk", at=busy.at)
    found = overview.queues()
    # 20 % of 50 000 wait.
    assert (found.to_vest.count, found.to_vest.fen, found.to_vest.more) == (1, 10_000, False)
    assert (found.order_holds.count, found.account_holds.count, found.refunds.count) == (1, 1, 0)


def test_a_refund_without_money_waits_in_sight(busy: Town) -> None:
    order = busy.sell("bo", "baker", 50_000)
    busy.later(days=1).pay_out()
    assert busy.refund(order, 20_000) == "pending"
    assert (overview.queues().refunds.count, overview.queues().refunds.fen) == (1, 20_000)


def test_the_trust_book_is_in_balance_on_the_page(busy: Town) -> None:
    book = overview.trust_book()
    assert book.custody_fen == book.owed_fen == 160_000
    text = page(at_work("finance").get("/overview/"))
    assert "In custody: ¥1,600.00" in text
    assert "Owed: ¥1,600.00" in text


def test_the_overview_says_when_the_books_were_last_proved_and_when_that_is_too_long_ago(busy: Town) -> None:
    operator = at_work("operator")
    assert "The books have not been proved yet. Run: greenloop check" in page(operator.get("/overview/"))
    keep_check(statements=51, broken=[], replayed=True, took_ms=900, by="night", at=busy.at)
    old = page(operator.get("/overview/"))
    assert "all 51 hold" in old
    assert "older than a day" in old
    keep_check(statements=51, broken=[], replayed=False, took_ms=900, by="night", at=clock.now())
    assert "older than a day" not in page(operator.get("/overview/"))


def test_statements_that_broke_are_an_alarm_on_top(busy: Town) -> None:
    keep_check(
        statements=51,
        broken=[("pool.free", "Free money is there.", 7)],
        replayed=True,
        took_ms=1,
        by="n",
        at=busy.at,
    )
    answer = at_work("operator").get("/overview/")
    assert 'role="alert"' in answer.content.decode()
    assert "1 of 51 statements about the books do NOT hold" in page(answer)
    assert "pool.free: Free money is there. Off by 7." in page(answer)


def test_a_pool_in_which_buying_from_oneself_is_close_to_paying_is_an_alarm_on_top(busy: Town) -> None:
    del busy
    alarm = "buying from oneself is close to paying"
    operator = at_work("operator")
    assert alarm not in page(operator.get("/overview/"))
    with transaction.atomic():
        # Two points a yuan: 0.4 vouchers a point bring 0.8 yuan back.
        execute("UPDATE cohort SET release_index = %s WHERE points > 0", 4 * 10**11)
        shown = page(operator.get("/overview/"))
        transaction.set_rollback(True)
    assert alarm in shown
    assert "Pool green: a yuan conceded has brought back 0.800 ×" in shown


def test_an_alliance_that_has_not_begun_says_what_to_do_first(database: object, sent: object) -> None:
    del database, sent
    assert "Begin with: greenloop publish" in page(at_work("operator").get("/overview/"))


def test_each_pool_has_an_overview_of_its_own_and_no_other_name_has(busy: Town) -> None:
    operator = at_work("operator")
    assert "Pool red" in page(operator.get("/overview/", {"pool": "red"}))
    assert operator.get("/overview/", {"pool": "blue"}).status_code == 404


def test_where_pools_are_many_the_one_that_is_asked_for_is_among_those_shown(
    busy: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "POOLS", 1)
    assert [pool.name for pool in overview.pools().shown] == ["green"]
    named = overview.pools("red")
    assert ([pool.name for pool in named.shown], named.count, named.owed_fen) == (["red"], 2, 532)
    assert "The 1 largest of 2 pools." in page(at_work("operator").get("/overview/"))


def test_an_overview_takes_no_more_questions_when_more_was_sold(busy: Town) -> None:
    operator = at_work("operator")
    minting._kept.clear()  # read once a minute: both times now
    with CaptureQueriesContext(connection) as few:
        operator.get("/overview/")
    for _ in range(3):
        busy.sell("bo", "baker", 10_000)
        busy.sell("lin", "grocer", 10_000)
    busy.close_all([4, 5])
    minting._kept.clear()
    with CaptureQueriesContext(connection) as more:
        operator.get("/overview/")
    assert len(few) == len(more) <= QUERIES_MAX


@pytest.mark.parametrize("path", ["/overview/", "/settlements/", "/settlements/1/", "/search/?q=mei"])
def test_only_the_platforms_people_see_the_alliance(busy: Town, path: str) -> None:
    assert Client().get(path).status_code == 302
    assert by_phone(busy.ids["mei"]).get(path).status_code == 403
    for role in ("operator", "finance", "auditor"):
        assert at_work(role).get(path).status_code == 200
