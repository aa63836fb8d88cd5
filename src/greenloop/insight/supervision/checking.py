"""Check a sealed report from its folder alone: seal, hashes, rows and sums, each tie, and the pools' own arithmetic."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb

from greenloop.core.faults import Refusal, say
from greenloop.core.trust.checkpoint import Key, read_key
from greenloop.core.trust.report_seal import SealNote, read_seal
from greenloop.insight.supervision.folder import DATA, FORMAT, MANIFEST, SEAL
from greenloop.store import signer


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


def own_key(folder: Path) -> Key:
    """Return the key that a report says it was sealed by: its own word, for who knows no better.

    :raises Refusal: there is no sealed report in the folder.
    """
    return read_key(str(_read(folder)[1].get("key", "")))


def check_report(folder: Path, *, keys: Sequence[Key]) -> CheckedReport:
    """Check a folder against the keys of which one should have sealed it.

    :raises Refusal: there is no sealed report in it.
    """
    note, told, raw = _read(folder)
    findings = list(_seal(note, raw, keys))
    files: Mapping[str, Any] = told["files"]
    findings += [each for name, facts in files.items() for each in _file(folder, name, facts)]
    findings += _strays(folder, files)
    if not findings:  # what doesn't hash to what was sealed isn't worth adding up
        with duckdb.connect() as engine:
            findings += [each for name, facts in files.items() for each in _sums(engine, folder, name, facts)]
            findings += _ties(engine, folder, told)
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
    if not isinstance(told, dict) or told.get("format") != FORMAT or not _named_well(told.get("files")):
        message = say("The manifest in {folder} is of no format that this release reads.")
        raise Refusal("report.format", message, field="folder", folder=str(folder))
    return note, told, raw


def _named_well(files: object) -> bool:
    """Tell whether a manifest names files that lie inside the folder, each with a hash."""
    return isinstance(files, dict) and all(
        isinstance(facts, dict) and "sha256" in facts and not Path(name).is_absolute() and ".." not in Path(name).parts
        for name, facts in files.items()
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
    elif sha256(path.read_bytes()).hexdigest() != facts["sha256"]:
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
    rows, *sums = _one(engine, f"SELECT {wanted} FROM read_parquet(?)", folder / name)  # noqa: S608
    if int(rows) != facts["rows"]:
        yield Finding("rows", say("A file has other rows than the manifest says."), f"{name}: {rows}")
    for each, fen in zip(names, sums, strict=True):
        if int(fen) != facts["totals"][each]:
            yield Finding("sums", say("A column adds up to something else."), f"{name} {each}: {fen}")


def _ties(engine: duckdb.DuckDBPyConnection, folder: Path, told: Mapping[str, Any]) -> Iterator[Finding]:
    ties = folder / DATA / "ties.parquet"
    for name, pool, left, right in engine.execute(_OFF, [ties.as_posix()]).fetchall():
        about = f"{name} {pool}: {left} / {right}"
        yield Finding("tie", say("The books did not tie when the report was made."), about)
    compared, off = _one(engine, "SELECT SUM(compared), SUM(off) FROM read_parquet(?)", ties)
    if {"compared": int(compared), "off": int(off)} != told["ties"]:
        yield Finding("tie.count", say("The manifest counts other ties than there are."), f"{compared} {off}")
    for pool, fen in engine.execute(_POOLS, [(folder / DATA / "pools.parquet").as_posix()]).fetchall():
        yield Finding("pool", say("A pool doesn't add up from its opening to its closing."), f"{pool}: {fen}")
    for file, columns in told.get("equal", {}).items():
        for column, tie in columns.items():
            (rows,) = _one(engine, f'SELECT COALESCE(SUM("{column}"), 0) FROM read_parquet(?)', folder / file)  # noqa: S608
            (booked,) = _one(engine, _TIE, ties, tie)
            if rows != booked:
                what = say("The rows add up to something else than the ledger.")
                yield Finding("equal", what, f"{file} {column}: {rows} / {booked}")


def _one(engine: duckdb.DuckDBPyConnection, query: str, path: Path, *params: object) -> tuple[Any, ...]:
    found = engine.execute(query, [path.as_posix(), *params]).fetchone()
    return found or ()


_OFF = "SELECT name, pool, ledger_fen, rows_fen FROM read_parquet(?) WHERE off <> 0 OR ledger_fen <> rows_fen"
_TIE = "SELECT COALESCE(SUM(ledger_fen), 0) FROM read_parquet(?) WHERE name = ?"
_POOLS = """
    SELECT pool, opening_fen + inflow_fen - issued_fen + back_fen - closing_fen FROM read_parquet(?)
    WHERE opening_fen + inflow_fen - issued_fen + back_fen <> closing_fen
"""
