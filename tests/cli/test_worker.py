"""`greenloop worker` as a process: it closes what is due, and ends when it is told to."""

import json
import os
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import Greenloop
from tests.support.databases import Database
from tests.support.ledger import execute, fetch
from tests.support.serving import GREENLOOP, environment, served

if TYPE_CHECKING:
    from tests.support.town import Town

PATIENCE_S = 60


def test_a_worker_closes_the_cycles_that_are_due_and_ends_at_sigterm(database: Database, tmp_path: Path) -> None:
    from tests.support.town import found_town

    town: Town = found_town()
    town.sell("mei", "grocer", 100_000)
    known = environment(database.url, tmp_path) | {"GREENLOOP_LOG_KEY": os.environ["GREENLOOP_LOG_KEY"]}
    log = tmp_path / "worker.log"
    with log.open("w") as stream:
        worker = subprocess.Popen([str(GREENLOOP), "worker"], env=known, stdout=stream, stderr=stream)
    try:
        deadline = time.monotonic() + PATIENCE_S
        cycles = cut_off(town)
        while time.monotonic() < deadline and settled() < cycles:
            assert worker.poll() is None, log.read_text()
            time.sleep(0.2)
    finally:
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(PATIENCE_S) == 0, log.read_text()
    assert settled() == cycles, log.read_text()
    assert town.points("mei") == 10_000
    told = subprocess.run([str(GREENLOOP), "runs", "--json"], env=known, capture_output=True, text=True, check=False)
    listed = json.loads(told.stdout)
    assert {run["state"] for run in listed["runs"]} == {"done"}
    assert listed["worker"]["holder"].endswith(f"/{worker.pid}")
    assert listed["worker"]["away"] is False


def test_a_worker_beside_a_server_on_an_sqlite_file_is_refused_and_told_who_writes(
    database: Database, tmp_path: Path
) -> None:
    if database.engine != "sqlite":
        return
    from tests.support.town import found_town

    found_town()
    with served(database.url, tmp_path, [], "--no-clock"):
        command = [str(GREENLOOP), "worker", "--json"]
        known = environment(database.url, tmp_path)
        told = subprocess.run(command, env=known, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert told.returncode == 1
    refusal = json.loads(told.stdout)
    assert refusal["code"] == "database.busy"
    assert "greenloop serve" in refusal["error"]
    assert settled() == 0  # --no-clock: the server left the cycles alone


def test_the_server_of_an_sqlite_file_keeps_the_clock_itself(database: Database, tmp_path: Path) -> None:
    if database.engine != "sqlite":
        return
    from tests.support.town import found_town

    town = found_town()
    town.sell("mei", "grocer", 100_000)
    due = cut_off(town)
    with served(database.url, tmp_path, []) as server:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and settled() < due:
            time.sleep(0.2)
        assert settled() == due, server.log.read_text()
    assert fetch("SELECT what FROM beat") == [("clock",)]
    assert fetch("SELECT COUNT(*) FROM run WHERE state = 'running'") == [(0,)]


def test_runs_tells_what_is_late_and_lets_a_broken_run_be_tried_again_by_somebody_named(
    database: Database, greenloop: Greenloop
) -> None:
    from greenloop.services import clockwork
    from tests.support.town import found_town

    town = found_town()
    clockwork.begin(task="reconcile", slot="2026-01-06", due_at=town.at, holder="w", at=town.at)
    clockwork.fail(task="reconcile", slot="2026-01-06", holder="w", outcome="breach: off by one fen", at=town.at)
    told = greenloop("runs", "--late", code=1).out
    assert "Late: vest/1 (2026-01-11 16:00 UTC)" in told
    assert "These stand still until people have looked: fees, payout" in told
    assert "What the clock ran" not in told
    listed = greenloop("runs", "--json", code=1).json
    assert [(run["task"], run["state"], run["outcome"]) for run in listed["runs"]] == [
        ("reconcile", "failed", "breach: off by one fen")
    ]
    assert listed["stopped"] == ["fees", "payout"]
    assert listed["worker"] is None
    assert "No worker has ever been at the clock here." in told
    assert "vest" in {slot["task"] for slot in listed["ahead"]}
    retry = ("runs", "--retry", "reconcile/2026-01-06", "--json")
    assert greenloop(*retry, code=1).json["code"] == "run.by"
    assert greenloop("runs", "--retry", "vest/1", "--by", "wu", "--json", code=1).json["code"] == "run.unknown"
    listed = greenloop(*retry, "--by", "wu", code=1).json
    assert (listed["stopped"], listed["broken"]["what"]) == (["fees", "payout"], "off by one fen")
    go_on = ("runs", "--go-on", "--json")
    assert greenloop(*go_on, code=1).json["code"] == "run.by"
    listed = greenloop(*go_on, "--by", "wu", code=1).json
    assert (listed["stopped"], listed["broken"]) == ([], None)
    assert greenloop(*go_on, "--by", "wu", code=1).json["code"] == "books.hold"
    assert fetch("SELECT act, about FROM audit_entry WHERE act = 'books.vouch'") == [("books.vouch", "books")]
    assert fetch("SELECT act, about FROM audit_entry WHERE act = 'run.retry'") == [
        ("run.retry", "run/reconcile/2026-01-06")
    ]


def test_a_process_keeps_its_worker_number_for_as_long_as_it_lives(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from greenloop.config import lease
    from greenloop.services import ids
    from greenloop.store import sql

    monkeypatch.setattr(lease, "RENEW_S", 0.05)
    outer = ids.use(ids.Maker())
    give_back = lease.own_ids("worker")
    try:
        ((number,),) = fetch("SELECT number FROM worker WHERE holder LIKE 'greenloop worker (process%%'")
        soon = datetime.now(UTC) + timedelta(minutes=1)
        execute("UPDATE worker SET leased_until_at = %s WHERE number = %s", sql.instant(soon), number)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and leased_until(number) <= soon:
            time.sleep(0.05)
        assert leased_until(number) > soon
    finally:
        give_back()
        ids.use(outer)
    assert leased_until(number) <= datetime.now(UTC)


def test_a_process_whose_number_was_leased_to_another_goes_on_under_one_of_its_own(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from greenloop.config import lease
    from greenloop.services import ids

    monkeypatch.setattr(lease, "RENEW_S", 0.05)
    outer = ids.use(ids.Maker())
    give_back = lease.own_ids("worker")
    try:
        number = made_under()
        # The machine slept for longer than the lease, and somebody else has it now.
        execute("UPDATE worker SET holder = 'greenloop serve (process 1)/other' WHERE number = %s", number)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and made_under() == number:
            time.sleep(0.05)
        assert made_under() != number
        ((mine,),) = fetch("SELECT number FROM worker WHERE holder LIKE 'greenloop worker%%'")
        assert made_under() == mine
    finally:
        give_back()
        ids.use(outer)
    assert leased_until(mine) <= datetime.now(UTC) < leased_until(number)


def made_under() -> int:
    """Return the number that this process makes ids under."""
    from greenloop.services import ids

    return ids.block(1)[0] >> 12 & 1_023


def leased_until(number: int) -> datetime:
    from greenloop.store import sql

    return sql.moment(fetch("SELECT leased_until_at FROM worker WHERE number = %s", number)[0][0])


def cut_off(town: "Town") -> int:
    """Return how many of the town's cycles are cut off by now."""
    return (datetime.now(UTC) - town.calendar.cutoff_at(0)) // timedelta(days=7)


def settled() -> int:
    return int(fetch("SELECT COUNT(*) FROM settlement_run WHERE state = 'posted'")[0][0])
