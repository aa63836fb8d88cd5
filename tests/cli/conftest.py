"""Calling the command line inside a test, and a small alliance to call it on."""

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from greenloop.config.console import run
from tests.support.databases import Database


@dataclass(frozen=True, slots=True)
class Said:
    """What a command line printed, and its exit code."""

    out: str
    err: str
    code: int

    @property
    def json(self) -> Any:
        """Return the one document that was printed."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """Return the documents that were printed, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]


Greenloop = Callable[..., Said]


@pytest.fixture
def greenloop(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Greenloop:
    """Call the command line; without `code` the call has to succeed."""
    monkeypatch.setenv("GREENLOOP_LANG", "en")
    monkeypatch.setenv("COLUMNS", "160")

    def call(*args: str, code: int = 0, stdin: str = "") -> Said:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8"))
        capsys.readouterr()
        found = run(list(args))
        printed = capsys.readouterr()
        said = Said(printed.out, printed.err, found)
        assert said.code == code, said
        assert "Traceback" not in said.err
        return said

    return call


OPENS = "2024-01-01"
OPENING = f"{OPENS}T00:00:00+08:00"


def day(number: int, clock: str = "12:00:00") -> str:
    """Return an instant on the alliance's n-th day, by its own clock."""
    return f"2024-01-{number:02d}T{clock}+08:00"


@dataclass(frozen=True, slots=True)
class Town:
    """A shopper, her referrer, a baker and a grocer under the steady rules, and the folder of their files."""

    folder: Path
    call: Greenloop

    def write(self, name: str, text: str) -> str:
        """Write a file and return its name."""
        path = self.folder / name
        path.write_text(text, "utf-8")
        return str(path)

    def orders(self, *sales: dict[str, object], at: str, code: int = 0) -> list[Any]:
        """Take orders and return what became of each."""
        name = self.write("orders.jsonl", "".join(json.dumps(sale) + "\n" for sale in sales))
        return self.call("take", name, "--at", at, "--json", code=code).lines

    def rules(self, **changes: object) -> str:
        """Write the steady rules with changes, and return the file's name."""
        said = self.call("preset", "steady", "--opens", OPENS, "--json")
        return self.write("rules.json", json.dumps(said.json | {"refund_days": 1} | changes))


MERCHANTS = f"""\
ref,city,enrolled_at,rate_ppm,grade,shops,accepts_coupons
baker,Ningbo,{OPENING},80000,A,,true
grocer,Ningbo,{OPENING},100000,B,grocer-1;grocer-2,true
"""
MEMBERS = f"""\
{{"ref": "ana", "city": "Ningbo", "enrolled_at": "{OPENING}"}}
{{"ref": "bo", "city": "Ningbo", "enrolled_at": "{OPENING}", "referrer": "ana"}}
"""


@pytest.fixture
def bare(database: Database, greenloop: Greenloop, tmp_path: Path) -> Town:
    """Give a town on an empty database: nothing is published, nobody enrolled."""
    del database
    return Town(tmp_path, greenloop)


@pytest.fixture
def town(bare: Town) -> Town:
    """Give the town under its rules, with its people enrolled."""
    bare.call("publish", bare.rules(), "--by", "lin", "--from", OPENING, "--at", day(1, "00:00:00"))
    bare.call(
        *("enrol", "--merchants", bare.write("merchants.csv", MERCHANTS)),
        *("--members", bare.write("members.jsonl", MEMBERS), "--at", day(1, "00:00:01")),
    )
    return bare


def sale(number: int, **changes: object) -> dict[str, object]:
    """Return a sale of the baker to Bo on the second day: 128.50 yuan in cash, over the counter."""
    usual = {"merchant": "baker", "order_no": f"B{number}", "member": "bo", "paid_at": day(2), "cash_fen": 12850}
    return {**usual, "delivered": True, **changes}
