"""Guardrails that no other test shows: words that operators write (G12), a business that ends (G14)."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, transaction

from greenloop.core.faults import Refusal
from greenloop.services.books.grants import propose_grant
from greenloop.services.loop.rules import publish_rules
from greenloop.services.people.clients import register_client
from greenloop.store import sql
from tests.support.databases import Database
from tests.support.ledger import execute, fetch, whole_database
from tests.support.town import Town, found_town, plain_rules

PROMISE = "稳" + "赚"


def renamed(part: str) -> dict[str, object]:
    """Return rules in which a pool or a plan has a name that promises."""
    document = plain_rules()
    document[part][PROMISE] = next(iter(document[part].values()))
    return document


@pytest.mark.parametrize(
    ("field", "write"),
    [
        ("name", lambda t: publish_rules(document=plain_rules(name=PROMISE), effective_at=t.at, by="wu", at=t.at)),
        (
            f"pools.{PROMISE}",
            lambda t: publish_rules(document=renamed("pools"), effective_at=t.at, by="wu", at=t.at),
        ),
        (
            f"plans.{PROMISE}",
            lambda t: publish_rules(document=renamed("plans"), effective_at=t.at, by="wu", at=t.at),
        ),
        ("ref", lambda t: t.merchant(PROMISE)),
        ("city", lambda t: t.merchant("butcher", city=PROMISE)),
        ("grade", lambda t: t.merchant("butcher", grade=PROMISE)),
        ("shops", lambda t: t.merchant("butcher", shops=("first", PROMISE))),
        ("name", lambda t: register_client(name=PROMISE, kind="merchant", merchants=["grocer"], at=t.at)),
        ("ref", lambda t: propose_grant(ref=PROMISE, amount_fen=100, rebate_fen=1, by="marketing", at=t.at)),
    ],
)
def test_operators_can_t_write_a_promise_into_any_name(town: Town, field: str, write: Callable[[Town], object]) -> None:
    before = whole_database()
    with pytest.raises(Refusal) as refused:
        write(town)
    assert (refused.value.code, refused.value.field) == ("copy.refused_word", field)
    assert whole_database() == before


def test_the_database_itself_refuses_a_posting_between_two_pools(town: Town) -> None:
    at = datetime(2026, 1, 5, tzinfo=UTC)

    def post(debit: str, credit: str) -> None:
        with transaction.atomic():
            execute(
                "INSERT INTO journal (book, key, kind, effective_at, recorded_at)"
                " VALUES ('trust', 'by-hand', 'refund', %s, %s)",
                sql.instant(at),
                sql.instant(at),
            )
            execute(
                "INSERT INTO posting (journal_id, debit_id, credit_id, amount_fen) SELECT j.id, d.id, c.id, 5"
                " FROM journal j, ledger_account d, ledger_account c"
                " WHERE j.key = 'by-hand' AND d.name = %s AND c.name = %s",
                debit,
                credit,
            )
            assert fetch("SELECT COUNT(*) FROM posting") == [(1,)]
            transaction.set_rollback(True)

    del town
    post("trust:accrued:green", "trust:pool:green")
    for debit, credit in (
        ("accrued:green", "pool:red"),
        ("voucher:red", "accrued:green"),
        ("pool:red", "accrued:green"),
    ):
        with pytest.raises(DatabaseError, match="no posting joins two pools"):
            post(f"trust:{debit}", f"trust:{credit}")


def test_after_inflow_falls_by_90_percent_every_voucher_is_still_covered(database: Database) -> None:
    del database
    town = found_town(plain_rules(cycle_days=1))
    for day in range(1, 36):
        # A thousand yuan a day, then a hundred, then nothing from the 20th on.
        if day < 20:
            town.day(day).sell("mei", "grocer", 100_000 if day < 8 else 10_000)
        town.close(day)
        if day in (10, 30):
            town.draw("mei")
        for name, free, owed in fetch("SELECT name, free_fen, backing_fen - spent_fen FROM pool"):
            assert free >= 0, f"{name} on day {day}"
            ledger = fetch(
                "SELECT SUM(credits_fen - debits_fen) FROM ledger_account WHERE name IN (%s, %s)",
                f"trust:accrued:{name}",
                f"trust:voucher:{name}",
            )
            assert int(ledger[0][0]) == owed
    held = town.wallet("mei").voucher_fen
    assert held
    # And can be spent: the money for each of them has lain apart since it was issued.
    assert town.sell("mei", "grocer", 0, voucher_fen=held)
    custody = fetch("SELECT SUM(debits_fen - credits_fen) FROM ledger_account WHERE book = 'trust' AND is_asset")[0][0]
    owed = fetch("SELECT SUM(credits_fen - debits_fen) FROM ledger_account WHERE book = 'trust' AND NOT is_asset")[0][0]
    assert custody == owed
