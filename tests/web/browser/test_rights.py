"""Who may see and do what, tried as a person would: by address, in a signed-in browser."""

import pytest
from playwright.sync_api import Browser, StorageState

from tests.support import browser as browsers
from tests.support.serving import Served
from tests.support.walk import ORDER, STOPS, go
from tests.web.browser.test_every_page import names

States = dict[str, StorageState | None]


def status(browser: Browser, site: Served, state: StorageState | None, path: str) -> int:
    context = browsers.opened(browser, site, state=state)
    try:
        response = context.new_page().goto(path)
        assert response is not None
        return response.status
    finally:
        context.close()


def test_a_member_cannot_open_anothers_wallet_nor_a_merchants_statement(
    browser: Browser, site: Served, states: States
) -> None:
    merchant = names(site)["merchant"]
    assert status(browser, site, states["member"], f"/holders/{merchant}/") == 403
    assert status(browser, site, states["member"], f"/holders/{names(site)['member']}/") == 403
    assert status(browser, site, states["member"], f"/merchants/{merchant}/statement/") == 404
    assert status(browser, site, states["member"], "/overview/") == 403
    assert status(browser, site, states["member"], "/search/?q=1") == 403


def hrefs(browser: Browser, site: Served, state: StorageState | None, path: str, links: str) -> list[str]:
    """Return where the links on a page lead to."""
    context = browsers.opened(browser, site, state=state)
    page = context.new_page()
    page.goto(path)
    found = [link.get_attribute("href") or "" for link in page.locator(links).all()]
    context.close()
    assert found, f"no links {links} on {path}"
    return found


def test_a_merchant_cannot_open_another_merchants_statement_nor_its_downloads(
    browser: Browser, site: Served, states: States
) -> None:
    mine = names(site)["merchant"]
    shops = {each.split("/")[2] for each in hrefs(browser, site, states["member"], "/wallet/orders/", ORDER)}
    other = next(iter(sorted(shops - {mine})))
    for path in ("statement/", "statement.csv", "statement.xlsx"):
        assert status(browser, site, states["merchant"], f"/merchants/{other}/{path}") == 404
        assert status(browser, site, states["operator"], f"/merchants/{mine}/statement/") == 200
    assert status(browser, site, states["merchant"], f"/holders/{other}/") == 403


def test_an_order_is_shown_to_its_shopper_and_its_shop_and_to_nobody_else(
    browser: Browser, site: Served, states: States
) -> None:
    context = browsers.opened(browser, site, state=states["member"])
    page = context.new_page()
    go(page, next(stop for stop in STOPS if stop.name == "order-of-a-member"), names(site))
    path = page.url.removeprefix(site.base)
    context.close()
    merchant = path.split("/")[2]
    expected = 200 if merchant == names(site)["merchant"] else 404
    assert status(browser, site, states["merchant"], path) == expected
    assert status(browser, site, states["operator"], path) == 200
    assert status(browser, site, states["auditor"], path) == 200


@pytest.mark.parametrize("role", ["auditor", "member", "merchant"])
@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_who_only_reads_decides_nothing(browser: Browser, site: Served, states: States, role: str, verb: str) -> None:
    context = browsers.opened(browser, site, state=states[role])
    page = context.new_page()
    page.goto("/bound/")
    token = page.locator("input[name=csrfmiddlewaretoken]").first.get_attribute("value")
    held = hrefs(browser, site, states["operator"], "/settlements/", 'main a[href^="/settlements/"]')[0]
    answer = page.request.post(
        f"{held}{verb}/",
        form={"csrfmiddlewaretoken": token or ""},
        headers={"Referer": f"{site.base}{held}"},
    )
    assert answer.status == 403
    context.close()
