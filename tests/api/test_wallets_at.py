"""A wallet as it was: after each step of a town's life somebody writes down what everybody has, and asks later."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from greenloop.store.queries import balances, holdings, past
from tests.support.databases import Database
from tests.support.ledger import fetch
from tests.support.life import Life
from tests.support.town import Town

Kept = dict[tuple[datetime, int], Any]


class WrittenDown(Life):
    """A life of which every wallet is kept after each step; of steps at one instant, the last."""

    kept: Kept

    def attempt(self, doing: Any) -> None:
        super().attempt(doing)
        self.kept = getattr(self, "kept", {})
        accounts = [row[0] for row in fetch("SELECT account_id FROM member UNION SELECT account_id FROM merchant")]
        found = balances.balances(accounts, at=self.town.at)
        self.kept |= {(self.town.at, each): (found[each].pools, _cohorts(holdings.cohorts(each))) for each in accounts}


def _cohorts(rows: Any) -> Any:
    return [(row.id, row.points, row.release_index, row.age) for row in rows]


@pytest.mark.parametrize(("seed", "preset", "cap"), [(1, "steady", None), (2, "short", 400), (3, "short", 60)])
def test_what_every_wallet_was_after_each_step_can_be_asked_for_at_the_end(
    database: Database, seed: int, preset: str, cap: int | None
) -> None:
    life = WrittenDown(seed, preset=preset, daily_cap_fen=cap)
    life.live(14, errands=14)
    assert life.done["paid"] + life.done["pending"] > 10
    assert len(life.kept) > 500
    for (at, account), (pools, cohorts) in life.kept.items():
        assert past.balances(account, at=at).pools == pools, (at, account)
        assert _cohorts(past.cohorts(account, at=at)) == cohorts, (at, account)


def test_between_two_steps_a_wallet_is_as_the_first_left_it(town: Town) -> None:
    town.sell("lin", "grocer", 100_000)  # concession 10 000: as many points
    town.close_all([1, 2])
    town.draw("lin", 40)
    at = town.at
    town.later(minutes=5).draw("lin")
    before, then, after = (
        past.balances(town.ids["lin"], at=moment).pools
        for moment in (at - timedelta(microseconds=1), at, at + timedelta(minutes=5))
    )
    # 1 % of 10 000 points was released at the end of cycle 2.
    assert [(each[0].released_fen, each[0].unspent_fen, each[0].drawable_fen) for each in (then, after)] == [
        (100, 40, 60),
        (100, 100, 0),
    ]
    assert (before[0].points, before[0].released_fen) == (10_000, 0)
    assert past.balances(town.ids["lin"], at=town.instant(1)).pools == ()
