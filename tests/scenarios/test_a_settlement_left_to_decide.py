"""The demo ends with something for a second person to decide, and its books hold before and after."""

from greenloop.insight.check import check
from greenloop.services.loop import proposal
from greenloop.services.loop.settle import approve
from greenloop.sim.held import hold_draw, hold_next
from greenloop.store.queries import claims
from tests.support.databases import Database
from tests.support.ledger import fetch
from tests.support.town import found_town


def test_the_next_cycle_is_held_under_a_round_cap_just_below_what_it_would_issue(database: Database) -> None:
    town = found_town()
    # Cycle 1: a concession of 300.00, so 600.00 points on both sides, 6.00 vouchers in each cycle after.
    town.sell("mei", "grocer", 300_000)
    town.close(1)
    town.sell("lin", "baker", 10_000)
    run = hold_next()
    assert run is not None
    assert (run.cycle, run.state, run.issued_fen, run.cap_fen) == (2, "held", 600, 500)
    # Lin's order has vested, its points wait; only the calendar's instants were used.
    assert fetch("SELECT entry_cycle FROM orders ORDER BY id") == [(1,), (2,)]
    assert all(proof.holds for proof in check())
    assert proposal.issued_fen(proposal.held(2)) == 600
    assert approve(cycle=2, by="finance", at=town.calendar.cutoff_at(3)).state == "posted"


def test_where_nothing_would_be_issued_nothing_is_published_and_nothing_waits(database: Database) -> None:
    town = found_town()
    town.sell("mei", "grocer", 300_000)
    # The first cycle never releases: points enter now and release from the next cycle on.
    assert hold_next() is None
    assert fetch("SELECT COUNT(*) FROM rule_version") == [(1,)]
    assert fetch("SELECT COUNT(*) FROM settlement_run") == [(0,)]


def test_a_release_of_less_than_a_yuan_is_held_under_a_cap_of_nothing(database: Database) -> None:
    town = found_town()
    town.sell("mei", "grocer", 30_000)
    town.close(1)
    run = hold_next()
    assert run is not None
    assert (run.state, run.issued_fen, run.cap_fen) == ("held", 60, 0)


def test_who_has_the_most_asks_for_all_of_it_above_a_round_threshold(database: Database) -> None:
    town = found_town()
    town.sell("mei", "grocer", 300_000)
    town.sell("bo", "grocer", 100_000)
    town.close_all([1, 2])
    hold_next()
    held = hold_draw()
    assert held is not None
    row = claims.claim(held.claim_id)
    assert (row.account_id, row.amount_fen, row.most_fen, row.state) == (town.ids["mei"], 300, 200, "held")
    assert row.asked_by == f"account/{row.account_id}"
    assert all(proof.holds for proof in check())


def test_where_nobody_has_a_fen_nobody_asks(database: Database) -> None:
    found_town()
    assert hold_draw() is None
    assert fetch("SELECT COUNT(*) FROM rule_version") == [(1,)]
