"""Every step of the chain ties to the next, whatever was lived through and wherever a period begins and ends."""

from datetime import date, timedelta

import pytest

from greenloop.insight.supervision.books import read
from greenloop.insight.supervision.ties import Tie, ties
from greenloop.store.queries.statements import Period
from tests.support.databases import Database
from tests.support.life import Life
from tests.support.town import OPENS_DATE

DAYS = 8


def off(first: date, last: date) -> list[Tie]:
    return [tie for tie in ties(read(Period(first, last, 480))) if not tie.holds]


@pytest.mark.parametrize(
    ("seed", "preset", "cap_fen"), [(3, "steady", None), (17, "published", None), (29, "short", 9_000)]
)
def test_every_step_ties_in_every_period_of_a_random_life(
    database: Database, seed: int, preset: str, cap_fen: int | None
) -> None:
    del database
    Life(seed, preset=preset, daily_cap_fen=cap_fen).live(DAYS, errands=14)
    for first, days in ((0, DAYS + 2), (0, 1), (1, 3), (4, 1), (5, 3), (DAYS + 5, 2)):
        begun = OPENS_DATE + timedelta(days=first)
        assert off(begun, begun + timedelta(days=days - 1)) == []
