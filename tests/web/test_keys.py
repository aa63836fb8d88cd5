"""A new key, proposed on a page: whose, what it may do, whose place it takes; another person approves it."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from greenloop.core.people.scopes import SCOPES
from greenloop.services.people.clients import issue_key, register_client
from greenloop.services.people.staff import appoint_staff
from greenloop.store.queries import callers, trust
from greenloop.store.queries.trust import ProposalRow
from greenloop.web import clock
from greenloop.web.trust.keys import ALLOWS
from tests.support.ledger import fetch, whole_database
from tests.support.signing import page
from tests.support.town import Town, found_town
from tests.web.staff import PASSWORD, QUERIES_MAX, at_work, by_phone


@pytest.fixture
def town(database: object, sent: object) -> Town:
    """Give the town with the clock of the pages, and a mall that may call the API."""
    del database, sent
    town = found_town()
    town.at = clock.now()
    register_client(name="mall", kind="partner", merchants=["grocer", "baker"], at=town.at)
    return town


def mall() -> str:
    return f"/keys/{number_of('mall')}/"


def number_of(client: str) -> int:
    (number,) = [each.id for each in callers.newest(limit=50) if each.name == client]
    return number


def proposals() -> list[ProposalRow]:
    return trust.open_proposals(at=clock.now(), limit=50)


def form(**changes: Any) -> dict[str, Any]:
    return {"scopes": ["orders:read", "orders:write"], "revokes": "", "reason": "a <second> till"} | changes


def test_an_operator_finds_the_client_from_the_proposals_and_proposes_its_key(town: Town) -> None:
    operator = at_work("operator")
    assert 'href="/keys/"' in operator.get("/proposals/").content.decode()
    listed = operator.get("/keys/")
    assert f'href="{mall()}"' in listed.content.decode()
    assert "mall a partner baker, grocer" in page(listed)
    empty = page(operator.get(mall()))
    assert "It has no live key." in empty
    answer = operator.post(mall(), form(must_sign=["yes"]), follow=True)
    (made,) = proposals()
    assert answer.redirect_chain == [(f"/proposals/{made.id}/", 302)]
    assert "Another person decides, and is shown the key once." in page(answer)
    assert (made.kind, made.reason) == ("key.rotate", "a <second> till")
    told = {name: made.document[name] for name in ("client", "scopes", "must_sign", "revokes")}
    assert told == {"client": "mall", "scopes": ["orders:read", "orders:write"], "must_sign": "yes", "revokes": None}
    assert fetch("SELECT COUNT(*) FROM api_key") == [(0,)]
    # Sent twice, as by a second click, it is one proposal.
    operator.post(mall(), form(must_sign=["yes"]))
    assert [each.id for each in proposals()] == [made.id]


def test_what_is_proposed_there_is_approved_by_another_and_takes_the_old_key_s_place(town: Town) -> None:
    old = issue_key(client="mall", scopes=["orders:read"], by="console", at=town.at)
    operator, finance = at_work("operator"), at_work("finance")
    html = operator.get(mall()).content.decode()
    assert f'value="{old.id}"' in html
    assert re.findall(r'<input[^>]*value="([^"]*)"[^>]*checked', html) == ["orders:read", ""]
    operator.post(mall(), form(revokes=str(old.id)))
    (made,) = proposals()
    assert finance.post("/sign-in/again/", {"password": PASSWORD, "next": "/proposals/"}).status_code == 302
    shown = finance.post(f"/proposals/{made.id}/approve/", {"seen": made.content_hash})
    assert re.search(r"glk_\d+_[\w-]{43}", shown.content.decode())
    new, before = callers.keys(number_of("mall"))
    assert (new.scopes, new.revoked_at) == (("orders:read", "orders:write"), None)
    assert (before.id, before.revoked_at is None) == (old.id, False)


def test_of_two_live_keys_one_has_to_go(town: Town) -> None:
    first, second = (issue_key(client="mall", scopes=["orders:read"], by="console", at=town.at) for _ in range(2))
    operator = at_work("operator")
    html = operator.get(mall()).content.decode()
    choices = re.findall(r'name="revokes" value="(\d*)"', html)
    assert choices == [str(second.id), str(first.id)]
    assert operator.post(mall(), form()).status_code == 422
    assert proposals() == []
    operator.post(mall(), form(revokes=str(first.id)))
    assert [each.document["revokes"] for each in proposals()] == [str(first.id)]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scopes": []}, "This field is required."),
        ({"scopes": ["everything"]}, "everything is not one of the available choices"),
        ({"reason": "  "}, "This field is required."),
        ({"reason": "x" * 501}, "at most 500 characters"),
        ({"reason": "x\0"}, "Null characters are not allowed."),
        ({"revokes": "7"}, "7 is not one of the available choices"),
    ],
)
def test_a_form_that_can_t_be_proposed_is_shown_again_with_what_is_wrong(
    town: Town, changes: dict[str, Any], said: str
) -> None:
    answer = at_work("operator").post(mall(), form(**changes))
    assert answer.status_code == 422
    assert said in page(answer)
    assert 'role="alert"' in answer.content.decode()
    assert proposals() == []


def test_what_the_service_refuses_is_said_in_the_form(town: Town) -> None:
    at_work("operator").post(mall(), form())
    other = at_work("finance")
    appoint_staff(name="Finance", roles=["finance", "operator"], at=town.at)
    answer = other.post(mall(), form())
    assert answer.status_code == 422
    assert "The same is proposed already" in page(answer)
    assert len(proposals()) == 1


def test_only_operators_see_and_propose(town: Town) -> None:
    people = [at_work(role) for role in ("finance", "risk", "marketing", "auditor")]
    for client in (*people, by_phone(town.ids["mei"])):
        assert client.get("/keys/").status_code == 403
        assert client.get(mall()).status_code == 403
        assert client.post(mall(), form()).status_code == 403
    assert proposals() == []
    assert 'href="/keys/"' not in people[0].get("/proposals/").content.decode()
    assert Client().get("/keys/").status_code == 302


@pytest.mark.parametrize("number", [0, 17, 10**30])
def test_a_client_that_there_is_not_is_not_found(town: Town, number: int) -> None:
    assert at_work("operator").get(f"/keys/{number}/").status_code == 404
    assert at_work("operator").post(f"/keys/{number}/", form()).status_code == 404


def test_every_scope_has_words() -> None:
    assert set(ALLOWS) == set(SCOPES)


def test_looking_writes_nothing_and_asks_little(town: Town) -> None:
    issue_key(client="mall", scopes=["orders:read"], by="console", at=town.at)
    operator = at_work("operator")
    operator.get("/keys/")
    before = whole_database()
    for address in ("/keys/", mall(), "/keys/?before=1"):
        with CaptureQueriesContext(connection) as asked:
            assert operator.get(address).status_code == 200
        assert len(asked) <= QUERIES_MAX, address
    assert {name for name, rows in whole_database().items() if rows != before[name]} == set()


def test_clients_are_listed_newest_first_page_by_page(town: Town) -> None:
    for each in range(45):
        register_client(name=f"till {each}", kind="partner", merchants=[], at=town.at)
    operator, found, address = at_work("operator"), [], "/keys/"
    while address:
        html = operator.get(address).content.decode()
        found += [int(number) for number in re.findall(r'href="/keys/(\d+)/"', html)]
        older = re.findall(r'rel="next" href="(/keys/\?before=\d+)"', html)
        address = older[0] if older else ""
    assert found == sorted(found, reverse=True)
    assert len(found) == 46
