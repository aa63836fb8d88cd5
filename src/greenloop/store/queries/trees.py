"""Trees of liabilities, the files that proofs are read from: beside the database, named by their roots."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from mmap import ACCESS_READ, mmap
from pathlib import Path
from time import time

from django.conf import settings
from django.db import connection

from greenloop.core.faults import Refusal, ensure, say
from greenloop.core.trust import kept_tree
from greenloop.core.trust.kept_tree import Kept, Proof
from greenloop.core.trust.liabilities import HASH_BYTES
from greenloop.store import sql
from greenloop.store.queries.liabilities import RootRow, TopRow

KEPT = 100
"""Trees of so many roots are kept; what was published of a root stays for ever."""
LEFT_S = 86_400


def folder() -> Path:
    """Return the folder of the trees, named like the database: beside an SQLite file, else in the home."""
    named = Path(str(connection.settings_dict["NAME"]))
    return (Path(settings.HOME) if sql.is_postgresql() else named.parent) / "roots" / named.name


def path_of(cycle: int, root_hash: str) -> Path:
    """Return the file of a root's tree."""
    return folder() / f"{cycle}-{root_hash[:16]}.tree"


def proof(root: RootRow, account_id: int) -> Proof | None:
    """Return an account's proof for a root, None where nothing was owed to it and it held nothing.

    :raises Refusal: the tree isn't on this machine, or isn't kept any more.
    :raises Breach: the file isn't the root's tree.
    """
    with _opened(root) as tree:
        ensure(is_of(root, tree), f"the tree of cycle {root.cycle} has another top than what was published")
        return kept_tree.proof(tree, account_id)


def fits(root: RootRow) -> bool | None:
    """Tell whether a root's file has the top that was published; None where it isn't on this machine.

    :raises Breach: the file is cut off, or is no tree.
    """
    try:
        with _opened(root) as tree:
            return is_of(root, tree)
    except Refusal:
        return None


def holds(root: TopRow, path: Path) -> bool:
    """Tell whether a file is a root's tree, whole: all of it is hashed again, from what each holder was owed.

    :raises Breach: the file is cut off, or is no tree.
    """
    with _mapped(path) as tree:
        return is_of(root, tree) and kept_tree.is_sound(tree)


def is_of(root: RootRow | TopRow, tree: Kept) -> bool:
    """Tell whether a tree has the top that was published."""
    told = tree.top[:HASH_BYTES].hex(), int.from_bytes(tree.top[HASH_BYTES:], "big"), tree.leaves
    return told == (root.root_hash, root.total_fen, root.leaves)


@contextmanager
def _opened(root: RootRow) -> Iterator[Kept]:
    path = path_of(root.cycle, root.root_hash)
    if not path.exists():
        message = say("The tree of the root of cycle {cycle} isn't on this machine. Ask for a newer root's proof.")
        raise Refusal("tree.unknown", message, field="cycle", cycle=root.cycle)
    with _mapped(path) as tree:
        yield tree


@contextmanager
def _mapped(path: Path) -> Iterator[Kept]:
    with (
        path.open("rb") as stream,
        mmap(stream.fileno(), 0, access=ACCESS_READ) as mapped,
        memoryview(mapped) as memory,
    ):
        yield kept_tree.opened(memory)


def forget(kept: Sequence[RootRow]) -> int:
    """Remove the trees of all but some roots, and what was left half grown a day ago; return how many those were."""
    names = {path_of(row.cycle, row.root_hash) for row in kept}
    gone = [path for path in folder().glob("*") if path not in names and time() - path.stat().st_mtime > LEFT_S]
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)
