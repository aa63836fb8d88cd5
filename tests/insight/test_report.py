"""The report on a town whose figures a clerk can check by hand.

Mei (nobody brought her) pays the grocer 100.00 at 10 %: 10.00 conceded. Lin (brought by Mei) pays the baker 200.00 at
20 %: 40.00 conceded. Of the 50.00: green 30.00 (60 %), red 3.20 (8 % of Lin's), coupons 3.50 (7 %), fee 10.00 (20 %),
reserve 3.30 (5 %, and Mei's red 0.80). Points: 2 × 50.00. In cycle 2 green points release 1 %, red ones 2.5 %:
1.00 + 0.08 = 1.08 of the 33.20 paid in; 32.12 stay free, and 33.20 ÷ 1.08 = 30.74.
"""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest
from django.utils import translation

from greenloop.insight.check import check
from greenloop.insight.proof import Proof
from greenloop.insight.report import Year, write_report
from tests.house.test_words import REFUSED
from tests.insight.page import Page, read
from tests.support.databases import Database
from tests.support.life import Life
from tests.support.town import Town, found_town

AT = datetime(2026, 2, 1, 9, 30, tzinfo=UTC)
BOUND = "Vouchers issued ≤ paid in ≤ concession × payout"


def two_orders() -> Town:
    town = found_town()
    town.sell("mei", "grocer", 100_00)
    town.sell("lin", "baker", 200_00)
    town.close_all([1, 2])
    return town


def written(
    folder: Path, language: Literal["en", "zh"] = "en", year: Year | None = None, proofs: list[Proof] | None = None
) -> str:
    path = folder / f"report-{language}.html"
    assert write_report(path, year=year, language=language, at=AT, proofs=proofs) == path
    return path.read_text("utf-8")


@pytest.fixture
def page(database: Database, tmp_path: Path) -> Page:
    two_orders()
    return read(written(tmp_path))


def test_the_vouchers_issued_are_shown_against_what_was_paid_in_and_the_bound(page: Page) -> None:
    assert page.row(BOUND, "green") == ["50.00", "60 %", "30.00", "30.00", "1.00", "29.00", "30.00"]
    assert page.row(BOUND, "red") == ["3.20", "100 %", "3.20", "3.20", "0.08", "3.12", "40.00"]
    assert page.row(BOUND, "All pools") == ["", "", "33.20", "33.20", "1.08", "32.12", "30.74"]


def test_the_split_of_a_concession_adds_up_to_it(page: Page) -> None:
    rows = {row[0]: row[2:] for row in page.tables["The split of vested concessions"]}
    assert rows["Green pools"] == ["30.00", "60.00 %"]
    assert rows["Red pool"] == ["3.20", "6.40 %"]
    assert rows["Shopping coupons"] == ["3.50", "7.00 %"]
    assert rows["Reserve"] == ["3.30", "6.60 %"]
    assert rows["Platform fee"] == ["10.00", "20.00 %"]
    assert rows["Vested concessions"] == ["50.00", "100.00 %"]


def test_a_cycle_shows_its_inflow_growth_issue_and_coverage(page: Page) -> None:
    assert page.row("The cycles of pool green", "1")[:5] == ["2026-01-11", "30.00", "–", "30.00", "0.00"]
    assert page.row("The cycles of pool green", "2") == [
        *("2026-01-18", "0.00", "−50.0 %", "30.00", "1.00", "0.00", "29.00", "30.00")
    ]


def test_a_cohort_shows_what_a_point_of_it_has_released_so_far(page: Page) -> None:
    # Mei, Lin, the grocer and the baker hold 100.00 points; 1 of 30 releases; 0.01 of the cap of 5.
    assert page.row("The cohorts of pool green", "1") == ["short", "4", "100.00", "1 / 30", "0.010 ×", "0.2 %"]
    spread = page.row("Released so far per point, over holders", "All green points")
    assert spread == ["4", "0.010 ×", "0.010 ×", "0.010 ×", "0.010 ×", "0.0 %", "0.0 %", "0.0 %"]


def test_the_page_on_5_says_the_bound_and_promises_nothing(page: Page) -> None:
    assert "60.0 fen ÷ 2.00 = 0.300 yuan a point" in page.text
    assert "It is an upper limit, not a target, and nobody is owed it." in page.text
    assert not re.search(r"\b(?:guarantee|will earn|profit|yield|return of)\b", page.text, re.IGNORECASE)


def test_the_trust_account_holds_what_it_owes(page: Page) -> None:
    # 300.00 cash; 250.00 is the merchants', 50.00 the concessions'.
    table = "The trust account: what it holds, and to whom it belongs"
    assert page.row(table, "Bank, confirmed by statements") == ["300.00", ""]
    assert page.row(table, "Merchants' dues") == ["", "250.00"]
    assert page.row(table, "Together") == ["300.00", "300.00"]


def test_every_proof_of_the_check_is_in_the_report(page: Page) -> None:
    proofs = check()
    rows = page.tables["What was proved"][1:]
    assert len(rows) == len(proofs)
    assert {row[1] for row in rows} == {"holds"}
    assert f"all {len(proofs)} proofs hold" in page.text


def test_a_proof_that_fails_stands_first_and_on_the_first_screen(database: Database, tmp_path: Path) -> None:
    two_orders()
    broken = Proof("2", "trust", "Bank and money in transit equal all that the trust book owes.", 300, 7, "300 / 293")
    page = read(written(tmp_path, proofs=[*check(), broken]))
    assert page.tables["What was proved"][1][:3] == [f"{broken.what} (300 / 293)", "off", "7"]
    assert "not balanced" in page.text
    assert f"1 of {len(check()) + 1} proofs fail" in page.text


def test_a_replay_adds_what_was_refused_and_how_long_each_stage_took(database: Database, tmp_path: Path) -> None:
    two_orders()
    year = Year("a year", 5, {"order.zero": 2, "order.strange": 1}, {"take orders": 1.5, "settle": 0.5}, seed=7)
    page = read(written(tmp_path, year=year))
    assert page.row("Refused, by reason", "The price is 0: there is nothing to take") == ["2"]
    assert page.row("Refused, by reason", "order.strange") == ["1"]
    assert page.row("Refused, by reason", "Together") == ["3"]
    assert page.row("Seconds of work, by stage", "take orders") == ["1.50", "75.0 %"]
    assert "2.00 s in all, 1 orders taken for each second of it. What the data doesn't hold" in page.text


def test_without_a_replay_nothing_is_said_about_times(page: Page) -> None:
    assert "stages" not in page.ids
    assert "Refused, by reason" not in page.tables


def test_books_that_hold_nothing_yet_have_a_report_too(database: Database, tmp_path: Path) -> None:
    for page in (read(written(tmp_path)), read(written(tmp_path, "zh"))):
        assert {"headline", "five", "books"} <= set(page.ids)


def test_a_town_where_everything_happens_has_a_sound_page_in_both_languages(database: Database, tmp_path: Path) -> None:
    Life(7, daily_cap_fen=40_000).live(8, errands=12)
    for page in (read(written(tmp_path)), read(written(tmp_path, "zh"))):
        assert len(page.ids) == len(set(page.ids))
        assert len(page.drawings) > 10
        assert not re.search(r"None|nan|inf\b|\{\w*\}", page.text)


def test_the_file_is_complete_in_itself_and_needs_no_script(database: Database, tmp_path: Path) -> None:
    two_orders()
    html = written(tmp_path)
    assert re.findall(r"https?:|//[a-z]|<script|javascript:|url\(|@import|\bon[a-z]+=", html) == []
    page = read(html)
    assert [attributes for _, attributes in page.tags if "src" in attributes] == []
    assert {attributes["href"] for tag, attributes in page.tags if tag == "link"} == {"data:,"}


def test_the_page_can_be_used_from_a_keyboard_and_by_ear(page: Page) -> None:
    ids = page.ids
    assert len(ids) == len(set(ids))
    for tag, attributes in page.tags:
        if attributes.get("href", "").startswith("#"):
            assert attributes["href"][1:] in ids
        for name in attributes.get("aria-labelledby", "").split():
            assert name in ids, tag
    drawings = [svg for svg in page.drawings if svg.get("role") == "img"]
    assert len(drawings) >= 10
    for svg in drawings:
        assert svg.findtext("title")
        assert svg.findtext("desc")
    scrolled = [attributes for tag, attributes in page.tags if attributes.get("class") == "sheet"]
    assert scrolled
    assert all(attributes["tabindex"] == "0" and attributes["aria-label"] for attributes in scrolled)


def test_the_chinese_page_says_the_same_in_chinese(database: Database, tmp_path: Path) -> None:
    two_orders()
    english, chinese = read(written(tmp_path)), read(written(tmp_path, "zh"))
    assert ("html", "zh-Hans") in [(tag, attributes.get("lang")) for tag, attributes in chinese.tags]
    assert [len(rows) for rows in chinese.tables.values()] == [len(rows) for rows in english.tables.values()]
    with translation.override("zh-hans"):
        bound = translation.gettext(BOUND)
    assert bound != BOUND
    assert chinese.row(bound, "green") == english.row(BOUND, "green")
    assert re.search(r"60\.0 .{1,3} ÷ 2\.00 = 0\.300 元", chinese.text)
    assert {caption for caption in chinese.tables if caption.isascii()} == set()
    assert not REFUSED.search(chinese.text)


def test_the_same_books_give_the_same_page(database: Database, tmp_path: Path) -> None:
    two_orders()
    assert written(tmp_path) == written(tmp_path)
