"""Statements as CSV: a profile says the encoding and which column says what; amounts are yuan."""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from greenloop.core import instants
from greenloop.core.faults import Refusal, say
from greenloop.core.money import fen_of
from greenloop.services.books.reconciling.lines import Line, Listed

CHINA = timezone(timedelta(hours=8))
Row = Mapping[str, str]
TRADE_NO_MAX, NUMBER_MAX = 64, 160


@dataclass(frozen=True, slots=True)
class Columns:
    """A CSV profile: whose statement, in which encoding, the columns it needs, and how a row becomes a line.

    `skip` lines stand before the heading. `balance` gives the balance of a row that says it, as text; such a row of
    `is_total` is no line.
    """

    account: str
    encoding: str
    needs: tuple[str, ...]
    line: Callable[[Row], Line]
    balance: Callable[[Row], str]
    is_total: Callable[[Row], bool]
    skip: int = 0


def read_csv(data: bytes, columns: Columns) -> Listed:
    """Read a statement.

    :raises Refusal: it isn't in the profile's encoding, a column is missing, or a row can't be read.
    """
    try:
        text = data.decode(columns.encoding)
    except UnicodeDecodeError as fault:
        message = say("The file isn't in {encoding}, as statements of this profile are.")
        raise Refusal("statement.encoding", message, field="file", encoding=columns.encoding) from fault
    reader = csv.DictReader(io.StringIO("".join(text.splitlines(keepends=True)[columns.skip :])))
    if missing := [name for name in columns.needs if name not in (reader.fieldnames or ())]:
        message = say("The file lacks the columns {columns}.")
        raise Refusal("statement.columns", message, field="file", columns=", ".join(missing))
    lines: list[Line] = []
    balance_fen = None
    for place, row in enumerate(reader, 1):
        cells = {name: (cell or "").strip() for name, cell in row.items() if isinstance(name, str)}
        try:
            if told := columns.balance(cells):
                balance_fen = yuan(told)
            if not columns.is_total(cells):
                lines.append(_whole(columns.line(cells)))
        except (ValueError, LookupError, Refusal) as fault:
            message = say("Row {row} of the file can't be read: {why}.")
            raise Refusal("statement.row", message, field="file", row=place, why=fault) from fault
    return Listed(columns.account, tuple(lines), balance_fen)


def _whole(line: Line) -> Line:
    """Return a line that can be told from others, and that says what it is for.

    :raises Refusal: it has no reference of the custodian's or no number, or one that is too long.
    """
    if not 0 < len(line.trade_no) <= TRADE_NO_MAX or not 0 < len(line.number) <= NUMBER_MAX:
        message = say("A line of the file has no reference of the bank's, so it couldn't be told from another.")
        raise Refusal("statement.reference", message, field="file")
    return line


def yuan(text: str) -> int:
    """Read an amount in yuan, with or without commas, as fen.

    :raises Refusal: it is no plain decimal number, or has parts of a fen.
    """
    return fen_of(text.replace(",", ""))


def china(text: str) -> datetime:
    """Read a local time of China, such as 2026-01-05 10:30:00, or a day.

    :raises ValueError: it is none.
    """
    return datetime.fromisoformat(text.replace("/", "-")).replace(tzinfo=CHINA).astimezone(UTC)


def instant(text: str) -> datetime:
    """Read an instant with its offset.

    :raises ValueError: it is none.
    """
    found = instants.read(text)
    if found is None:
        raise ValueError(text)
    return found
