"""Windows in which somebody of a town is signed in, without going through the pages for it."""

from django.conf import settings
from playwright.sync_api import Browser, BrowserContext

from tests.support import browser as browsers
from tests.support.serving import Served
from tests.support.visiting import visit


def signed_in(
    browser: Browser, pages: Served, account_id: int, *, language: str = "en", theme: str = "light"
) -> BrowserContext:
    """Open a phone's window in which an account has signed in."""
    context = browsers.opened(browser, pages, width="phone", language=language, theme=theme)
    session = visit(account_id).cookies[settings.SESSION_COOKIE_NAME].value
    host = pages.base.rsplit(":", 1)[0]
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": host}])
    return context
