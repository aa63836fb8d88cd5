"""The folder of an SQLite archive: runs, and in each of them snapshots and the pieces of the log between them.

A *run* is a folder named by the instant at which an archiver began; within it no frame of the log is missing. Every
name carries what a restore has to know, so that a folder of a hundred thousand pieces is read by listing it:

    <run>/<number>-<restart>-<until>.log          frames of the log, packed; all of them committed at `until`
    <run>/<number>-<restart>-<at>.snapshot        the whole database after piece `number`, an SQLite file

`restart` counts how often the log began again; pieces with the same count are one log, from its header on.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

STAMP = "%Y%m%dT%H%M%S.%fZ"
NAME = re.compile(r"(\d{10})-(\d{8})-(\d{8}T\d{6}\.\d{6}Z)\.(log|snapshot)")
RUN = re.compile(r"\d{8}T\d{6}\.\d{6}Z")


@dataclass(frozen=True, slots=True)
class Link:
    """One file of a run: a piece of the log (`.log`) or a snapshot; `at` is when all that it holds was committed."""

    path: Path
    number: int
    restart: int
    at: datetime


def stamp(at: datetime) -> str:
    """Write an instant as it stands in names."""
    return at.astimezone(UTC).strftime(STAMP)


def link(run: Path, kind: str, *, number: int, restart: int, at: datetime) -> Link:
    """Return the link of that kind; its file may not be there yet."""
    return Link(run / f"{number:010d}-{restart:08d}-{stamp(at)}.{kind}", number, restart, at)


def runs(folder: Path) -> Sequence[Path]:
    """Return the runs of an archive, the oldest first."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and RUN.fullmatch(path.name))


def links(run: Path, kind: str) -> Iterator[Link]:
    """Yield a run's links of one kind, in order."""
    for path in sorted(run.iterdir()):
        if (found := NAME.fullmatch(path.name)) and found[4] == kind:
            at = datetime.strptime(found[3], STAMP).replace(tzinfo=UTC)
            yield Link(path, int(found[1]), int(found[2]), at)


def snapshot_before(folder: Path, until: datetime | None) -> tuple[Path, Link] | None:
    """Return the newest snapshot at or before an instant (None: of all), with its run."""
    found = [(run, each) for run in runs(folder) for each in links(run, "snapshot")]
    return max((pair for pair in found if until is None or pair[1].at <= until), key=lambda p: p[1].at, default=None)


def since(run: Path, snapshot: Link, until: datetime | None) -> list[Link]:
    """Return the pieces that lead from a snapshot to an instant, from the start of the log it was taken in."""
    later = [each for each in links(run, "log") if each.restart >= snapshot.restart]
    return [each for each in later if each.number <= snapshot.number or until is None or each.at <= until]


def prune(folder: Path, *, before: datetime) -> Sequence[Path]:
    """Remove what no restore to `before` or later needs, and return what was removed; the newest snapshot stays.

    Files go first and their run's folder last, so whatever is left at any moment can be restored.
    """
    kept = snapshot_before(folder, before)
    if kept is None:
        return []
    kept_run, oldest = kept
    removed = []
    for run in runs(folder):
        if run > kept_run:
            break
        old = [
            *(each.path for each in links(run, "snapshot") if run < kept_run or each.number < oldest.number),
            *(each.path for each in links(run, "log") if run < kept_run or each.restart < oldest.restart),
        ]
        for path in old:
            path.unlink()
        removed += old
        if run < kept_run and not any(run.iterdir()):
            run.rmdir()
    return removed
