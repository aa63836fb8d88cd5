"""Exports that prove themselves: a file of JSON Lines, and beside it what ties the file to a signed checkpoint.

Both are made from the checkpoint's size alone, so that they fit each other whenever each is asked for.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from greenloop.core.trust import canonical
from greenloop.insight.public_log.export_checking import FORMAT, JOURNALS, KINDS
from greenloop.store import sql
from greenloop.store.queries import exported, log
from greenloop.store.queries.log import CheckpointRow

LEAVES_MAX, JOURNALS_MAX = 2_000, 10_000
"""So many of the newest, one file holds; all of them are in the auditor's bundle."""


@dataclass(frozen=True, slots=True)
class Export:
    """A file and its proof, both UTF-8; `rows` are the file's lines."""

    name: str
    text: str
    proof: str
    rows: int


def export(name: str, row: CheckpointRow) -> Export:
    """Return an export of one of `NAMES` under a checkpoint.

    :raises KeyError: there is none of that name.
    """
    with sql.snapshot():
        lines, numbers = NAMES[name](row)
        paths = exported.inclusions(numbers, row.checkpoint.size)
    text = _text(lines)
    proof = {
        "format": FORMAT,
        "name": name,
        "rows": len(lines),
        "sha256": sha256(text.encode()).hexdigest(),
        "checkpoint": row.note.text,
        "key": row.key.text,
        "leaves": [
            {"leaf": number, "path": [each.hex() for each in path]} for number, path in zip(numbers, paths, strict=True)
        ],
    }
    return Export(name, text, canonical.text_of(proof) + "\n", len(lines))


def lines_of(name: str, row: CheckpointRow) -> str:
    """Return the file of an export, without what proves it.

    :raises KeyError: there is none of that name.
    """
    with sql.snapshot():
        return _text(NAMES[name](row)[0])


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


Made = tuple[list[str], list[int]]
"""The lines of a file, and the numbers of the leaves that they are, line for line; none where lines are no leaves."""


def _of_leaves(kind: str) -> Callable[[CheckpointRow], Made]:
    def made(row: CheckpointRow) -> Made:
        found = exported.leaves(kind, size=row.checkpoint.size, limit=LEAVES_MAX)
        return [canonical.text_of({"leaf": each.body, **each.texts}) for each in found], [each.number for each in found]

    return made


def _of_journals(row: CheckpointRow) -> Made:
    return list(_journal_lines(row)), []


def _journal_lines(row: CheckpointRow) -> Iterable[str]:
    for _number, book, entry in exported.journals(until_at=row.at, limit=JOURNALS_MAX):
        told = {"book": book, "canonical": entry.canonical().decode(), "sha256": entry.sha256()}
        yield json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


NAMES: Mapping[str, Callable[[CheckpointRow], Made]] = {
    **{name: _of_leaves(kind) for name, kind in KINDS.items()},
    JOURNALS: _of_journals,
}


def newest(size: int | None = None) -> CheckpointRow | None:
    """Return the checkpoint of a size, the newest without one; None where none was signed."""
    return log.newest_checkpoint() if size is None else log.checkpoint_of(size)
