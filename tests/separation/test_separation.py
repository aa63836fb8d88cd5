"""Whoever has the business's credentials, or even the keeper's, changes nothing in the trust book."""

import re
from collections.abc import Iterator

import pytest

from greenloop.store.trustbook import founding, roles, tables
from greenloop.store.trustbook.session import opened
from tests.house.files import ROOT
from tests.separation.attempts import BY_ANYBODY, BY_BUSINESS, journal, statement
from tests.separation.trying import DONE, Answered, answer, every, reading, somewhere, table
from tests.separation.vault import BUSINESS, CASH, KEEPER, OWNER, READER, SALE, Vault


@pytest.fixture(scope="module")
def made() -> Iterator[Vault]:
    """A server with a trust book that holds two journals."""
    with somewhere() as found:
        yield found


@pytest.fixture(scope="module")
def found(made: Vault) -> list[Answered]:
    """The answers to all attempts."""
    before = made.rows()
    assert len(before["trust_journal"]) == 2
    answers = every(made)
    assert made.rows() == before
    return answers


def test_with_the_business_s_credentials_every_attempt_fails_at_the_trust_book(found: list[Answered]) -> None:
    assert len(found) >= 45
    assert all(each.business not in (DONE, "") for each in found)
    direct = [each for each in found if each.name in {a.name for a in (*BY_BUSINESS, *BY_ANYBODY)}]
    assert {each.business for each in direct} == {'permission denied for database "trust"'}


def test_let_in_by_mistake_the_business_s_role_may_do_nothing(found: list[Answered]) -> None:
    inside = [each.let_in for each in found if each.let_in]
    assert len(inside) >= 40
    assert DONE not in inside


def test_the_keeper_itself_can_t_rewrite_forge_or_overdraw(found: list[Answered]) -> None:
    kept = {each.name: each.keeper for each in found if each.keeper}
    assert set(kept) == {each.name for each in BY_ANYBODY}
    assert DONE not in kept.values()
    # Each for the reason it was meant to fail for.
    assert kept["post a kind that isn't there"] == "no bonus debits trust:reserve and credits trust:bank"
    across = "no draw debits trust:accrued:a and credits trust:voucher:b"
    assert kept["move money from pool to pool"] == across
    assert kept["say another hash"].startswith("the journal forged/1 is not what its SHA-256 says")
    assert kept["add to a journal that is complete"] == "the journal order-batch/1 is not what its SHA-256 says"
    assert kept["overdraw an account"] == "trust:merchant_payable would be negative"
    assert kept["leave a number out"] == "numbers follow each other: the next is 3"
    assert kept["take a number from before the first"].startswith("numbers follow each other")
    assert kept["add a journal without postings"] == "the journal forged/1 moves nothing"
    assert kept["open a second bank account"] == "no class allows the account trust:bank:mine"
    assert "unique" in kept["use a key again with another amount"]
    assert "check constraint" in kept["post a negative amount"]


def test_a_reader_can_do_none_of_it_either(made: Vault) -> None:
    before = made.rows()
    assert DONE not in reading(made)
    assert made.rows() == before


def test_what_is_right_is_let_through_so_that_the_refusals_are_for_their_own_reasons(made: Vault) -> None:
    right = journal(
        "", kind="payout", postings=(type(CASH.postings[0])("trust:merchant_payable", "trust:bank", 90_000),)
    )
    assert answer(made.url(KEEPER), right) == DONE
    rows = made.rows()
    assert len(rows["trust_journal"]) == 3
    assert any("'trust:bank', 'trust:bank', 100000, 90000" in row for row in rows["trust_account"])
    assert SALE.sha256() in " ".join(rows["trust_journal"])


def test_the_product_knows_whose_credentials_it_has_and_makes_nothing_twice(made: Vault) -> None:
    found = {}
    for role in (OWNER, KEEPER, READER):
        with opened(made.url(role)) as session:
            tables.ensure_version(session)
            found[role] = (roles.may_keep(session), roles.may_do_more(session))
    assert found == {OWNER: (True, True), KEEPER: (True, False), READER: (False, False)}
    before = made.rows()
    again = founding.create(made.url(OWNER), keeper=KEEPER, reader=READER)
    assert (again.made, again.passwords) == (False, {})
    assert made.rows() == before


def test_making_it_again_lets_out_whoever_was_let_in_and_those_whom_they_let_in(made: Vault) -> None:
    with made.admin() as admin:
        admin.execute("CREATE ROLE guest")
        admin.execute(f"GRANT ALL ON DATABASE trust TO {BUSINESS} WITH GRANT OPTION")
        admin.execute(f"SET ROLE {BUSINESS}")
        admin.execute("GRANT CONNECT ON DATABASE trust TO guest")
    connecting = statement("", "SELECT 1")
    assert answer(made.url(BUSINESS), connecting) == DONE
    founding.create(made.url(OWNER), keeper=KEEPER, reader=READER)
    assert answer(made.url(BUSINESS), connecting) == 'permission denied for database "trust"'
    assert [answer(made.url(role), connecting) for role in (OWNER, KEEPER, READER)] == [DONE] * 3
    with made.admin() as admin:
        assert admin.execute("SELECT has_database_privilege('guest', 'trust', 'CONNECT')").fetchall() == [(False,)]


def test_the_table_in_the_docs_is_the_one_that_is_found(found: list[Answered]) -> None:
    page = (ROOT / "docs" / "trust-book.md").read_text("utf-8")
    assert table(found) in page
    assert re.search(r"python -m tests\.separation", page)
