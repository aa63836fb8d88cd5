"""`greenloop worker` as a process: it closes what is due, and ends when it is told to."""

import json
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.databases import Database
from tests.support.ledger import fetch
from tests.support.serving import GREENLOOP, environment

if TYPE_CHECKING:
    from tests.support.town import Town

PATIENCE_S = 60


def test_a_worker_closes_the_cycles_that_are_due_and_ends_at_sigterm(database: Database, tmp_path: Path) -> None:
    from tests.support.town import found_town

    town: Town = found_town()
    town.sell("mei", "grocer", 100_000)
    known = environment(database.url, tmp_path)
    log = tmp_path / "worker.log"
    with log.open("w") as stream:
        worker = subprocess.Popen([str(GREENLOOP), "worker"], env=known, stdout=stream, stderr=stream)
    try:
        deadline = time.monotonic() + PATIENCE_S
        cycles = (datetime.now(UTC) - town.calendar.cutoff_at(0)) // timedelta(days=7)
        while time.monotonic() < deadline and settled() < cycles:
            assert worker.poll() is None, log.read_text()
            time.sleep(0.2)
    finally:
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(PATIENCE_S) == 0, log.read_text()
    assert settled() == cycles, log.read_text()
    assert town.points("mei") == 10_000
    told = subprocess.run([str(GREENLOOP), "runs", "--json"], env=known, capture_output=True, text=True, check=False)
    runs = json.loads(told.stdout)["runs"]
    assert {run["state"] for run in runs} == {"done"}


def settled() -> int:
    return int(fetch("SELECT COUNT(*) FROM settlement_run WHERE state = 'posted'")[0][0])
