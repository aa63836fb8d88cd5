"""The report for machines: one Parquet file a table, whole numbers of fen, in a fixed order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from greenloop.insight.supervision.names import Namer, namer
from greenloop.insight.supervision.report import AUDITOR, PUBLIC, TOLD_MIN, Report
from greenloop.store import sql
from greenloop.store.queries import supervised_exceptions, supervised_list
from greenloop.store.queries.supervised import Flow

ROWS_MAX = 65_536
TYPES = {"fen": pa.int64(), "count": pa.int64(), "text": pa.string(), "at": pa.timestamp("us", tz="UTC")}
NAMED = {
    "id": "",
    "order_id": "order",
    "member_id": "holder",
    "account_id": "holder",
    "referrer_id": "holder",
    "merchant_id": "shop",
    "payout_id": "payout",
}
"""Columns whose numbers are somebody's or something's own, and what is named by them; an `id` is of its list's kind."""
OWN = {"orders": "order", "refunds": "refund", "payouts": "payout"}
SUBJECTS = {"refund": "refund", "hold.order": "order", "hold.account": "holder", "cash": "order", "debt": "holder"}
SUBJECTS |= {"overclaim": "refund", "case": "case", "payment": "payment"}


@dataclass(frozen=True, slots=True)
class Table:
    """One file's columns by type (fen, count, text, at), and its rows, some at a time."""

    columns: Mapping[str, str]
    parts: Iterable[Sequence[Sequence[Any]]]


@dataclass(frozen=True, slots=True)
class Written:
    """What was written into a file: its rows, its columns as Parquet types, the sums of its amounts and counts."""

    rows: int
    columns: Mapping[str, str]
    totals: Mapping[str, int]


def tables(report: Report) -> Iterator[tuple[str, Table]]:
    """Yield the tables of a report by name; an auditor's has one row for each order and movement, too."""
    yield from _sums(report)
    if report.form != AUDITOR:
        return
    name = namer(report.period, report.cutoff.newest_journal)
    for each in supervised_list.LISTS:
        yield (
            each,
            Table({column: _kind(column) for column in supervised_list.columns(each)}, _rows(report, each, name)),
        )
    yield "unusual", Table({"kind": "text", "subject": "text", "amount_fen": "fen", "at": "at"}, _unusual(report, name))


def _sums(report: Report) -> Iterator[tuple[str, Table]]:
    yield (
        "figures",
        Table(
            {"step": "text", "figure": "text", "unit": "text", "value": "count"},
            [[(step.key, each.label, each.unit, each.value) for step in report.steps for each in step.figures]],
        ),
    )
    yield (
        "ties",
        Table(
            {"step": "text", "name": "text", "pool": "text", "ledger_fen": "fen", "rows_fen": "fen"}
            | {"compared": "count", "off": "count"},
            [[(t.step, t.name, t.pool, t.left_fen, t.right_fen, t.of, t.off) for t in report.ties]],
        ),
    )
    yield (
        "flows",
        Table(
            {"kind": "text", "debit": "text", "credit": "text", "moved_fen": "fen", "journals": "count"},
            [[(flow.kind, flow.debit, flow.credit, flow.fen, _told_of(flow, report)) for flow in report.flows]],
        ),
    )
    yield "pools", _of_lines(report.pools, {"pool": "text", "is_red": "count"})
    yield "cycles", _of_lines(report.cycles, {"pool": "text", "cycle": "count", "cutoff_at": "at"})
    yield (
        "exceptions",
        Table(
            {"kind": "text", "found": "count", "amount_fen": "fen"},
            [[(each.kind, each.count, each.fen) for each in report.exceptions]],
        ),
    )


def _told_of(flow: Flow, report: Report) -> int | None:
    """Return by how many journals something moved; in the public form not if they are few, as one may be somebody's."""
    return None if report.form == PUBLIC and flow.journals < TOLD_MIN else flow.journals


def _of_lines(lines: Sequence[Any], known: Mapping[str, str]) -> Table:
    fens = list(type(lines[0]).__dataclass_fields__) if lines else []
    columns = dict(known) | {each: "fen" for each in fens if each not in known}
    return Table(columns, [[tuple(_plain(getattr(line, each)) for each in columns) for line in lines]])


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value


def _kind(column: str) -> str:
    if column in NAMED or column in {"kind", "business_date"}:
        return "text"
    return "fen" if column.endswith("_fen") else "at" if column.endswith("_at") else "count"


def _rows(report: Report, of: str, name: Namer) -> Iterator[list[tuple[Any, ...]]]:
    wanted = supervised_list.columns(of)
    kinds = [NAMED[column] or OWN[of] if column in NAMED else "" for column in wanted]
    instants = [column.endswith("_at") for column in wanted]
    days = [column.endswith("_date") for column in wanted]
    shapes = list(zip(kinds, instants, days, strict=True))
    for part in supervised_list.parts(of, report.period, rows_max=ROWS_MAX):
        yield [tuple(_told(value, shape, name) for value, shape in zip(row, shapes, strict=True)) for row in part]


def _told(value: Any, shape: tuple[str, bool, bool], name: Namer) -> Any:
    kind, is_instant, is_day = shape
    if value is None:
        return None
    if kind:
        return name(kind, value)
    if is_instant:
        return sql.moment(value)
    return sql.day(value).isoformat() if is_day else value


def _unusual(report: Report, name: Namer) -> Iterator[list[tuple[Any, ...]]]:
    for part in supervised_exceptions.exception_rows(report.period.since_at, report.period.until_at):
        yield [(row.kind, _subject(row.kind, row.subject, name), row.fen, row.at) for row in part]


def _subject(kind: str, subject: int, name: Namer) -> str:
    of = SUBJECTS.get(kind) or SUBJECTS.get(kind.partition(".")[0])
    return name(of, subject) if of else str(subject)


def write(path: Path, table: Table) -> Written:
    """Write one table, a part at a time, and return what it came to."""
    schema = pa.schema([(name, TYPES[kind]) for name, kind in table.columns.items()])
    totals = {name: 0 for name, kind in table.columns.items() if kind in {"fen", "count"}}
    rows = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for part in table.parts:
            values = list(zip(*part, strict=True)) or [()] * len(schema)
            arrays = [pa.array(each, field.type) for each, field in zip(values, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            rows += len(part)
            for name, each in zip(table.columns, values, strict=True):
                if name in totals:
                    totals[name] += sum(value for value in each if value is not None)
    return Written(rows, {field.name: str(field.type) for field in schema}, totals)
