"""The public log as files: what they are called, what is in them, and writing them to a folder.

    checkpoint              the newest signed checkpoint
    checkpoints/<size>      each signed checkpoint, by size; checkpoints/list names the sizes, a line each
    key                     the keys that have signed, a line each
    leaves/<tile>.jsonl     256 leaves a file, canonical JSON, a line each; the last file holds the rest
    tops                    for each full file of leaves the root over them, in hex, a line each

With the tops, whoever looks for one leaf need not read all: its file, the last one and the tops lead to the root.

A file appears under its name when it is whole. Leaves come first and the newest checkpoint last, so whoever reads a
checkpoint finds all that it covers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from greenloop.core.faults import Refusal, say
from greenloop.core.trust.checkpoint import read_note
from greenloop.store.queries import log
from greenloop.store.queries.log import TILE, CheckpointRow

CHECKPOINT, SIZES, KEYS, TOPS = "checkpoint", "checkpoints/list", "key", "tops"
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Published:
    """What a folder holds now: the size of its newest checkpoint, and how many files of leaves were written."""

    size: int
    tiles: int


def checkpoint_at(size: int) -> str:
    """Return where the checkpoint of a size is."""
    return f"checkpoints/{size}"


def tile_at(number: int) -> str:
    """Return where a file of leaves is, by its number from 0."""
    return f"leaves/{number:06d}.jsonl"


def tile_text(number: int, size: int) -> str:
    """Return a file of leaves as it is while the newest checkpoint covers `size` leaves."""
    first = number * TILE
    rows = log.leaves(after=first - 1, before=min(size, first + TILE), limit=TILE)
    return "".join(f"{row.body}\n" for row in rows)


def tops_text(size: int) -> str:
    """Return the roots over full files of leaves, as far as `size` leaves fill them, a line each."""
    return "".join(f"{top.hex()}\n" for top in log.tops(size // TILE))


def sizes_text(signed: list[CheckpointRow]) -> str:
    """Return the sizes of checkpoints, a line each."""
    return "".join(f"{row.checkpoint.size}\n" for row in signed)


def keys_text() -> str:
    """Return the keys that have signed, a line each."""
    return "".join(f"{key.text}\n" for key in log.signers())


def publish(folder: Path, *, progress: Progress | None = None) -> Published:
    """Write what was signed so far to a folder; files that its checkpoint covers already stay as they are.

    :raises Refusal: nothing is signed yet, or the folder holds another log, or more of this one.
    """
    signed = log.checkpoints()
    if not signed:
        raise Refusal("log.unsigned", say("Nothing of the public log is signed yet: it has no leaf."))
    newest = signed[-1]
    size, before = newest.checkpoint.size, _published(folder, newest)
    whole = before // TILE
    tiles = -(-size // TILE)
    for number in range(whole, tiles):
        if progress:
            progress("log files", number - whole, tiles - whole)
        _write(folder / tile_at(number), tile_text(number, size))
    _write(folder / TOPS, tops_text(size))
    for row in signed:
        if row.checkpoint.size > before:
            _write(folder / checkpoint_at(row.checkpoint.size), row.note.text)
    _write(folder / KEYS, keys_text())
    _write(folder / SIZES, sizes_text(signed))
    _write(folder / CHECKPOINT, newest.note.text)
    if progress:
        progress("log files", tiles - whole, tiles - whole)
    return Published(size, tiles - whole)


def _published(folder: Path, newest: CheckpointRow) -> int:
    """Return the size of the checkpoint that a folder holds, 0 where it holds none.

    :raises Refusal: it isn't one of this log.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        return 0
    held = read_note(path.read_text("utf-8")).checkpoint
    ours = log.checkpoint_of(held.size)
    if ours is None or ours.checkpoint != held or held.size > newest.checkpoint.size:
        message = say("{folder} holds the log {origin} of {size} leaves, which isn't this one. Name another folder.")
        raise Refusal("log.other", message, field="FOLDER", folder=folder, origin=held.origin, size=held.size)
    return held.size


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(text.encode())
    part.replace(path)
