"""Proof of liabilities at the command line, and checked by a program that knows nothing of the product."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from greenloop.core.trust.checkpoint import Checkpoint
from greenloop.core.trust.log import leaf_hash, root_of
from greenloop.insight.check_inclusion import ORDER, is_signed
from greenloop.store import signer
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


def checked(*paths: Path | str) -> tuple[int, str]:
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


@pytest.fixture
def proved(settled: Town, tmp_path: Path) -> tuple[Path, Path]:
    """A proof of Bo's, and the files of the public log that tells its root."""
    settled.call("root", "--publish", "--at", day(9))
    proof, folder = tmp_path / "proof.json", tmp_path / "log"
    settled.call("prove", "bo", "--out", str(proof))
    settled.call("log", "publish", str(folder))
    return proof, folder


def test_the_program_reads_the_log_its_signature_and_whether_it_grew(
    settled: Town, proved: tuple[Path, Path], tmp_path: Path
) -> None:
    proof, folder = proved
    kept = tmp_path / "kept"
    kept.write_text((folder / "checkpoint").read_text("utf-8"), "utf-8")
    size = int(kept.read_text("utf-8").split("\n")[1])
    settled.call("settle", "--cycle", "2", "--at", day(15, "00:10:00"))
    settled.call("log", "publish", str(folder))
    code, said = checked(proof, "--log", folder, "--checkpoint", kept, "--key", (folder / "key").read_text().strip())
    assert code == 0, said
    leaf = json.loads(proof.read_text("utf-8"))["root"]["log_leaf"]
    assert f"The root is leaf {leaf} of the log" in said
    assert f"only grown since your checkpoint of {size} leaves" in said
    assert "log's own word" not in said
    assert "log's own word" in checked(proof, "--log", folder)[1]
    usage = subprocess.run([sys.executable, str(CHECKER), proof, "--key", "x"], capture_output=True, check=False)
    assert (usage.returncode, b"name the log's files" in usage.stderr) == (2, True)


def tell(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def sign_again(folder: Path) -> None:
    """Sign what lies in the folder, as the log's owner could."""
    lines = (folder / "leaves" / "000000.jsonl").read_bytes().split(b"\n")[:-1]
    origin = (folder / "checkpoint").read_text("utf-8").split("\n")[0]
    note, _ = signer.sign(Checkpoint(origin, len(lines), root_of([leaf_hash(line) for line in lines])))
    (folder / "checkpoint").write_text(note.text, "utf-8")


def test_the_program_says_no_to_every_log_that_is_not_the_one(proved: tuple[Path, Path], tmp_path: Path) -> None:
    proof, folder = proved
    kept, leaves = tmp_path / "kept", "leaves/000000.jsonl"
    kept.write_text((folder / "checkpoint").read_text("utf-8"), "utf-8")
    root = json.loads(proof.read_text("utf-8"))["root"]
    total, number = root["total_fen"], root["log_leaf"]

    def forked(copy: Path) -> None:
        tell(copy / leaves, '"number":0', '"number":0 ')
        sign_again(copy)

    def told_otherwise(copy: Path) -> None:
        tell(copy / leaves, f'"total_fen":{total}', f'"total_fen":{total - 1}')
        sign_again(copy)

    def of_another(copy: Path) -> None:
        tell(copy / leaves, f'"about":"root/{root["cycle"]}"', '"about":"root/9"')
        sign_again(copy)

    def cut(copy: Path) -> None:
        (copy / leaves).write_bytes(b"\n".join((copy / leaves).read_bytes().split(b"\n")[:number]) + b"\n")
        sign_again(copy)

    lies: dict[str, tuple[Callable[[Path], None], str, bool]] = {
        "changed": (
            lambda copy: tell(copy / leaves, f'"total_fen":{total}', f'"total_fen":{total - 1}'),
            "hash",
            False,
        ),
        "unsigned": (lambda copy: tell(copy / "checkpoint", "— ", "— x"), "isn't signed", False),
        "another key": (lambda copy: tell(copy / "key", "+", "-+"), "isn't signed", False),
        "told otherwise": (told_otherwise, "tells another root than this one: total_fen", False),
        "of another": (of_another, "tells of something else", False),
        "forked": (forked, "written anew", True),
        "cut": (cut, "no signed checkpoint of the log covers", False),
        "shorter": (cut, "or it is shorter", True),
        "gone": (lambda copy: (copy / leaves).unlink(), "can't be read", False),
    }
    passed = {}
    for name, (lie, words, remembers) in lies.items():
        copy = tmp_path / name
        shutil.copytree(folder, copy)
        lie(copy)
        more: list[Path | str] = ["--checkpoint", kept] if remembers else []
        code, said = checked(proof, "--log", copy, *more)
        if code != 1 or not said.startswith("NOT INCLUDED: ") or words not in said:
            passed[name] = said
    assert passed == {}


def test_the_program_proves_signatures_as_the_library_does() -> None:
    for number in range(8):
        key, message = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32), b"m" * number
        public, signature = key.public_key().public_bytes_raw(), key.sign(message)
        assert is_signed(public, message, signature)
        assert not is_signed(public, message + b"x", signature)
        for place in (0, 31, 32, 63):
            changed = bytearray(signature)
            changed[place] ^= 1 << number % 8
            assert not is_signed(public, message, bytes(changed))
        share = int.from_bytes(signature[32:], "little") + ORDER
        assert not is_signed(public, message, signature[:32] + share.to_bytes(32, "little"))
