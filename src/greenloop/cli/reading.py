"""Reading what people write: instants, amounts, rates and names in options, and files of one record a line."""

import csv
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Generic, TextIO, TypeVar

import typer

from greenloop.cli.answer import REFUSED, Answer, table, text
from greenloop.cli.words import gettext, told
from greenloop.core import instants
from greenloop.core.faults import Refusal, say
from greenloop.core.money import fen_of
from greenloop.core.reading import Fields, shown

Record = TypeVar("Record")
SHOWN_MAX = 20
ID_MAX = 2**63 - 1
CYCLE_MAX = 50_000
"""Far beyond any calendar."""

At = Annotated[
    str | None,
    typer.Option("--at", metavar="INSTANT", help=say("When it takes effect, if not now; never ahead of now.")),
]
By = Annotated[str, typer.Option("--by", metavar="NAME", help=say("Who does this: it is kept beside what was done."))]


def now(at: str | None = None) -> datetime:
    """Return the instant that `--at` names, or this one: the door owns the clock.

    :raises Refusal: it can't be read, or lies ahead.
    """
    present = datetime.now(UTC)
    if at is None:
        return present
    named = instant(at, "--at")
    if named > present:
        raise Refusal("time.ahead", say("{instant} lies ahead; name an instant up to now."), field="--at", instant=at)
    return named


def instant(written: str, field: str) -> datetime:
    """Read an instant with its offset from UTC.

    :raises Refusal: it is none.
    """
    if (found := instants.read(written)) is not None:
        return found
    message = say("“{written}” is no instant; write it with its offset, such as 2026-01-31T18:05:00+08:00.")
    raise Refusal("time.unreadable", message, field=field, written=written[:40])


def day(written: str, field: str) -> date:
    """Read a day.

    :raises Refusal: it is none.
    """
    try:
        return date.fromisoformat(written)
    except ValueError:
        message = say("“{written}” is no day; write it as 2026-01-31.")
        raise Refusal("time.unreadable", message, field=field, written=written[:40]) from None


def amount_fen(written: str, field: str) -> int:
    """Read an amount in yuan as fen.

    :raises Refusal: it is none.
    """
    try:
        return fen_of(written)
    except Refusal as refusal:
        raise Refusal(refusal.code, refusal.message, field=field, **refusal.facts) from None


def percent_ppm(written: str, field: str) -> int:
    """Read a percentage with up to four decimals as parts per million.

    :raises Refusal: it is none.
    """
    try:
        ppm = Decimal(written.removesuffix("%").strip()) * 10_000
        if abs(ppm) < 10**9 and ppm == int(ppm):
            return int(ppm)
    except (InvalidOperation, ValueError, OverflowError):
        pass
    message = say("“{written}” is no percentage of up to four decimals; write it as 8 or 8.25.")
    raise Refusal("rate.unreadable", message, field=field, written=written[:40])


def number(written: str, field: str) -> int:
    """Read the number of an order, account or hold.

    :raises Refusal: it is none.
    """
    if written.isascii() and written.isdigit() and len(written) < 20 and int(written) <= ID_MAX:
        return int(written)
    message = say("“{written}” is no number of a record; write its digits, as the answer that made it showed them.")
    raise Refusal("id.unreadable", message, field=field, written=written[:40])


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a line of a file can't be read."""

    line: int
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Records(Generic[Record]):
    """The records of a file with their lines, and the lines that can't be read."""

    name: str
    found: list[tuple[int, Record]]
    faults: list[Fault]


@contextmanager
def opened(name: str) -> Iterator[TextIO]:
    """Open a file for reading; `-` is what is piped in."""
    if name == "-":
        yield sys.stdin
    else:
        with Path(name).open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
            yield stream


def document(name: str, field: str) -> object:
    """Read a JSON document that an option or argument, `field`, names.

    :raises Refusal: it is none.
    """
    with opened(name) as stream:
        written = stream.read()
    try:
        found: object = json.loads(written)
    except (ValueError, RecursionError) as fault:
        line = getattr(fault, "lineno", 1)
        message = say("{name} is no JSON document: it goes wrong in line {line}.")
        raise Refusal("file.json", message, field=field, name=Path(name).name, line=line) from None
    return found


def records(
    name: str, columns: Mapping[str, type], read: Callable[[Fields, Mapping[str, Any]], Record]
) -> Records[Record]:
    """Read a whole file of JSON Lines, or CSV with a first line of names; `columns` are its fields and their types.

    `read` makes a record of one line's fields; it is also given the line's values as they are, for the flags.
    """
    found: list[tuple[int, Record]] = []
    faults: list[Fault] = []
    with opened(name) as stream:
        for line, written in _documents(stream, columns):
            if isinstance(written, Refusal):
                faults.append(Fault(line, written))
                continue
            fields = Fields(written)
            fields.only(columns)
            _check_values(fields, written, columns)
            record = read(fields, written)
            if fields.sound:
                found.append((line, record))
            else:
                faults.append(Fault(line, fields.faults[0]))
    return Records(name, found, faults)


def _check_values(fields: Fields, written: Mapping[str, Any], columns: Mapping[str, type]) -> None:
    """Find fault with what `Fields` doesn't look at: flags, and a character that no database keeps."""
    for key, value in written.items():
        if columns.get(key) is bool and type(value) is not bool:
            fields.fault(key, say("{field_name} must be true or false."))
        elif isinstance(value, str) and "\x00" in value:
            fields.fault(key, say("{field_name} can't hold the character NUL."))


def _documents(stream: TextIO, columns: Mapping[str, type]) -> Iterator[tuple[int, Mapping[str, Any] | Refusal]]:
    lines = enumerate(stream, 1)
    first = next(((number, line) for number, line in lines if line.strip()), None)
    if first is None:
        return
    if first[1].lstrip("\ufeff ").startswith("{"):
        yield first[0], _json(first[1])
        yield from ((number, _json(line)) for number, line in lines if line.strip())
        return
    names = [name.strip() for name in next(csv.reader([first[1].lstrip("\ufeff")]))]
    if unknown := [name for name in names if name not in columns]:
        message = say("“{name}” is no field of this file. The first line of CSV names some of: {known}.")
        yield first[0], Refusal("file.header", message, name=shown(unknown[0]), known=", ".join(columns))
        return
    rows = csv.reader(line for _, line in lines)
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:
            yield first[0] + rows.line_num, _unreadable()
            continue
        if any(cell.strip() for cell in row):
            yield first[0] + rows.line_num, _typed(names, row, columns)


def _json(line: str) -> Mapping[str, Any] | Refusal:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        document = None
    return document if isinstance(document, dict) else _unreadable()


def _unreadable() -> Refusal:
    return Refusal("file.line", say("The line is neither a JSON object nor a row of CSV that fits the first line."))


def _typed(names: list[str], row: list[str], columns: Mapping[str, type]) -> Mapping[str, Any] | Refusal:
    """Give the cells of a CSV row the types of their columns; an empty cell is left out."""
    if len(row) != len(names):
        message = say("The row has {cells} cells, but the first line names {names}.")
        return Refusal("file.line", message, cells=len(row), names=len(names))
    typed: dict[str, Any] = {}
    for name, cell in zip(names, map(str.strip, row), strict=True):
        kind = columns.get(name, str)
        if not cell:
            continue
        if kind is int and cell.removeprefix("-").isdecimal() and cell.isascii() and len(cell) < 60:
            typed[name] = int(cell)
        elif kind is bool and cell.lower() in {"true", "false"}:
            typed[name] = cell.lower() == "true"
        elif kind is tuple:
            typed[name] = cell.split(";")
        else:
            typed[name] = cell
    return typed


def moment_of(fields: Fields, key: str) -> datetime:
    """Read an instant of a record; a fault is kept in `fields`."""
    written = fields.text(key)
    found = instants.read(written)
    if found is None and written:
        fields.fault(key, say("{field_name} must be an instant with its offset, such as 2026-01-31T18:05:00+08:00."))
    return found or datetime(2000, 1, 1, tzinfo=UTC)


def malformed(records: Records[Any]) -> Answer:
    """Answer that a file was refused whole, with the lines at fault and the reason of each."""
    facts = [
        {"line": fault.line, "error": told(fault.refusal), "field": fault.refusal.field} for fault in records.faults
    ]
    sentence = gettext("{name} is refused, nothing of it was taken: {count} lines can't be read.")
    shown = [text(sentence.format(name=records.name, count=len(facts)), "red")]
    rows = [(each["line"], each["field"] or "–", each["error"]) for each in facts[:SHOWN_MAX]]
    shown.append(table("", [gettext("line"), gettext("field"), gettext("reason")], rows))
    if len(facts) > SHOWN_MAX:
        shown.append(text(gettext("… and {count} more").format(count=len(facts) - SHOWN_MAX)))
    return Answer(facts, shown, REFUSED, lines=True)
