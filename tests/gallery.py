"""`make gallery`: a picture of every page, in each language, width and theme, over a year's orders, to be looked at."""

import argparse
import os
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Browser
from rich.console import Console
from rich.progress import track

from tests.support import browser as browsers
from tests.support.serving import Served, demo, served, tills
from tests.support.walk import STOPS, go

FOLDER = Path(os.environ.get("GREENLOOP_HOME", "var")) / "gallery"
THEMES = ("light", "dark")


def main() -> None:
    """Run the demo, serve it, sign in as each role, and take the pictures."""
    parser = argparse.ArgumentParser(prog="make gallery ARGS=…")
    parser.add_argument("--orders", type=int, help="a shorter year of so many orders")
    parser.add_argument("--only", default="", help="pages whose name contains this")
    options = parser.parse_args()
    console = Console()
    if browsers.path() is None:
        raise SystemExit("gallery: no browser. Install Debian's chromium, or name one in GREENLOOP_TEST_BROWSER.")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        url = f"sqlite:///{home}/gallery.sqlite3"
        console.print("replaying the year …", style="dim")
        told = demo(url, home, *(["--orders", str(options.orders)] if options.orders else []))
        tills(url, home, told)
        with served(url, home, told["invitations"]) as site, browsers.started() as browser:
            taken = take(browser, site, options.only)
    console.print(f"gallery: {taken} pictures in {FOLDER}")


def take(browser: Browser, site: Served, only: str) -> int:
    """Take the pictures and return how many there are."""
    states = {role: browsers.sign_in(browser, site, role) for role in site.people}
    names = {role: site.people[role]["holder"] for role in ("member", "merchant")}
    views = [
        (width, language, theme) for width in browsers.WIDTHS for language in browsers.LANGUAGES for theme in THEMES
    ]
    taken = 0
    for width, language, theme in track(views, description="taking pictures"):
        for stop in (stop for stop in STOPS if only in stop.name):
            context = browsers.opened(
                browser, site, width=width, language=language, theme=theme, state=states.get(stop.role)
            )
            page = context.new_page()
            go(page, stop, names)
            page.screenshot(path=FOLDER / f"{stop.name}-{width}-{language}-{theme}.png", full_page=True)
            context.close()
            taken += 1
    return taken


if __name__ == "__main__":
    main()
