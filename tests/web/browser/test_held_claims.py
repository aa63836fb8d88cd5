"""A wallet that waits for a second person, on a phone in Chinese: it fits, it speaks, and it has no barriers."""

from itertools import product

import pytest
from playwright.sync_api import Browser, Page

from tests.support.claiming import FENCE_FEN, ask, held_spend, no, yes
from tests.support.databases import Database
from tests.support.serving import Served
from tests.support.town import Town, found_town, plain_rules
from tests.support.walk import Stop, go
from tests.web.browser.test_every_page import barriers, complaints, faults
from tests.web.browser.windows import signed_in
from tests.web.staff import person

WITHDRAW = 'form[action$="/withdraw/"]'
STOPS = {
    # Whose page it is: what it shows, how many claims, and how many of them can be taken back there.
    "mei": (Stop("wallet-with-a-held-draw", "member", "/wallet/"), 3, 2),
    "lin": (Stop("wallet-with-a-held-order", "member", "/wallet/"), 1, 1),
    "Risk": (Stop("holder-with-a-held-draw", "risk", "/holders/mei/"), 2, 0),
}


@pytest.fixture
def town(database: Database, browser: Browser) -> Town:
    """A draw of Mei's is held, an order approved, another draw turned down; an order of Lin's is held."""
    del database, browser
    town = found_town(plain_rules(large_claim_fen=FENCE_FEN))
    town.sell("mei", "grocer", 100_000)
    town.sell("lin", "grocer", 100_000)
    town.close_all(range(1, 10))
    town.ids["Risk"] = person("risk")
    # Of 8.00 to draw, each of these is more than a day's 1.50; a wallet shows three claims, those that live first.
    no(town, ask(town, 200), by="Risk", reason="不像她")
    yes(town, held_spend(town, 200, "approved"), by="Risk")
    ask(town, 200)
    assert town.take(town.sale("lin", "baker", voucher_fen=160)).refusals[0].code == "claim.held"
    return town


def found_at(page: Page, stop: Stop) -> list[str]:
    """Return what is wrong with a page by all that every page is asked."""
    found: list[str] = []
    page.on("console", complaints(found))
    go(page, stop, {})
    found += faults(page, stop, "zh")
    found += barriers(page, stop)
    return found


def test_a_wallet_with_claims_has_no_barriers_on_a_phone_in_chinese(
    browser: Browser, pages: Served, town: Town
) -> None:
    for theme, (who, (stop, claims, own)) in product(("light", "dark"), STOPS.items()):
        context = signed_in(browser, pages, town.ids[who], language="zh", theme=theme)
        page = context.new_page()
        assert found_at(page, stop) == [], theme
        assert page.url.endswith(stop.path)
        assert (page.locator("main .notice").count(), page.locator(WITHDRAW).count()) == (claims, own), stop.name
        assert page.locator("main .notice.warn").count() == 1, stop.name
        if who == "mei":
            assert "不像她" in page.locator("main").inner_text()
        context.close()
