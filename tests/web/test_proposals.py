"""Proposals in a browser: who decides sees what would change, and what happens is that, once; and the audit log."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from greenloop.services.loop.rules import rulings
from greenloop.services.people.clients import register_client
from greenloop.services.trust.proposals import Proposed, propose, reject
from greenloop.store.queries import trust
from greenloop.web import clock
from greenloop.web.trust.proposals import OPEN_MAX
from greenloop.web.trust.who import ACTS
from tests.services.test_audit import ACTS as DONE_BY_VERBS
from tests.support.ledger import fetch, whole_database
from tests.support.signing import page
from tests.support.town import Town, found_town, plain_rules
from tests.web.staff import PASSWORD, QUERIES_MAX, at_work, by_phone, person

BY_KEYS = {"client.register", "client.withdraw", "key.issue", "key.revoke", "run.retry", "books.vouch"}
BY_HOOKS = {"webhook.register", "webhook.rotate", "webhook.end", "webhook.replay"}
BY_CASES = {"instruction.again"}


@pytest.fixture
def town(database: object, sent: object) -> Town:
    """Give the town, whose clock is that of the pages: proposals live for 72 hours from now."""
    del database, sent
    town = found_town()
    town.at = clock.now()
    return town


def proposed_rate(town: Town, rate_ppm: int = 120_000, by: str = "operator") -> Proposed:
    day = (town.at + timedelta(days=10)).isoformat()
    content = {"merchant": "grocer", "rate_ppm": rate_ppm, "valid_from_at": day}
    return propose(kind="rate.set", content=content, reason="agreed <in> May", by=str(person(by)), at=town.at)


def proposed_rules(town: Town, **changes: Any) -> Proposed:
    day = (town.at + timedelta(days=10)).isoformat()
    content = {"document": plain_rules(**changes), "effective_at": day}
    return propose(kind="rules.publish", content=content, reason="longer", by=str(person("operator")), at=town.at)


def proposed_key(town: Town) -> Proposed:
    register_client(name="mall", kind="partner", merchants=["grocer"], at=town.at)
    content = {"client": "mall", "scopes": ["orders:read"], "must_sign": "no"}
    return propose(kind="key.rotate", content=content, reason="opens", by=str(person("operator")), at=town.at)


def trusted(role: str) -> Client:
    """Return a browser of somebody who has just given their password again."""
    client = at_work(role)
    assert client.post("/sign-in/again/", {"password": PASSWORD, "next": "/proposals/"}).status_code == 302
    return client


def path(made: Proposed, verb: str = "") -> str:
    return f"/proposals/{made.id}/{verb}"


def test_many_proposals_hide_none(town: Town) -> None:
    made = [proposed_rate(town, rate_ppm) for rate_ppm in range(60_000, 60_000 + OPEN_MAX + 1)]
    client = at_work("finance")
    first = client.get("/proposals/").content.decode()
    assert path(made[0]) not in first
    (older,) = re.findall(r'rel="next" href="(/proposals/\?waiting=\d+)"', first)
    rest = client.get(older).content.decode()
    assert [path(each) in rest for each in made] == [True] + [False] * OPEN_MAX
    assert 'rel="prev" href="/proposals/"' in rest


def seen(client: Client, made: Proposed) -> str:
    found = re.findall(r'name="seen" value="(\w+)"', client.get(path(made)).content.decode())
    assert len(found) == 1
    return str(found[0])


def rates() -> list[tuple[Any, ...]]:
    return fetch("SELECT rate_ppm FROM rate_card c JOIN merchant m ON m.id = c.merchant_id WHERE m.ref = 'grocer'")


def test_the_inbox_shows_what_waits_and_what_was_decided(town: Town) -> None:
    waiting, turned_down = proposed_rate(town), proposed_rate(town, 130_000)
    reject(proposal_id=turned_down.id, by=str(person("finance")), at=town.at, why="too high")
    text = page(at_work("auditor").get("/proposals/"))
    open_part, closed_part = text.split("Decided or expired")
    assert f"Rate card · {waiting.id} agreed &lt;in&gt; May" in open_part
    assert f"Rate card · {turned_down.id} rejected agreed &lt;in&gt; May" in closed_part
    assert str(turned_down.id) not in open_part
    assert "· Operator" in open_part
    assert "· Finance" in closed_part


def test_a_proposed_rate_shows_all_that_is_needed_to_decide(town: Town) -> None:
    made = proposed_rate(town)
    text = page(at_work("finance").get(path(made)))
    assert "Proposed by Operator" in text
    assert "grocer 10 % 12 %" in text
    assert made.content_hash in text
    assert "agreed &lt;in&gt; May" in text


def test_proposed_rules_are_shown_as_the_values_that_differ(town: Town) -> None:
    split = {"green_ppm": 600_000, "red_ppm": 80_000, "coupon_ppm": 70_000, "reserve_ppm": 60_000, "fee_ppm": 190_000}
    made = proposed_rules(town, refund_days=5, split=split, daily_rebate_cap_fen=50_000)
    html = at_work("finance").get(path(made)).content.decode().replace("\N{NO-BREAK SPACE}", " ")
    rows = re.findall(
        r'<tr><th scope="row"><code>(.*?)</code></th><td>(.*?)</td><td class="wide-text">(.*?)</td></tr>', html
    )
    assert [(what, before, re.sub("<.*?>", "", after)) for what, before, after in rows] == [
        ("daily_rebate_cap_fen", "null", "¥500.00"),
        ("refund_days", "0", "5"),
        ("split.fee_ppm", "200000 (20 %)", "190000 (19 %)"),
        ("split.reserve_ppm", "50000 (5 %)", "60000 (6 %)"),
    ]


def test_approving_asks_for_the_password_again_and_then_does_what_was_seen(town: Town) -> None:
    made = proposed_rules(town, refund_days=5)
    finance = at_work("finance")
    mark = seen(finance, made)
    asked = finance.post(path(made, "approve/"), {"seen": mark})
    assert (asked.status_code, len(rulings())) == (302, 1)
    done = finance.post(asked["Location"], {"password": PASSWORD}, follow=True)
    assert "Approved: the change is made." in page(done)
    assert [ruling.rules.refund_days for ruling in rulings()] == [0, 5]
    entry = trust.audit(limit=1)[0]
    assert (entry.act, entry.actor, entry.about) == ("proposal.approve", f"account/{person('finance')}", "rules")


def test_a_second_click_and_a_hash_that_was_not_on_the_page_do_nothing(town: Town) -> None:
    made, finance = proposed_rate(town), trusted("finance")
    mark = seen(finance, made)
    for wrong in ("", "0" * 64):
        assert "This isn&#39;t what you have looked at." in page(
            finance.post(path(made, "approve/"), {"seen": wrong}, follow=True)
        )
    assert rates() == [(100_000,)]
    finance.post(path(made, "approve/"), {"seen": mark})
    assert rates() == [(100_000,), (120_000,)]
    again = finance.post(path(made, "approve/"), {"seen": mark}, follow=True)
    assert "is decided already." in page(again)
    assert rates() == [(100_000,), (120_000,)]
    # What was 10 % is still told as that, and the page offers no decision.
    assert "grocer 10 % 12 %" in page(again)
    assert 'action="/proposals/' not in again.content.decode()


def test_rejecting_closes_it_and_says_why(town: Town) -> None:
    made, finance = proposed_rate(town), trusted("finance")
    text = page(finance.post(path(made, "reject/"), {"why": "too high"}, follow=True))
    assert "Rejected because: too high" in text
    assert "Decided by Finance" in text
    assert rates() == [(100_000,)]


def test_who_proposed_withdraws_and_does_not_decide(town: Town) -> None:
    made, operator = proposed_rate(town), trusted("operator")
    html = operator.get(path(made)).content.decode()
    assert "You made this proposal." in html
    assert "approve/" not in html
    refused = operator.post(path(made, "approve/"), {"seen": made.content_hash}, follow=True)
    assert "another person has to decide" in page(refused)
    assert rates() == [(100_000,)]
    assert "Withdrawn: nothing is changed." in page(operator.post(path(made, "withdraw/"), follow=True))
    assert "is decided already" in page(operator.post(path(made, "withdraw/"), follow=True))


def test_somebody_else_s_proposal_is_not_withdrawn(town: Town) -> None:
    made = proposed_rate(town)
    text = page(at_work("marketing").post(path(made, "withdraw/"), follow=True))
    assert "Only who made a proposal may withdraw it." in text
    assert trust.proposal(made.id, at=town.at).state == "open"


@pytest.mark.parametrize("verb", ["approve/", "reject/", "withdraw/"])
def test_who_only_reads_changes_nothing(town: Town, verb: str) -> None:
    made = proposed_rate(town)
    clients = [at_work("auditor"), at_work("risk"), by_phone(town.ids["mei"])]
    clients += [at_work("marketing")] if verb != "withdraw/" else []
    for client in clients:
        before = fetch("SELECT * FROM proposal"), rates()
        assert client.post(path(made, verb), {"seen": made.content_hash}).status_code == 403
        assert (fetch("SELECT * FROM proposal"), rates()) == before
    assert 'action="/proposals/' not in at_work("auditor").get(path(made)).content.decode()


def test_members_see_neither_proposals_nor_the_log(town: Town) -> None:
    made, mei = proposed_rate(town), by_phone(town.ids["mei"])
    for address in ("/proposals/", path(made), "/audit/"):
        assert mei.get(address).status_code == 403
        assert Client().get(address).status_code == 302


def test_risk_and_marketing_read_proposals_but_not_the_log(town: Town) -> None:
    made = proposed_rate(town)
    for role, allowed in (
        *(("operator", 200), ("finance", 200), ("auditor", 200)),
        *(("risk", 403), ("marketing", 403)),
    ):
        client = at_work(role)
        assert (client.get("/proposals/").status_code, client.get(path(made)).status_code) == (200, 200)
        answer = client.get("/audit/")
        assert answer.status_code == allowed
        links = 'href="/audit/"' in client.get("/proposals/").content.decode()
        assert links == (allowed == 200)


@pytest.mark.parametrize("number", [0, 17, 10**30])
def test_a_proposal_that_there_is_not_is_not_found(town: Town, number: int) -> None:
    assert trusted("operator").get(f"/proposals/{number}/").status_code == 404
    assert trusted("operator").post(f"/proposals/{number}/approve/").status_code == 404


def test_the_history_goes_back_page_by_page(town: Town) -> None:
    made = [proposed_rate(town, 50_000 + each) for each in range(23)]
    for each in made:
        reject(proposal_id=each.id, by=str(person("finance")), at=town.at)
    auditor, found, address = at_work("auditor"), [], "/proposals/"
    while address:
        html = auditor.get(address).content.decode()
        found += [int(number) for number in re.findall(r'href="/proposals/(\d+)/"', html)]
        older = re.findall(r'rel="next" href="(/proposals/\?before=\d+)"', html)
        address = older[0] if older else ""
    assert found == [each.id for each in reversed(made)]


def test_the_log_is_shown_by_who_and_about_what(town: Town) -> None:
    made = proposed_rate(town)
    finance = trusted("finance")
    finance.post(path(made, "approve/"), {"seen": seen(finance, made)})
    auditor = at_work("auditor")
    everything = page(auditor.get("/audit/"))
    assert "Finance approved a proposal" in everything
    assert "the console published rules rules/" in everything
    mine = page(auditor.get("/audit/?actor=finance"))
    assert "approved a proposal" in mine
    assert "made a proposal" not in mine
    about = page(auditor.get(f"/audit/?about=merchant/{town.ids['grocer']}"))
    assert "made a proposal" in about
    assert "published rules" not in about
    for nothing in (
        "?actor=nobody",
        "?about=x",
        "?actor=%F0%9F%98%80",
        "?before=1",
        f"?actor={'9' * 200}",
        "?about=%25",
    ):
        assert "Nothing is in the log by these words." in page(auditor.get(f"/audit/{nothing}"))


def test_every_act_has_words() -> None:
    assert set(ACTS) == set(DONE_BY_VERBS) | BY_KEYS | BY_HOOKS | BY_CASES


def test_looking_writes_nothing(town: Town) -> None:
    made, finance = proposed_rate(town), at_work("finance")
    before = whole_database()
    for address in ("/proposals/", path(made), "/audit/", "/audit/?actor=Finance&about=merchant/"):
        assert finance.get(address).status_code == 200
    assert {name for name, rows in whole_database().items() if rows != before[name]} == set()


def test_no_page_of_this_room_asks_more_than_twelve_questions(town: Town) -> None:
    made = [proposed_rate(town), proposed_rules(town, refund_days=5), proposed_rate(town, 90_000, by="marketing")]
    reject(proposal_id=made[0].id, by=str(person("finance")), at=town.at)
    finance = at_work("finance")
    for address in ("/proposals/", *(path(each) for each in made), "/audit/", "/audit/?actor=Operator&about=merchant/"):
        with CaptureQueriesContext(connection) as asked:
            assert finance.get(address).status_code == 200
        assert len(asked) <= QUERIES_MAX, address


def test_a_new_key_is_shown_to_who_approves_it_in_that_answer_alone(town: Town) -> None:
    made = proposed_key(town)
    finance = trusted("finance")
    answer = finance.post(f"/proposals/{made.id}/approve/", {"seen": made.content_hash})
    token = re.search(r"glk_\d+_[\w-]{43}", answer.content.decode())
    assert token
    assert answer["Cache-Control"] == "private, no-store"
    secret = token.group().split("_", 2)[2]
    for path in (f"/proposals/{made.id}/", "/proposals/", "/audit/"):
        assert secret not in finance.get(path).content.decode(), path
    assert secret not in str(whole_database())
    again = finance.post(f"/proposals/{made.id}/approve/", {"seen": made.content_hash}, follow=True)
    assert secret not in again.content.decode()
