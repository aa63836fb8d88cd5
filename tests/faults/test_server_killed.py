"""The database's server is killed under load, again and again: all its processes, at moments the dice choose."""

import time
from contextlib import ExitStack
from pathlib import Path

from tests.faults.cluster import Cluster, cluster_in, empty_folder, server_folder
from tests.faults.counting import count
from tests.faults.profile import PROFILE, Tally, chance, tallied
from tests.faults.tills import Till, django_at, tills
from tests.faults.trade import found_alliance

BURST_S = 1.0
RECOVERY_S_MAX = 30


def sell_while_the_server_dies(tally: Tally, server: Cluster, callers: list[Till]) -> list[float]:
    """Kill the server under tills that sell; return the seconds that each recovery took."""
    dice, recoveries = chance(tally.fault), []
    for till in callers:
        till.start()
    for _ in range(PROFILE.server_kills):
        for till in callers:
            till.wait_for_more(2)
        time.sleep(dice.uniform(0, BURST_S))
        server.kill()
        tally.counts["kills"] += 1
        time.sleep(dice.uniform(0, 0.2))
        recoveries.append(server.start())
    for till in callers:
        till.wait_for_more(2)
        till.finish()
    return recoveries


def test_an_order_that_the_server_acknowledged_survives_its_death(tmp_path: Path) -> None:
    with ExitStack() as open_:
        folder = open_.enter_context(server_folder())
        server = open_.enter_context(cluster_in(folder, empty_folder(folder / "data")))
        open_.enter_context(django_at(server.url))
        found_alliance()
        tally = open_.enter_context(tallied("server killed under load", "postgresql"))
        callers = open_.enter_context(tills(["k1", "k2", "k3"], server.url, tmp_path))
        recoveries = sell_while_the_server_dies(tally, server, callers)
        count(tally, callers)
        tally.counts["recovery_ms_max"] = round(max(recoveries) * 1000)
        assert max(recoveries) < RECOVERY_S_MAX
        assert tally.counts["errors"] > 0, "no till noticed that the server died"
        tally.assert_exact()
