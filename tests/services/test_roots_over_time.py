"""Roots over time: whatever is done the total is the books', and the clock publishes each once, also after a crash."""

from itertools import pairwise

import pytest

from greenloop.config import clock
from greenloop.core.trust.liabilities import included_fen
from greenloop.insight import readiness
from greenloop.services.trust.roots import build, publish_root
from greenloop.store import sql
from greenloop.store.queries import clockwork as slots
from greenloop.store.queries import liabilities, log, trees, vitals
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
    signed = {each.checkpoint.size for each in log.checkpoints()}
    leaves = sorted(row.log_leaf or 0 for row in liabilities.roots(limit=9))
    for leaf, following in pairwise([*leaves, log.size()]):
        assert signed & set(range(leaf + 1, following + 1)), leaf


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


def failing(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no root be published after the first; the second cycle is settled."""
    town.sell("mei", "grocer", 100_000)
    town.at = town.calendar.cutoff_at(1)
    ticked(town, monkeypatch)

    def die(**given: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(clock, "publish_root", die)
    town.at = town.calendar.cutoff_at(2)
    ticked(town, monkeypatch)
    assert (liabilities.last_settled(), liabilities.newest().cycle) == (2, 1)  # type: ignore[union-attr]


def test_the_clock_lets_no_cycle_be_settled_over_a_missing_root_for_an_hour(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(town, monkeypatch)
    town.at = town.calendar.cutoff_at(3)
    ticked(town, monkeypatch)
    assert liabilities.last_settled() == 2
    monkeypatch.undo()
    town.later(minutes=59)
    ticked(town, monkeypatch)
    assert [row.cycle for row in liabilities.roots(limit=9)] == [3, 2, 1]
    assert sql.value("SELECT COUNT(*) FROM log_leaf WHERE kind = 'rootless'") == 0


def test_after_that_hour_settlements_go_on_and_the_log_tells_which_root_is_lost(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(town, monkeypatch)
    town.at = town.calendar.cutoff_at(3) + slots.ROOT_PATIENCE
    ticked(town, monkeypatch)
    assert liabilities.last_settled() == 3
    assert sql.value("SELECT about FROM log_leaf WHERE kind = 'rootless'") == "rootless/2"
    assert vitals.waiting().rootless == 1


def test_a_missing_root_rings_an_alarm_of_its_own_after_ten_minutes(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(town, monkeypatch)
    assert slots.rootless(town.at) is None
    town.later(minutes=11)
    found = slots.rootless(town.at)
    assert found is not None
    assert (found.cycle, found.lost_at) == (2, town.calendar.cutoff_at(3) + slots.ROOT_PATIENCE)
    assert slots.standing(town.at).rootless == found
    assert "root.missing" in readiness.readiness().notices
    monkeypatch.undo()
    ticked(town, monkeypatch)
    assert slots.rootless(town.at) is None


def test_who_settles_by_hand_and_never_published_a_root_is_not_alarmed(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    town.close_all([1, 2])
    town.later(days=1)
    assert slots.rootless(town.at) is None
