"""One tap, and the phone itself has computed that one's amount is in the published sum; a changed proof is refused.

Once with the browser's own SHA-256, once without it, as where the pages are reached over http in a local network.
"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Page, Route

from greenloop.services.trust.log.keeping import sign_log
from greenloop.services.trust.roots import build, publish_root
from tests.support import browser as browsers
from tests.support.databases import Database
from tests.support.serving import Served, served
from tests.support.town import Town, found_town
from tests.support.visiting import visit

WITHOUT = "Object.defineProperty(Crypto.prototype, 'subtle', { get() { return undefined; } });"
PATIENCE_MS = 30_000
Change = Callable[[dict[str, Any]], object]
CHANGES: dict[str, tuple[str, Change]] = {
    "amount": ("lead to another root", lambda proof: proof["leaves"][0].update(amount_fen=1)),
    "sum": ("lead to another root", lambda proof: proof["leaves"][0]["path"][3].update(sum_fen=1)),
    "hash": ("lead to another root", lambda proof: proof["leaves"][0]["path"][0].update(hash="00" * 32)),
    "negative": ("negative or too large", lambda proof: proof["leaves"][0]["path"][0].update(sum_fen=-1)),
    "overflow": ("negative or too large", lambda proof: proof["leaves"][0]["path"][0].update(sum_fen=2**63)),
    "near overflow": ("negative or too large", lambda proof: proof["leaves"][0]["path"][0].update(sum_fen=2**53 - 1)),
    "place": ("a place that", lambda proof: proof["leaves"][0].update(index=10**6)),
    "short": ("a place that", lambda proof: proof["leaves"][0]["path"].pop()),
    "nonce": ("bound to holders in another way", lambda proof: proof.update(nonce="00" * 32)),
    "claim": ("adds up to another amount", lambda proof: proof["owed"].update(coupon_fen=999)),
    "root": ("another root than the one", lambda proof: proof["root"].update(total_fen=1)),
    "holder": ("about somebody else", lambda proof: proof.update(holder="7")),
    "twice": ("lead to another root", lambda proof: proof["leaves"].append(proof["leaves"][0])),
    "nothing": ("can not be read", lambda proof: proof.pop("nonce")),
}


@pytest.fixture
def town(database: Database, browser: Browser) -> Town:
    """Mei has bought for 1 000 yuan at the grocer's; two cycles are settled and a root is published: 8.00 are hers."""
    del database, browser
    town = found_town()
    town.day(1).sell("mei", "grocer", 100_000)
    town.close_all([1, 2])
    publish_root(built=build(cycle=2, at=town.at), at=town.at)
    sign_log(at=town.at)
    return town


@pytest.fixture
def pages(town: Town, database: Database, tmp_path: Path) -> Iterator[Served]:
    """Serve the town's pages; sessions made in this process are good there."""
    from greenloop.store.queries import trees

    home = tmp_path / "home"
    home.mkdir()
    if database.engine == "postgresql":
        (home / "roots").symlink_to(trees.folder().parent)
    keys = {"GREENLOOP_SECRET_KEY": settings.SECRET_KEY, "GREENLOOP_IDENTITY_KEY": settings.GREENLOOP_IDENTITY_KEY}
    with served(database.url, home, [], "--no-clock", **keys) as found:
        yield found


def signed_in(browser: Browser, pages: Served, account_id: int) -> BrowserContext:
    """Open a phone's window in which an account has signed in."""
    context = browsers.opened(browser, pages, width="phone")
    session = visit(account_id).cookies[settings.SESSION_COOKIE_NAME].value
    host = pages.base.rsplit(":", 1)[0]
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": host}])
    return context


def came(page: Page) -> str:
    """What the page says once the check is over."""
    told = page.locator(".notice.good, .notice.bad, .notice.warn").first
    told.wait_for(timeout=PATIENCE_MS)
    return told.inner_text()


@pytest.mark.parametrize("own", [False, True], ids=["the browser's hash", "our own hash"])
def test_one_tap_computes_that_the_amount_is_in_the_sum(browser: Browser, pages: Served, town: Town, own: bool) -> None:
    context = signed_in(browser, pages, town.ids["mei"])
    if own:
        context.add_init_script(WITHOUT)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.goto("/proof/")
    assert page.evaluate("typeof crypto.subtle") == ("undefined" if own else "object")
    page.get_by_role("button", name="Check mei").click()
    told = came(page)
    mine = (
        f"Yes. 8.00 yuan of account {town.ids['mei']} are in the 909.00 yuan that are published as owed to 3 holders."
    )
    assert mine in told
    assert "Compare the amount with what your wallet held on 2026-01-19 00:00." in told
    assert "Vouchers to draw 1.00, unspent vouchers 0.00, coupons 7.00, dues 0.00." in told
    page.goto("/wallet/")
    page.get_by_role("link", name="Check on this device").click()
    assert "Yes. 8.00 yuan" in came(page)
    assert faults == []
    context.close()


def changing(change: Change) -> Callable[[Route], None]:
    """Return what changes a proof on its way to the browser."""

    def answer(route: Route) -> None:
        proof = route.fetch().json()
        change(proof)
        route.fulfill(body=json.dumps(proof), content_type="application/json")

    return answer


@pytest.mark.parametrize("own", [False, True], ids=["the browser's hash", "our own hash"])
def test_a_changed_proof_is_said_to_be_one(browser: Browser, pages: Served, town: Town, own: bool) -> None:
    context = signed_in(browser, pages, town.ids["mei"])
    if own:
        context.add_init_script(WITHOUT)
    page = context.new_page()
    wrong = {}
    for name, (words, change) in CHANGES.items():
        page.route(f"**/proof/2/{town.ids['mei']}.json", changing(change))
        page.goto("/proof/")
        page.get_by_role("button", name="Check mei").click()
        told = came(page)
        if not (told.startswith("No, this proof does not hold.") and words in told):
            wrong[name] = told
        page.unroute_all()
    assert wrong == {}
    context.close()


def test_a_root_file_that_isnt_the_published_one_is_refused_and_a_missing_proof_proves_nothing(
    browser: Browser, pages: Served, town: Town
) -> None:
    context = signed_in(browser, pages, town.ids["mei"])
    page = context.new_page()

    def other(route: Route) -> None:
        root = route.fetch().json() | {"root_hash": "0" * 64}
        route.fulfill(body=json.dumps(root), content_type="application/json")

    page.route("**/proof/2/published.json", other)
    page.goto("/proof/")
    page.get_by_role("button", name="Check mei").click()
    assert "another root than the one that is published" in came(page)
    page.unroute_all()
    page.route("**/proof/2/*.json", lambda route: route.fulfill(status=404, body="{}"))
    page.goto("/proof/")
    page.get_by_role("button", name="Check mei").click()
    assert "could not be loaded" in came(page)
    context.close()


def test_who_was_left_out_of_the_tree_is_told_no(browser: Browser, pages: Served, town: Town) -> None:
    bo = town.ids["bo"]  # he has bought nothing, and stands for one who has and was left out
    context = signed_in(browser, pages, bo)
    page = context.new_page()
    page.goto("/proof/")
    page.get_by_role("button", name="Check bo").click()
    told = came(page)
    assert told.startswith(f"No. The published tree has nothing for account {bo}.")
    assert "If you held anything on 2026-01-19 00:00, this is evidence" in told
    context.close()


def test_what_could_not_be_loaded_proves_nothing_either_way(browser: Browser, pages: Served, town: Town) -> None:
    context = signed_in(browser, pages, town.ids["mei"])
    page = context.new_page()
    said: dict[str, str] = {}
    told_why = {code: json.dumps({"code": code}) for code in ("tree.unknown", "root.unsigned", "holding.unknown")}
    answers: dict[str, Callable[[Route], object]] = {
        "offline": lambda route: route.abort("internetdisconnected"),
        "cut off": lambda route: route.fulfill(body='{"root":', content_type="application/json"),
        "a page": lambda route: route.fulfill(body="<p>sign in", content_type="text/html"),
        **{code: partial(Route.fulfill, status=404, body=body) for code, body in told_why.items()},
    }
    for name, answer in answers.items():
        page.route(f"**/proof/2/{town.ids['mei']}.json", answer)
        page.goto("/proof/")
        page.get_by_role("button", name="Check mei").click()
        said[name] = came(page)
        page.unroute_all()
    assert said.pop("holding.unknown").startswith("No. The published tree has nothing for account")
    assert {name: told for name, told in said.items() if "Nothing is proved either way" not in told} == {}
    assert "not on this server any more" in said["tree.unknown"]
    assert "not signed into the public log yet" in said["root.unsigned"]
    context.close()
