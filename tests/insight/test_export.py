"""Exports: every row of every table, exact, in order, and nobody's name."""

import json
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.db import connection

from greenloop.insight import export
from greenloop.insight.export import export_tables
from greenloop.insight.sheets import SHEETS
from greenloop.store import sql
from tests.support.databases import Database
from tests.support.ledger import fetch
from tests.support.life import Life
from tests.support.town import found_town

NEVER_EXPORTED = {
    *("ref", "order_no", "refund_no", "deposit_no", "relation", "reason", "password", "last_login"),
    *("placed_by", "released_by", "proposed_by", "approved_by", "decided_by", "published_by"),
}


@pytest.fixture
def folder(database: Database, tmp_path: Path) -> Path:
    Life(5).live(6, errands=10)
    folder = tmp_path / "deep" / "export"
    export_tables(folder=folder)
    return folder


def same(exported: object, stored: object) -> bool:
    if isinstance(exported, datetime):
        return exported == sql.moment(stored)
    return exported == stored or str(exported) == str(stored)


def test_every_row_of_every_table_is_there_and_exact(folder: Path) -> None:
    filled = 0
    for sheet in SHEETS:
        table = pq.read_table(folder / f"{sheet.name}.parquet")
        stored = fetch(f"SELECT {', '.join(sheet.names)} FROM {sheet.table} ORDER BY {', '.join(sheet.order)}")
        rows = list(zip(*(column.to_pylist() for column in table.columns), strict=True)) if stored else []
        assert table.column_names == list(sheet.names)
        assert len(rows) == len(stored) == table.num_rows
        for row, kept in zip(rows, stored, strict=True):
            for (name, kind), exported, value in zip(sheet.columns, row, kept, strict=True):
                expected = bool(value) if kind == "flag" and value is not None else value
                assert same(exported, expected), (sheet.name, name)
        filled += bool(stored)
    assert filled >= 20


def test_amounts_are_whole_numbers_and_instants_are_utc(folder: Path) -> None:
    orders = pq.read_schema(folder / "orders.parquet")
    assert orders.field("concession_fen").type == pa.int64()
    assert orders.field("paid_at").type == pa.timestamp("us", tz="UTC")
    assert orders.field("held").type == pa.bool_()
    assert pq.read_schema(folder / "payouts.parquet").field("business_date").type == pa.date32()
    kinds = {kind for path in folder.glob("*.parquet") for kind in map(str, pq.read_schema(path).types)}
    assert kinds <= {"int64", "string", "bool", "date32[day]", "timestamp[us, tz=UTC]"}


def test_the_manifest_names_each_file_with_its_rows_and_digest(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    files = {path.name: path.read_bytes() for path in folder.glob("*.parquet")}
    assert set(manifest["files"]) == set(files)
    for name, told in manifest["files"].items():
        assert told["sha256"] == sha256(files[name]).hexdigest()
        assert told["rows"] == pq.read_metadata(folder / name).num_rows
    assert manifest["quiet"] is True
    assert manifest["last_journal"] == fetch("SELECT MAX(id) FROM journal")[0][0]
    assert list(folder.glob("*.part")) == []


def test_the_same_books_export_to_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    export_tables(folder=again)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        path.name: path.read_bytes() for path in again.iterdir()
    }


def test_a_table_goes_through_memory_in_parts(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "ROWS_MAX", 7)
    export_tables(folder=tmp_path / "parts")
    for sheet in SHEETS:
        small = pq.ParquetFile(tmp_path / "parts" / f"{sheet.name}.parquet")
        assert small.read().equals(pq.read_table(folder / f"{sheet.name}.parquet"))
        assert all(small.metadata.row_group(number).num_rows <= 7 for number in range(small.num_row_groups))


def test_no_name_or_number_that_tells_who_somebody_is_leaves_the_books(database: Database, tmp_path: Path) -> None:
    town = found_town()
    town.member("li-xiaoming-13800001111")
    town.merchant("corner-shop-of-mr-wang")
    town.sell("li-xiaoming-13800001111", "corner-shop-of-mr-wang", 100_00, order_no="till-7-receipt-8")
    export_tables(folder=tmp_path / "out")
    for path in (tmp_path / "out").glob("*.parquet"):
        text = str(pq.read_table(path).to_pydict())
        for secret in ("xiaoming", "13800001111", "wang", "receipt"):
            assert secret not in text, path.name


def test_no_column_about_people_is_on_the_list() -> None:
    assert [(sheet.name, name) for sheet in SHEETS for name in sheet.names if name in NEVER_EXPORTED] == []


def test_every_order_of_rows_is_a_key_of_its_table(database: Database) -> None:
    with connection.cursor() as cursor:
        for sheet in SHEETS:
            keys = [
                set(found["columns"])
                for found in connection.introspection.get_constraints(cursor, sheet.table).values()
                if found["primary_key"] or found["unique"]
            ]
            assert set(sheet.order) in keys, sheet.name


def test_progress_is_told_from_the_first_table_to_the_last(database: Database, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    written = export_tables(folder=tmp_path / "out", progress=lambda *step: told.append(step))
    assert told[0] == ("export", 0, len(SHEETS))
    assert told[-1] == ("export", len(SHEETS), len(SHEETS))
    assert set(written) == {sheet.name for sheet in SHEETS}
