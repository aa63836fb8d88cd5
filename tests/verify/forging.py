"""Forge a bundle: change rows of a table in both its forms, and let the manifest say that all is well."""

import gzip
import json
import shutil
from collections.abc import Callable
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Row = dict[str, Any]
READ: dict[str, Callable[[str], object]] = {
    "timestamp[us, tz=UTC]": datetime.fromisoformat,
    "date32[day]": date.fromisoformat,
}


class Forgery:
    """A copy of a bundle that a forger works on, table by table."""

    def __init__(self, bundle: Path, into: Path) -> None:
        self.folder = shutil.copytree(bundle, into)
        self.manifest = json.loads((into / "bundle.json").read_text("utf-8"))

    def rows(self, table: str) -> list[Row]:
        with gzip.open(self.folder / f"{table}.jsonl.gz", "rt", encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    def write(self, table: str, rows: list[Row]) -> None:
        """Write a table anew, as JSON Lines and as Parquet, and its rows and hashes into the manifest."""
        lines, parquet = f"{table}.jsonl.gz", f"parquet/{table}.parquet"
        with gzip.open(self.folder / lines, "wt", encoding="utf-8") as stream:
            stream.writelines(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
        schema = pq.read_schema(self.folder / parquet)
        columns = {each.name: [_typed(str(each.type), row[each.name]) for row in rows] for each in schema}
        pq.write_table(pa.table(columns, schema=schema), self.folder / parquet)
        for name in (lines, parquet):
            digest = sha256((self.folder / name).read_bytes()).hexdigest()
            self.manifest["files"][name] |= {"rows": len(rows), "sha256": digest}
        (self.folder / "bundle.json").write_text(json.dumps(self.manifest), "utf-8")

    def change(self, table: str, pick: Callable[[Row], object], **by: Any) -> Row:
        """Change the first row that `pick` takes: numbers are added, all else is put in place; return it changed."""
        rows = self.rows(table)
        row = next(row for row in rows if pick(row))
        for name, value in by.items():
            row[name] = row[name] + value if type(value) is int and type(row[name]) is int else value
        self.write(table, rows)
        return row

    def drop(self, table: str, pick: Callable[[Row], object]) -> Row:
        """Drop the first row that `pick` takes, and return it."""
        rows = self.rows(table)
        row = next(row for row in rows if pick(row))
        self.write(table, [each for each in rows if each is not row])
        return row

    def add(self, table: str, row: Row) -> None:
        self.write(table, [*self.rows(table), row])


def _typed(kind: str, value: Any) -> Any:
    return READ[kind](value) if kind in READ and value is not None else value
