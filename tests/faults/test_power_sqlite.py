"""Power is cut under an SQLite file. With the product's settings nothing acknowledged is lost; with less, it is."""

import time
from pathlib import Path

from tests.faults.counting import count
from tests.faults.file import file_in
from tests.faults.power import power_of
from tests.faults.profile import PROFILE, SEED, Tally, chance, tallied
from tests.faults.tills import django_at, tills
from tests.faults.trade import found_alliance

BURST_S = 0.6


def cut_again_and_again(tally: Tally, tmp_path: Path, **extra: str) -> None:
    """Sell, cut the power at a moment that the dice choose, go on with what is left; count it in the end."""
    power, dice = power_of(tmp_path), chance(tally.fault)
    url = file_in(power.live)
    with django_at(url):
        found_alliance()
    power.switch_on()
    with tills(["p"], url, tmp_path, {**power.environment(), **extra}) as [till]:
        for _ in range(PROFILE.power_cuts):
            till.start().wait_for_more(4)
            time.sleep(dice.uniform(0, BURST_S))
            till.kill()
            tally.counts["pages_lost"] += power.cut(dice)
            tally.counts["cuts"] += 1
    with django_at(url):
        count(tally, [till])


def test_an_order_that_sqlite_acknowledged_survives_power_loss(tmp_path: Path) -> None:
    with tallied("power cut", "sqlite") as tally:
        cut_again_and_again(tally, tmp_path)
        tally.assert_exact()


def test_sqlite_that_syncs_less_than_the_product_asks_loses_what_it_acknowledged(tmp_path: Path) -> None:
    with tallied("power cut, synchronous=NORMAL (must lose)", "sqlite") as tally:
        cut_again_and_again(tally, tmp_path, GREENLOOP_TILL_SYNCHRONOUS="NORMAL")
        assert tally.lost > 0, f"seed {SEED}: the disk forgot nothing, so it proves nothing: {tally}"
        assert (tally.doubled, tally.double_spent, tally.residual_fen) == (0, 0, 0), f"seed {SEED}: {tally}"
