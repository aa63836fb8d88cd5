"""The auditor's replay: a journal through core alone. No framework and no database is loaded for it."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from greenloop.cli.answer import DONE, REFUSED, Answer
from greenloop.cli.app import LOOK, command
from greenloop.core.faults import say


@command("recompute", panel=LOOK, help=say("Replay a journal through the arithmetic alone; one answer for each event."))
def recompute(
    file: Annotated[str, typer.Argument(metavar="FILE", help=say("A journal of JSON Lines, or - for what is piped in."))] = "-",
) -> Answer:
    """Answer each line in JSON, whatever the language; warnings go to stderr, exit code 1 if a line failed."""
    from greenloop.core.loop.recompute import recompute as replay

    code, out = DONE, sys.stdout
    reconfigure = getattr(out, "reconfigure", None)
    if reconfigure:
        reconfigure(encoding="utf-8", newline="\n")
    with _opened(file) as lines:
        for answer in replay(lines, warn=_warn):
            out.write(json.dumps(answer, separators=(",", ":"), ensure_ascii=False) + "\n")
            if "error" in answer:
                code = REFUSED
    out.flush()
    return Answer([], code=code, lines=True)


def _warn(sentence: str) -> None:
    with suppress(OSError):
        sys.stderr.write(sentence + "\n")


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    if name == "-":
        yield sys.stdin.buffer
    else:
        with Path(name).open("rb") as stream:
            yield stream
