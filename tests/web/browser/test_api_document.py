"""The browsable document of the API, in a real browser, under the policy that all pages have."""

from playwright.sync_api import Browser, Request

from tests.support import browser as browsers
from tests.support.serving import Served
from tests.web.browser.test_every_page import complaints

PATIENCE_MS = 30_000


def test_a_developer_finds_every_operation_and_nothing_is_refused_or_fetched_from_elsewhere(
    browser: Browser, site: Served
) -> None:
    found: list[str] = []
    asked: list[str] = []

    def keep(request: Request) -> None:
        asked.append(request.url)

    context = browsers.opened(browser, site)
    page = context.new_page()
    page.on("console", complaints(found))
    page.on("pageerror", lambda fault: found.append(str(fault)))
    page.on("request", keep)
    page.goto("/v1/docs")
    page.locator("#operations-orders-takeOrder").wait_for(timeout=PATIENCE_MS)
    shown = page.locator(".opblock-summary-path").count()
    told = page.request.get("/v1/openapi.json").json()
    context.close()
    assert shown == sum(len(methods) for methods in told["paths"].values())
    assert [url for url in asked if not url.startswith((site.base, "data:"))] == []
    assert found == []
