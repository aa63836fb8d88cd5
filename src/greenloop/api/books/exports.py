"""Exports for auditors: the tables of the books, row after row, by cursors that never skip."""

import base64
import binascii
import json
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router, Schema

from greenloop.api.access import Staff
from greenloop.api.problems import Problem
from greenloop.core.faults import say
from greenloop.core.reading import is_text
from greenloop.insight import lines
from greenloop.insight.sheets import SHEETS, Sheet

router = Router(tags=["exports"])
NDJSON = "application/x-ndjson"
ROWS_MAX = 5_000


class TableOut(Schema):
    """A table that is exported: its columns with their types, and the columns that its rows are in order of."""

    name: str
    columns: dict[str, str]
    order: list[str]


class TablesOut(Schema):
    """All tables that are exported. Nothing in them says who somebody is."""

    tables: list[TableOut]


class From(Schema):
    """Behind which row (`after` is what the answer before named in `Next-After`), and how many rows."""

    after: str | None = Field(None, max_length=400)
    limit: int = Field(1_000, ge=1, le=ROWS_MAX)


FromAsked = Annotated[From, Query()]
LINES: dict[str, Any] = {
    "responses": {
        200: {
            "description": "One JSON object a line; Next-After names where to go on, and is missing at the end",
            "content": {NDJSON: {"schema": {"type": "string"}}},
            "headers": {"Next-After": {"schema": {"type": "string"}}},
        }
    }
}


@router.get("/exports", auth=Staff("auditor"), response=TablesOut, summary="List tables", operation_id="listExports")
def list_exports(request: HttpRequest) -> TablesOut:
    """Return the tables that can be exported. A whole export as Parquet is the command `greenloop export`."""
    found = [TableOut(name=each.name, columns=dict(each.columns), order=list(each.order)) for each in SHEETS]
    return TablesOut(tables=found)


@router.get(
    "/exports/{table}.ndjson",
    auth=Staff("auditor"),
    summary="Export a table",
    operation_id="exportTable",
    openapi_extra=LINES,
)
def export(request: HttpRequest, table: str, start: FromAsked) -> HttpResponse:
    """Return rows of a table in its order, one JSON object a line. The header Next-After leads to the next ones."""
    of = lines.sheet(table)
    found = lines.lines(of, after=_read(of, start.after), limit=start.limit)
    response = HttpResponse(found.text, content_type=NDJSON)
    response["Cache-Control"] = "private, no-store"
    if found.place is not None:
        response["Next-After"] = base64.urlsafe_b64encode(json.dumps(found.place).encode()).decode().rstrip("=")
    return response


def _read(of: Sheet, after: str | None) -> tuple[object, ...]:
    """Return the place that a cursor stands for.

    :raises Problem: it isn't one of this table.
    """
    if after is None:
        return ()
    try:
        found = json.loads(base64.urlsafe_b64decode(after.encode("ascii") + b"=" * (-len(after) % 4)))
    except (ValueError, binascii.Error, UnicodeError, RecursionError):
        found = None
    kinds = dict(of.columns)
    wanted = [str if kinds[name] == "text" else int for name in of.order]
    if (
        not isinstance(found, list)
        or [type(each) for each in found] != wanted
        or any(isinstance(each, int) and not -(2**63) <= each < 2**63 for each in found)
        or any(isinstance(each, str) and ("\0" in each or not is_text(each)) for each in found)
    ):
        raise Problem(400, "cursor.unreadable", say("This cursor is not one that the list gave."), field="after")
    return tuple(found)
