"""Seals: the public log holds each journal's hash in order, whoever posts meanwhile, and changes are found later."""

from datetime import timedelta
from threading import Event
from time import sleep
from typing import Any

import pytest
from django.db import connection, transaction

from greenloop.core.trust.log import leaf_hash, root_of
from greenloop.services.trust.log import sealing
from greenloop.services.trust.log.sealing import seal_journals
from greenloop.store import sql
from greenloop.store.queries import seals
from tests.support.leaves import broken, count, facts, tamper
from tests.support.ledger import fetch, whole_database
from tests.support.threads import PATIENCE_S, at_once
from tests.support.town import Town


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a seal hold three journals at most."""
    monkeypatch.setattr(seals, "JOURNALS_MAX", 3)


@pytest.fixture
def busy(town: Town) -> Town:
    """Give the town with two settled cycles, a draw, and a fee that both books know of."""
    town.sell("mei", "grocer", 100_000)
    town.close_all([1, 2])
    town.transfer_fees(1)
    town.draw("mei")
    return town


def posted() -> int:
    return int(fetch("SELECT COUNT(*) FROM journal")[0][0])


def test_a_seal_tells_how_many_journals_and_the_root_over_their_fingerprints(busy: Town) -> None:
    assert seal_journals(at=busy.at) == posted()
    (told,) = facts("journals")
    assert (told["before"], told["journals"]) == (0, posted())
    found = seals.journals(after=0, until=2**62, limit=100)
    assert told["root"] == root_of([leaf_hash(bytes.fromhex(each.entry.sha256())) for each in found]).hex()
    assert told["until_at"] == found[-1].entry.recorded_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert {each.book for each in found} == {"trust", "ops"}
    assert broken() == set()


def test_nothing_is_sealed_twice_and_what_comes_later_is_the_next_seal_s(busy: Town) -> None:
    first = seal_journals(at=busy.at)
    before = whole_database()
    assert (seal_journals(at=busy.at), whole_database()) == (0, before)
    busy.sell("bo", "grocer", 50_000)
    later = seal_journals(at=busy.at)
    assert later == posted() - first > 0
    assert [(each["before"], each["journals"]) for each in facts("journals")] == [(0, first), (first, later)]
    assert broken() == set()


@pytest.mark.usefixtures("few")
def test_many_journals_are_sealed_some_at_a_time(busy: Town) -> None:
    whole = posted()
    assert seal_journals(at=busy.at) == whole
    told = facts("journals")
    assert [each["before"] for each in told] == list(range(0, whole, 3))
    assert sum(each["journals"] for each in told) == whole
    assert broken() == set()


def test_an_empty_ledger_has_no_seal(town: Town) -> None:
    before = count()
    assert (seal_journals(at=town.at), count(), facts("journals")) == (0, before, [])


def test_whoever_posts_meanwhile_is_sealed_once_and_in_order(busy: Town) -> None:
    def sell(number: int) -> Any:
        return lambda: busy.sell("mei", "grocer", 1_000 + number)

    def seal() -> None:
        seal_journals(at=busy.at)

    at_once([step for number in range(8) for step in (sell(number), seal)])
    seal_journals(at=busy.at)
    assert sum(each["journals"] for each in facts("journals")) == posted()
    assert broken() == set()


def test_what_is_posted_after_the_newest_was_read_waits(busy: Town) -> None:
    until = sealing.posted_until()
    known = posted()
    busy.sell("bo", "grocer", 50_000)
    assert sealing.seal_some(until=until, at=busy.at) == known
    assert sealing.seal_some(until=until, at=busy.at) == 0
    assert posted() > known


def test_who_has_locked_its_accounts_is_not_kept_from_growing_them_by_a_seal_that_waits(busy: Town) -> None:
    """A verb that has posted keeps the seal waiting, and may itself wait for whoever has locked the next account."""
    if connection.vendor != "postgresql":
        return
    locked, waits = Event(), Event()

    def grow() -> None:
        with transaction.atomic():
            sql.rows("SELECT id FROM ledger_account WHERE name = 'trust:reserve' FOR NO KEY UPDATE")
            locked.set()
            assert waits.wait(PATIENCE_S)
            sql.run("SET LOCAL lock_timeout = '500ms'")  # the server looks for deadlocks after a second
            sql.run("UPDATE ledger_account SET debits_fen = debits_fen WHERE name = 'trust:reserve'")

    def seal() -> None:
        assert locked.wait(PATIENCE_S)
        sealing.posted_until()

    def post_first() -> None:
        with transaction.atomic():
            sql.run("UPDATE ledger_account SET debits_fen = debits_fen WHERE name = 'trust:bank'")
            assert locked.wait(PATIENCE_S)
            while not sql.rows("SELECT 1 FROM pg_locks WHERE relation = 'ledger_account'::regclass AND NOT granted"):
                sleep(0.01)
            waits.set()
            sql.rows("SELECT id FROM ledger_account WHERE name = 'trust:reserve' FOR NO KEY UPDATE")

    at_once([grow, seal, post_first])


CHANGED = {
    "an amount": ("posting", "UPDATE posting SET amount_fen = amount_fen + 1 WHERE id = (SELECT MIN(id) FROM posting)"),
    "a key": ("journal", "UPDATE journal SET key = key || 'x' WHERE id = (SELECT MIN(id) FROM journal)"),
    "an instant": ("journal", "UPDATE journal SET effective_at = recorded_at WHERE id = (SELECT MIN(id) FROM journal)"),
    "the way": (
        "posting",
        "UPDATE posting SET debit_id = credit_id, credit_id = debit_id WHERE id = (SELECT MIN(id) FROM posting)",
    ),
    "what is sealed": ("journal_seal", "UPDATE journal_seal SET until_id = until_id - 1"),
    "a seal": ("journal_seal", "DELETE FROM journal_seal"),
}


@pytest.mark.books_broken_on_purpose
@pytest.mark.parametrize("what", CHANGED)
def test_a_journal_that_is_changed_afterwards_is_found(busy: Town, what: str) -> None:
    seal_journals(at=busy.at)
    table, change = CHANGED[what]
    tamper(table, change)
    assert broken() == {"journals sealed"}


def test_the_clock_seals_before_it_signs(busy: Town) -> None:
    from greenloop.cli.public_log import sign_and_publish

    signed = sign_and_publish(at=busy.at + timedelta(hours=1))
    assert signed is not None
    assert facts("journals")[0]["journals"] == posted()
    assert signed.checkpoint.size == count()
