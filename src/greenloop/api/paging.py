"""Pages of lists: an opaque cursor that stands for the last row of the page before, so nothing is skipped or twice."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

from ninja import Field, Query, Schema
from pydantic import Strict

from greenloop.api.limits import PAGE, PAGE_MAX
from greenloop.api.problems import Problem
from greenloop.core.faults import say

T = TypeVar("T")
Row = TypeVar("Row")


class Paging(Schema):
    """Which page: `cursor` is what the page before named as its next, `limit` how many rows."""

    cursor: str | None = Field(None, max_length=200)
    limit: int = Field(PAGE, ge=1, le=PAGE_MAX)


class Page(Schema, Generic[T]):
    """A page of a list; `next_cursor` is null on the last."""

    items: list[T]
    next_cursor: str | None


Asked = Annotated[Paging, Query()]
Whole = Annotated[int, Strict()]


def numbers(paging: Paging, count: int, newest: tuple[int, ...]) -> tuple[int, ...]:
    """Return the numbers that a cursor stands for, `newest` where there is none yet.

    :raises Problem: it is not a cursor of this list.
    """
    if paging.cursor is None:
        return newest
    try:
        parts = base64.urlsafe_b64decode(paging.cursor.encode("ascii") + b"=" * (-len(paging.cursor) % 4)).split(b".")
        found = tuple(int(part) for part in parts)
    except (ValueError, binascii.Error, UnicodeEncodeError):
        found = ()
    if len(found) != count or any(not -(2**63) <= number < 2**63 for number in found):
        raise Problem(400, "cursor.unreadable", say("This cursor is not one that the list gave."), field="cursor")
    return found


def page(
    rows: Sequence[Row], paging: Paging, shown: Callable[[Row], T], place: Callable[[Row], tuple[int, ...]]
) -> Any:
    """Return a page of rows of which one more was asked for than the page holds."""
    kept = rows[: paging.limit]
    last = place(kept[-1]) if len(rows) > paging.limit else None
    text = ".".join(map(str, last)).encode() if last else b""
    cursor = base64.urlsafe_b64encode(text).decode().rstrip("=") if last else None
    return {"items": [shown(row) for row in kept], "next_cursor": cursor}
