"""The simulated clock: it moves on when told to, and ids come from it."""

from datetime import UTC, datetime, timedelta

import pytest

from greenloop.core.faults import Breach
from greenloop.services import ids
from greenloop.sim.clock import Clock, simulated

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def ids_of_a_world() -> list[int]:
    with simulated(Clock(NOON)) as clock:
        first = ids.block(3)
        clock.move_to(NOON + timedelta(hours=1))
        return [*first, *ids.block(2)]


def test_ids_are_a_function_of_the_simulated_time() -> None:
    assert ids_of_a_world() == ids_of_a_world()


def test_later_ids_are_larger() -> None:
    assert ids_of_a_world() == sorted(set(ids_of_a_world()))


def test_the_maker_of_ids_from_before_is_put_back_even_after_a_fault() -> None:
    mine = ids.Maker(worker=7)
    before = ids.use(mine)
    try:
        with pytest.raises(ValueError, match="the world ends"), simulated(Clock(NOON)):
            raise ValueError("the world ends")
        assert ids.use(mine) is mine
    finally:
        ids.use(before)


def test_a_simulated_clock_never_runs_back() -> None:
    clock = Clock(NOON)
    clock.move_to(NOON)
    with pytest.raises(Breach, match="can't run back"):
        clock.move_to(NOON - timedelta(seconds=1))


def test_the_clock_counts_milliseconds_since_1970() -> None:
    assert Clock(datetime(1970, 1, 1, 0, 0, 1, 5_000, tzinfo=UTC)).ms() == 1_005
