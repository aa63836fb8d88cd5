"""Who decides a held settlement sees first what it would post, and decides on exactly that."""

from datetime import timedelta

import pytest

from greenloop.core.faults import Refusal
from greenloop.core.money import SCALE
from greenloop.services.loop import proposal
from greenloop.services.loop.settle import approve, reject
from greenloop.store import sql
from tests.support.databases import Database
from tests.support.ledger import fetch, whole_database
from tests.support.town import Town, found_town, plain_rules


def held_town() -> Town:
    """Return a town whose cycle 2 is held: it would release 200 fen, 100 each to Mei and the grocer."""
    town = found_town(plain_rules(daily_rebate_cap_fen=150))
    town.sell("mei", "grocer", 100_000)
    town.close(1)
    assert town.close(2).state == "held"
    return town


def seal() -> str:
    """Return the mark of the proposal as it stands, as a page shows it."""
    cycle, issued, by, at = fetch("SELECT cycle, issued_fen, proposed_by, proposed_at FROM settlement_run")[-1]
    return proposal.seal(cycle=cycle, issued_fen=issued, proposed_by=by, proposed_at=sql.moment(at))


def test_looking_at_a_held_settlement_shows_what_approving_it_will_post_and_writes_nothing(
    database: Database,
) -> None:
    town = held_town()
    before = whole_database()
    green, red = (proposal.held(2)[pool] for (pool,) in fetch("SELECT id FROM pool ORDER BY is_red, id"))
    assert whole_database() == before
    # 20 000 points release 1 % of themselves; the cohort of cycle 2 has no points and none before.
    assert (green.moved_fen, red.moved_fen) == (200, 0)
    assert [(cohort.entry, cohort.points, cohort.index) for _, cohort in green.before] == [(1, 20_000, 0)]
    assert [cohort.index for _, cohort in green.after] == [SCALE // 100]
    approve(cycle=2, by="finance", at=town.at)
    assert fetch("SELECT release_index FROM cohort WHERE entry = 1 AND points = 20000") == [(SCALE // 100,)]
    assert proposal.held(2) == {}


def test_a_proposal_that_changed_after_it_was_looked_at_can_t_be_approved_or_rejected(database: Database) -> None:
    town = held_town()
    seen = seal()
    reject(cycle=2, caps_fen={"green": 100}, by="operator", at=town.at + timedelta(minutes=1), seen=seen)
    before = whole_database()
    with pytest.raises(Refusal) as refused:
        approve(cycle=2, by="finance", at=town.at, seen=seen)
    assert (refused.value.code, refused.value.field) == ("settle.changed", "seen")
    with pytest.raises(Refusal, match="changed since you looked"):
        reject(cycle=2, caps_fen={"green": 0}, by="finance", at=town.at, seen=seen)
    assert whole_database() == before
    assert approve(cycle=2, by="finance", at=town.at, seen=seal()).issued_fen == 100


def test_a_proposal_made_anew_with_the_same_amount_is_another_proposal(database: Database) -> None:
    town = held_town()
    seen = seal()
    reject(cycle=2, caps_fen={"green": 200}, by="operator", at=town.at + timedelta(seconds=1), seen=seen)
    with pytest.raises(Refusal, match="changed since you looked"):
        approve(cycle=2, by="finance", at=town.at, seen=seen)


def test_a_settled_cycle_keeps_what_was_spent_of_the_backing_by_then(database: Database) -> None:
    town = found_town()
    town.sell("mei", "grocer", 100_000)
    town.close_all([1, 2])
    town.sell("mei", "baker", voucher_fen=60)
    town.close_all([3, 4])
    # 200 fen a cycle; Mei spent 60 of her 100 between the settlements of cycles 2 and 3.
    assert fetch(
        "SELECT s.cycle, s.backing_fen, s.spent_fen FROM settled_cycle s JOIN pool p ON p.id = s.pool_id "
        "WHERE NOT p.is_red ORDER BY s.cycle"
    ) == [(1, 0, 0), (2, 200, 0), (3, 400, 60), (4, 600, 60)]
