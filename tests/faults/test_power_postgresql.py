"""Power is cut under PostgreSQL: nothing acknowledged is lost. If commits didn't wait for the log, it would be."""

import time
from contextlib import ExitStack
from pathlib import Path

from tests.faults.cluster import cluster_in, give, server_folder
from tests.faults.counting import count
from tests.faults.power import power_of
from tests.faults.profile import PROFILE, SEED, Tally, chance, tallied
from tests.faults.tills import django_at, tills
from tests.faults.trade import found_alliance

BURST_S = 0.6
CARELESS = {"synchronous_commit": "off", "wal_writer_delay": "1s"}


def cut_again_and_again(tally: Tally, tmp_path: Path, extra: dict[str, str]) -> None:
    """Sell, cut the power at a moment that the dice choose, start the server on what is left; count it in the end."""
    dice = chance(tally.fault)
    with ExitStack() as open_:
        folder = open_.enter_context(server_folder())
        power = power_of(folder)
        for each in (power.live, power.disk, power.dirty):
            give(each)
        server = open_.enter_context(cluster_in(folder, power.live, extra=extra))
        open_.enter_context(django_at(server.url))
        found_alliance()
        server.stop()
        power.switch_on()
        server.environment = power.environment()
        server.start()
        callers = open_.enter_context(tills(["p1", "p2"], server.url, tmp_path))
        for _ in range(PROFILE.power_cuts):
            for till in callers:
                till.start()
            for till in callers:
                till.wait_for_more(2)
            time.sleep(dice.uniform(0, BURST_S))
            server.kill()
            for till in callers:
                till.kill()
            tally.counts["pages_lost"] += power.cut(dice)
            tally.counts["cuts"] += 1
            server.start()
        count(tally, callers)


def test_an_order_that_postgresql_acknowledged_survives_power_loss(tmp_path: Path) -> None:
    with tallied("power cut", "postgresql") as tally:
        cut_again_and_again(tally, tmp_path, {})
        tally.assert_exact()


def test_postgresql_that_does_not_wait_for_its_log_loses_what_it_acknowledged(tmp_path: Path) -> None:
    with tallied("power cut, synchronous_commit=off (must lose)", "postgresql") as tally:
        cut_again_and_again(tally, tmp_path, CARELESS)
        assert tally.lost > 0, f"seed {SEED}: the disk forgot nothing, so it proves nothing: {tally}"
        assert (tally.doubled, tally.double_spent, tally.residual_fen) == (0, 0, 0), f"seed {SEED}: {tally}"
