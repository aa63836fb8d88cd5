"""Export the tables as Parquet, for audits and analytics in whatever reads it."""

import json
from collections.abc import Callable, Iterable, Mapping
from hashlib import file_digest
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from greenloop.insight.sheets import SHEETS, Sheet
from greenloop.store import sql
from greenloop.store.queries import tables

Progress = Callable[[str, int, int], None]
ROWS_MAX = 65_536
"""Rows of one part, in memory and as a row group of a file."""

MANIFEST = "manifest.json"
TYPES = {
    "whole": pa.int64(),
    "text": pa.string(),
    "flag": pa.bool_(),
    "day": pa.date32(),
    "instant": pa.timestamp("us", tz="UTC"),
}


def export_tables(*, folder: Path, progress: Progress | None = None) -> Mapping[str, int]:
    """Write each table to `<name>.parquet` in the folder, then `manifest.json`; return the rows by table.

    Rows stand in a fixed order, amounts are int64 fen, instants UTC in microseconds. A file appears under its name once
    it is whole; the manifest is written last and names each file's rows and SHA-256. Each table is read in one
    statement; `quiet` in the manifest says whether no journal was posted between the first and the last of them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    before = tables.last_journal()
    written: dict[str, int] = {}
    files = {}
    for done, sheet in enumerate(SHEETS):
        if progress:
            progress("export", done, len(SHEETS))
        path = folder / f"{sheet.name}.parquet"
        written[sheet.name] = _write(sheet, path)
        files[path.name] = {"table": sheet.name, "rows": written[sheet.name], "sha256": _digest(path)}
    after = tables.last_journal()
    manifest = {"format": 1, "last_journal": after, "quiet": before == after, "files": files}
    _whole(folder / MANIFEST, lambda part: part.write_text(json.dumps(manifest, indent=2) + "\n", "utf-8"))
    if progress:
        progress("export", len(SHEETS), len(SHEETS))
    return written


def _write(sheet: Sheet, path: Path) -> int:
    schema = pa.schema([(name, TYPES[kind]) for name, kind in sheet.columns])
    rows = 0

    def fill(part: Path) -> None:
        nonlocal rows
        with pq.ParquetWriter(part, schema, compression="zstd") as writer:
            for lines in tables.parts(sheet.table, sheet.names, order=sheet.order, rows_max=ROWS_MAX):
                writer.write_table(_table(sheet, schema, lines))
                rows += len(lines)

    _whole(path, fill)
    return rows


def _table(sheet: Sheet, schema: pa.Schema, lines: Iterable[sql.Row]) -> pa.Table:
    columns = zip(sheet.columns, zip(*lines, strict=True), strict=True)
    return pa.Table.from_arrays([_array(kind, values) for (_, kind), values in columns], schema=schema)


def _array(kind: str, values: tuple[Any, ...]) -> pa.Array:
    """Return a column as Parquet takes it: SQLite keeps instants (in UTC) and days as text, flags as 0 and 1."""
    if kind == "flag":
        return pa.array([None if value is None else bool(value) for value in values], pa.bool_())
    if kind in {"instant", "day"} and any(isinstance(value, str) for value in values):
        return pa.array(values, pa.string()).cast(_NAIVE[kind]).cast(TYPES[kind])
    return pa.array(values, TYPES[kind])


_NAIVE = {"instant": pa.timestamp("us"), "day": pa.date32()}


def _whole(path: Path, fill: Callable[[Path], object]) -> None:
    part = path.with_name(f"{path.name}.part")
    fill(part)
    part.replace(path)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()
