"""Tables of an export as lines of JSON, a page at a time: the same columns as the Parquet files, and nothing more."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from greenloop.core.faults import Refusal, say
from greenloop.insight.sheets import SHEETS, Sheet
from greenloop.store import sql
from greenloop.store.queries import tables

Place = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """Some lines of a table, and where the last of them stands, None where the table is at its end."""

    text: str
    place: Place | None


def sheet(name: str) -> Sheet:
    """Return a table of the export.

    :raises Refusal: there is none of this name.
    """
    found = next((each for each in SHEETS if each.name == name), None)
    if found is None:
        message = say("There is no table {table} to export.")
        raise Refusal("export.unknown", message, field="table", table=name[:64])
    return found


def lines(of: Sheet, *, after: Sequence[object], limit: int) -> Lines:
    """Return up to `limit` rows behind a place, as JSON, one a line: amounts whole numbers, ids texts, instants UTC."""
    found = tables.page(of.table, of.names, order=of.order, after=after, limit=limit)
    text = "".join(json.dumps(_told(of, row), ensure_ascii=False, separators=(",", ":")) + "\n" for row in found)
    if len(found) < limit:
        return Lines(text, None)
    last = dict(zip(of.names, found[-1], strict=True))
    return Lines(text, tuple(last[name] for name in of.order))


def _told(of: Sheet, row: sql.Row) -> dict[str, Any]:
    return {name: _value(name, kind, value) for (name, kind), value in zip(of.columns, row, strict=True)}


def _value(name: str, kind: str, value: Any) -> Any:
    if value is None:
        return None
    if kind == "instant":
        return sql.moment(value).isoformat()
    if kind == "day":
        return sql.day(value).isoformat()
    if kind == "flag":
        return bool(value)
    return str(value) if name == "id" or name.endswith(("_id", "advance_of")) else value
