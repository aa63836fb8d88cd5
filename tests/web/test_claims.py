"""Large draws and spends in a browser: all that decides on one page, and a decision by a second person."""

import re
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from greenloop.services.loop.claiming import Held
from greenloop.store.queries import claims
from greenloop.web import clock
from tests.support.ledger import whole_database
from tests.support.signing import page
from tests.support.town import Town, found_town, plain_rules
from tests.web.staff import PASSWORD, QUERIES_MAX, at_work, by_phone


@pytest.fixture
def town(database: object, sent: object, monkeypatch: pytest.MonkeyPatch) -> Town:
    """Mei's draw of 2 yuan is held, and a spend of 1.60 of Lin's at the baker; the threshold is 1.50 a day."""
    del database, sent
    town = found_town(plain_rules(large_claim_fen=150))
    town.sell("mei", "grocer", 100_000)
    town.sell("lin", "grocer", 100_000)
    town.close_all([1, 2, 3])
    held = town.ask("mei")
    assert isinstance(held, Held)
    town.ids["draw"] = held.claim_id
    taking = town.take(town.sale("lin", "baker", voucher_fen=160, order_no="L-7"))
    town.ids["spend"] = int(str(taking.refusals[0].facts["claim"]))
    monkeypatch.setattr(clock, "now", lambda: town.at)
    return town


def path(town: Town, what: str) -> str:
    return f"/claims/{town.ids[what]}/"


def trusted(role: str) -> Client:
    """Return a browser of somebody who has just given their password again."""
    client = at_work(role)
    assert client.post("/sign-in/again/", {"password": PASSWORD, "next": "/claims/"}).status_code == 302
    return client


def seen(client: Client, where: str) -> str:
    """Return the hash that the forms of a page carry."""
    found = set(re.findall(r'name="seen" value="(\w+)"', client.get(where).content.decode()))
    assert len(found) == 1
    return str(found.pop())


def state(town: Town, what: str) -> str:
    return claims.claim(town.ids[what]).state


def test_what_waits_is_listed_and_counted_where_the_platform_s_people_begin(town: Town) -> None:
    risk = at_work("risk")
    text = page(risk.get("/claims/"))
    assert "draw" in text
    assert "baker · L-7" in text
    assert "¥1.60" in text
    assert 'href="/claims/"' in risk.get("/overview/").content.decode()
    assert "large draws and spends held 2 ¥3.60" in page(risk.get("/overview/"))


def test_one_page_shows_all_that_is_needed_to_decide(town: Town) -> None:
    risk = at_work("risk")
    text = page(risk.get(path(town, "spend")))
    for known in (
        "Asked for ¥1.60",
        "Threshold of a day ¥1.50",
        "Order number L-7",
        "Member lin",
        "Brought by mei",
        "grocer 1 ¥1,000.00 ¥100.00 ¥0.00",
        "green 100.00 ¥2.00 ¥0.40 ¥0.00 ¥1.60",
    ):
        assert known in text, known
    assert "People brought, whose purchases earned red points 1" in page(risk.get(path(town, "draw")))


def test_a_second_person_lets_a_draw_through_and_turns_a_spend_down(town: Town) -> None:
    risk = trusted("risk")
    told = page(risk.post(f"{path(town, 'draw')}approve/", {"seen": seen(risk, path(town, "draw"))}, follow=True))
    assert "Approved." in told
    assert (state(town, "draw"), town.wallet("mei").voucher_fen) == ("done", 200)
    facts = {"seen": seen(risk, path(town, "spend")), "reason": "not like her"}
    assert "Turned down" in page(risk.post(f"{path(town, 'spend')}reject/", facts, follow=True))
    assert "not like her" in page(by_phone(town.ids["lin"]).get("/wallet/"))
    assert state(town, "spend") == "rejected"
    assert "decided already" in page(risk.post(f"{path(town, 'spend')}approve/", facts, follow=True))


def test_who_decides_has_just_given_their_password_again(town: Town) -> None:
    before = whole_database()
    answer = at_work("risk").post(f"{path(town, 'draw')}approve/", {"seen": "x"})
    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/sign-in/again/")
    assert whole_database()["claim"] == before["claim"]


def test_an_auditor_reads_and_others_don_t(town: Town) -> None:
    auditor = at_work("auditor")
    text = unescape(page(auditor.get(path(town, "draw"))))
    assert "Your roles don't decide on this." in text
    assert "Let it through" not in text
    for who in (at_work("marketing"), by_phone(town.ids["mei"])):
        assert [who.get(where).status_code for where in ("/claims/", path(town, "draw"))] == [403, 403]
    for where in ("approve/", "reject/"):
        assert auditor.post(f"{path(town, 'draw')}{where}").status_code == 403


def test_a_holder_sees_what_is_held_and_takes_it_back(town: Town) -> None:
    mei = by_phone(town.ids["mei"])
    text = page(mei.get("/wallet/"))
    assert "A draw of ¥2.00 from pool green is held for review" in text
    assert "The amount stays yours and is reserved." in text
    draw, spend = (f"/wallet/claims/{town.ids[what]}/withdraw/" for what in ("draw", "spend"))
    assert "There is no claim" in page(mei.post(spend, follow=True))
    assert mei.get(draw).status_code == 405
    assert "Taken back: the amount is free again." in page(mei.post(draw, follow=True))
    assert (state(town, "draw"), state(town, "spend")) == ("withdrawn", "held")


def test_no_page_asks_more_than_twelve_questions_and_what_isn_t_there_is_not_found(town: Town) -> None:
    risk, mei = at_work("risk"), by_phone(town.ids["mei"])
    for who, where in (
        *((risk, each) for each in ("/claims/", "/claims/?all=yes", path(town, "draw"), path(town, "spend"))),
        (risk, "/overview/"),
        (mei, "/wallet/"),
    ):
        with CaptureQueriesContext(connection) as asked:
            assert who.get(where).status_code == 200
        assert len(asked) <= QUERIES_MAX, (where, len(asked))
    for where in ("/claims/17/", f"/claims/{'9' * 30}/"):
        assert risk.get(where).status_code == 404
