"""What a stop of minting leaves in a pool: a year of even inflow, then none until every plan has ended (G2, G14)."""

from datetime import date

import pytest

from greenloop.core.loop.presets import preset_document
from greenloop.core.loop.rules import rule_set
from greenloop.core.loop.settlement import Cohort, PoolState, settle

CYCLES, AFTER = 52, 41
"""A year of weekly cycles, and more than the longest plan has."""
CONCEDED_FEN = 1_000_000


@pytest.mark.parametrize(
    ("preset", "left_fen"),
    [
        # Every cycle brings 6 000.00, of which 3 600.00 are for its own lots. Dividends pay half of what is spare, so
        # there are always 2 400.00 more; without inflow there is no dividend: 0.8 % of what came in stays.
        ("steady", 240_000),
        ("short", 240_000),
        # Without inflow growth is −100 % within the seven cycles of the window, and a chained rate stays at 0: of
        # 312 000.00 that came in 181 050.00 stay. What is released by then is all there ever is.
        ("published", 18_105_000),
        # The pool drives these lots, so the last of them take what is there.
        ("hybrid", 0),
    ],
)
def test_what_stays_free_for_ever_depends_on_the_plan(preset: str, left_fen: int) -> None:
    rules = rule_set(preset_document(preset, opens_date=date(2026, 1, 5)))
    terms, free_fen, backing_fen = rules.pools["green"], 0, 0
    inflow: list[int] = []
    cohorts: list[Cohort] = []
    for cycle in range(1, CYCLES + AFTER + 1):
        conceded_fen = CONCEDED_FEN if cycle <= CYCLES else 0
        allot, of = terms.allot
        inflow.append(conceded_fen * allot // of)
        free_fen += inflow[-1]
        if conceded_fen:
            cohorts.append(Cohort(preset, cycle, 2 * conceded_fen))
        pool = PoolState(terms, cycle, free_fen, backing_fen, tuple(inflow))
        done = settle(pool=pool, cohorts=cohorts, plans=rules.plans)
        free_fen, backing_fen, cohorts = done.free_fen, done.backing_fen, list(done.cohorts)
    assert (free_fen, free_fen + backing_fen) == (left_fen, sum(inflow))
    assert all(cohort.age == rules.plans[preset].cycles for cohort in cohorts)
