"""One browser, and one served demo for each kind of database; everybody signs in once, by the pages."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Browser, StorageState

from tests.sim.baskets import need_the_real_baskets
from tests.support import browser as browsers
from tests.support.databases import Database, Engine
from tests.support.serving import Served, demo, served, tills

ORDERS = "1200"


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Start a real browser, or skip where there is none; in CI that is a failure."""
    if browsers.path() is None:
        if os.environ.get("GREENLOOP_TEST_REQUIRE_BROWSER"):
            pytest.fail(f"GREENLOOP_TEST_REQUIRE_BROWSER is set, but {browsers.NO_BROWSER}")
        pytest.skip(f"{browsers.NO_BROWSER}: install Debian's chromium, or name one in GREENLOOP_TEST_BROWSER")
    need_the_real_baskets()
    # Playwright keeps an event loop in this thread, in which Django would refuse to work; nothing here is asynchronous.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with browsers.started() as found:
        yield found
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="package")
def site(browser: Browser, db_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Run the demo into a database of its own and serve it."""
    del browser  # asked for first: without one there is nothing to serve for
    home = tmp_path_factory.mktemp("home")
    with db_engine.clone() as own:
        told = demo(own.url, home, "--orders", ORDERS)
        assert told["broken"] == []
        tills(own.url, home, told)
        with served(own.url, home, told["invitations"]) as found:
            yield found


@pytest.fixture(scope="package")
def states(browser: Browser, site: Served) -> dict[str, StorageState | None]:
    """Sign in everybody, and return what the browser knows of each; a stranger is nobody."""
    found: dict[str, StorageState | None] = {role: browsers.sign_in(browser, site, role) for role in site.people}
    return found | {"stranger": None}


@pytest.fixture
def pages(town: object, database: Database, tmp_path: Path) -> Iterator[Served]:
    """Serve the pages of a test's own town; sessions made in this process are good there."""
    del town  # asked for first: it is there before anybody looks
    from greenloop.store.queries import trees

    home = tmp_path / "home"
    home.mkdir()
    if database.engine == "postgresql":
        (home / "roots").symlink_to(trees.folder().parent)
    keys = {"GREENLOOP_SECRET_KEY": settings.SECRET_KEY, "GREENLOOP_IDENTITY_KEY": settings.GREENLOOP_IDENTITY_KEY}
    with served(database.url, home, [], "--no-clock", **keys) as found:
        yield found
