"""A Merkle-sum tree as it is kept: what of it is written, in which order, and a holder's proof read from that.

Kept are the leaves' records, from which salts, bindings and hashes are made again, and the nodes from the blocks' tops
on. All of it is read in place, from bytes or a mapped file: a proof takes a search among the salts and one block.

    magic 8 bytes | leaves 8 | secret 32 | nonce 32 | records, 44 each | nodes of each kept level, 40 each, lowest first
"""

from dataclasses import dataclass
from struct import Struct, error

from greenloop.core.faults import ensure
from greenloop.core.trust.liabilities import EMPTY, HASH_BYTES, NODE_BYTES, SALTED, Leaf, Mac, Step, mac
from greenloop.core.trust.liability_tree import (
    BLOCK,
    BLOCK_LEVELS,
    RECORD,
    folded,
    leaf_fen,
    leaves,
    level_sizes,
    upper_levels,
)

MAGIC = b"GLROOT1\n"
HEAD = Struct(">8sQ32s32s")


@dataclass(frozen=True, slots=True)
class Owed:
    """What was owed to one holder when a root was made, in fen: what it can draw, unspent vouchers, coupons, dues."""

    claimable_fen: int
    unspent_fen: int
    coupon_fen: int
    dues_fen: int

    @property
    def amount_fen(self) -> int:
        """Return all of it."""
        return self.claimable_fen + self.unspent_fen + self.coupon_fen + self.dues_fen


@dataclass(frozen=True, slots=True)
class Proof:
    """What a holder needs to check its amount against a root: the nonce, and its leaves in the order of the parts."""

    holder: int
    nonce: bytes
    owed: Owed
    leaves: tuple[Leaf, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """A kept tree: its bytes, how many leaves it has, what they were salted and bound by."""

    memory: bytes | memoryview
    leaves: int
    secret: bytes
    nonce: bytes

    def record(self, place: int) -> tuple[int, ...]:
        """Return a leaf's record."""
        return RECORD.unpack_from(self.memory, HEAD.size + place * RECORD.size)

    def node(self, level: int, place: int) -> bytes:
        """Return a node of a kept level, counted from the blocks' tops; EMPTY where an odd level is filled up."""
        sizes = level_sizes(self.leaves)
        if place >= sizes[level]:
            return EMPTY
        first = HEAD.size + self.leaves * RECORD.size + (sum(sizes[:level]) + place) * NODE_BYTES
        return bytes(self.memory[first : first + NODE_BYTES])

    @property
    def top(self) -> bytes:
        """Return the node at the top: the root's hash and the total."""
        return self.node(len(level_sizes(self.leaves)) - 1, 0)


def opened(memory: bytes | memoryview) -> Kept:
    """Return a kept tree.

    :raises Breach: these are not the bytes of one, or not all of them.
    """
    try:
        magic, count, secret, nonce = HEAD.unpack_from(memory)
    except error:
        magic, count, secret, nonce = b"", 0, b"", b""
    whole = magic == MAGIC and count > 0 and count % BLOCK == 0
    size = HEAD.size + count * RECORD.size + sum(level_sizes(count)) * NODE_BYTES if whole else -1
    ensure(len(memory) == size, "a tree of liabilities is cut off, or is none")
    return Kept(memory, count, secret, nonce)


def is_sound(tree: Kept) -> bool:
    """Tell whether every node that is kept is what the leaves' records lead to: all of it is hashed again."""
    salt, nodes = mac(tree.secret), list[bytes]()
    for place in range(0, tree.leaves, BLOCK):
        nodes.append(folded(_block(tree, salt, place), BLOCK_LEVELS))
    made = b"".join(upper_levels(b"".join(nodes)))
    return bytes(tree.memory[HEAD.size + tree.leaves * RECORD.size :]) == made


def proof(tree: Kept, holder: int) -> Proof | None:
    """Return a holder's proof, None where the tree has no such holder."""
    salt = mac(tree.secret)
    first = _place(tree, salt, holder, 0)
    if first is None:
        return None
    _, _, parts, *amounts = tree.record(first)
    places = [first, *(_place(tree, salt, holder, part) for part in range(1, parts))]
    found = tuple(_leaf(tree, salt, place) for place in places if place is not None)
    ensure(len(found) == parts, f"a tree of liabilities lacks a part of holder {holder}")
    return Proof(holder, tree.nonce, Owed(*amounts), found)


def _place(tree: Kept, salt: Mac, holder: int, part: int) -> int | None:
    """Return where a holder's leaf stands: leaves are sorted by their salts, which are made again on the way."""
    wanted = salt(SALTED.pack(holder, part))
    low, high = 0, tree.leaves
    while low < high:
        middle = (low + high) // 2
        if salt(SALTED.pack(*tree.record(middle)[:2])) < wanted:
            low = middle + 1
        else:
            high = middle
    return low if low < tree.leaves and tree.record(low)[:2] == (holder, part) else None


def _leaf(tree: Kept, salt: Mac, place: int) -> Leaf:
    """Return a leaf with the nodes beside its way: in its block made again, above it as kept."""
    start = place // BLOCK * BLOCK
    level = _block(tree, salt, start)
    steps, inside = [], place - start
    for _ in range(BLOCK_LEVELS):
        beside = (inside ^ 1) * NODE_BYTES
        steps.append(_step(level[beside : beside + NODE_BYTES]))
        level, inside = folded(level), inside >> 1
    above = place // BLOCK
    for height in range(len(level_sizes(tree.leaves)) - 1):
        steps.append(_step(tree.node(height, above ^ 1)))
        above >>= 1
    holder, part, parts, *amounts = tree.record(place)
    fen = leaf_fen(sum(amounts), part, parts)
    return Leaf(place, salt(SALTED.pack(holder, part)), fen, tuple(steps))


def _block(tree: Kept, salt: Mac, start: int) -> bytes:
    """Return the nodes of a block's leaves, made again."""
    first = HEAD.size + start * RECORD.size
    block = bytes(tree.memory[first : first + BLOCK * RECORD.size])
    records = [block[at : at + RECORD.size] for at in range(0, len(block), RECORD.size)]
    _, level = leaves(b"".join(salt(SALTED.pack(*RECORD.unpack(each)[:2])) + each for each in records), tree.nonce)
    return level


def _step(node: bytes) -> Step:
    return Step(node[:HASH_BYTES], int.from_bytes(node[HASH_BYTES:], "big"))
