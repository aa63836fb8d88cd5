"""A check proves that both databases hold the same trust book, up to a cut-off, and names where they don't."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from threading import Thread
from time import sleep

import pytest
from django.db import connections

from greenloop.insight import trust_proofs
from greenloop.insight.check import check
from greenloop.insight.proof import Proof
from greenloop.services.books import keeper
from greenloop.services.books.keeper import keep_all
from greenloop.store import sql
from greenloop.store.queries import keeping
from greenloop.store.trustbook import place
from greenloop.store.trustbook.session import Session
from tests.support.databases import Database
from tests.support.ledger import execute, fetch
from tests.support.town import Town
from tests.support.trusting import looked_into, trust_book

ME = "keeper-1"


@pytest.fixture(autouse=True)
def beside(town: Town, database: Database) -> Iterator[str]:
    """A trust book beside the town's database that holds all of a short life."""
    with trust_book(database) as url:
        town.sell("mei", "grocer", 100_000)
        town.close_all([1, 2])
        town.draw("mei")
        keep_all(holder=ME, now=lambda: town.at)
        yield url


def proofs() -> list[Proof]:
    return list(trust_proofs.proofs(began=datetime.now(UTC)))


def broken() -> dict[str, str]:
    """Return what doesn't hold: its name, and what it names."""
    return {each.name: each.detail for each in proofs() if not each.holds}


def unguarded(table: str, statement: str) -> Callable[[Session], None]:
    """Return a change of the trust book by its owner, who has switched off what guards a table."""

    def change(session: Session) -> None:
        if session.is_postgresql:
            session.run(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        else:
            for (name,) in session.rows(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [table]
            ):
                session.run(f"DROP TRIGGER {name}")
        session.run(statement)

    return change


def test_both_agree_and_every_statement_has_looked_at_something(town: Town) -> None:
    found = {each.name: each for each in proofs()}
    assert all(each.holds for each in found.values())
    assert found["trust-holds"].looked_at == fetch("SELECT COUNT(*) FROM journal WHERE book = 'trust'")[0][0]
    idle = {name for name, each in found.items() if not each.looked_at}
    assert idle == {"trust-waiting", "trust-ahead"}
    assert set(found) <= {each.name for each in check(replay=False)}


def test_what_waits_is_no_difference_nor_is_what_was_handed_over_meanwhile(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.sell("bo", "baker", 50_000)
    assert broken() == {}
    # The keeper ended between its two commits: the trust book has more than it is known to have.
    with monkeypatch.context() as patched:
        patched.setattr(keeper, "_take_off", stopped)
        with pytest.raises(Stopped):
            keeper.keep(holder=ME, at=town.at)
    assert broken() == {}
    monkeypatch.setattr(keeping, "BEHIND", timedelta(0))
    assert broken() == {}


class Stopped(BaseException):
    pass


def stopped(*_: object, **__: object) -> None:
    raise Stopped


def test_what_is_sold_and_handed_over_during_a_long_check_is_no_older_copy(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "BEHIND", timedelta(milliseconds=200))
    seen: list[int] = []

    def sell() -> None:
        try:
            town.at = datetime.now(UTC)
            town.sell("bo", "baker", 50_000)
            seen.append(keep_all(holder=ME, now=lambda: town.at).journals)
        finally:
            connections.close_all()

    def sell_meanwhile(part: str, done: int, parts: int) -> None:
        if part == "trust":
            sleep(0.3)  # what came before took longer than a journal may wait
            selling = Thread(target=sell)
            selling.start()
            selling.join(30)
            sleep(0.3)  # and so does what comes until the trust book is looked at

    found = {each.name: each for each in check(replay=False, progress=sell_meanwhile)}
    assert seen == [2]
    assert found["trust-ahead"].holds
    assert broken() == {}


TAMPERED_THERE = {
    "trust-sealed": unguarded("trust_posting", "UPDATE trust_posting SET amount_fen = amount_fen + 1 WHERE number = 1"),
    "trust-sums": unguarded("trust_account", "UPDATE trust_account SET debits_fen = debits_fen + 1"),
    "trust-hashes": unguarded("trust_journal", f"UPDATE trust_journal SET sha256 = '{'0' * 64}' WHERE number = 1"),
    "trust-known": unguarded("trust_journal", "UPDATE trust_journal SET key = 'stranger/1' WHERE number = 1"),
    "trust-head": unguarded(
        "trust_journal",
        "UPDATE trust_journal SET key = 'stranger/1' WHERE number = (SELECT MAX(number) FROM trust_journal)",
    ),
    "trust-list": unguarded(
        "trust_allowed", "INSERT INTO trust_allowed VALUES ('bonus', 'trust:reserve', 'trust:bank')"
    ),
    "trust-covered": unguarded("trust_account", "UPDATE trust_account SET debits_fen = debits_fen + 100000000"),
}


@pytest.mark.books_broken_on_purpose
@pytest.mark.parametrize("name", TAMPERED_THERE)
def test_a_change_of_the_trust_book_is_named(town: Town, name: str) -> None:
    with looked_into() as session:
        TAMPERED_THERE[name](session)
    assert name in broken()


@pytest.mark.books_broken_on_purpose
def test_a_journal_that_was_taken_off_the_list_and_never_handed_over_is_named(town: Town) -> None:
    town.sell("bo", "baker", 50_000)
    ((key,),) = fetch("SELECT MAX(key) FROM journal WHERE id = (SELECT MAX(journal_id) FROM pending_journal)")
    execute("DELETE FROM pending_journal WHERE journal_id = (SELECT MAX(journal_id) FROM pending_journal)")
    found = broken()
    assert set(found) == {"trust-holds", "trust-totals"}
    assert found["trust-holds"] == key


@pytest.mark.books_broken_on_purpose
def test_a_posting_changed_here_after_it_was_handed_over_is_named(town: Town) -> None:
    if sql.is_postgresql():
        execute("ALTER TABLE posting DISABLE TRIGGER USER")
    else:
        execute("DROP TRIGGER posting_no_update")
    ((key, number),) = fetch("SELECT key, id FROM journal WHERE book = 'trust' ORDER BY id LIMIT 1")
    execute("UPDATE posting SET amount_fen = amount_fen + 1 WHERE journal_id = %s", number)
    found = broken()
    assert set(found) == {"trust-hashes", "trust-totals"}
    assert found["trust-hashes"] == key


@pytest.mark.books_broken_on_purpose
def test_an_older_copy_of_this_database_is_told_by_what_the_trust_book_has_beyond_it(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = keeping.head()
    town.sell("bo", "baker", 50_000)
    keep_all(holder=ME, now=lambda: town.at)
    keys = [row[0] for row in fetch("SELECT key FROM journal ORDER BY id DESC LIMIT 2")]
    for table in ("posting", "journal"):
        execute(
            f"ALTER TABLE {table} DISABLE TRIGGER USER" if sql.is_postgresql() else f"DROP TRIGGER {table}_no_delete"
        )
    execute("DELETE FROM posting WHERE journal_id > (SELECT MAX(id) - 2 FROM journal)")
    execute("DELETE FROM journal WHERE id > (SELECT MAX(id) - 2 FROM journal)")
    execute("UPDATE trust_head SET number = %s, key = %s, sha256 = %s", before.number, before.key, before.sha256)
    assert broken() == {}  # posted just now: a check that began before would see the same
    monkeypatch.setattr(keeping, "BEHIND", timedelta(0))
    assert broken() == {"trust-ahead": ", ".join(reversed(keys))}


@pytest.mark.books_broken_on_purpose
def test_a_trust_book_that_is_gone_is_missed_once_it_held_something(town: Town, beside: str) -> None:
    file = place.file()
    if file is None:
        return
    file.rename(file.with_name("away"))
    assert set(broken()) == {"trust-book"}
    with place.apart():
        assert broken() == {}
    file.with_name("away").unlink()
