"""Cases in a browser: where books and statements differ, with all that is known; one person proposes to close one."""

import pytest

from greenloop.services.books.institution.collecting import Bill, collect
from greenloop.services.books.institution.gateway import Said
from greenloop.services.books.institution.notices import take_notices
from greenloop.services.books.reconciling.lines import INSTITUTION, Line, Listed
from greenloop.services.books.reconciling.statement import take_statement
from greenloop.web import clock
from tests.support.ledger import fetch
from tests.support.signing import page
from tests.support.town import Town, found_town
from tests.web.staff import PASSWORD, at_work, by_phone


@pytest.fixture
def town(database: object, sent: object) -> Town:
    """Give the town with one payment that a statement lists for less than its order says."""
    del database, sent
    town = found_town()
    town.at = clock.now()
    (number,) = collect(bills=[Bill("grocer", "A-7", 100_000)], at=town.at)
    take_notices(said=[Said("n1", number, "T7", "success", 99_000, town.at, "0" * 64)], at=town.at)
    town.sell("mei", "grocer", 100_000, order_no="A-7", confirmed=False)
    listed = Listed(INSTITUTION, (Line("payment", number, "T7", 99_000, town.at, "<b>10 less</b>"),))
    take_statement(listed=listed, name="2026-01-05 a.m.", file_hash="0" * 64, by="lin", at=town.at)
    return town


def number(difference: str) -> int:
    ((found,),) = fetch("SELECT id FROM reconciliation_case WHERE difference = %s", difference)
    return int(found)


def test_open_cases_are_listed_and_one_shows_all_that_is_known(town: Town) -> None:
    client = at_work("finance")
    text = page(client.get("/cases/"))
    assert "another amount" in text
    assert "a notice of another amount" in text
    answer = client.get(f"/cases/{number('wrong_amount')}/")
    text = page(answer)
    for known in ("1,000.00", "990.00", "2026-01-05", "T7", "collect/", "A-7", "10 less", "disputed", "success"):
        assert known in text, known
    assert b"<b>10 less</b>" not in answer.content
    # What a bank writes beside a line may name a payer: who only reads isn't shown it.
    assert "10 less" not in page(at_work("auditor").get(f"/cases/{number('wrong_amount')}/"))
    assert client.get("/orders/grocer/A-7/").status_code == 200
    assert 'href="/orders/grocer/A-7/"' in answer.content.decode()


def test_one_person_proposes_and_another_closes(town: Town) -> None:
    case = number("wrong_amount")
    finance = at_work("finance")
    told = {"outcome": "the bank kept 10 yuan", "reason": "its letter"}
    answer = finance.post(f"/cases/{case}/close/", told)
    assert answer.status_code == 302
    proposal = answer["Location"]
    assert "the bank kept 10 yuan" in page(finance.get(proposal))
    assert fetch("SELECT state FROM reconciliation_case WHERE id = %s", case) == [("open",)]
    ((seen,),) = fetch("SELECT content_hash FROM proposal")
    operator = at_work("operator")
    operator.post("/sign-in/again/", {"password": PASSWORD, "next": proposal})
    operator.post(f"{proposal}approve/", {"seen": seen})
    assert fetch("SELECT state, outcome FROM reconciliation_case WHERE id = %s", case) == [
        ("closed", "the bank kept 10 yuan")
    ]
    assert fetch("SELECT confirmed_at FROM orders") == [(None,)]
    closed = page(operator.get("/cases/?all=yes"))
    assert "closed" in closed
    again = finance.post(f"/cases/{case}/close/", told, follow=True)
    assert f"Case {case} is closed already." in page(again)


def test_who_may_see_cases_and_who_may_propose(town: Town) -> None:
    case = number("wrong_amount")
    address = f"/cases/{case}/close/"
    for role, sees in (("operator", 200), ("finance", 200), ("auditor", 200), ("risk", 403), ("marketing", 403)):
        client = at_work(role)
        assert client.get("/cases/").status_code == client.get(f"/cases/{case}/").status_code == sees, role
        may = role in {"operator", "finance"}
        assert (f'action="{address}"' in client.get(f"/cases/{case}/").content.decode()) == may
        if not may:
            assert client.post(address, {"outcome": "x", "reason": "y"}).status_code == 403
    assert by_phone(town.ids["mei"]).get("/cases/").status_code == 403
    assert at_work("auditor").get("/cases/99/").status_code == 404
    assert fetch("SELECT COUNT(*) FROM proposal") == [(0,)]
