"""Held settlements in a browser: who decides sees what it would do, and decides on exactly that, once."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from greenloop.services.loop.settle import approve, reject
from greenloop.store.queries import settlements
from tests.support.ledger import fetch, whole_database
from tests.support.signing import page
from tests.support.town import Town, found_town, ledger_moves, plain_rules
from tests.web.staff import PASSWORD, QUERIES_MAX, at_work, by_phone, person

HELD = "/settlements/2/"


@pytest.fixture
def held(database: object, sent: object) -> Town:
    """Give a town whose cycle 2 is held: it would release 200 fen, 100 each to Mei and the grocer; the cap is 150."""
    del database, sent
    town = found_town(plain_rules(daily_rebate_cap_fen=150))
    town.sell("mei", "grocer", 100_000)
    town.close(1)
    assert town.close(2).state == "held"
    return town


def trusted(role: str) -> Client:
    """Return a browser of somebody who has just given their password again."""
    client = at_work(role)
    assert client.post("/sign-in/again/", {"password": PASSWORD, "next": "/settlements/"}).status_code == 302
    return client


def seen(client: Client, path: str = HELD) -> str:
    """Return the seal that the forms of a page carry."""
    found = re.findall(r'name="seen" value="(\w+)"', client.get(path).content.decode())
    assert len(set(found)) == 1
    return str(found[0])


def cap_fields(client: Client) -> dict[str, str]:
    """Return the names of the fields for caps by pool."""
    told = client.get(HELD).content.decode()
    return {pool: name for name, pool in re.findall(r'<label for="id_(cap-\d+)">Cap of pool (\w+), in yuan', told)}


def state() -> tuple[Any, ...]:
    return fetch("SELECT state, issued_fen, proposed_by, decided_by FROM settlement_run WHERE cycle = 2")[0]


def test_a_held_settlement_shows_all_that_is_needed_to_decide(held: Town) -> None:
    text = page(at_work("finance").get(HELD))
    assert "Would issue ¥2.00" in text
    assert "Daily rebate cap ¥1.50" in text
    assert "Proposed by the scheduler" in text
    # The driver falls from 60.00 × 7 to half of it.
    # Free money: 60.00 before, 58.00 after; 200.00 points of cycle 1 go from 0 to a hundredth.
    assert "green 0.00 −50.0 % 60.00 60.00 2.00 58.00 2.00 –" in text
    assert "1 short 200.00 1 / 30 0.0000 × 0.01000 × 0.0100 × 5 ×" in text


def test_a_posted_settlement_shows_what_it_did(held: Town) -> None:
    approve(cycle=2, by=str(person("finance")), at=held.at)
    held.close(3)
    approve(cycle=3, by=str(person("finance")), at=held.at)
    text = page(at_work("auditor").get("/settlements/3/"))
    assert "Posted: the vouchers are released." in text
    assert "Decided by Finance" in text
    assert "1 short 200.00 2 / 30 0.0100 × 0.01000 × 0.0200 × 5 ×" in text


def test_approving_asks_for_the_password_again_and_then_posts_what_was_seen(held: Town) -> None:
    finance = at_work("finance")
    mark = seen(finance)
    with ledger_moves() as moved:
        asked = finance.post(f"{HELD}approve/", {"seen": mark})
        assert asked.status_code == 302
        assert state()[0] == "held"
        wrong = finance.post(asked["Location"], {"password": "another password"})
        assert (wrong.status_code, state()[0]) == (200, "held")
        done = finance.post(asked["Location"], {"password": PASSWORD}, follow=True)
    assert (done.redirect_chain[-1][0], moved["trust:accrued:green"], moved["trust:pool:green"]) == (HELD, 200, -200)
    assert state() == ("posted", 200, "scheduler", str(person("finance")))
    assert "Cycle 2 is posted: ¥2.00 of vouchers issued." in page(done)


def test_approving_moves_the_fee_of_the_cycle_too(database: object, sent: object) -> None:
    del database, sent
    town = found_town(plain_rules(daily_rebate_cap_fen=150))
    town.sell("mei", "grocer", 100_000)
    town.close(1)
    town.sell("lin", "grocer", 50_000)
    assert town.close(2).state == "held"
    finance = trusted("finance")
    with ledger_moves() as moved:
        finance.post(f"{HELD}approve/", {"seen": seen(finance)})
    # 20 % of Lin's 5 000.
    assert moved["ops:fee_income"] == 1_000


def test_a_second_click_and_a_page_that_was_left_open_decide_nothing(held: Town) -> None:
    finance = trusted("finance")
    mark = seen(finance)
    reject(cycle=2, caps_fen={"green": 100}, by=str(person("operator")), at=held.at + timedelta(minutes=1))
    before = fetch("SELECT * FROM journal ORDER BY id"), state()
    late = finance.post(f"{HELD}approve/", {"seen": mark}, follow=True)
    assert "The proposal for cycle 2 has changed since you looked." in page(late)
    assert (fetch("SELECT * FROM journal ORDER BY id"), state()) == before
    finance.post(f"{HELD}approve/", {"seen": seen(finance)})
    posted = fetch("SELECT * FROM journal ORDER BY id"), state()
    again = finance.post(f"{HELD}approve/", {"seen": mark}, follow=True)
    assert "No settlement of cycle 2 is held." in page(again)
    assert (fetch("SELECT * FROM journal ORDER BY id"), state()) == posted
    assert posted[1][:2] == ("posted", 100)


def test_a_decision_without_a_seal_is_refused(held: Town) -> None:
    finance = trusted("finance")
    assert "has changed since you looked" in page(finance.post(f"{HELD}approve/", follow=True))
    assert state()[0] == "held"


def test_rejecting_sets_caps_and_whoever_rejects_cannot_approve_what_they_proposed(held: Town) -> None:
    operator = trusted("operator")
    field = cap_fields(operator)["green"]
    done = operator.post(f"{HELD}reject/", {"seen": seen(operator), field: "0.50"}, follow=True)
    assert "Cycle 2 is proposed anew with ¥0.50 of vouchers." in page(done)
    assert state() == ("held", 50, str(person("operator")), None)
    assert "You proposed this settlement. Another person has to decide." in page(done)
    assert 'action="/settlements/2/approve/"' not in done.content.decode()
    # Lin's own page has no form; a request made by hand is refused as well.
    mark = seen(at_work("finance"))
    refused = operator.post(f"{HELD}approve/", {"seen": mark}, follow=True)
    assert "another person has to decide" in page(refused)
    assert "Proposed by Operator" in page(at_work("finance").get(HELD))
    finance = trusted("finance")
    finance.post(f"{HELD}approve/", {"seen": seen(finance)})
    assert state() == ("posted", 50, str(person("operator")), str(person("finance")))


def test_a_cap_of_nothing_is_a_cap(held: Town) -> None:
    operator = trusted("operator")
    operator.post(f"{HELD}reject/", {"seen": seen(operator), cap_fields(operator)["green"]: "0"})
    assert state()[:2] == ("held", 0)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("", "Give at least one pool a cap."),
        ("-1", "A cap is 0 or more."),
        ("1.005", "has parts of a fen"),
        ("ten", "is not an amount in yuan"),
        ("9" * 30, "at most 24 characters"),
    ],
)
def test_a_cap_that_can_t_be_read_is_told_beside_its_field_and_nothing_changes(
    held: Town, written: str, told: str
) -> None:
    operator = trusted("operator")
    field = cap_fields(operator)["green"]
    before = state()
    answer = operator.post(f"{HELD}reject/", {"seen": seen(operator), field: written})
    assert answer.status_code == 422
    assert told in page(answer)
    assert state() == before


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_who_only_reads_changes_nothing(held: Town, verb: str) -> None:
    auditor = at_work("auditor")
    text = auditor.get(HELD).content.decode()
    assert '<form method="post" action="/settlements/' not in text
    assert "Operators and finance decide on it" in text
    for client in (auditor, by_phone(held.ids["mei"])):
        before = fetch("SELECT * FROM settlement_run"), fetch("SELECT COUNT(*) FROM journal")
        assert client.post(f"{HELD}{verb}/", {"seen": "x"}).status_code == 403
        assert (fetch("SELECT * FROM settlement_run"), fetch("SELECT COUNT(*) FROM journal")) == before


def test_looking_at_the_pages_writes_no_business_row(held: Town) -> None:
    finance = at_work("finance")
    before = whole_database()
    for path in ("/overview/", "/settlements/", HELD, "/settlements/1/", "/search/?q=mei"):
        assert finance.get(path).status_code == 200
    assert {name for name, rows in whole_database().items() if rows != before[name]} == set()


def test_the_list_goes_back_to_the_first_cycle_page_by_page(held: Town) -> None:
    approve(cycle=2, by="wu", at=held.at)
    for cycle in range(3, 24):
        if held.close(cycle).state == "held":
            approve(cycle=cycle, by="wu", at=held.at)
    auditor = at_work("auditor")
    first = auditor.get("/settlements/").content.decode()
    links = re.findall(r'href="/settlements/(\d+)/"', first)
    assert links == [str(cycle) for cycle in range(23, 3, -1)]
    older = re.findall(r'href="(/settlements/\?before=\d+)"', first)
    assert re.findall(r'href="/settlements/(\d+)/"', auditor.get(older[0]).content.decode()) == ["3", "2", "1"]
    assert "waits for a second person" not in first


@pytest.mark.parametrize("path", ["/settlements/9/", "/settlements/0/", f"/settlements/{10**30}/", f"{HELD}?pool=x"])
def test_a_settlement_that_there_is_not_is_not_found(held: Town, path: str) -> None:
    assert at_work("operator").get(path).status_code == 404


def test_a_day_of_several_settlements_shares_one_cap(database: object, sent: object) -> None:
    del database, sent
    town = found_town(plain_rules(daily_rebate_cap_fen=300))
    town.sell("mei", "grocer", 100_000)
    town.close(1)
    # Nobody settled for a week: cycles 2 and 3 are settled on one day, 200 each.
    town.at = town.calendar.cutoff_at(3)
    assert [town.close(cycle).state for cycle in (2, 3)] == ["posted", "held"]
    run = settlements.run(3, offset_minutes=480)
    assert (run.others_fen, run.room_fen) == (200, 100)
    assert "¥2.00 issued by other runs that day, which left ¥1.00" in page(at_work("finance").get("/settlements/3/"))


def test_no_page_of_settlements_asks_more_than_twelve_questions(held: Town) -> None:
    reject(cycle=2, caps_fen={"green": 100}, by=str(person("operator")), at=held.at)
    finance = at_work("finance")
    for path in ("/settlements/", HELD, f"{HELD}?pool=red", "/settlements/1/"):
        with CaptureQueriesContext(connection) as asked:
            assert finance.get(path).status_code == 200
        assert len(asked) <= QUERIES_MAX, path
