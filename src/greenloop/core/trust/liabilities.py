"""Proof of liabilities: the hashes of a Merkle-sum tree, and the check of one holder's place in it (settlement.md).

All that is owed to holders is one tree of hashes whose every node also carries the sum below it. The platform
publishes the hash and the sum at the top; a holder recomputes the way from its own leaf to the top and so knows that
its amount is in that sum. Each child's sum goes into the hash above it: Maxwell's first form, which hashes only the two
together, lets an amount vanish (Chalkias, Chatzigiannis, Ji: "Broken proofs of solvency in blockchain custodial wallets
and exchanges").

Encodings, all numbers big-endian and unsigned, all hashes SHA-256:

    salt    = HMAC(secret, holder 8 bytes | part 4 bytes)
    binding = HMAC(nonce, holder 8 bytes | part 4 bytes | parts 4 bytes)
    leaf    = H(0x00 | salt 32 bytes | binding 32 bytes | amount 8 bytes)
    node    = H(0x01 | left hash 32 bytes | left sum 8 bytes | right hash 32 bytes | right sum 8 bytes)

`secret` and `nonce` are drawn for one root. A holder learns the nonce and its own leaves' salts, never the secret.
A large balance is several leaves; which of how many a leaf is goes into its binding, so none counts for two holders or
twice. A level with an odd number of nodes is filled up by EMPTY, so every leaf is equally far from the top.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hmac import compare_digest
from struct import Struct

from greenloop.core.faults import Refusal, say
from greenloop.core.money import ceil_div

SUM_FEN_MAX = 2**53 - 1
"""The largest sum of a node: what a browser reads from JSON to the fen. 90 million million yuan."""
PART_FEN_MAX = 1_000_000
"""A balance above 10 000 yuan is split: the holder next to a leaf sees its sum, and shouldn't see whose is large."""
PARTS_MAX = 64
"""Into so many leaves at most; those of a very large balance are larger."""
HASH_BYTES, NODE_BYTES = 32, 40
LEAF, INNER = b"\x00", b"\x01"
EMPTY = bytes(NODE_BYTES)
"""What stands beside the last node of an odd level: no hash that anything has, and nothing owed."""

Mac = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Root:
    """What is published of a tree: the hash and the sum (fen) of its top, and its number of leaves.

    `nonce_hash` is the SHA-256 of the nonce that the holders' bindings are made with.
    """

    hash: bytes
    total_fen: int
    leaves: int
    nonce_hash: bytes

    @property
    def depth(self) -> int:
        """Return how many nodes stand between a leaf and the top, the top included."""
        return (self.leaves - 1).bit_length()


@dataclass(frozen=True, slots=True)
class Step:
    """The node beside one's own on the way to the top, with the sum below it in fen."""

    hash: bytes
    sum_fen: int


@dataclass(frozen=True, slots=True)
class Leaf:
    """One leaf of a holder's amount: its place from 0, its salt, its fen, the nodes beside its way, lowest first."""

    index: int
    salt: bytes
    amount_fen: int
    path: tuple[Step, ...]


def mac(key: bytes) -> Mac:
    """Return HMAC-SHA256 under a key of 64 bytes at most (RFC 2104); its pads are hashed once, for all calls."""
    begin_inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key.ljust(64, b"\0"))).copy
    begin_outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key.ljust(64, b"\0"))).copy

    def of(message: bytes) -> bytes:
        inner, outer = begin_inner(), begin_outer()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()

    return of


SALTED = Struct(">QI")
"""What a salt is the HMAC of: the holder, the part."""
BOUND = Struct(">QII")
"""What a binding is the HMAC of: the holder, the part, of how many."""


def leaf_hash(salted: bytes, bound: bytes, amount_fen: int) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(LEAF + salted + bound + amount_fen.to_bytes(8, "big")).digest()


def node_bytes(hashed: bytes, sum_fen: int) -> bytes:
    """Return a node as the hash above it takes it."""
    return hashed + sum_fen.to_bytes(8, "big")


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash over two nodes, each with its sum."""
    return hashlib.sha256(INNER + left + right).digest()


def parts_of(amount_fen: int) -> int:
    """Return into how many leaves an amount is split, at least one."""
    return min(PARTS_MAX, max(1, ceil_div(amount_fen, PART_FEN_MAX)))


def part_fen(amount_fen: int, part: int, parts: int) -> int:
    """Return one part of an amount; the first parts take a fen more each where it doesn't divide."""
    return amount_fen // parts + (part < amount_fen % parts)


def included_fen(root: Root, *, holder: int, nonce: bytes, leaves: Sequence[Leaf]) -> int:
    """Check a holder's leaves, in the order of the parts, against a published root; return the amount they add up to.

    Every sum on the way has to be an amount from 0 to SUM_FEN_MAX, at every level.

    :raises Refusal: something in the proof isn't what the root was made of.
    """
    if not leaves or len(leaves) > PARTS_MAX:
        raise Refusal("proof.leaves", say("The proof has no leaves, or more than a balance may have."), field="leaves")
    if not compare_digest(hashlib.sha256(nonce).digest(), root.nonce_hash):
        raise Refusal("proof.nonce", say("The proof's nonce isn't the one that was published."), field="nonce")
    bind = mac(nonce)
    for part, leaf in enumerate(leaves):
        _check_shape(root, leaf)
        bound = bind(BOUND.pack(holder, part, len(leaves)))
        top, total_fen = _climbed(leaf, leaf_hash(leaf.salt, bound, leaf.amount_fen))
        if top != root.hash or total_fen != root.total_fen:
            message = say("The proof leads to another root or another total than what was published.")
            raise Refusal("proof.root", message, field="path")
    return _amount(sum(leaf.amount_fen for leaf in leaves))


def _check_shape(root: Root, leaf: Leaf) -> None:
    if not 0 <= leaf.index < root.leaves or len(leaf.path) != root.depth or len(leaf.salt) != HASH_BYTES:
        raise Refusal(
            "proof.place", say("The proof names a place that the published tree doesn't have."), field="index"
        )
    if any(len(step.hash) != HASH_BYTES for step in leaf.path):
        raise Refusal("proof.hash", say("A hash of the proof isn't 32 bytes long."), field="path")


def _climbed(leaf: Leaf, hashed: bytes) -> tuple[bytes, int]:
    """Return the hash and the sum at the top of a leaf's way."""
    sum_fen, place = _amount(leaf.amount_fen), leaf.index
    for step in leaf.path:
        own, other = node_bytes(hashed, sum_fen), node_bytes(step.hash, _amount(step.sum_fen))
        hashed = node_hash(other, own) if place & 1 else node_hash(own, other)
        sum_fen, place = _amount(sum_fen + step.sum_fen), place >> 1
    return hashed, sum_fen


def _amount(fen: int) -> int:
    if not 0 <= fen <= SUM_FEN_MAX:
        message = say("A sum of the proof is negative, or larger than any sum can be.")
        raise Refusal("proof.sum", message, field="sum_fen", sum_fen=fen)
    return fen
