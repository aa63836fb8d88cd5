"""Trees of liabilities in an archive: books of a later day can't make them again, so copies lie beside the books."""

import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from greenloop.core.faults import Breach, Refusal, say
from greenloop.store.backup import files
from greenloop.store.queries import liabilities, trees
from greenloop.store.queries.liabilities import TopRow

FOLDER = "roots"


@dataclass(frozen=True, slots=True)
class GivenBack:
    """What came of the trees at a restore: how many are there now, and how many of the kept roots have none."""

    trees: int
    missing: int

    @property
    def told(self) -> Mapping[str, int]:
        """Return it for programs."""
        return {"trees": self.trees, "trees_missing": self.missing}


def take(folder: Path) -> int:
    """Copy into an archive the trees of the database in use that it lacks; return how many.

    A tree is there before its root is published, so whoever copies the database first misses none of its roots' trees.
    """
    kept = folder / FOLDER
    wanted = [path for path in trees.folder().glob("*.tree") if not (kept / path.name).exists()]
    if wanted:
        kept.mkdir(mode=0o700, exist_ok=True)
    for path in wanted:
        # One of the oldest may go meanwhile: only so many are kept.
        with suppress(FileNotFoundError), files.whole(kept / path.name) as part:
            shutil.copyfile(path, part)
    return len(wanted)


def prune(folder: Path, *, before: datetime) -> int:
    """Remove from an archive the trees that the database in use keeps no more, if they are older than an instant."""
    gone = [
        path
        for path in (folder / FOLDER).glob("*.tree")
        if path.stat().st_mtime < before.timestamp() and not (trees.folder() / path.name).exists()
    ]
    for path in gone:
        path.unlink()
    return len(gone)


def give_back(folder: Path) -> GivenBack:
    """Put the trees of a restored database's roots where proofs are read from; what is there already stays.

    Each is hashed again, whole, and has to lead to the root that the restored database has published.

    :raises Refusal: a tree in the archive isn't its root's.
    """
    there = missing = 0
    for root in liabilities.tops(limit=trees.KEPT):
        place = trees.path_of(root.cycle, root.root_hash)
        source = folder / FOLDER / place.name
        if not place.exists() and not source.exists():
            missing += 1
            continue
        if not place.exists():
            _check(root, source)
            place.parent.mkdir(parents=True, exist_ok=True)
            with files.whole(place) as part:
                shutil.copyfile(source, part)
        there += 1
    return GivenBack(there, missing)


def _check(root: TopRow, source: Path) -> None:
    try:
        fits = trees.holds(root, source)
    except (Breach, ValueError):  # cut off; an empty file can't be mapped
        fits = False
    if not fits:
        message = say(
            "The tree {path} in the archive isn't that of the root of cycle {cycle}: it was changed or cut off. "
            "Move it away and restore again; proofs of that cycle can't be given out then."
        )
        raise Refusal("restore.tree", message, field="--from", path=source, cycle=root.cycle)
