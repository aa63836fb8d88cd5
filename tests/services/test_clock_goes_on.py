"""The clock goes on: whatever was held, took long, failed or is past, it comes to what is due next."""

from collections.abc import Iterator

import pytest

from greenloop.config import clock
from greenloop.services.loop.hold import hold_order, release
from tests.support.ledger import fetch
from tests.support.town import Town

ME = "worker-1"


@pytest.fixture(autouse=True)
def on_the_town_s_clock(town: Town, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the clock read the town's time."""
    monkeypatch.setattr(clock, "now", lambda: town.at)
    return iter(())


def test_an_order_released_after_a_cycle_vested_nothing_joins_that_cycle_and_it_settles(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(slot: str, at: object) -> dict[str, object]:
        raise OSError

    order = town.sell("mei", "grocer", 100_000)
    number = hold_order(order_id=order, reason="look", by="risk", at=town.at)
    town.at = town.calendar.cutoff_at(1)
    with monkeypatch.context() as patched:
        patched.setitem(clock.WORK, "settle", down)
        clock.tick(holder=ME)
    assert fetch("SELECT task, state FROM run WHERE slot = '1' ORDER BY id") == [("vest", "done"), ("settle", "failed")]
    release(hold_id=number, by="risk", at=town.at)
    town.later(minutes=2)
    clock.tick(holder=ME)
    assert fetch("SELECT cycle, state FROM settlement_run") == [(1, "posted")]
    # A tenth of 1 000.00 conceded, in 1/100 point.
    assert (town.points("mei"), fetch("SELECT entry_cycle FROM orders")) == (10_000, [(1,)])
