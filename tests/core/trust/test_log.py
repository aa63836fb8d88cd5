"""The tree of RFC 6962: the vectors that implementations of it share, and its laws against the RFC's own recursion."""

from functools import partial
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenloop.core.trust import log
from greenloop.core.trust.log import Frontier

LEAVES = [
    bytes.fromhex(each)
    for each in (
        *("", "00", "10", "2021", "3031", "40414243", "5051525354555657"),
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
"""The roots over the first 0 to 8 of those leaves."""
A = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
B = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
C = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
D = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
E = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
F = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
INCLUDED = {
    (0, 1): (),
    (0, 8): (A, B, C),
    (5, 8): (D, E, ROOTS[4]),
    (2, 3): (ROOTS[2],),
    (1, 5): (ROOTS[1], B, D),
}
CONSISTENT = {(1, 1): (), (1, 8): (A, B, C), (6, 8): (F, E, ROOTS[4]), (2, 5): (B, D)}

logs = st.lists(st.binary(max_size=8), min_size=1, max_size=70, unique=True)


def hashes(bodies: list[bytes]) -> list[bytes]:
    return [log.leaf_hash(body) for body in bodies]


def mth(bodies: list[bytes]) -> bytes:
    """Return the RFC's MTH(D_n), as it is written there."""
    if len(bodies) == 0:
        return sha256(b"").digest()
    if len(bodies) == 1:
        return sha256(b"\x00" + bodies[0]).digest()
    half = 1
    while half * 2 < len(bodies):
        half *= 2
    return sha256(b"\x01" + mth(bodies[:half]) + mth(bodies[half:])).digest()


def kept(bodies: list[bytes]) -> dict[int, bytes]:
    """Return every complete subtree by place, leaves among them, as a store would keep them."""
    leaves = hashes(bodies)
    return {log.place(0, number): leaf for number, leaf in enumerate(leaves)} | Frontier().grown(leaves)[1]


def inclusion(bodies: list[bytes], number: int, size: int) -> list[bytes]:
    return log.proof(log.inclusion_ranges(number, size), kept(bodies))


def consistency(bodies: list[bytes], earlier: int, size: int) -> list[bytes]:
    return log.proof(log.consistency_ranges(earlier, size), kept(bodies))


@pytest.mark.parametrize("size", range(9))
def test_the_known_leaves_have_the_known_roots(size: int) -> None:
    assert log.root_of(hashes(LEAVES[:size])).hex() == ROOTS[size]


@pytest.mark.parametrize("asked", INCLUDED)
def test_the_known_inclusion_proofs_come_out(asked: tuple[int, int]) -> None:
    assert tuple(each.hex() for each in inclusion(LEAVES, *asked)) == INCLUDED[asked]


@pytest.mark.parametrize("asked", CONSISTENT)
def test_the_known_consistency_proofs_come_out(asked: tuple[int, int]) -> None:
    assert tuple(each.hex() for each in consistency(LEAVES, *asked)) == CONSISTENT[asked]


@given(bodies=logs, cut=st.integers(0, 70))
def test_a_log_that_grows_in_two_steps_is_the_one_of_the_rfc(bodies: list[bytes], cut: int) -> None:
    half, _ = Frontier().grown(hashes(bodies[:cut]))
    assert half.root == mth(bodies[:cut])
    whole, _ = half.grown(hashes(bodies[cut:]))
    assert (whole.size, whole.root) == (len(bodies), mth(bodies))
    assert len(whole.hashes) == len(bodies).bit_count()


@given(bodies=logs)
def test_a_frontier_is_read_back_from_the_subtrees_that_were_kept(bodies: list[bytes]) -> None:
    whole, _ = Frontier().grown(hashes(bodies))
    places = log.cover((0, len(bodies)))
    assert tuple(kept(bodies)[each] for each in places) == whole.hashes


@given(bodies=logs)
def test_no_two_subtrees_are_kept_at_one_place(bodies: list[bytes]) -> None:
    count = len(bodies)
    # Leaves and all complete pairs, fours, eights …
    assert len(kept(bodies)) == sum(count >> level for level in range(count.bit_length()))


@given(bodies=logs, data=st.data())
def test_every_leaf_is_shown_to_be_where_it_is_and_nowhere_else(bodies: list[bytes], data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(bodies)))
    number, other = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size - 1))
    path, root, leaf = inclusion(bodies, number, size), mth(bodies[:size]), log.leaf_hash(bodies[number])
    assert log.included(leaf=leaf, number=number, size=size, path=path, root=root)
    assert len(path) <= size.bit_length()
    if other != number:
        assert not log.included(leaf=leaf, number=other, size=size, path=path, root=root)
    assert not log.included(leaf=log.leaf_hash(bodies[number] + b"!"), number=number, size=size, path=path, root=root)
    assert not log.included(leaf=leaf, number=number, size=size, path=[*path, leaf], root=root)
    assert not path or not log.included(leaf=leaf, number=number, size=size, path=path[:-1], root=root)
    assert not log.included(leaf=leaf, number=size, size=size, path=path, root=root)


@given(bodies=logs, data=st.data())
def test_growth_is_shown_and_nothing_but_growth(bodies: list[bytes], data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(bodies)))
    earlier = data.draw(st.integers(1, size))
    path = consistency(bodies, earlier, size)
    shown = partial(log.consistent, earlier=earlier, size=size, root=mth(bodies[:size]))
    assert shown(earlier_root=mth(bodies[:earlier]), path=path)
    assert len(path) <= size.bit_length() + 1
    changed = bodies[:earlier]
    at = data.draw(st.integers(0, earlier - 1))
    changed[at] += b"!"
    assert not shown(earlier_root=mth(changed), path=path)
    assert not shown(earlier_root=mth(bodies[:earlier]), path=[*path, mth(bodies)])
    assert not path or not shown(earlier_root=mth(bodies[:earlier]), path=path[1:])


def test_an_empty_log_is_before_every_other() -> None:
    root = mth(LEAVES)
    assert log.consistent(earlier=0, earlier_root=log.EMPTY, size=8, root=root, path=[])
    assert not log.consistent(earlier=0, earlier_root=root, size=8, root=root, path=[])
    assert not log.consistent(earlier=8, earlier_root=root, size=6, root=mth(LEAVES[:6]), path=[])
