"""Search: by whatever somebody reads out, a member, a merchant or an order is found, and nobody else's phone tells."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from greenloop.services.people.sign_in import seat
from greenloop.store.queries import search
from tests.support.signing import MEI, page
from tests.support.town import Town
from tests.web.staff import QUERIES_MAX, at_work


@pytest.fixture
def operator(town: Town) -> Client:
    """Sign an operator in to the town, where Mei bought at the grocer and Bo at the baker."""
    town.sell("mei", "grocer", 100_000, order_no="A/1 ä")
    town.sell("bo", "baker", 5_000, order_no="77001")
    town.sell("bo", "grocer", 6_000, order_no="77001")
    return at_work("operator")


def links(client: Client, text: str, **headers: str) -> list[str]:
    """Return where the results of a search lead."""
    told = client.post("/search/", {"q": text}, headers=headers).content.decode()
    return re.findall(r'href="((?:/holders|/merchants|/orders)/[^"]*)"', told)


def test_a_member_is_found_by_ref_by_the_beginning_of_it_by_account_and_by_phone(town: Town, operator: Client) -> None:
    for text in ("mei", "me", str(town.ids["mei"]), MEI, "138 0013 8000", "  mei "):
        assert links(operator, text) == ["/holders/mei/"], text


def test_a_phone_is_not_looked_for_in_an_address(operator: Client) -> None:
    assert "/holders/mei/" not in operator.get("/search/", {"q": MEI}).content.decode()
    assert "/holders/mei/" in operator.get("/search/", {"q": "mei"}).content.decode()


def test_a_merchant_is_found_with_its_statement(town: Town, operator: Client) -> None:
    for text in ("grocer", "gro", str(town.ids["grocer"])):
        assert links(operator, text) == ["/holders/grocer/", "/merchants/grocer/statement/"], text


def test_where_a_member_and_a_merchant_share_a_ref_each_is_led_to_by_its_account(town: Town, operator: Client) -> None:
    member, merchant = town.member("twin"), town.merchant("twin")
    found = [link for link in links(operator, "twin") if link.startswith("/holders/")]
    assert sorted(found) == sorted([f"/holders/{member}/", f"/holders/{merchant}/"])
    assert all(operator.get(link).status_code == 200 for link in found)


def test_a_phone_leads_to_the_merchants_that_its_owner_acts_for(town: Town, operator: Client) -> None:
    seat(merchant="grocer", phone="13900139000", relation="owner", at=town.at)
    assert links(operator, "13900139000") == ["/holders/grocer/", "/merchants/grocer/statement/"]
    assert links(operator, "13700137000") == []


def test_an_order_is_found_by_merchant_and_number_by_number_alone_and_by_id(town: Town, operator: Client) -> None:
    number = town.sell("lin", "baker", 900, order_no="X9")
    assert links(operator, "baker/X9") == links(operator, "X9") == links(operator, str(number)) == ["/orders/baker/X9/"]
    assert sorted(links(operator, "77001")) == ["/orders/baker/77001/", "/orders/grocer/77001/"]
    assert links(operator, "grocer/77001") == ["/orders/grocer/77001/"]


def test_an_order_s_number_may_hold_slashes_blanks_and_letters_of_any_script(operator: Client) -> None:
    assert links(operator, "grocer/A/1 ä") == ["/orders/grocer/A/1%20%C3%A4/"]
    assert links(operator, "A/1 ä") == ["/orders/grocer/A/1%20%C3%A4/"]
    assert operator.get(links(operator, "A/1 ä")[0]).status_code == 200


def test_what_is_bought_by_a_merchant_names_the_merchant(town: Town, operator: Client) -> None:
    town.close_all([1, 2])
    town.sell("grocer", "baker", 1, voucher_fen=1, order_no="B2B")
    assert "bought by grocer" in page(operator.get("/search/", {"q": "B2B"}))


def test_the_wildcards_of_databases_are_plain_letters(town: Town, operator: Client) -> None:
    town.member("a_b%c")
    town.member("aXbYc")
    assert [row.ref for row in search.holders("a_b%")] == ["a_b%c"]
    assert search.holders("%%") == search.holders("__") == search.holders("\\\\") == []
    assert links(operator, "a_b%c") == ["/holders/a_b%25c/"]


def test_the_exact_ref_comes_first_and_no_more_than_eight_of_a_kind_beside_it(town: Town) -> None:
    for number in range(30):
        town.member(f"li-{number:02d}")
    town.member("li")
    found = [row.ref for row in search.holders("li")]
    assert found[0] == "li"
    assert len(found) <= 9
    assert all(ref.startswith("li") for ref in found)


def test_a_single_letter_finds_only_who_is_called_that(town: Town) -> None:
    assert search.holders("m") == []
    town.member("m")
    assert [row.ref for row in search.holders("m")] == ["m"]


@pytest.mark.parametrize("text", ["", "  ", "nobody", "0" * 40, "9" * 19, "x" * 400, "/", "grocer/", "'; --", "<b>"])
def test_what_finds_nothing_says_so_or_says_nothing(operator: Client, text: str) -> None:
    answer = operator.get("/search/", {"q": text})
    assert answer.status_code == 200
    assert links(operator, text) == []
    assert ("Nothing is found for" in page(answer)) is bool(text.strip())
    assert "<b>" not in answer.content.decode()


def test_what_no_database_holds_is_left_out_of_what_is_looked_for(operator: Client) -> None:
    assert links(operator, "m\0ei") == ["/holders/mei/"]


def test_while_somebody_types_only_the_results_are_sent(operator: Client) -> None:
    part = operator.get("/search/", {"q": "mei"}, headers={"hx-request": "true"}).content.decode()
    assert "<html" not in part
    assert 'href="/holders/mei/"' in part
    restored = {"hx-request": "true", "hx-history-restore-request": "true"}
    assert "<html" in operator.get("/search/", {"q": "mei"}, headers=restored).content.decode()


def test_a_search_asks_at_most_twelve_questions(operator: Client) -> None:
    for text in ("mei", MEI, "grocer/77001", "77001"):
        with CaptureQueriesContext(connection) as asked:
            operator.get("/search/", {"q": text})
        assert len(asked) <= QUERIES_MAX, text
