"""The auditor's bundle: every table of the export as JSON Lines and as Parquet, of one state of the books.

The lines need nothing but gunzip and a JSON reader; the Parquet files beside them hold the same rows for engines that
read columns. Both are pseudonymous: what says who somebody is stays behind (`sheets`).
"""

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import file_digest
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TextIO

from greenloop.insight.export import ROWS_MAX, Progress, export_tables
from greenloop.insight.sheets import SHEETS, Sheet
from greenloop.store import sql
from greenloop.store.queries import tables

MANIFEST = "bundle.json"
PARQUET = "parquet"
PACKED = 6
"""How hard the lines are packed: gzip's own default; more costs twice the time for a few per cent."""


def write_bundle(*, folder: Path, progress: Progress | None = None) -> Mapping[str, int]:
    """Write the bundle into the folder and return the rows by table.

    `<table>.jsonl.gz` holds one object a line in the order of its key: amounts whole fen, ids whole numbers, instants
    ISO 8601 in UTC. `parquet/` holds the same tables. `bundle.json` is written last and names each file's rows and
    SHA-256. All of it is read in one snapshot, whatever is sold meanwhile.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    with sql.snapshot():
        last = tables.last_journal()
        rows = export_tables(folder=folder / PARQUET, progress=progress)
        for done, sheet in enumerate(SHEETS):
            if progress:
                progress("bundle", done, len(SHEETS))
            _write_lines(sheet, folder / f"{sheet.name}.jsonl.gz")
    files = {
        path.relative_to(folder).as_posix(): {"table": name, "rows": rows[name], "sha256": _digest(path)}
        for name in rows
        for path in (folder / f"{name}.jsonl.gz", folder / PARQUET / f"{name}.parquet")
    }
    manifest = {"format": "greenloop-bundle/1", "last_journal": last, "files": files}
    unfinished = folder / f"{MANIFEST}.part"
    unfinished.write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
    unfinished.replace(folder / MANIFEST)
    if progress:
        progress("bundle", len(SHEETS), len(SHEETS))
    return rows


def _write_lines(sheet: Sheet, path: Path) -> None:
    told = [(name, VALUES.get(kind)) for name, kind in sheet.columns]
    unfinished = path.with_name(f"{path.name}.part")
    with _packed(unfinished) as stream:
        for part in tables.parts(sheet.table, sheet.names, order=sheet.order, rows_max=ROWS_MAX):
            stream.writelines(_line(told, row) for row in part)
    unfinished.replace(path)


def _line(told: list[tuple[str, Callable[[Any], Any] | None]], row: sql.Row) -> str:
    document = {
        name: value if value is None or read is None else read(value)
        for (name, read), value in zip(told, row, strict=True)
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


@contextmanager
def _packed(path: Path) -> Iterator[TextIO]:
    """Open a gzip file without a name and a time in it: the same rows are the same bytes."""
    with (
        path.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=PACKED, mtime=0) as packed,
    ):
        stream = TextIOWrapper(packed, encoding="utf-8", newline="\n")
        yield stream
        stream.flush()
        stream.detach()


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


VALUES: Mapping[str, Callable[[Any], Any]] = {
    "instant": lambda value: sql.moment(value).isoformat(),
    "day": lambda value: sql.day(value).isoformat(),
    "flag": bool,
}
