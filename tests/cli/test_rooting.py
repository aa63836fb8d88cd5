"""Proof of liabilities at the command line, and checked by a program that knows nothing of the product."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Town, day, sale
from tests.house import files

CHECKER = files.SRC / "insight" / "check_inclusion.py"
Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def settled(town: Town) -> Town:
    """Bo has bought for 128.50 yuan at the baker's 8 %; a cycle of seven days is vested and settled."""
    town.orders(sale(1), at=day(2))
    town.call("confirm", "s1", "--until", day(3), "--at", day(3))
    town.call("settle", "--cycle", "1", "--at", day(8, "00:10:00"))
    return town


def checked(*paths: Path) -> tuple[int, str]:
    """Run the stand-alone program, as somebody who has nothing but Python."""
    command = [sys.executable, "-I", "-S", str(CHECKER), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_a_root_is_published_shown_and_proved(settled: Town, tmp_path: Path) -> None:
    at = day(8, "00:20:00")
    first = settled.call("root", "--publish", "--at", at, "--json").json
    # Of 128.50 yuan the baker concedes 10.28: it is owed 118.22; 7 % of the concession are Bo's coupons, 0.71.
    assert (first["cycle"], first["dues_fen"], first["coupon_fen"], first["claimable_fen"]) == (1, 11_822, 71, 0)
    assert settled.call("root", "--publish", "--at", day(9), "--json").json == first
    assert settled.call("root", "--json").lines == [first]
    shown = settled.call("root", "--cycle", "1").out
    assert first["root_hash"] in shown
    assert "118.93" in shown
    proof, root = tmp_path / "proof.json", tmp_path / "root.json"
    told = settled.call("prove", "bo", "--out", str(proof)).out
    assert "0.71 yuan of account" in told
    root.write_text(json.dumps(first), "utf-8")
    code, said = checked(proof, root)
    assert (code, said.splitlines()[0].split(" of holder")[0]) == (0, "INCLUDED: 0.71 yuan")
    code, said = checked(proof)
    assert (code, said.splitlines()[-1][:35]) == (0, "This is the root that the proof its")
    settled.call("check")


CHANGES: dict[str, Change] = {
    "another amount": lambda proof: proof["leaves"][0].update(amount_fen=72),
    "another holder": lambda proof: proof.update(holder="7"),
    "another sum beside": lambda proof: proof["leaves"][0]["path"][0].update(sum_fen=5),
    "a negative sum": lambda proof: proof["leaves"][0]["path"][0].update(sum_fen=-5),
    "a sum beyond all": lambda proof: proof["leaves"][0]["path"][-1].update(sum_fen=2**64),
    "a fraction": lambda proof: proof["leaves"][0]["path"][0].update(sum_fen=0.0),
    "another place": lambda proof: proof["leaves"][0].update(index=proof["leaves"][0]["index"] ^ 1),
    "no place": lambda proof: proof["leaves"][0].update(index=-1),
    "a shorter way": lambda proof: proof["leaves"][0]["path"].pop(),
    "another salt": lambda proof: proof["leaves"][0].update(salt="00" * 32),
    "another nonce": lambda proof: proof.update(nonce="00" * 32),
    "twice the leaf": lambda proof: proof["leaves"].append(proof["leaves"][0]),
    "no leaf": lambda proof: proof["leaves"].clear(),
    "another claim": lambda proof: proof["owed"].update(amount_fen=72),
    "other parts": lambda proof: proof["owed"].update(dues_fen=1),
    "parts that only add up": lambda proof: proof["owed"].update(dues_fen=-1, coupon_fen=72),
    "another total": lambda proof: proof["root"].update(total_fen=proof["root"]["total_fen"] - 1),
    "another root": lambda proof: proof["root"].update(root_hash="0" * 64),
    "nothing at all": lambda proof: proof.clear(),
}


def test_the_program_says_no_to_every_change_of_a_proof(settled: Town, tmp_path: Path) -> None:
    settled.call("root", "--publish", "--at", day(9))
    path = tmp_path / "proof.json"
    settled.call("prove", "bo", "--out", str(path))
    whole = path.read_text("utf-8")
    passed = []
    for name, change in CHANGES.items():
        proof = json.loads(whole)
        change(proof)
        path.write_text(json.dumps(proof), "utf-8")
        code, said = checked(path)
        if code != 1 or not said.startswith("NOT INCLUDED: "):
            passed.append(name)
    assert passed == []
    path.write_text(whole, "utf-8")
    other = tmp_path / "root.json"
    other.write_text(json.dumps(json.loads(whole)["root"] | {"holders": 99}), "utf-8")
    assert checked(path, other) == (
        1,
        "NOT INCLUDED: the proof speaks of another root than the published one: holders.\n",
    )


def test_what_can_not_be_proved_is_said(settled: Town, tmp_path: Path) -> None:
    assert settled.call("prove", "bo", "--json", code=1).json["code"] == "root.unknown"
    settled.call("root", "--publish", "--at", day(9))
    assert settled.call("prove", "bo", "--cycle", "2", "--json", code=1).json["code"] == "root.unknown"
    assert settled.call("prove", "nobody", "--json", code=1).json["code"] == "holder.unknown"
    # Ana brought Bo and has red points, which have released nothing yet: she finds a leaf of nothing.
    assert settled.call("prove", "ana", "--out", str(tmp_path / "ana.json"), "--json").json["amount_fen"] == 0
    late = settled.write("late.jsonl", f'{{"ref": "cy", "city": "Ningbo", "enrolled_at": "{day(8)}"}}')
    settled.call("enrol", "--members", late, "--at", day(8))
    assert settled.call("prove", "cy", "--json", code=1).json["code"] == "holding.unknown"
