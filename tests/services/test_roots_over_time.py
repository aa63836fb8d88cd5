"""Roots over time: whatever is done the total is the books', and the clock publishes each once, also after a crash."""

import pytest

from greenloop.config import clock
from greenloop.core.trust.liabilities import included_fen
from greenloop.services.trust.roots import build, publish_root
from greenloop.store import sql
from greenloop.store.queries import liabilities, log, trees
from tests.support.databases import Database
from tests.support.ledger import balances
from tests.support.life import Life
from tests.support.town import Town

HOLDERS = "SELECT account_id FROM wallet UNION SELECT account_id FROM coupon UNION SELECT account_id FROM merchant"


@pytest.mark.parametrize(("seed", "preset"), [(11, "steady"), (12, "published")])
def test_after_any_life_all_proofs_together_are_what_the_books_owe(database: Database, seed: int, preset: str) -> None:
    """Draws, spends, refunds, clawbacks, debts, expiry, holds: what all holders prove adds up to the total."""
    life = Life(seed, preset=preset)
    life.live(6, errands=13)
    cycle = liabilities.last_settled()
    assert cycle is not None
    root = publish_root(built=build(cycle=cycle, at=life.town.at), at=life.town.at)
    now = balances()
    owed = sum(fen for name, fen in now.items() if name.startswith(("trust:accrued:", "trust:voucher:")))
    owed += now["trust:coupon"] + now["trust:merchant_payable"]
    assert root.total_fen + root.dust_fen == owed
    proved = 0
    for (account,) in sql.rows(HOLDERS):
        found = trees.proof(root, account)
        if found is not None:
            proved += included_fen(root.root, holder=account, nonce=found.nonce, leaves=found.leaves)
    assert proved == root.total_fen > 0


def ticked(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: town.at)
    clock.tick(holder="worker-1")


def test_the_clock_publishes_a_root_after_each_settlement_late_or_not(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.sell("mei", "grocer", 100_000)
    town.at = town.calendar.cutoff_at(1)
    ticked(town, monkeypatch)
    town.at = town.calendar.cutoff_at(4)
    ticked(town, monkeypatch)
    assert [row.cycle for row in liabilities.roots(limit=9)] == [4, 3, 2, 1]
    ticked(town, monkeypatch)
    assert sql.value("SELECT COUNT(*) FROM run WHERE task = 'root'") == 4
    assert sql.value("SELECT COUNT(*) FROM log_leaf WHERE kind = 'root'") == 4
    newest = log.newest_checkpoint()
    assert newest is not None
    assert newest.checkpoint.size == log.size()
    # Each was signed as soon as it was published, so that its proofs could be read before the next cycle was settled.
    signed = {each.checkpoint.size - 1 for each in log.checkpoints()}
    assert {row.log_leaf for row in liabilities.roots(limit=9)} <= signed


def test_a_process_that_dies_before_publishing_has_published_nothing_and_the_clock_tries_again(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.sell("mei", "grocer", 100_000)
    town.at = town.calendar.cutoff_at(1)

    def die(**given: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(clock, "publish_root", die)
    ticked(town, monkeypatch)
    assert liabilities.newest() is None
    assert sql.value("SELECT outcome FROM run WHERE task = 'root'") == "failed: OSError"
    monkeypatch.undo()
    town.later(minutes=2)
    ticked(town, monkeypatch)
    root = liabilities.newest()
    assert root is not None
    assert trees.fits(root)
    assert sql.value("SELECT state FROM run WHERE task = 'root'") == "done"
