"""A log that only grows, and can show it: the Merkle tree of RFC 6962 and RFC 9162 (2.1), on hashlib alone.

A tree over n leaves is known by its root. Complete subtrees never change once they are there, so they are kept, each
at its place: leaf i at 2i, and a parent between its two halves. Roots and proofs are folded from a few of them,
O(log n) of n. Hashes are 32 bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain

HASH_BYTES = 32
EMPTY = sha256(b"").digest()
"""The root of a log without leaves."""

Range = tuple[int, int]
"""Leaves from the first up to, and without, the second."""


def leaf_hash(body: bytes) -> bytes:
    """Return the hash of a leaf."""
    return sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a subtree from those of its halves."""
    return sha256(b"\x01" + left + right).digest()


def place(level: int, number: int) -> int:
    """Return where the complete subtree of 2^level leaves is kept that is the number-th of its kind, from 0."""
    return (number << (level + 1)) + (1 << level) - 1


def cover(leaves: Range) -> tuple[int, ...]:
    """Return the places of the complete subtrees that tile a range of leaves, from left to right.

    The range begins where a subtree does that is no smaller than the range: so do all that proofs ask for.
    """
    first, past = leaves
    found = []
    while first < past:
        level = (past - first).bit_length() - 1
        found.append(place(level, first >> level))
        first += 1 << level
    return tuple(found)


def fold(hashes: Sequence[bytes]) -> bytes:
    """Return the root over subtrees that lie side by side, each smaller than the one to its left."""
    if not hashes:
        return EMPTY
    root = hashes[-1]
    for each in reversed(hashes[:-1]):
        root = node_hash(each, root)
    return root


@dataclass(frozen=True, slots=True)
class Frontier:
    """All that one has to know of a log to make it grow: its size, and the hashes of the subtrees that tile it."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    @property
    def root(self) -> bytes:
        """Return the root of the whole log."""
        return fold(self.hashes)

    def grown(self, leaves: Sequence[bytes]) -> tuple["Frontier", dict[int, bytes]]:
        """Return the frontier after some more leaves, given by hash, and the subtrees that they complete, by place.

        Leaves themselves are not among those subtrees.
        """
        size, hashes, made = self.size, list(self.hashes), {}
        for leaf in leaves:
            found, level = leaf, 0
            while size >> level & 1:
                found, level = node_hash(hashes.pop(), found), level + 1
                made[place(level, size >> level)] = found
            hashes.append(found)
            size += 1
        return Frontier(size, tuple(hashes)), made


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root over leaves, given by hash."""
    return Frontier().grown(leaves)[0].root


def _split(leaves: Range) -> int:
    """Return where a range of two leaves or more is halved: after the largest power of two that is below its length."""
    first, past = leaves
    return first + (1 << ((past - first - 1).bit_length() - 1))


def inclusion_ranges(number: int, size: int) -> list[Range]:
    """Return what an inclusion proof consists of: the ranges whose roots lead from a leaf up to the root of `size`."""
    first, past, found = 0, size, []
    while past - first > 1:
        middle = _split((first, past))
        if number < middle:
            found.append((middle, past))
            past = middle
        else:
            found.append((first, middle))
            first = middle
    return found[::-1]


def consistency_ranges(earlier: int, size: int) -> list[Range]:
    """Return what a consistency proof consists of, from a log of `earlier` leaves (1 or more) to one of `size`."""
    first, past, found = 0, size, []
    while past != earlier:
        middle = _split((first, past))
        if earlier <= middle:
            found.append((middle, past))
            past = middle
        else:
            found.append((first, middle))
            first = middle
    if first:
        found.append((first, past))
    return found[::-1]


def places(ranges: Sequence[Range]) -> set[int]:
    """Return the places of all subtrees that a proof is folded from."""
    return set(chain.from_iterable(map(cover, ranges)))


def proof(ranges: Sequence[Range], kept: Mapping[int, bytes]) -> list[bytes]:
    """Return the hashes of a proof, from the subtrees that `places` named."""
    return [fold([kept[each] for each in cover(leaves)]) for leaves in ranges]


def included(*, leaf: bytes, number: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Tell whether a proof shows that a leaf, given by hash, is the number-th of the log (RFC 9162, 2.1.3.2)."""
    if not 0 <= number < size:
        return False
    at, last, found = number, size - 1, leaf
    for each in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node_hash(each, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, each)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root


def consistent(*, earlier: int, earlier_root: bytes, size: int, root: bytes, path: Sequence[bytes]) -> bool:
    """Tell whether a proof shows that a log only grew between two sizes (RFC 9162, 2.1.4.2)."""
    if earlier == size:
        return not path and earlier_root == root
    if earlier == 0:
        return not path and earlier_root == EMPTY
    if earlier > size or not path:
        return False
    whole = earlier & (earlier - 1) == 0
    first, *rest = (earlier_root, *path) if whole else tuple(path)
    at, last = earlier - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = first
    for each in rest:
        if last == 0:
            return False
        if at & 1 or at == last:
            old, new = node_hash(each, old), node_hash(each, new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new = node_hash(new, each)
        at, last = at >> 1, last >> 1
    return last == 0 and (old, new) == (earlier_root, root)
