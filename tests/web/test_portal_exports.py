"""Exports of the portal prove themselves: whatever is changed, left out, moved or brought from elsewhere is found."""

import hashlib
import json
import re
from typing import Any

import pytest
from django.test import Client

from greenloop.core.trust import canonical
from greenloop.insight.public_log import exports
from greenloop.insight.public_log.export_checking import check_export
from greenloop.services.trust.log.keeping import sign_log
from greenloop.services.trust.log.sealing import seal_journals
from greenloop.store.queries import seals
from tests.support.ledger import fetch
from tests.support.town import Town
from tests.support.visiting import file_of
from tests.web.staff import at_work


@pytest.fixture
def busy(town: Town) -> Town:
    """Give the town with two settled cycles, a draw, its journals sealed and its log signed."""
    town.sell("mei", "grocer", 100_000)
    town.sell("bo", "grocer", 60_000)
    town.close_all([1, 2])
    town.draw("mei")
    seal_journals(at=town.at)
    sign_log(at=town.at)
    return town


def taken(client: Client, name: str) -> tuple[bytes, str]:
    size = fetch("SELECT MAX(size) FROM log_checkpoint")[0][0]
    made = [file_of(client.get(f"/portal/exports/{name}-{size}.{kind}")) for kind in ("jsonl", "proof.json")]
    return made[0], made[1].decode()


@pytest.mark.parametrize("name", exports.NAMES)
def test_an_export_holds_under_its_checkpoint_and_a_changed_one_doesn_t(busy: Town, name: str) -> None:
    content, proof = taken(at_work("regulator"), name)
    found = check_export(content=content, proof=proof)
    assert (found.findings, found.rows) == ([], found.proved)
    assert found.rows > 0
    assert found.trusted
    changed = content.replace(b"1", b"2", 1)
    assert [each.code for each in check_export(content=changed, proof=proof).findings] == ["sha256"]
    # Whoever changes the file's hash as well is found by the line.
    assert forged(changed, proof) == ["line"]


def test_settlements_bring_the_answer_that_their_leaf_commits_to(busy: Town) -> None:
    content, proof = taken(at_work("auditor"), "settlements")
    lines = content.decode().splitlines()
    told = canonical.read(lines[0])
    told["answer"] += " "
    lines[0] = canonical.text_of(told)
    changed = "".join(f"{line}\n" for line in lines).encode()
    known = canonical.read(proof.removesuffix("\n"))
    fits = canonical.text_of({**known, "sha256": hashlib.sha256(changed).hexdigest()})
    found = check_export(content=changed, proof=fits)
    assert [(each.code, each.facts["line"]) for each in found.findings] == [("line", 1)]


def test_a_list_is_not_the_text_that_it_would_be_written_as(busy: Town) -> None:
    content, proof = taken(at_work("auditor"), "settlements")
    assert b'"indices":"[]"' in content
    assert forged(content.replace(b'"indices":"[]"', b'"indices":[]', 1), proof) == ["line"]


def forged(content: bytes, proof: str, **instead: Any) -> list[str]:
    """Return what is found where a file is another and its proof was made to fit it."""
    known = canonical.read(proof.removesuffix("\n"))
    fits = {**known, "sha256": hashlib.sha256(content).hexdigest(), **instead}
    return [each.code for each in check_export(content=content, proof=canonical.text_of(fits)).findings]


@pytest.mark.parametrize("name", exports.NAMES)
def test_a_last_line_without_an_end_is_a_line_that_nobody_has_proved(busy: Town, name: str) -> None:
    content, proof = taken(at_work("regulator"), name)
    told = canonical.read(proof.removesuffix("\n"))
    longer = content + b'{"leaf":"paid twice"}'
    assert forged(longer, proof) == ["rows"]
    assert forged(longer, proof, rows=told["rows"] + 1)[0] == ("seals" if name == "journals" else "line")
    assert forged(content, proof) == []


def test_leaves_of_another_kind_or_told_twice_are_found(busy: Town) -> None:
    content, proof = taken(at_work("regulator"), "settlements")
    told = canonical.read(proof.removesuffix("\n"))
    assert forged(content, proof, name="rules") == ["line"] * min(3, told["rows"])
    first = content.splitlines(keepends=True)[0]
    assert forged(first * 2, proof, rows=2, leaves=told["leaves"][:1] * 2) == ["line"]


def test_a_line_of_journals_that_says_more_or_nests_without_end_is_found(busy: Town) -> None:
    content, proof = taken(at_work("regulator"), "journals")
    lines = content.splitlines(keepends=True)
    more = lines[0].replace(b"{", b'{"approved":true,', 1) + b"".join(lines[1:])
    assert forged(more, proof) == ["line"]
    deep = b"[" * 100_000 + b"\n"
    for other in (deep, *(refit(lines[0], canonical=text) for text in ("[]", '""', "7", "[[[1,2,3]]]"))):
        assert forged(other + b"".join(lines[1:]), proof) == ["line"]


def test_bytes_that_are_no_text_are_not_taken_for_the_sign_that_readers_show_instead(busy: Town) -> None:
    busy.deposit("grocer", 100, no="\N{REPLACEMENT CHARACTER}")
    seal_journals(at=busy.at)
    sign_log(at=busy.at)
    content, proof = taken(at_work("regulator"), "journals")
    assert forged(content, proof) == []
    assert forged(content.replace("\N{REPLACEMENT CHARACTER}".encode(), b"\xff"), proof) == ["line"]


@pytest.fixture
def sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a seal hold two journals at most."""
    monkeypatch.setattr(seals, "JOURNALS_MAX", 2)


def refit(line: bytes, **instead: Any) -> bytes:
    """Return a line of a journal with something changed, and the fingerprint that fits it."""
    told = json.loads(line) | instead
    told["sha256"] = hashlib.sha256(told["canonical"].encode()).hexdigest()
    return canonical.text_of(told).encode() + b"\n"


@pytest.mark.usefixtures("sealed")
def test_journals_changed_left_out_moved_or_from_elsewhere_are_found(busy: Town) -> None:
    content, proof = taken(at_work("regulator"), "journals")
    lines, told = content.splitlines(keepends=True), canonical.read(proof.removesuffix("\n"))
    assert (len(told["seals"]), told["rows"]) == (-(-len(lines) // 2), len(lines))
    text = json.loads(lines[2])["canonical"]
    assert forged(
        b"".join([*lines[:2], refit(lines[2], canonical=text.replace("]]]", "],[]]]")), *lines[3:]]), proof
    ) == ["line"]
    dearer = refit(lines[2], canonical=re.sub(r"(\d+)\]\]\]$", lambda fen: f"{int(fen[1]) + 1}]]]", text))
    for changed in (
        [*lines[:2], dearer, *lines[3:]],  # another amount, and the fingerprint that fits it
        [*lines[:2], lines[3], lines[2], *lines[4:]],  # two that changed places
        [*lines[:2], lines[3], lines[3], *lines[4:]],  # one for another
    ):
        assert forged(b"".join(changed), proof) == ["seal"]
    fewer = b"".join([*lines[:2], *lines[3:]])
    assert forged(fewer, proof, rows=len(lines) - 1) == ["seals"]
    # A whole seal left out in the middle, with its leaf.
    without = {name: [*told[name][:1], *told[name][2:]] for name in ("leaves", "seals")}
    assert forged(b"".join([*lines[:2], *lines[4:]]), proof, rows=len(lines) - 2, **without) == ["seals"]
    # Leaves of settlements are no seals.
    _, other = taken(at_work("auditor"), "settlements")
    of_settlements = canonical.read(other.removesuffix("\n"))["leaves"][:1]
    bodies = [json.loads(taken(at_work("auditor"), "settlements")[0].splitlines()[0])["leaf"]]
    assert forged(b"".join(lines[:2]), proof, rows=2, leaves=of_settlements, seals=bodies) == ["seals"]


@pytest.mark.usefixtures("sealed")
def test_a_file_of_journals_begins_with_the_first_whole_seal_of_the_newest(
    busy: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = taken(at_work("auditor"), "journals")[0].splitlines()
    monkeypatch.setattr(exports, "JOURNALS_MAX", 3)
    content, proof = taken(at_work("auditor"), "journals")
    lines = content.splitlines()
    assert 0 < len(lines) <= 3
    assert lines == whole[-len(lines) :]
    assert check_export(content=content, proof=proof).findings == []


def test_a_proof_by_another_key_or_none_at_all_is_found(busy: Town) -> None:
    from greenloop.core.faults import Refusal
    from greenloop.core.trust.checkpoint import Key, read_note

    content, proof = taken(at_work("auditor"), "rules")
    origin = read_note(canonical.read(proof.removesuffix("\n"))["checkpoint"]).checkpoint.origin
    other = Key(origin, bytes(32))
    assert [each.code for each in check_export(content=content, proof=proof, keys=[other]).findings] == ["signature"]
    with pytest.raises(Refusal):
        check_export(content=content, proof="{}")
    client = at_work("auditor")
    assert client.get("/portal/exports/orders-1.jsonl").status_code == 404
    assert client.get("/portal/exports/rules-999.jsonl").status_code == 404
