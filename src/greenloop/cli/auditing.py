"""The auditor's replay, from file to answers. Only core is loaded: no framework, no database, no parser of options."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

NAME = "recompute"


def straight(args: Sequence[str]) -> int | None:
    """Do `recompute FILE` at once, in a tenth of the time that reading options takes; None for any other line."""
    words = [word for word in args if word != "--json"]
    if words[:1] != [NAME] or len(words) > 2 or any(word.startswith("-") and word != "-" for word in words[1:]):
        return None
    name = words[1] if len(words) == 2 else "-"
    return replay_file(name) if name == "-" or Path(name).is_file() else None


def replay_file(name: str) -> int:
    """Answer each line of a journal (`-` is stdin); return 1 if a line failed, else 0. Warnings go to stderr."""
    from greenloop.core.loop.recompute import recompute

    failed = 0
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure:
        reconfigure(encoding="utf-8", newline="\n")
    with _opened(name) as lines, suppress(BrokenPipeError):
        for answer in recompute(lines, warn=_warn):
            sys.stdout.write(json.dumps(answer, separators=(",", ":"), ensure_ascii=False) + "\n")
            failed = failed or int("error" in answer)
        sys.stdout.flush()
    return failed


def _warn(sentence: str) -> None:
    with suppress(OSError):
        sys.stderr.write(sentence + "\n")


@contextmanager
def _opened(name: str) -> Iterator[Iterable[bytes]]:
    if name == "-":
        yield sys.stdin.buffer
    else:
        stream: BinaryIO
        with Path(name).open("rb") as stream:
            yield stream
