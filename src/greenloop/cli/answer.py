"""What a command answers: the same facts as tables for people and as JSON for programs."""

import json
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from os import environ
from typing import TYPE_CHECKING, Any

from greenloop.cli.words import gettext
from greenloop.core.money import yuan

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

DONE, REFUSED, USAGE, BROKEN, STOPPED = 0, 1, 2, 3, 130
"""Exit codes: done; refused, or a check failed; the command line can't be read; an invariant is broken; Ctrl-C."""

WIDTH = 120
NUMBER = re.compile(r"[-+]?[\d,.]+(?: ?[%×])?|–?")


@dataclass(frozen=True, slots=True)
class Answer:
    """`facts` is what a program reads: a document, or with `lines` one document a line. `shown` is what people read."""

    facts: object
    shown: Sequence["RenderableType"] = field(default=())
    code: int = DONE
    lines: bool = False


def money(fen: int | None) -> str:
    """Write fen as yuan with thousands apart; nothing is a dash."""
    if fen is None:
        return "–"
    whole, decimals = yuan(fen).split(".")
    return f"{'-' if whole == '-0' else ''}{int(whole):,}.{decimals}"


def count(number: int) -> str:
    """Write a count with thousands apart."""
    return f"{number:,}"


def moment(at: datetime | None) -> str:
    """Write an instant for people, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at else "–"


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> "RenderableType":
    """Return a table for people; columns of numbers are set to the right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    cells = [[str(cell) for cell in row] for row in rows]
    made = Table(title=Text(title, style="bold"), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        numbers = bool(cells) and all(NUMBER.fullmatch(row[number]) for row in cells)
        made.add_column(Text(column), justify="right" if numbers else "left", overflow="fold")
    for row in cells:
        made.add_row(*map(Text, row))
    return made


def pairs(title: str, facts: Iterable[tuple[str, object]]) -> "RenderableType":
    """Return a table of names and values for people."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(
        title=Text(title, style="bold"), title_justify="left", box=box.SIMPLE, show_header=False, pad_edge=False
    )
    for name, value in facts:
        made.add_row(Text(name), Text(str(value)))
    return made


def text(sentence: str, style: str = "") -> "RenderableType":
    """Return one sentence for people."""
    from rich.text import Text

    return Text(sentence, style=style)


def done(sentence: str, **facts: object) -> Answer:
    """Return an answer that people read as one sentence."""
    return Answer(facts, [text(sentence)])


def screen(*, stderr: bool = False) -> "Console":
    """Return the terminal; where it is none, lines are wide and without colours."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or environ.get("COLUMNS") else WIDTH
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False, soft_wrap=False)


def document(facts: object) -> str:
    """Write facts as one line of JSON. Numbers of rows (ids) are texts there, for 64 bits don't fit every reader."""
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError


def give(answer: Answer, *, as_json: bool) -> int:
    """Print an answer and return its exit code."""
    if as_json:
        facts = answer.facts if answer.lines and isinstance(answer.facts, Iterable) else [answer.facts]
        for each in facts:
            sys.stdout.write(document(each) + "\n")
    elif answer.shown:
        out = screen()
        for each in answer.shown:
            out.print(each)
    sys.stdout.flush()
    return answer.code


def complain(sentence: str, *, code: int, name: str, field_name: str | None, as_json: bool) -> int:
    """Say why a command did nothing, and return its exit code: to people on stderr, to programs on stdout as well."""
    if as_json:
        sys.stdout.write(document({"error": sentence, "field": field_name, "code": name}) + "\n")
        sys.stdout.flush()
    else:
        shown = f"{sentence} ({gettext('field')}: {field_name})" if field_name else sentence
        screen(stderr=True).print(text(shown, "bold red" if code == BROKEN else "red"))
    return code
