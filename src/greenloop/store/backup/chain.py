"""The folder of an SQLite archive: runs, and in each of them snapshots and the pieces of the log between them.

A *run* is a folder named by the instant at which an archiver began; within it no frame of the log is missing. Every
name carries what a restore has to know, so that a folder of a hundred thousand pieces is read by listing it:

    <run>/<number>-<restart>-<until>.log          frames of the log, packed; all of them committed at `until`
    <run>/<number>-<restart>-<at>.snapshot        the whole database after piece `number`, an SQLite file
    <run>/….snapshot.sha256                       its digest, written first: a snapshot without one doesn't count

`restart` counts how often the log began again; pieces with the same count are one log, from its header on.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path

STAMP = "%Y%m%dT%H%M%S.%fZ"
NAME = re.compile(r"(\d{10})-(\d{8})-(\d{8}T\d{6}\.\d{6}Z)\.(log|snapshot)")
BESIDE = re.compile(rf"({NAME.pattern})(\.sha256)?(\.part)?")
"""A link's file, its digest, and what a writer that was killed left of either."""
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
    for each in _files(run):
        if NAME.fullmatch(each.path.name) and each.path.suffix == f".{kind}":
            yield each


def _files(run: Path) -> Iterator[Link]:
    """Yield a run's files in order, each as the link that it is, or that it lies beside."""
    for path in sorted(run.iterdir()):
        if found := BESIDE.fullmatch(path.name):
            at = datetime.strptime(found[4], STAMP).replace(tzinfo=UTC)
            yield Link(path, int(found[2]), int(found[3]), at)


def sum_of(snapshot: Path) -> Path:
    """Return where the digest of a snapshot is."""
    return snapshot.with_name(f"{snapshot.name}.sha256")


def snapshot_before(folder: Path, until: datetime | None) -> tuple[Path, Link] | None:
    """Return the newest whole snapshot at or before an instant (None: of all), with its run."""
    found = [(run, each) for run in runs(folder) for each in links(run, "snapshot") if sum_of(each.path).exists()]
    return max((pair for pair in found if until is None or pair[1].at <= until), key=lambda p: p[1].at, default=None)


def since(run: Path, snapshot: Link, until: datetime | None) -> list[Link]:
    """Return the pieces that lead from a snapshot to an instant, from the start of the log it was taken in.

    They end before the first that is later, whatever comes then: a clock may have been set back.
    """
    later = [each for each in links(run, "log") if each.restart >= snapshot.restart]
    return list(takewhile(lambda each: each.number <= snapshot.number or until is None or each.at <= until, later))


def goes_on(run: Path, until: datetime) -> bool:
    """Tell whether a run was written to after an instant."""
    return any(each.at > until for kind in ("log", "snapshot") for each in links(run, kind))


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
        old = [each.path for each in _files(run) if run < kept_run or _is_before(each, oldest)]
        for path in old:
            path.unlink()
        removed += old
        if run < kept_run and not any(run.iterdir()):
            run.rmdir()
    return removed


def _is_before(file: Link, snapshot: Link) -> bool:
    """Tell whether nothing from a snapshot on needs a file of its run."""
    is_piece = ".log" in file.path.suffixes
    return file.restart < snapshot.restart if is_piece else file.number < snapshot.number
