"""The process that writes an SQLite file is killed, again and again, wherever it happens to be."""

import time
from pathlib import Path

from tests.faults.counting import count
from tests.faults.file import file_in
from tests.faults.profile import PROFILE, chance, tallied
from tests.faults.tills import django_at, tills
from tests.faults.trade import found_alliance

BURST_S = 0.6


def test_an_order_that_sqlite_acknowledged_survives_the_death_of_its_writer(tmp_path: Path) -> None:
    dice = chance("sqlite killed")
    url = file_in(tmp_path)
    with tallied("writing process killed", "sqlite") as tally, django_at(url):
        found_alliance()
        with tills(["s"], url, tmp_path) as [till]:
            for _ in range(PROFILE.sqlite_kills):
                till.start().wait_for_more()
                time.sleep(dice.uniform(0, BURST_S))
                till.kill()
                tally.counts["kills"] += 1
            till.start().wait_for_more()
            till.finish()
        count(tally, [till])
        tally.assert_exact()
