"""Every page, on phone and desktop, in both languages and themes: it fits, it speaks, and it has no barriers."""

from collections.abc import Callable
from functools import cache
from io import BytesIO

import pytest
from axe_playwright_python.sync_playwright import Axe
from babel.messages.pofile import read_po
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, StorageState

from tests.house import files
from tests.support import browser as browsers
from tests.support.serving import Served
from tests.support.walk import STOPS, Stop, go

CHINESE = files.SRC / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
}
SEARCHED = (("phone", "en"), ("desktop", "zh"))
"""Where axe searches for barriers: once in each width, language and theme; it takes longer than all else."""
SAME_IN_CHINESE = 12
"""Shorter sentences may be names, units or words that Chinese keeps."""


@cache
def english_only() -> frozenset[str]:
    """Return the sentences of the product, in English, that no Chinese page may show."""
    catalog = read_po(BytesIO(CHINESE.read_bytes()), locale="zh_Hans")
    found = (message.id for message in catalog if isinstance(message.id, str) and message.string != message.id)
    return frozenset(each for each in found if len(each) >= SAME_IN_CHINESE and " " in each and "{" not in each)


def names(site: Served) -> dict[str, str]:
    return {"member": site.people["member"]["holder"], "merchant": site.people["merchant"]["holder"]}


def faults(page: Page, stop: Stop, language: str) -> list[str]:
    """Return what is wrong with a page as it stands."""
    found = []
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    if wide > 0:
        found.append(f"{stop.name}: {wide} px wider than the window")
    if page.locator("h1").count() != 1:
        found.append(f"{stop.name}: {page.locator('h1').count()} headings of the first rank")
    text = page.locator("body").inner_text()
    if language == "zh":
        found += [f"{stop.name}: English: {each}" for each in english_only() if each in text]
    found += [
        f"{stop.name}: a place that was not filled: {each}" for each in ("{", "None", "Undefined") if each in text
    ]
    return found


def barriers(page: Page, stop: Stop) -> list[str]:
    """Return what axe finds in the way of somebody with a screen reader, a keyboard or weak eyes."""
    violations = Axe().run(page, options=RULES).response["violations"]
    return [f"{stop.name}: axe {each['id']}: {each['nodes'][0]['html'][:160]}" for each in violations]


def complaints(found: list[str]) -> Callable[[ConsoleMessage], None]:
    """Return what keeps the errors that a page writes to the console: a policy violated, a script that broke."""

    def keep(said: ConsoleMessage) -> None:
        if said.type == "error" and "status of 40" not in said.text:
            found.append(f"console at {said.location.get('url')}: {said.text}")

    return keep


def weighing(loaded: dict[str, int]) -> Callable[[Response], None]:
    """Return what keeps the bytes of every answer, before compression."""

    def keep(answer: Response) -> None:
        if not 300 <= answer.status < 400:
            loaded[answer.url] = len(answer.body())

    return keep


@pytest.mark.parametrize(
    ("width", "language", "theme"),
    [("phone", "en", "light"), ("desktop", "zh", "dark"), ("phone", "zh", "dark"), ("desktop", "en", "light")],
)
def test_every_page_fits_speaks_and_has_no_barriers(
    browser: Browser, site: Served, states: dict[str, StorageState | None], width: str, language: str, theme: str
) -> None:
    found: list[str] = []
    for role in dict.fromkeys(stop.role for stop in STOPS):
        context = browsers.opened(browser, site, width=width, language=language, theme=theme, state=states[role])
        page = context.new_page()
        page.on("console", complaints(found))
        for stop in (stop for stop in STOPS if stop.role == role):
            go(page, stop, names(site))
            found += faults(page, stop, language)
            if (width, language) in SEARCHED:
                found += barriers(page, stop)
        context.close()
    assert found == []


def test_a_barrier_a_foreign_sentence_and_a_wide_page_are_seen(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content("<h1>Skip to the content</h1><h1>{name}</h1><img src='x'><p style='width: 9000px'>wide</p>")
    stop = Stop("made up", "stranger", "/")
    assert "axe image-alt" in " ".join(barriers(page, stop))
    found = " ".join(faults(page, stop, "zh"))
    assert "px wider" in found
    assert "2 headings" in found
    assert "English: Skip to the content" in found
    assert "not filled" in found
    page.close()


def test_pages_load_nothing_from_outside_and_weigh_at_most_a_hundred_kilobytes(
    browser: Browser, site: Served, states: dict[str, StorageState | None]
) -> None:
    heavy, outside = [], []
    for stop in STOPS:
        context = browsers.opened(browser, site, state=states[stop.role])
        page = context.new_page()
        loaded: dict[str, int] = {}
        page.on("response", weighing(loaded))
        go(page, stop, names(site))
        page.wait_for_load_state("networkidle")
        outside += [url for url in loaded if not url.startswith(site.base)]
        last = {url: size for url, size in loaded.items() if url == page.url or "/static/" in url}
        if sum(last.values()) > 100_000:
            heavy.append((stop.name, last))
        context.close()
    assert outside == []
    assert heavy == []
