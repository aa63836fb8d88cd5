"""The keeper hands the trust book's journals over to a database of their own: each once, whole, and no other."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from django.db import connections

from greenloop.core.faults import Breach, Refusal
from greenloop.insight.trust_proofs import agreement
from greenloop.services.books import keeper
from greenloop.services.books.checked import keep_check
from greenloop.services.books.keeper import Kept, hand_over_again, keep, keep_all, note_difference
from greenloop.store import sql
from greenloop.store.queries import keeping, soundness
from greenloop.store.trustbook import book, place, tables
from tests.support.databases import Database
from tests.support.ledger import execute, fetch
from tests.support.town import Town
from tests.support.trusting import held, looked_into, trust_book

ME = "keeper-1"


@pytest.fixture(autouse=True)
def beside(town: Town, database: Database) -> Iterator[str]:
    """A trust book beside the town's database."""
    with trust_book(database) as url:
        yield url


def kept(town: Town) -> Kept:
    return keep_all(holder=ME, now=lambda: town.at)


def a_life(town: Town) -> None:
    """Let things happen that post: orders, cash, vesting, a settlement, a draw, a refund, the fee, a payout."""
    order = town.sell("mei", "grocer", 100_000)
    town.sell("bo", "baker", 50_000, delivered=False)
    town.close_all([1, 2])
    town.draw("mei")
    town.refund(order, 10_000)
    town.transfer_fees(1)
    town.pay_out()


def test_every_journal_of_the_trust_book_is_handed_over_with_its_hash_and_none_of_the_other_book(town: Town) -> None:
    a_life(town)
    noted = dict(fetch("SELECT j.key, w.sha256 FROM pending_journal w JOIN journal j ON j.id = w.journal_id"))
    keys = {key for (key,) in fetch("SELECT key FROM journal WHERE book = 'trust'")}
    assert set(noted) == keys
    assert kept(town) == Kept(len(keys), len(keys))
    assert held() == noted
    assert fetch("SELECT COUNT(*) FROM pending_journal") == [(0,)]
    assert keeping.head().number == len(keys)
    with looked_into() as session:
        here = {
            name: (debits, credits_)
            for name, debits, credits_ in fetch(
                "SELECT name, debits_fen, credits_fen FROM ledger_account "
                "WHERE book = 'trust' AND debits_fen + credits_fen > 0"
            )
        }
        assert book.totals(session) == here == book.summed(session)
        numbers = [row[0] for row in session.rows("SELECT number FROM trust_journal ORDER BY number")]
        assert numbers == list(range(1, len(keys) + 1))


def test_a_pass_with_nothing_to_do_does_nothing(town: Town) -> None:
    assert kept(town) == Kept(0, 0)
    town.sell("mei", "grocer", 100_000)
    assert kept(town).journals == 2
    assert kept(town) == Kept(0, 0)


def test_what_the_database_recomputes_is_what_the_code_computes_for_any_letters(town: Town) -> None:
    # Keys carry what people write; the server builds the canonical form by itself and compares.
    for number in ("退款 2", 'q"b\\c', "tab\tthere", "\x7f\u2028x", "éé", "a/b"):
        town.deposit("grocer", 500, number)
    assert kept(town).journals == 6


def test_a_keeper_that_ended_before_the_trust_book_committed_leaves_nothing_there(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.sell("mei", "grocer", 100_000)
    with monkeypatch.context() as patched:
        patched.setattr(book, "negative", killed)
        with pytest.raises(Killed):
            keep(holder=ME, at=town.at)
    assert held() == {}
    assert keeping.lag().pending == 2
    assert kept(town) == Kept(2, 2)


def test_a_keeper_that_ended_after_the_trust_book_committed_finds_what_is_there(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.sell("mei", "grocer", 100_000)
    with monkeypatch.context() as patched:
        patched.setattr(keeper, "_take_off", killed)
        with pytest.raises(Killed):
            keep(holder=ME, at=town.at)
    before = held()
    assert (len(before), keeping.lag().pending, keeping.head().number) == (2, 2, 0)
    town.sell("bo", "baker", 50_000)
    assert kept(town) == Kept(4, 4)
    assert before.items() <= held().items()
    assert keeping.lag().pending == 0


class Killed(BaseException):
    pass


def killed(*_: object, **__: object) -> None:
    raise Killed


def test_passes_of_any_size_hand_over_the_same(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "PASS_MAX", 2)
    a_life(town)
    waiting = keeping.lag().pending
    assert waiting > 4
    assert kept(town) == Kept(waiting, waiting)


def test_journals_from_before_there_was_a_trust_book_are_handed_over_too(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    execute("UPDATE pending_journal SET sha256 = ''")  # as the migration leaves them
    assert kept(town).journals == 2


def stands_still(town: Town, *words: str) -> None:
    """Expect that the next pass breaks, notes why, and that payouts and the keeper stand still."""
    with pytest.raises(Breach):
        keep(holder=ME, at=town.at)
    found = soundness.broken()
    assert found is not None
    assert found.by == "keeper"
    for word in words:
        assert word in found.what
    town.later(days=1)
    for call in (town.pay_out, lambda: keep(holder=ME, at=town.at)):
        with pytest.raises(Refusal) as no:
            call()
        assert no.value.code in ("books.broken", "trust.stopped")


@pytest.mark.books_broken_on_purpose
def test_the_same_key_with_another_hash_stops_the_keeper_and_payouts(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    kept(town)
    hand_over_again(by="wu", at=town.at)
    with looked_into() as session:
        if session.is_postgresql:
            session.run("ALTER TABLE trust_journal DISABLE TRIGGER USER")
        else:
            session.run("DROP TRIGGER trust_journal_no_update")
        session.run(f"UPDATE trust_journal SET sha256 = '{'0' * 64}' WHERE number = 2")
    stands_still(town, "holds another journal under the key")
    assert keeping.lag().pending == 2


def test_what_the_keeper_found_is_cleared_only_by_a_check_that_compared_both_books(town: Town) -> None:
    note_difference(what="both books differ", at=town.at)
    town.later(days=1)
    for compared in (False, True):
        keep_check(statements=9, broken=[], replayed=True, took_ms=1, by="wu", at=town.at, compared=compared)
        assert (soundness.broken() is None) is compared
    town.sell("mei", "grocer", 100_000)
    assert kept(town).journals == 2


@pytest.mark.books_broken_on_purpose
def test_a_journal_that_was_changed_after_it_was_posted_stops_the_keeper(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    if sql.is_postgresql():
        execute("ALTER TABLE posting DISABLE TRIGGER USER")
    else:
        execute("DROP TRIGGER posting_no_update")
    execute("UPDATE posting SET amount_fen = amount_fen + 1 WHERE id = (SELECT MIN(id) FROM posting)")
    stands_still(town, "is no longer what was posted")
    assert held() == {}


@pytest.mark.books_broken_on_purpose
def test_a_posting_that_the_trust_book_does_not_list_stops_the_keeper(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    # The business's own list is made longer by somebody who may; the trust book's stays as it is.
    execute(
        "INSERT INTO posting_rule (kind, debit_class, credit_class) VALUES ('bonus', 'trust:reserve', 'trust:bank')"
    )
    execute(
        "INSERT INTO journal (book, key, kind, effective_at, recorded_at) "
        "VALUES ('trust', 'by-hand/1', 'bonus', '2026-01-05 00:00:00+00', '2026-01-05 00:00:00+00')"
    )
    execute(
        "INSERT INTO posting (journal_id, debit_id, credit_id, amount_fen) SELECT j.id, d.id, c.id, 5 "
        "FROM journal j, ledger_account d, ledger_account c "
        "WHERE j.key = 'by-hand/1' AND d.name = 'trust:reserve' AND c.name = 'trust:bank'"
    )
    execute("INSERT INTO pending_journal (journal_id, sha256) SELECT id, '' FROM journal WHERE key = 'by-hand/1'")
    stands_still(town, "the trust book refuses")
    assert held() == {}


def test_what_a_later_release_lists_is_added_when_its_owner_makes_the_tables_again(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    with looked_into() as session:
        monkeypatch.setattr(tables, "TRIPLES", (*tables.TRIPLES, ("levy", "trust:reserve", "trust:fee_payable")))
        assert tables.make(session) is False
        assert book.listed(session) == set(tables.TRIPLES)
        assert tables.make(session) is False


@pytest.mark.books_broken_on_purpose
def test_an_older_copy_of_the_business_meets_a_trust_book_that_is_ahead(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    kept(town)
    before = keeping.head()
    town.sell("bo", "baker", 50_000)
    kept(town)
    # The copy ends before the last sale: its journals aren't there, nor does it know of their numbers.
    for table in ("posting", "journal"):
        if sql.is_postgresql():
            execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        else:
            execute(f"DROP TRIGGER {table}_no_delete")
    execute("DELETE FROM posting WHERE journal_id > 2")
    execute("DELETE FROM journal WHERE id > 2")
    execute("UPDATE trust_head SET number = %s, key = %s, sha256 = %s", before.number, before.key, before.sha256)
    town.sell("lin", "grocer", 7_000)
    stands_still(town, "the trust book is ahead")


@pytest.mark.books_broken_on_purpose
def test_a_trust_book_that_lost_its_newest_journals_is_another_one(town: Town, beside: str) -> None:
    town.sell("mei", "grocer", 100_000)
    kept(town)
    execute("UPDATE trust_head SET number = 3, key = 'order-batch/9'")
    town.sell("bo", "baker", 50_000)
    stands_still(town, "number 3 is order-batch/9 as it was kept, and the trust book has nothing there")


def test_after_the_trust_book_was_restored_everything_is_handed_over_again_by_a_decider(town: Town) -> None:
    a_life(town)
    number = kept(town).number
    with pytest.raises(Refusal):
        hand_over_again(by=str(town.ids["mei"]), at=town.at)
    assert hand_over_again(by="wu", at=town.at) == number
    assert kept(town) == Kept(number, number)
    assert fetch("SELECT act FROM audit_entry WHERE about = 'trust'") == [("trust.again",)]


def test_one_keeper_at_a_time_and_the_next_one_after_its_lease(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    kept(town)
    town.sell("bo", "baker", 50_000)
    assert keep(holder="another", at=town.at) == Kept(0, 0)
    town.at += keeper.LEASE + timedelta(seconds=1)
    assert keep(holder="another", at=town.at) == Kept(2, 4)


def test_two_keepers_that_both_think_they_are_the_one_hand_over_once(town: Town) -> None:
    if not sql.is_postgresql():
        return  # a file has one writer
    town.sell("mei", "grocer", 100_000)
    with looked_into() as other, other.transaction():
        assert book.alone(other)
        assert keep(holder=ME, at=town.at) == Kept(0, 0)
    assert kept(town) == Kept(2, 2)


@pytest.mark.parametrize("meanwhile", ["alone", "since", "hashes"])
def test_a_keeper_that_takes_off_during_another_s_pass_is_no_older_copy(
    town: Town, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    town.sell("mei", "grocer", 100_000)
    take_off, added = keeper._take_off, list[tuple[Any, ...]]()

    def paused(*what: Any, **_: Any) -> None:
        added.append(what)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(keeper, "_take_off", paused)
        with pytest.raises(Killed):
            keep(holder="first", at=town.at)
    town.at += keeper.LEASE + timedelta(seconds=1)

    def first_goes_on() -> None:
        try:
            take_off(*added.pop(), at=town.at)
        finally:
            connections.close_all()

    asked = getattr(book, meanwhile)

    def then(*args: Any, **kwargs: Any) -> Any:
        found = asked(*args, **kwargs)
        if added:
            going_on = Thread(target=first_goes_on)
            going_on.start()
            going_on.join(30)
        return found

    monkeypatch.setattr(book, meanwhile, then)
    keep(holder=ME, at=town.at)
    assert added == []
    assert soundness.broken() is None
    assert (keeping.lag().pending, keeping.head().number, len(held())) == (0, 2, 2)


def test_a_keeper_of_many_passes_holds_its_lease(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        town.deposit("grocer", 500, f"d{number}")
    take_off = keeper._take_off

    def slowly(*what: Any, at: datetime) -> None:
        take_off(*what, at=at)
        town.later(seconds=40)

    monkeypatch.setattr(keeper, "PASS_MAX", 1)
    monkeypatch.setattr(keeper, "_take_off", slowly)
    assert kept(town) == Kept(4, 4)
    town.deposit("grocer", 500, "the next")
    assert keep(holder="another", at=town.at) == Kept(0, 0)


def test_what_was_handed_over_again_is_taken_off_part_by_part_and_agrees_after_each(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_life(town)
    number = kept(town).number
    monkeypatch.setattr(keeper, "PASS_MAX", 3)
    assert hand_over_again(by="wu", at=town.at) == number > 6
    for passes in range(1, 3):
        assert keep(holder=ME, at=town.at) == Kept(3, 3 * passes)
        assert (keeping.lag().pending, keeping.head().number) == (number - 3 * passes, 3 * passes)
        assert [proof.name for proof in agreement() if not proof.holds] == []
    assert kept(town) == Kept(number - 6, number)


def test_without_a_trust_book_journals_wait_and_the_lag_tells_since_when(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.sell("mei", "grocer", 100_000)
    monkeypatch.setattr(place, "address", lambda: None)
    assert kept(town) == Kept(0, 0)
    lag = keeping.lag()
    assert (lag.pending, lag.number) == (2, 0)
    assert lag.oldest_at is not None
    assert lag.seconds(lag.oldest_at + timedelta(seconds=7)) == 7
    assert not lag.behind(lag.oldest_at + keeping.BEHIND)
    assert lag.behind(lag.oldest_at + keeping.BEHIND + timedelta(seconds=1))
    ids = [row[0] for row in fetch("SELECT id FROM journal")]
    assert keeping.unkept(ids) == set(ids)


def test_a_pool_of_any_name_gets_its_accounts_and_no_other_account_opens(town: Town) -> None:
    a_life(town)
    kept(town)
    with looked_into() as session:
        names = {row[0] for row in session.rows("SELECT name FROM trust_account")}
    assert {"trust:pool:green", "trust:accrued:green", "trust:voucher:green"} <= names
