"""One tap, and the phone itself has computed that one's amount is in the published sum; a changed proof is refused.

Once with the browser's own SHA-256, once without it, as where the pages are reached over http in a local network.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from playwright.sync_api import Browser, Page, Route

from greenloop.core.trust.checkpoint import Checkpoint, Key
from greenloop.services.trust.log import steps
from greenloop.services.trust.log.keeping import sign_log
from greenloop.services.trust.roots import build, publish_root
from greenloop.store import signer
from greenloop.store.queries import liabilities, log
from greenloop.store.queries.logged import Told
from tests.support import browser as browsers
from tests.support.databases import Database
from tests.support.serving import Served
from tests.support.town import Town, found_town
from tests.web.browser.windows import signed_in

WITHOUT = "Object.defineProperty(Crypto.prototype, 'subtle', { get() { return undefined; } });"
PATIENCE_MS = 30_000
NOW = datetime.now(UTC)
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


def test_the_log_is_read_too_and_has_to_be_the_one_that_this_device_saw(
    browser: Browser, pages: Served, town: Town
) -> None:
    context = signed_in(browser, pages, town.ids["mei"])
    page = context.new_page()
    first = checked(page)
    root, newest = liabilities.newest(), log.newest_checkpoint()
    assert root is not None
    assert newest is not None
    assert f"It is leaf {root.log_leaf} of the public log." in first
    assert f"checkpoint of {newest.checkpoint.size} leaves" in first
    assert f"proved that key {newest.key.id} signed it" in first
    assert "sees the log for the first time and keeps the checkpoint" in first
    grow_the_log()
    assert f"only grown since the checkpoint of {newest.checkpoint.size} leaves" in checked(page)
    assert newest.note.text.split("\n")[2] not in page.content()
    context.close()


def grow_the_log(count: int = 600) -> None:
    """Append leaves until there are full files beside the last one, and sign."""
    before = log.size()
    with transaction.atomic():
        steps.append_leaves([Told("note", f"note/{n}", {"n": n}) for n in range(before, before + count)], at=NOW)
    sign_log(at=NOW)


def checked(page: Page) -> str:
    page.goto("/proof/")
    page.get_by_role("button", name="Check mei").click()
    return came(page)


def told(page: Page, address: str, text: str) -> None:
    """Let the server tell another text there."""
    page.route(f"**/log/{address}", lambda route: route.fulfill(body=text, content_type="text/plain"))


def of_another_history(size: int) -> str:
    """Return a checkpoint that the log's own key has signed, of leaves that nobody had seen."""
    newest = log.newest_checkpoint()
    assert newest is not None
    note, _ = signer.sign(Checkpoint(newest.checkpoint.origin, size, bytes(32)))
    return note.text


def test_a_log_that_can_not_be_what_it_says_is_a_loud_no(browser: Browser, pages: Served, town: Town) -> None:
    grow_the_log()
    size, key = log.size(), signer.key("testserver").text
    context = signed_in(browser, pages, town.ids["mei"])
    page = context.new_page()
    newest = log.newest_checkpoint()
    assert newest is not None
    leaves = [f"{row.body}\n" for row in log.leaves(limit=300)]
    root = liabilities.newest()
    assert root is not None
    assert root.log_leaf is not None
    lies = {
        "another root": ("checkpoint", of_another_history(size), "do not hash to its signed checkpoint"),
        "nobody's signature": ("checkpoint", newest.note.text.replace("— ", "— x"), "none of its keys has signed"),
        "a changed leaf": (
            "leaves/000000.jsonl", "".join([*leaves[:9], leaves[9].replace("note/", "toll/"), *leaves[10:256]]),
            "do not hash to its signed checkpoint",
        ),
        "the root told otherwise": (
            "leaves/000000.jsonl",
            "".join(each.replace(root.root_hash, "0" * 64) for each in leaves[:256]),
            "do not hash to its signed checkpoint",
        ),
        "another top": ("tops", f"{'0' * 64}\n" * 9, "do not hash to its signed checkpoint"),
        "a key of nobody": ("key", f"{key}\n", "none of its keys has signed"),
    }  # fmt: skip
    said: dict[str, str] = {}
    for name, (address, text, _) in lies.items():
        told(page, address, text)
        said[name] = checked(page)
        # What was told is there to be kept, and to be held against what others were told.
        assert page.locator(".notice.bad pre").all_text_contents() == [
            text if address == "checkpoint" else newest.note.text
        ]
        page.unroute_all()
    assert {name: text for name, text in said.items() if not text.startswith("No.") or lies[name][2] not in text} == {}
    # Nothing of that was kept, and what can't be read proves nothing either way.
    page.route("**/log/tops", lambda route: route.abort("internetdisconnected"))
    unread = checked(page)
    assert "Whether everybody is shown this root is not proved" in unread
    assert "Nothing is proved by it either way" in unread
    page.unroute_all()
    assert "for the first time" in checked(page)
    context.close()


def remembering(page: Page, note: str, key: str | None = None) -> None:
    """Let the device have seen another checkpoint before."""
    page.evaluate("kept => localStorage.setItem('greenloop.log', kept)", json.dumps({"note": note, "key": key}))


def test_a_log_that_this_device_saw_otherwise_is_evidence_and_both_checkpoints_are_shown(
    browser: Browser, pages: Served, town: Town
) -> None:
    grow_the_log()
    newest = log.newest_checkpoint()
    assert newest is not None
    context = signed_in(browser, pages, town.ids["mei"])
    page = context.new_page()
    checked(page)
    for size, words in (
        (300, "its history was written anew"),
        (log.size() - 1, "its history was written anew"),
        (log.size() + 1, "The log is shorter than this device saw it before"),
    ):
        forged = of_another_history(size)
        remembering(page, forged)
        said = checked(page)
        assert said.startswith("No."), said
        assert words in said
        assert page.locator(".notice.bad pre").all_text_contents() == [forged, newest.note.text]
        remembered = page.evaluate("localStorage.getItem('greenloop.log')")
        assert json.loads(remembered)["note"] == forged
    remembering(page, of_another_history(5).replace(newest.checkpoint.origin, "another.example/log"))
    assert "This is another log" in checked(page)
    remembering(page, newest.note.text, Key(newest.checkpoint.origin, bytes(32)).text)
    assert "is signed by the key" in checked(page)
    page.get_by_role("button", name="Go by this key").click()
    assert checked(page).startswith("Yes.")
    context.close()


def test_a_root_that_the_log_tells_otherwise_is_a_no(browser: Browser, pages: Served, town: Town) -> None:
    context = signed_in(browser, pages, town.ids["mei"])
    page = context.new_page()

    def other(route: Route) -> None:
        root = route.fetch().json() | {"bank_fen": 1}
        route.fulfill(body=json.dumps(root), content_type="application/json")

    page.route("**/proof/2/published.json", other)
    assert "does not tell this root, or tells it otherwise" in checked(page)
    newest = log.newest_checkpoint()
    assert newest is not None
    assert page.locator(".notice.bad pre").all_text_contents() == [newest.note.text]
    context.close()


def test_without_ed25519_the_page_says_that_no_signature_was_checked(
    browser: Browser, pages: Served, town: Town
) -> None:
    context = signed_in(browser, pages, town.ids["mei"])
    context.add_init_script(WITHOUT)
    said = checked(context.new_page())
    assert said.startswith("Yes.")
    assert "was NOT checked: this browser has no Ed25519" in said
    context.close()


def test_who_has_not_signed_in_checks_the_root_itself(browser: Browser, pages: Served, town: Town) -> None:
    del town
    context = browsers.opened(browser, pages, width="phone")
    page = context.new_page()
    page.goto("/proof/")
    page.get_by_role("button", name="Check that the public log tells this root").click()
    assert came(page).startswith("Yes. The root on this page is in the public log")
    context.close()
