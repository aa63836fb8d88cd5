"""The public log as it stands: its leaves, its checkpoints, and proofs folded from the subtrees that are kept."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from greenloop.core.faults import Refusal, say
from greenloop.core.trust import log
from greenloop.core.trust.checkpoint import Checkpoint, Key, Note, Signature
from greenloop.core.trust.log import Frontier, Range
from greenloop.store import sql

TILE = 256
"""Leaves of one published file."""
TILE_LEVEL = TILE.bit_length() - 1
PARTS = 64 * TILE


@dataclass(frozen=True, slots=True)
class LeafRow:
    """One leaf: `body` is what was hashed, canonical JSON; `leaf_hash` is in hex."""

    number: int
    kind: str
    about: str
    body: str
    leaf_hash: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """A signed checkpoint, the key that signed it, and when."""

    note: Note
    key: Key
    at: datetime

    @property
    def checkpoint(self) -> Checkpoint:
        """Return what was signed."""
        return self.note.checkpoint


def size() -> int:
    """Return how many leaves there are."""
    return int(sql.value("SELECT COALESCE(MAX(number) + 1, 0) FROM log_leaf"))


def frontier() -> Frontier:
    """Return all that is needed to make the log grow, in O(log n) rows."""
    count = size()
    places = log.cover((0, count))
    kept = subtrees(places)
    return Frontier(count, tuple(kept[each] for each in places))


def root(count: int) -> bytes:
    """Return the root over the first `count` leaves, in O(log n) rows."""
    places = log.cover((0, count))
    kept = subtrees(places)
    return log.fold([kept[each] for each in places])


def subtrees(places: Iterable[int]) -> dict[int, bytes]:
    """Return the hashes of complete subtrees, leaves among them, by place."""
    wanted = set(places)
    leaves = {each // 2 for each in wanted if not each & 1}
    found = {2 * number: text for number, text in sql.rows_in(_LEAF_HASHES, leaves)}
    found |= dict(sql.rows_in(_NODES, {each for each in wanted if each & 1}))
    return {each: bytes.fromhex(text) for each, text in found.items()}


def inclusion(number: int, count: int) -> list[bytes]:
    """Return the proof that a leaf is in the log of the first `count` leaves.

    :raises Refusal: there is no such leaf in it, or no log of that size.
    """
    _check(count, least=1)
    if not 0 <= number < count:
        message = say("A log of {size} leaves has none of number {leaf}.")
        raise Refusal("log.leaf", message, field="leaf", leaf=number, size=count)
    return _proof(log.inclusion_ranges(number, count))


def consistency(earlier: int, count: int) -> list[bytes]:
    """Return the proof that the log of `count` leaves is the one of `earlier` leaves, grown.

    :raises Refusal: the log has never had that size, or `earlier` is 0 or above `count`.
    """
    _check(count, least=1)
    if not 1 <= earlier <= count:
        message = say("Name an earlier size from 1 to {size}.")
        raise Refusal("log.size", message, field="earlier", size=count)
    return _proof(log.consistency_ranges(earlier, count))


def _check(count: int, *, least: int) -> None:
    now = size()
    if not least <= count <= now:
        message = say("The log has {size} leaves. Name a size from {least} to that.")
        raise Refusal("log.size", message, field="size", size=now, least=least)


def _proof(ranges: Sequence[Range]) -> list[bytes]:
    return log.proof(ranges, subtrees(log.places(ranges)))


def leaves(*, after: int = -1, limit: int, before: int | None = None) -> list[LeafRow]:
    """Return leaves in their order, of numbers above `after` and below `before`."""
    params = [after, limit] if before is None else [after, before, limit]
    return [_leaf(row) for row in sql.rows(_AFTER if before is None else _BETWEEN, params)]


def last_leaves(*, before: int = 2**63 - 1, limit: int) -> list[LeafRow]:
    """Return leaves, newest first, of numbers below `before`."""
    return [_leaf(row) for row in sql.rows(_BEFORE, [before, limit])]


def tiles(count: int) -> Iterator[list[LeafRow]]:
    """Yield the first `count` leaves, as many at a time as one published file holds."""
    for first in range(0, count, PARTS):
        found = leaves(after=first - 1, before=min(count, first + PARTS), limit=PARTS)
        yield from (found[at : at + TILE] for at in range(0, len(found), TILE))


def tops(count: int) -> list[bytes]:
    """Return the roots over the first `count` full files of leaves, each over its own leaves."""
    places = [log.place(TILE_LEVEL, number) for number in range(count)]
    kept = subtrees(places)
    return [kept[each] for each in places]


def leaf_about(kind: str, about: str) -> LeafRow | None:
    """Return the leaf that tells of something, None while there is none."""
    found = sql.rows(f"{_LEAVES} WHERE kind = %s AND about = %s", [kind, about])
    return _leaf(found[0]) if found else None


def newest_checkpoint() -> CheckpointRow | None:
    """Return what was signed last, None before anything was."""
    found = sql.rows(f"{_CHECKPOINTS} ORDER BY size DESC LIMIT 1")
    return _checkpoint(found[0]) if found else None


def checkpoint_of(count: int) -> CheckpointRow | None:
    """Return what was signed of the log at a size, None where nothing was."""
    found = sql.rows(f"{_CHECKPOINTS} WHERE size = %s", [count])
    return _checkpoint(found[0]) if found else None


def checkpoints(*, after: int = 0) -> list[CheckpointRow]:
    """Return all that was signed of sizes above `after`, smallest first."""
    return [_checkpoint(row) for row in sql.rows(f"{_CHECKPOINTS} WHERE size > %s ORDER BY size", [after])]


def signers() -> list[Key]:
    """Return the keys that have signed, in the order of their first checkpoints."""
    query = "SELECT origin, public_key FROM log_checkpoint GROUP BY origin, public_key ORDER BY MIN(size)"
    return [Key(origin, bytes.fromhex(public)) for origin, public in sql.rows(query)]


def _leaf(row: sql.Row) -> LeafRow:
    number, kind, about, body, leaf_hash, at = row
    return LeafRow(number, kind, about, body, leaf_hash, sql.moment(at))


def _checkpoint(row: sql.Row) -> CheckpointRow:
    count, root_hash, origin, public_key, signature, at = row
    key = Key(origin, bytes.fromhex(public_key))
    signed = Signature(origin, key.hash, bytes.fromhex(signature))
    note = Note(Checkpoint(origin, count, bytes.fromhex(root_hash)), (signed,))
    return CheckpointRow(note, key, sql.moment(at))


_LEAVES = "SELECT number, kind, about, body, leaf_hash, at FROM log_leaf"
_AFTER = f"{_LEAVES} WHERE number > %s ORDER BY number LIMIT %s"
_BETWEEN = f"{_LEAVES} WHERE number > %s AND number < %s ORDER BY number LIMIT %s"
_BEFORE = f"{_LEAVES} WHERE number < %s ORDER BY number DESC LIMIT %s"
_LEAF_HASHES = "SELECT number, leaf_hash FROM log_leaf WHERE number IN ({keys})"
_NODES = "SELECT place, node_hash FROM log_node WHERE place IN ({keys})"
_CHECKPOINTS = "SELECT size, root_hash, origin, public_key, signature, at FROM log_checkpoint"
