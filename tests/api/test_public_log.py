"""The public log over the API: leaves in their order, and proofs that whoever asked can follow by themselves."""

import pytest

from greenloop.core.trust.checkpoint import read_key, read_note
from greenloop.core.trust.log import consistent, included, leaf_hash
from greenloop.services.trust.log.keeping import sign_log
from greenloop.store.signer import signed_by
from tests.support.calling import Caller, till_of
from tests.support.town import Town


@pytest.fixture
def till(town: Town) -> Caller:
    """Give a till that may read what is published, once two cycles are settled and signed."""
    town.sell("mei", "grocer", 100_000)
    for cycle in (1, 2):
        town.close(cycle)
        sign_log(at=town.at)
    return till_of("grocer")


def test_the_newest_checkpoint_is_signed_by_the_key_beside_it(till: Caller) -> None:
    told = till.get("/v1/log/checkpoint").json
    note = read_note(told["note"])
    assert (note.checkpoint.size, note.checkpoint.root.hex(), note.checkpoint.origin) == (
        *(told["size"], told["root"], told["origin"]),
    )
    assert signed_by(note, [read_key(told["key"])])


def test_leaves_come_page_by_page_oldest_first_with_the_text_that_was_hashed(till: Caller) -> None:
    found, cursor = [], ""
    while True:
        one = till.get(f"/v1/log/leaves?limit=2{cursor}").json
        found += one["items"]
        if one["next_cursor"] is None:
            break
        cursor = f"&cursor={one['next_cursor']}"
    assert [leaf["number"] for leaf in found] == list(range(5))
    assert [leaf["kind"] for leaf in found] == ["rules", *["settlement"] * 4]
    assert all(leaf_hash(leaf["body"].encode()).hex() == leaf["hash"] for leaf in found)
    assert till.get("/v1/log/leaves?cursor=x").code == "cursor.unreadable"


def test_a_leaf_is_proved_to_be_in_what_was_signed(till: Caller) -> None:
    signed = till.get("/v1/log/checkpoint").json
    for leaf in till.get("/v1/log/leaves").json["items"]:
        told = till.get(f"/v1/log/proofs/inclusion?leaf={leaf['number']}").json
        assert (told["size"], told["root"], told["hash"]) == (signed["size"], signed["root"], leaf["hash"])
        assert included(
            leaf=bytes.fromhex(leaf["hash"]),
            number=told["leaf"],
            size=told["size"],
            path=[bytes.fromhex(each) for each in told["path"]],
            root=bytes.fromhex(signed["root"]),
        )


def test_an_earlier_size_is_proved_to_have_only_grown(till: Caller) -> None:
    told = till.get("/v1/log/proofs/consistency?earlier=3").json
    assert (told["earlier"], told["size"]) == (3, 5)
    assert consistent(
        earlier=3,
        earlier_root=bytes.fromhex(told["earlier_root"]),
        size=5,
        root=bytes.fromhex(till.get("/v1/log/checkpoint").json["root"]),
        path=[bytes.fromhex(each) for each in told["path"]],
    )
    assert till.get("/v1/log/proofs/consistency?earlier=3&size=3").json["path"] == []


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("inclusion?leaf=5", "leaf"),
        ("inclusion?leaf=0&size=6", "size"),
        ("inclusion?leaf=-1", "leaf"),
        ("inclusion", "leaf"),
        ("inclusion?leaf=0&size=0", "size"),
        ("consistency?earlier=6", "earlier"),
        ("consistency?earlier=0", "earlier"),
        ("consistency?earlier=1&size=99999999999999999999", "size"),
    ],
)
def test_a_proof_of_what_is_not_there_is_refused(till: Caller, path: str, field: str) -> None:
    answer = till.get(f"/v1/log/proofs/{path}")
    assert answer.status == 422
    assert answer.json["field"] == field


def test_nothing_is_proved_before_anything_is_signed(town: Town) -> None:
    del town
    till = till_of("grocer")
    for path in ("checkpoint", "proofs/inclusion?leaf=0", "proofs/consistency?earlier=1"):
        answer = till.get(f"/v1/log/{path}")
        assert (answer.status, answer.code) == (404, "log.unsigned")
