"""Pages over a year's orders: how long the server takes, how much a page weighs, how often it asks the database.

The demo is run and served as a stranger would, each page is found by following links in a browser, then asked for again
and again over HTTP. The anchor is an address of the same server that asks nothing of the database.
"""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from urllib.request import Request, urlopen

from playwright.sync_api import Browser, Response, StorageState

from bench.measure import Figure, median
from tests.support import browser as browsers
from tests.support.serving import Served, demo, served
from tests.support.walk import STOPS, Stop, go

ANCHOR = "/robots.txt"
ROUNDS, WARM = 60, 5


@dataclass(frozen=True, slots=True)
class Found:
    """One page as a browser saw it: its address, how many requests it took, bytes before and after compression."""

    stop: Stop
    address: str
    requests: int
    bytes_plain: int
    bytes_wire: int


def paging(engine: str, address: str) -> Iterator[Figure]:
    """Measure every page on one database."""
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        orders = os.environ.get("GREENLOOP_BENCH_ORDERS")
        told = demo(address, home, *(["--orders", orders] if orders else []))
        with served(address, home, told["invitations"]) as site, browsers.started() as browser:
            states: dict[str, StorageState | None] = {
                role: browsers.sign_in(browser, site, role) for role in site.people
            }
            names = {role: site.people[role]["holder"] for role in ("member", "merchant")}
            found = [_seen(browser, site, stop, states.get(stop.role), names) for stop in STOPS if stop.status == 200]
            anchor = _times(f"{site.base}{ANCHOR}", None)
            yield Figure(engine, f"anchor {ANCHOR}, p95", _p95(anchor) * 1e3, "ms")
            for page in found:
                times = _times(page.address, states.get(page.stop.role))
                name = page.stop.name
                yield Figure(engine, f"page {name}, median", median(times) * 1e3, "ms")
                yield Figure(engine, f"page {name}, p95", _p95(times) * 1e3, "ms", "≤ 150")
                yield Figure(engine, f"page {name}, p95 ÷ anchor", _p95(times) / _p95(anchor), "×")
                yield Figure(engine, f"page {name}, requests", page.requests, "")
                yield Figure(engine, f"page {name}, all it loads", page.bytes_plain / 1e3, "KB", "≤ 100")
                yield Figure(engine, f"page {name}, over the wire", page.bytes_wire / 1e3, "KB")


def _seen(browser: Browser, site: Served, stop: Stop, state: StorageState | None, names: dict[str, str]) -> Found:
    finder = browsers.opened(browser, site, state=state)
    page = finder.new_page()
    go(page, stop, names)
    address = page.url
    finder.close()
    # Opened anew, as by somebody who comes for the first time: nothing is in the browser's cache.
    context = browsers.opened(browser, site, state=state)
    fresh = context.new_page()
    answers: list[Response] = []
    fresh.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108  Playwright marks its handlers
    fresh.goto(address)
    fresh.wait_for_load_state("networkidle")
    kept = [answer for answer in answers if not 300 <= answer.status < 400]
    plain = sum(len(answer.body()) for answer in kept)
    wire = sum(answer.request.sizes()["responseBodySize"] for answer in kept)
    context.close()
    return Found(stop, address, len(kept), plain, wire)


def _times(address: str, state: StorageState | None) -> list[float]:
    cookies = "; ".join(f"{each['name']}={each['value']}" for each in state["cookies"]) if state else ""
    request = Request(address, headers={"Cookie": cookies, "Accept-Encoding": "gzip"})  # noqa: S310  our own server
    times = []
    for _ in range(ROUNDS + WARM):
        begun = perf_counter()
        with urlopen(request) as answer:  # noqa: S310
            answer.read()
        times.append(perf_counter() - begun)
    return times[WARM:]


def _p95(times: list[float]) -> float:
    return sorted(times)[max(0, len(times) * 95 // 100 - 1)]
