"""A real browser: Debian's Chromium driven by Playwright, signed in as somebody."""

import base64
import hashlib
import hmac
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, Page, StorageState, sync_playwright

from tests.support.serving import Served

# Without these, Chromium calls home at every start.
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
PHONE, DESKTOP = (390, 844), (1280, 900)
WIDTHS = {"phone": PHONE, "desktop": DESKTOP}
LANGUAGES = {"en": "en", "zh": "zh-hans"}
STAFF = ("operator", "finance", "risk", "marketing", "auditor", "regulator")
NO_BROWSER = "there is no browser"


def path() -> str | None:
    """Return where a Chromium is: GREENLOOP_TEST_BROWSER, else one on the PATH; None without one."""
    return os.environ.get("GREENLOOP_TEST_BROWSER") or shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def started() -> Iterator[Browser]:
    """Start the browser and stop it at the end."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path(), args=list(QUIET))
        yield browser
        browser.close()


def opened(
    browser: Browser,
    site: Served,
    *,
    width: str = "desktop",
    language: str = "en",
    theme: str = "light",
    state: StorageState | None = None,
) -> BrowserContext:
    """Open a window of one width, language and theme; `state` is what signing in left behind."""
    size = WIDTHS[width]
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        has_touch=width == "phone",
        storage_state=state,
        base_url=site.base,
    )
    host = site.base.rsplit(":", 1)[0]
    context.add_cookies(
        [
            {"name": "django_language", "value": LANGUAGES[language], "url": host},
            {"name": "theme", "value": theme, "url": host},
        ]
    )
    return context


def sign_in(browser: Browser, site: Served, role: str) -> StorageState:
    """Sign in as the demo's person of a role, by the pages, and return what the browser then knows."""
    person = site.people[role]
    context = opened(browser, site)
    page = context.new_page()
    if role in STAFF:
        page.goto("/sign-in/staff/")
        page.get_by_label("Name").fill(person["name"])
        page.get_by_label("Password").fill(person["password"])
        submit(page)
        page.wait_for_url("**/second-factor/**")
        page.get_by_label("code").fill(totp(person["secret"]))
        submit(page)
    else:
        begun = site.said()
        page.goto("/sign-in/")
        page.get_by_label("phone").fill(person["phone"])
        submit(page)
        page.wait_for_url("**/code/**")
        page.get_by_label("code").fill(site.newest_code(after=begun))
        submit(page)
    page.wait_for_url(lambda url: "/sign-in/" not in url)
    state = context.storage_state()
    context.close()
    return state


def submit(page: Page) -> None:
    """Send the page's own form."""
    page.locator("main form button").first.click()


def totp(secret: str, *, at: float | None = None) -> str:
    """Return the six digits that an authenticator shows (RFC 6238: SHA-1, 30 seconds)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    counter = int((time.time() if at is None else at) // 30).to_bytes(8, "big")
    digest = hmac.new(key, counter, hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4], 'big') & 0x7FFFFFFF) % 10**6:06d}"
