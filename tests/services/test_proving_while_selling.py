"""The books are proved while tills sell: what is written meanwhile is no breach, and no difference."""

from collections.abc import Iterator
from functools import partial
from threading import Thread
from typing import Any

import pytest
from django.db import connections

from greenloop.insight.check import check
from greenloop.services.books.reconcile import reconcile
from greenloop.store import sql
from greenloop.store.queries import subledgers
from tests.support.ledger import fetch
from tests.support.town import Town

elsewhere: list[Thread] = []


def sell_elsewhere(town: Town) -> None:
    """Sell in another connection, as a server beside this process does; give up waiting where there is one writer."""

    def sell() -> None:
        try:
            town.sell("mei", "grocer", 10_000)
        finally:
            connections.close_all()

    selling = Thread(target=sell, daemon=True)
    selling.start()
    selling.join(1)
    elsewhere.append(selling)


def wait() -> None:
    while elsewhere:
        elsewhere.pop().join(30)


@pytest.fixture
def busy(town: Town, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """A town where a sale comes between reading the accounts and reading what each must equal."""
    balances = subledgers.balances

    def then_sell() -> dict[str, int]:
        found = balances()
        sell_elsewhere(town)
        return found

    town.sell("mei", "grocer", 100_000, confirmed=False)
    monkeypatch.setattr(subledgers, "balances", then_sell)
    yield town
    monkeypatch.undo()
    assert fetch("SELECT COUNT(*) FROM orders")[0][0] > 1


def test_what_is_sold_while_the_books_are_proved_is_no_breach(busy: Town) -> None:
    found = check()
    wait()
    assert [proof.name for proof in found if not proof.holds] == []


def test_what_is_sold_while_accounts_are_compared_is_no_difference(busy: Town) -> None:
    found = reconcile(by="finance", at=busy.at)
    wait()
    assert found.differences == ()


def test_a_snapshot_sees_nothing_of_what_is_written_after_its_first_read_and_ends(town: Town) -> None:
    count = partial(sql.value, "SELECT COUNT(*) FROM orders")
    seen: list[Any] = []
    with sql.snapshot():
        seen.append(count())
        sell_elsewhere(town)
        seen.append(count())
    wait()
    assert [*seen, count()] == [0, 0, 1]
