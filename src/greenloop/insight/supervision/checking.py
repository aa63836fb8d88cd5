"""Check a sealed report from its folder alone: seal, hashes, rows and sums, each tie, and the pools' own arithmetic.

A folder may come from anybody, under a seal of their own. Nothing that it says is run: what its manifest names are
plain words, or it isn't read, and the engine that adds up is handed each file and can open none itself.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from pyarrow import dataset

from greenloop.core.faults import Refusal, say
from greenloop.core.trust.checkpoint import Key, read_key
from greenloop.core.trust.report_seal import SealNote, read_seal
from greenloop.insight.supervision.folder import DATA, FORMAT, MANIFEST, SEAL
from greenloop.store import signer
from greenloop.store.backup.files import digest

WORD = re.compile(r"[a-z_]{1,40}")
FILE = re.compile(rf"(?:{DATA}/)?[a-z_]{{1,40}}\.(?:parquet|pdf|xlsx)")
ENGINE: dict[str, str | bool | int | float | list[str]] = {"enable_external_access": False}
REASON_MAX = 200


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong: a marked sentence, and what it is about."""

    code: str
    what: str
    about: str


@dataclass(frozen=True, slots=True)
class CheckedReport:
    """What a check found in a folder."""

    origin: str
    manifest: Mapping[str, Any]
    files: int
    rows: int
    findings: Sequence[Finding]


def check_report(folder: Path, *, keys: Sequence[Key] = ()) -> CheckedReport:
    """Check a folder against the keys of which one should have sealed it; without any, by the one that it names itself.

    :raises Refusal: there is no sealed report in it, or what it names is no key.
    """
    note, told, raw = _read(folder)
    findings = list(_seal(note, raw, keys or [read_key(str(told.get("key", "")))]))
    files: Mapping[str, Any] = told["files"]
    findings += [each for name, facts in files.items() for each in _file(folder, name, facts)]
    findings += _strays(folder, files)
    if not findings:  # what doesn't hash to what was sealed isn't worth adding up
        with duckdb.connect(config=ENGINE) as engine:
            try:
                findings += [each for name, facts in files.items() for each in _sums(engine, folder, name, facts)]
                findings += _ties(engine, folder, told)
            except (duckdb.Error, pa.ArrowException, OSError, KeyError) as fault:
                about = _plain(" ".join(str(fault).split()))[:REASON_MAX]
                findings.append(Finding("file.unread", say("A file has no such columns, or can't be read."), about))
    rows = sum(facts.get("rows", 0) for facts in files.values())
    return CheckedReport(note.seal.origin, told, len(files), rows, findings)


def _read(folder: Path) -> tuple[SealNote, Mapping[str, Any], bytes]:
    try:
        raw = (folder / MANIFEST).read_bytes()
        told = json.loads(raw)
        note = read_seal((folder / SEAL).read_text("utf-8"))
    except (OSError, ValueError) as fault:
        message = say("There is no sealed report in {folder}: {reason}.")
        raise Refusal("report.none", message, field="folder", folder=str(folder), reason=str(fault)) from fault
    if not isinstance(told, dict) or told.get("format") != FORMAT or not _shaped(told):
        message = say("The manifest in {folder} is of no format that this release reads.")
        raise Refusal("report.format", message, field="folder", folder=str(folder))
    return note, told, raw


def _shaped(told: Mapping[str, Any]) -> bool:
    """Tell whether a manifest has what a check reads: plain names, whole numbers, files that lie inside the folder."""
    files, ties, equal, period = (told.get(each) for each in ("files", "ties", "equal", "period"))
    return (
        isinstance(files, dict)
        and all(FILE.fullmatch(name) and _of_file(facts) for name, facts in files.items())
        and _counted(ties)
        and isinstance(equal, dict)
        and all(name in files and _named(columns) for name, columns in equal.items())
        and isinstance(period, dict)
        and all(_printable(period.get(each)) for each in ("from", "to"))
        and isinstance(told.get("key"), str)
        and isinstance(told.get("provisional"), list)
        and all(map(_printable, told["provisional"]))
    )


def _printable(found: object) -> bool:
    """Tell whether something can be said on a terminal as it is: a sequence of its own could say that all holds."""
    return isinstance(found, str) and found.isprintable()


def _plain(found: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in found)


def _of_file(facts: object) -> bool:
    return (
        isinstance(facts, dict)
        and isinstance(facts.get("sha256"), str)
        and isinstance(facts.get("rows", 0), int)
        and ("totals" not in facts or _counted(facts["totals"]))
    )


def _counted(found: object) -> bool:
    return isinstance(found, dict) and all(WORD.fullmatch(name) and isinstance(found[name], int) for name in found)


def _named(columns: object) -> bool:
    return isinstance(columns, dict) and all(
        WORD.fullmatch(name) and isinstance(columns[name], str) for name in columns
    )


def _seal(note: SealNote, raw: bytes, keys: Sequence[Key]) -> Iterator[Finding]:
    if not any(signer.sealed_by(note, key) for key in keys):
        yield Finding("seal.key", say("The seal is not by that key."), ", ".join(key.text for key in keys))
    if note.seal.manifest_hash != sha256(raw).hexdigest():
        yield Finding("seal.manifest", say("The manifest is not the one that was sealed."), MANIFEST)


def _file(folder: Path, name: str, facts: Mapping[str, Any]) -> Iterator[Finding]:
    path = folder / name
    if not path.is_file():
        yield Finding("file.missing", say("A file is missing."), name)
        return
    if digest(path) != facts["sha256"]:
        yield Finding("file.hash", say("A file is not the one that was sealed."), name)


def _strays(folder: Path, files: Mapping[str, Any]) -> list[Finding]:
    found = sorted(path.relative_to(folder).as_posix() for path in (folder / DATA).glob("*"))
    what = say("A file among the data was not sealed.")
    return [Finding("file.stray", what, name) for name in found if name not in files]


def _sums(engine: duckdb.DuckDBPyConnection, folder: Path, name: str, facts: Mapping[str, Any]) -> Iterator[Finding]:
    if "totals" not in facts:
        return
    names = list(facts["totals"])
    wanted = ", ".join(["COUNT(*)", *(f'COALESCE(SUM("{each}"), 0)' for each in names)])
    _open(engine, folder / name, "told")
    rows, *sums = _one(engine, f"SELECT {wanted} FROM told")  # noqa: S608  plain words, as _shaped has seen to
    if int(rows) != facts["rows"]:
        yield Finding("rows", say("A file has other rows than the manifest says."), f"{name}: {rows}")
    for each, fen in zip(names, sums, strict=True):
        if int(fen) != facts["totals"][each]:
            yield Finding("sums", say("A column adds up to something else."), f"{name} {each}: {fen}")


def _ties(engine: duckdb.DuckDBPyConnection, folder: Path, told: Mapping[str, Any]) -> Iterator[Finding]:
    _open(engine, folder / DATA / "ties.parquet", "ties")
    _open(engine, folder / DATA / "pools.parquet", "pools")
    for name, pool, left, right in engine.execute(_OFF).fetchall():
        about = _plain(f"{name} {pool}: {left} / {right}")
        yield Finding("tie", say("The books did not tie when the report was made."), about)
    compared, off = _one(engine, "SELECT COALESCE(SUM(compared), 0), COALESCE(SUM(off), 0) FROM ties")
    if {"compared": int(compared), "off": int(off)} != told["ties"]:
        yield Finding("tie.count", say("The manifest counts other ties than there are."), f"{compared} {off}")
    for pool, fen in engine.execute(_POOLS).fetchall():
        yield Finding("pool", say("A pool doesn't add up from its opening to its closing."), _plain(f"{pool}: {fen}"))
    for file, columns in told["equal"].items():
        _open(engine, folder / file, "told")
        for column, tie in columns.items():
            (rows,) = _one(engine, f'SELECT COALESCE(SUM("{column}"), 0) FROM told')  # noqa: S608
            (booked,) = _one(engine, _TIE, tie)
            if rows != booked:
                what = say("The rows add up to something else than the ledger.")
                yield Finding("equal", what, f"{file} {column}: {rows} / {booked}")


def _open(engine: duckdb.DuckDBPyConnection, path: Path, name: str) -> None:
    """Let the engine read one file under a name; it streams from it."""
    engine.register(name, dataset.dataset(path, format="parquet"))


def _one(engine: duckdb.DuckDBPyConnection, query: str, *params: object) -> tuple[Any, ...]:
    (found,) = engine.execute(query, params).fetchall()
    return tuple(found)


_OFF = "SELECT name, pool, ledger_fen, rows_fen FROM ties WHERE off <> 0 OR ledger_fen <> rows_fen"
_TIE = "SELECT COALESCE(SUM(ledger_fen), 0) FROM ties WHERE name = ?"
_POOLS = """
    SELECT pool, opening_fen + inflow_fen - issued_fen + back_fen - closing_fen FROM pools
    WHERE opening_fen + inflow_fen - issued_fen + back_fen <> closing_fen
"""
