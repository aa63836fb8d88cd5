"""Exports that prove themselves: a file of JSON Lines, and beside it what ties the file to a signed checkpoint.

Both are made from the checkpoint's size alone, so that they fit each other whenever each is asked for.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from greenloop.core.trust import canonical
from greenloop.insight.public_log.export_checking import FORMAT, JOURNALS, KINDS
from greenloop.store import sql
from greenloop.store.queries import exported, log, seals
from greenloop.store.queries.log import CheckpointRow
from greenloop.store.queries.seals import Booked

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
        made = NAMES[name](row)
        paths = exported.inclusions(made.numbers, row.checkpoint.size)
    text = _text(made.lines)
    proof = {
        "format": FORMAT,
        "name": name,
        "rows": len(made.lines),
        "sha256": sha256(text.encode()).hexdigest(),
        "checkpoint": row.note.text,
        "key": row.key.text,
        "leaves": [
            {"leaf": number, "path": [each.hex() for each in path]}
            for number, path in zip(made.numbers, paths, strict=True)
        ],
        "seals": made.seals,
    }
    return Export(name, text, canonical.text_of(proof) + "\n", len(made.lines))


def lines_of(name: str, row: CheckpointRow) -> str:
    """Return the file of an export, without what proves it.

    :raises KeyError: there is none of that name.
    """
    with sql.snapshot():
        return _text(NAMES[name](row).lines)


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True, slots=True)
class Made:
    """The lines of a file and the numbers of the leaves that they are, line for line.

    Of journals `numbers` are the leaves that seal them, some after some, and `seals` the texts of these.
    """

    lines: list[str]
    numbers: list[int]
    seals: list[str] = field(default_factory=list)


def _of_leaves(kind: str) -> Callable[[CheckpointRow], Made]:
    def made(row: CheckpointRow) -> Made:
        found = exported.leaves(kind, size=row.checkpoint.size, limit=LEAVES_MAX)
        lines = [canonical.text_of({"leaf": each.body, **each.texts}) for each in found]
        return Made(lines, [each.number for each in found])

    return made


def _of_journals(row: CheckpointRow) -> Made:
    found = seals.newest(size=row.checkpoint.size, journals_max=JOURNALS_MAX)
    lines = [_journal(booked) for each in found for booked in seals.sealed(each.seal)]
    return Made(lines, [each.number for each in found], [each.body for each in found])


def _journal(booked: Booked) -> str:
    entry = booked.entry
    return canonical.text_of({"book": booked.book, "canonical": entry.canonical().decode(), "sha256": entry.sha256()})


NAMES: Mapping[str, Callable[[CheckpointRow], Made]] = {
    **{name: _of_leaves(kind) for name, kind in KINDS.items()},
    JOURNALS: _of_journals,
}


def newest(size: int | None = None) -> CheckpointRow | None:
    """Return the checkpoint of a size, the newest without one; None where none was signed."""
    return log.newest_checkpoint() if size is None else log.checkpoint_of(size)
