"""Building a Merkle-sum tree over packed bytes: millions of holders in little memory, each step a function of bytes.

What is owed comes in packed (OWED), is split and salted into 256 buckets by the first byte of the salt (`scattered`),
each bucket sorted by its salts gives a run of leaves (`leaves`), and nodes are folded level by level (`folded`). The
leaves of all buckets, one after the other, are the tree's: shuffled by salts that only the secret foretells.

A tree always has a multiple of BLOCK leaves: what is missing, and at least one, is filled with leaves of nothing that
look like any other. Only nodes from the level above the blocks on are kept; those below are made again when asked for.
"""

import hashlib
from collections.abc import Iterator
from struct import Struct

from greenloop.core.faults import breach, ensure
from greenloop.core.trust.liabilities import (
    BOUND,
    EMPTY,
    HASH_BYTES,
    INNER,
    LEAF,
    NODE_BYTES,
    PART_FEN_MAX,
    PARTS_MAX,
    SALTED,
    SUM_FEN_MAX,
    mac,
    part_fen,
    parts_of,
)

OWED = Struct(">QQQQQ")
"""What is owed to one holder: its number, then fen: claimable, unspent, coupons, dues."""
RECORD = Struct(">QHHQQQQ")
"""A leaf as it is kept: holder (0 for a filler), part, of how many, and all that is owed to the holder, as in OWED."""
ENTRY_BYTES = HASH_BYTES + RECORD.size
BLOCK = 64
BLOCK_LEVELS = 6
BUCKETS = 256
FILLER = 0
"""The number that no holder has."""
_SUMS = Struct(">32xQ32xQ")


def scattered(owed: bytes, secret: bytes) -> list[bytes]:
    """Return the entries (salt, record) of packed holders, by bucket.

    :raises Breach: what is owed to a holder is more than any sum can be, or the holder has the fillers' number.
    """
    salt, named, pack = mac(secret), SALTED.pack, RECORD.pack
    found: list[list[bytes]] = [[] for _ in range(BUCKETS)]
    for holder, claimable, unspent, coupons, dues in OWED.iter_unpack(owed):
        amount_fen = claimable + unspent + coupons + dues
        if amount_fen > SUM_FEN_MAX or holder == FILLER:
            breach(f"holder {holder} can't be owed {amount_fen} fen")
        parts = parts_of(amount_fen) if amount_fen > PART_FEN_MAX else 1
        for part in range(parts):
            salted = salt(named(holder, part))
            found[salted[0]].append(salted + pack(holder, part, parts, claimable, unspent, coupons, dues))
    return [b"".join(each) for each in found]


def fillers(leaves: int, secret: bytes) -> list[bytes]:
    """Return the entries, each with its bucket's number as the first byte of its salt, that fill a tree of `leaves`."""
    salt = mac(secret)
    return [
        salt(SALTED.pack(FILLER, number)) + RECORD.pack(FILLER, number, 0, 0, 0, 0, 0)
        for number in range(BLOCK - leaves % BLOCK)
    ]


def leaves(bucket: bytes, nonce: bytes) -> tuple[bytes, bytes]:
    """Return a bucket's leaves in the order of their salts: their records, and their nodes (hash, sum)."""
    entries = sorted([bucket[first : first + ENTRY_BYTES] for first in range(0, len(bucket), ENTRY_BYTES)])
    bind, named, sha256, unpack = mac(nonce), BOUND.pack, hashlib.sha256, RECORD.unpack_from
    nodes: list[bytes] = []
    for entry in entries:
        holder, part, parts, claimable, unspent, coupons, dues = unpack(entry, HASH_BYTES)
        fen = claimable + unspent + coupons + dues
        amount = (fen if parts == 1 else leaf_fen(fen, part, parts)).to_bytes(8, "big")
        hashed = sha256(LEAF + entry[:HASH_BYTES] + bind(named(holder, part, parts)) + amount).digest()
        nodes.append(hashed + amount)
    return b"".join([entry[HASH_BYTES:] for entry in entries]), b"".join(nodes)


def leaf_fen(amount_fen: int, part: int, parts: int) -> int:
    """Return what one leaf stands for; a filler, which is part of none, stands for nothing."""
    return part_fen(amount_fen, part, parts) if parts else 0


def folded(nodes: bytes, levels: int = 1) -> bytes:
    """Return the nodes `levels` levels up; an odd level is filled up by EMPTY.

    :raises Breach: a sum is more than any sum can be.
    """
    sha256 = hashlib.sha256
    for _ in range(levels):
        if len(nodes) // NODE_BYTES % 2:
            nodes += EMPTY
        above: list[bytes] = []
        for first, (left_fen, right_fen) in zip(
            range(0, len(nodes), 2 * NODE_BYTES), _SUMS.iter_unpack(nodes), strict=True
        ):
            if left_fen + right_fen > SUM_FEN_MAX:
                breach(f"a node of the tree of liabilities would be {left_fen + right_fen} fen")
            hashed = sha256(INNER + nodes[first : first + 2 * NODE_BYTES]).digest()
            above.append(hashed + (left_fen + right_fen).to_bytes(8, "big"))
        nodes = b"".join(above)
    return nodes


def upper_levels(blocks: bytes) -> Iterator[bytes]:
    """Yield the levels from the blocks' tops up to the root's, which has one node."""
    yield blocks
    while len(blocks) > NODE_BYTES:
        blocks = folded(blocks)
        yield blocks


def level_sizes(leaves: int) -> list[int]:
    """Return the number of nodes of each kept level of a tree, lowest first."""
    sizes = [leaves // BLOCK]
    while sizes[-1] > 1:
        sizes.append((sizes[-1] + 1) // 2)
    return sizes


ensure(PARTS_MAX < 2**16 and BLOCK == 2**BLOCK_LEVELS, "a record holds a part's number, and a block is a whole tree")
