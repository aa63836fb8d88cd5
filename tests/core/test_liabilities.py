"""Proof of liabilities: every holder finds its amount in the published sum, and no cheat that is known passes."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenloop.core.faults import Breach, Refusal
from greenloop.core.trust import liabilities, liability_tree
from greenloop.core.trust.liabilities import (
    BOUND,
    EMPTY,
    NODE_BYTES,
    PART_FEN_MAX,
    PARTS_MAX,
    SUM_FEN_MAX,
    Leaf,
    Root,
    Step,
    included_fen,
)
from greenloop.core.trust.liability_tree import BLOCK, BUCKETS, FILLER, OWED, RECORD, folded

SECRET, NONCE = b"s" * 32, b"n" * 32
Holders = dict[int, tuple[int, int, int, int]]


@dataclass(frozen=True, slots=True)
class Tree:
    """A whole tree in memory: its records and all its levels, the leaves' first."""

    records: list[tuple[int, ...]]
    levels: list[bytes]

    @property
    def root(self) -> Root:
        top = self.levels[-1]
        nonce_hash = hashlib.sha256(NONCE).digest()
        return Root(top[:32], int.from_bytes(top[32:], "big"), len(self.records), nonce_hash)

    def leaf(self, index: int) -> Leaf:
        holder, part, parts, *owed = self.records[index]
        salt = hmac.digest(SECRET, holder.to_bytes(8, "big") + part.to_bytes(4, "big"), "sha256")
        return Leaf(index, salt, liability_tree.leaf_fen(sum(owed), part, parts), self.path(index))

    def path(self, index: int) -> tuple[Step, ...]:
        steps = []
        for height, level in enumerate(self.levels[:-1]):
            first = (index >> height ^ 1) * NODE_BYTES
            node = level[first : first + NODE_BYTES] or EMPTY
            steps.append(Step(node[:32], int.from_bytes(node[32:], "big")))
        return tuple(steps)

    def of(self, holder: int) -> list[Leaf]:
        """The holder's leaves, in the order of the parts."""
        places = sorted((row[1], place) for place, row in enumerate(self.records) if row[0] == holder)
        return [self.leaf(place) for _, place in places]


def tree(holders: Holders) -> Tree:
    owed = b"".join(OWED.pack(holder, *amounts) for holder, amounts in holders.items())
    buckets = liability_tree.scattered(owed, SECRET)
    count = sum(map(len, buckets)) // liability_tree.ENTRY_BYTES
    for entry in liability_tree.fillers(count, SECRET):
        buckets[entry[0]] += entry
    found = [liability_tree.leaves(bucket, NONCE) for bucket in buckets]
    levels = [b"".join(nodes for _, nodes in found)]
    while len(levels[-1]) > NODE_BYTES:
        levels.append(folded(levels[-1]))
    return Tree(list(RECORD.iter_unpack(b"".join(records for records, _ in found))), levels)


amounts = st.integers(0, 3 * PART_FEN_MAX) | st.integers(0, 300)
economies = st.dictionaries(
    st.integers(1, 2**63 - 1), st.tuples(amounts, amounts, amounts, amounts), min_size=1, max_size=80
)
THREE: Holders = {7: (100, 20, 3, 0), 8: (0, 0, 0, 5_000_000), 9: (0, 0, 0, 0)}


def test_a_tree_by_hand() -> None:
    """One node over two leaves: the hashes, byte for byte as settlement.md writes them."""
    salts, amounts_fen = (b"a" * 32, b"b" * 32), (300, 45)
    bound = [hmac.digest(NONCE, h.to_bytes(8, "big") + bytes(4) + bytes(3) + b"\x01", "sha256") for h in (7, 8)]
    hashed = [
        hashlib.sha256(b"\x00" + salt + by + fen.to_bytes(8, "big")).digest()
        for salt, by, fen in zip(salts, bound, amounts_fen, strict=True)
    ]
    sums = [fen.to_bytes(8, "big") for fen in amounts_fen]
    top = hashlib.sha256(b"\x01" + hashed[0] + sums[0] + hashed[1] + sums[1]).digest()
    root = Root(top, 345, 2, hashlib.sha256(NONCE).digest())
    first = Leaf(0, salts[0], 300, (Step(hashed[1], 45),))
    second = Leaf(1, salts[1], 45, (Step(hashed[0], 300),))
    assert included_fen(root, holder=7, nonce=NONCE, leaves=[first]) == 300
    assert included_fen(root, holder=8, nonce=NONCE, leaves=[second]) == 45
    with pytest.raises(Refusal):
        included_fen(root, holder=8, nonce=NONCE, leaves=[first])


def test_hmac_is_the_standards_own() -> None:
    for key in (b"", b"key", b"k" * 64):
        for message in (b"", b"what do ya want for nothing?", b"x" * 200):
            assert liabilities.mac(key)(message) == hmac.digest(key, message, "sha256")
    assert BOUND.pack(1, 2, 3) == bytes.fromhex("00000000000000010000000200000003")


@given(economies)
def test_every_holder_finds_exactly_its_amount_and_the_total_is_their_sum(holders: Holders) -> None:
    made = tree(holders)
    assert made.root.total_fen == sum(map(sum, holders.values()))
    assert made.root.leaves % BLOCK == 0
    for holder, owed in holders.items():
        leaves = made.of(holder)
        assert included_fen(made.root, holder=holder, nonce=NONCE, leaves=leaves) == sum(owed)
        assert all(leaf.amount_fen <= PART_FEN_MAX for leaf in leaves) or sum(owed) > PART_FEN_MAX * PARTS_MAX
        assert max(leaf.amount_fen for leaf in leaves) - min(leaf.amount_fen for leaf in leaves) <= 1


@given(economies, st.data())
def test_no_change_of_a_proof_passes(holders: Holders, data: st.DataObject) -> None:
    """Any byte, any sum, any place: whatever is changed, the proof no longer leads to the root."""
    made = tree(holders)
    holder = data.draw(st.sampled_from(sorted(holders)))
    leaves = made.of(holder)
    part = data.draw(st.integers(0, len(leaves) - 1))
    cheat = data.draw(
        st.sampled_from(["amount", "index", "salt", "sum", "hash", "shorter", "longer", "nonce", "fewer"])
    )
    leaf, nonce, height = leaves[part], NONCE, data.draw(st.integers(0, made.root.depth - 1))
    step, other = leaf.path[height], data.draw(st.integers(1, 10**6))
    turned = bytes([step.hash[0] ^ 1]) + step.hash[1:]
    if cheat in {"sum", "hash"}:
        changed = replace(step, sum_fen=step.sum_fen + other) if cheat == "sum" else replace(step, hash=turned)
        leaf = replace(leaf, path=(*leaf.path[:height], changed, *leaf.path[height + 1 :]))
    leaf = {
        "amount": replace(leaf, amount_fen=leaf.amount_fen + other),
        "index": replace(leaf, index=(leaf.index + other) % made.root.leaves if other % made.root.leaves else -1),
        "salt": replace(leaf, salt=bytes([leaf.salt[0] ^ 1]) + leaf.salt[1:]),
        "shorter": replace(leaf, path=leaf.path[1:]),
        "longer": replace(leaf, path=(*leaf.path, Step(bytes(32), 0))),
    }.get(cheat, leaf)
    nonce = b"m" * 32 if cheat == "nonce" else nonce
    told = [*leaves[:part], leaf, *leaves[part + 1 :]][: -1 if cheat == "fewer" else None]
    with pytest.raises(Refusal):
        included_fen(made.root, holder=holder, nonce=nonce, leaves=told)


def test_one_leaf_can_not_be_shown_to_two_holders_with_the_same_amount() -> None:
    made = tree({7: (100, 0, 0, 0), 8: (100, 0, 0, 0)})
    assert included_fen(made.root, holder=7, nonce=NONCE, leaves=made.of(7)) == 100
    with pytest.raises(Refusal, match="another root"):
        included_fen(made.root, holder=8, nonce=NONCE, leaves=made.of(7))


def test_one_part_of_a_large_balance_can_not_be_shown_twice() -> None:
    made = tree(THREE)
    leaves = made.of(8)
    assert [leaf.amount_fen for leaf in leaves] == [1_000_000] * 5
    with pytest.raises(Refusal, match="another root"):
        included_fen(made.root, holder=8, nonce=NONCE, leaves=[*leaves[:4], leaves[0]])


def test_a_fen_that_does_not_divide_goes_to_the_first_parts() -> None:
    parts = liabilities.parts_of(5_000_003)
    assert [liabilities.part_fen(5_000_003, part, parts) for part in range(parts)] == [833_334] * 5 + [833_333]


def test_an_inner_node_can_not_be_passed_off_as_a_leaf() -> None:
    made = tree(THREE)
    leaf = made.of(7)[0]
    above = replace(leaf, index=leaf.index >> 1, path=leaf.path[1:])
    smaller = replace(made.root, leaves=made.root.leaves // 2)
    with pytest.raises(Refusal):
        included_fen(smaller, holder=7, nonce=NONCE, leaves=[above])


def test_a_negative_sum_beside_the_way_is_refused_though_the_hashes_would_fit() -> None:
    """The platform owes 300 and 100, and hides 90 by a third leaf of minus 90; no level lets that through."""
    mine = Leaf(0, b"a" * 32, 300, (Step(b"b" * 32, -90),))
    root = Root(b"r" * 32, 210, 2, hashlib.sha256(NONCE).digest())
    with pytest.raises(Refusal, match="negative"):
        included_fen(root, holder=7, nonce=NONCE, leaves=[mine])


@pytest.mark.parametrize("beside_fen", [SUM_FEN_MAX, 2**63, 2**64 - 1, 2**64])
def test_sums_that_overflow_are_refused_at_the_level_where_they_do(beside_fen: int) -> None:
    mine = Leaf(0, b"a" * 32, 300, (Step(b"b" * 32, beside_fen),))
    root = Root(b"r" * 32, (300 + beside_fen) % 2**64, 2, hashlib.sha256(NONCE).digest())
    with pytest.raises(Refusal, match="larger than any sum"):
        included_fen(root, holder=7, nonce=NONCE, leaves=[mine])


def test_building_stops_at_a_sum_that_no_proof_could_carry() -> None:
    with pytest.raises(Breach):
        tree({7: (SUM_FEN_MAX, 0, 0, 0), 8: (1, 0, 0, 0)})
    with pytest.raises(Breach):
        tree({7: (SUM_FEN_MAX, 1, 0, 0)})
    with pytest.raises(Breach):
        tree({FILLER: (1, 0, 0, 0)})


def test_without_the_childrens_sums_in_the_hash_an_amount_vanishes_and_with_them_it_does_not() -> None:
    """Maxwell's first form hashes left and right and only their total, and each proof tells its sibling's sum.

    Three members are owed 100 each. The platform tells each pair's members another sum for the node beside them, so all
    three proofs lead to one root of 200. In our form the same three proofs lead to three roots.
    """

    def broken(left: bytes, right: bytes, total_fen: int) -> bytes:
        return hashlib.sha256(b"\x01" + left + right + total_fen.to_bytes(8, "big")).digest()

    one, two, three = (hashlib.sha256(bytes([number])).digest() for number in (1, 2, 3))
    pair = broken(one, two, 100)
    top = broken(pair, three, 200)
    # Each of the first two is told that its sibling is owed nothing; the third, that the pair is owed 100.
    assert broken(broken(one, two, 100 + 0), three, 100 + 100) == top
    assert broken(broken(one, two, 0 + 100), three, 100 + 100) == top
    assert broken(pair, three, 100 + 100) == top

    def ours(left: tuple[bytes, int], right: tuple[bytes, int]) -> bytes:
        return liabilities.node_hash(liabilities.node_bytes(*left), liabilities.node_bytes(*right))

    first, second = ours((one, 100), (two, 0)), ours((one, 0), (two, 100))
    assert first != second
    assert ours((first, 100), (three, 100)) != ours((second, 100), (three, 100))


def test_leaves_stand_where_their_salts_put_them_and_their_order_tells_nothing() -> None:
    made = tree({number: (number, 0, 0, 0) for number in range(1, 400)})
    order = [row[0] for row in made.records if row[0] != FILLER]
    assert order != sorted(order)
    assert [made.leaf(place).salt for place in range(len(made.records))] == sorted(
        made.leaf(place).salt for place in range(len(made.records))
    )
    assert tree(dict(reversed(list({n: (n, 0, 0, 0) for n in range(1, 400)}.items())))).root == made.root


@given(st.integers(0, 200))
def test_a_tree_is_filled_up_with_leaves_of_nothing(count: int) -> None:
    made = tree(dict.fromkeys(range(1, count + 1), (5, 0, 0, 0)))
    empty = [row for row in made.records if row[0] == FILLER]
    assert 1 <= len(empty) <= BLOCK
    assert made.root.leaves == len(made.records) == count + len(empty)
    assert made.root.total_fen == 5 * count


@pytest.mark.parametrize("leaves", [64, 128, 192, 320, 640])
def test_the_kept_levels_are_those_of_the_whole_tree(leaves: int) -> None:
    made = tree({number: (number, 0, 0, 0) for number in range(1, leaves)})
    blocks = folded(made.levels[0], liability_tree.BLOCK_LEVELS)
    kept = list(liability_tree.upper_levels(blocks))
    assert kept == made.levels[liability_tree.BLOCK_LEVELS :]
    assert [len(level) // NODE_BYTES for level in kept] == liability_tree.level_sizes(leaves)


def test_what_isnt_a_proof_at_all_is_refused() -> None:
    made = tree(THREE)
    leaf = made.of(7)[0]
    short: Sequence[Leaf] = [replace(leaf, path=(Step(b"short", 1), *leaf.path[1:]))]
    for told in ([], [leaf] * (PARTS_MAX + 1), [replace(leaf, salt=b"")], [replace(leaf, index=-1)], short):
        with pytest.raises(Refusal):
            included_fen(made.root, holder=7, nonce=NONCE, leaves=told)
    assert BUCKETS == 256
