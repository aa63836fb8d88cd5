"""A quarter's tax files at the command line."""

import json
from pathlib import Path

from tests.cli.conftest import Town
from tests.support.ledger import fetch


def test_a_quarter_s_files_are_written_once_and_noted(town: Town, tmp_path: Path) -> None:
    tariff, out = tmp_path / "tariff.json", tmp_path / "2020Q1"
    tariff.write_text(town.call("tax", "--example", "--json").out, "utf-8")
    asked = ("tax", "--quarter", "2020Q1", "--tariff", str(tariff), "--out", str(out), "--by", "fang", "--json")
    told = town.call(*asked).json
    assert (told["difference_fen"], told["holders"]) == (0, 0)
    assert sorted(path.name for path in out.iterdir()) == [
        *("classes.csv", "manifest.json", "tax-2020Q1.xlsx", "withholding.csv")
    ]
    assert out.stat().st_mode & 0o077 == 0
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    assert manifest["tariff"] == json.loads(tariff.read_text("utf-8"))
    assert fetch("SELECT act, about FROM audit_entry WHERE act = 'tax.export'") == [("tax.export", "tax/2020Q1")]
    assert town.call(*asked, code=1).json["code"] == "file.exists"


def test_what_is_missing_or_unsound_is_refused_and_writes_nothing(town: Town, tmp_path: Path) -> None:
    tariff = tmp_path / "tariff.json"
    tariff.write_text("{}", "utf-8")
    rest = ("--tariff", str(tariff), "--out", str(tmp_path / "out"), "--by", "fang", "--json")
    assert town.call("tax", "--json", code=1).json["code"] == "tax.missing"
    assert "document" in town.call("tax", "--quarter", "2020Q1", *rest, code=1).json["code"]
    tariff.write_text(town.call("tax", "--example", "--json").out, "utf-8")
    assert town.call("tax", "--quarter", "2020Q7", *rest, code=1).json["code"] == "tax.quarter"
    assert town.call("tax", "--quarter", "2999Q1", *rest, code=1).json["code"] == "tax.quarter_open"
    assert not (tmp_path / "out").exists()
    assert fetch("SELECT COUNT(*) FROM audit_entry WHERE act = 'tax.export'") == [(0,)]
