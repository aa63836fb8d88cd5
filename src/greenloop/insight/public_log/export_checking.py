"""The check of an export from its two files alone: no database, and no trust in who handed them over.

What it proves: the lines are the file that the proof names, the checkpoint is signed, each line that is a leaf of the
public log is in the log of that checkpoint, and what a line brings beside its leaf is what the leaf holds the hash of.
Journals are no leaves each: a leaf seals some thousand by the root over their fingerprints, and all of them are there.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from greenloop.core.books.accounts import book_of
from greenloop.core.faults import Refusal, say
from greenloop.core.trust import canonical
from greenloop.core.trust.checkpoint import Key, Note, read_key, read_note
from greenloop.core.trust.log import included, leaf_hash, root_of
from greenloop.insight.public_log.checking import Finding
from greenloop.store.signer import signed_by

FORMAT = "greenloop-export/1"
KINDS = {"settlements": "settlement", "rules": "rules"}
"""By name of an export of leaves, the kind that each of them is."""
JOURNALS = "journals"
"""The name of the export of journals, and the kind of leaf that seals them."""
PARTS = {"book", "canonical", "sha256"}
"""What a line of a journal is made of, and nothing beside."""
SUFFIX = "_sha256"
NAMED = 3
"""What is wrong is named for so many lines."""


@dataclass(slots=True)
class Checked:
    """What a check has come to; `trusted` says that no key was given, so the proof's own was taken."""

    name: str
    note: Note
    keys: tuple[Key, ...]
    trusted: bool
    rows: int = 0
    proved: int = 0
    findings: list[Finding] = field(default_factory=list)

    def finds(self, code: str, message: str, **facts: object) -> None:
        """Note something wrong."""
        self.findings.append(Finding(code, message, facts))


def check_export(*, content: bytes, proof: str, keys: Sequence[Key] = ()) -> Checked:
    """Check an export's file with its proof, by keys that one has from elsewhere or else by the proof's own.

    :raises Refusal: the proof can't be read.
    """
    told = _read(proof)
    note = read_note(told["checkpoint"])
    checked = Checked(told["name"], note, tuple(keys) or (read_key(told["key"]),), trusted=not keys)
    if not signed_by(note, [key for key in checked.keys if key.name == note.checkpoint.origin]):
        message = say("The checkpoint of {size} leaves isn't signed by a key that you go by.")
        checked.finds("signature", message, size=note.checkpoint.size)
    if sha256(content).hexdigest() != told["sha256"]:
        checked.finds("sha256", say("The file isn't the one that the proof names: its SHA-256 is another."))
        return checked
    *lines, rest = content.decode("utf-8", "surrogateescape").split("\n")
    if rest:  # a last line without its end is a line all the same, and one that nobody has proved
        lines.append(rest)
    checked.rows = len(lines)
    if told["rows"] != len(lines):
        message = say("The proof names {rows} lines, the file has {found}.")
        checked.finds("rows", message, rows=told["rows"], found=len(lines))
        return checked
    if told["name"] == JOURNALS:
        _check_journals(checked, lines, told)
    else:
        wrong = _wrong_leaves(lines, told, note)
        _find_lines(checked, wrong)
        checked.proved = len(lines) - len(wrong)
    return checked


def _find_lines(checked: Checked, wrong: Sequence[int]) -> None:
    for place in wrong[:NAMED]:
        checked.finds("line", say("Line {line} is not what the public log or its own fingerprint says."), line=place)


def _read(proof: str) -> dict[str, Any]:
    told = canonical.read(proof.removesuffix("\n"))
    kinds = {"name": str, "rows": int, "sha256": str, "checkpoint": str, "key": str, "leaves": list, "seals": list}
    if told.get("format") != FORMAT or not all(type(told.get(name)) is kind for name, kind in kinds.items()):
        raise _unreadable()
    if told["name"] not in (*KINDS, JOURNALS):
        raise _unreadable()
    return told


def _unreadable() -> Refusal:
    return Refusal("export.proof", say("This isn't the proof of an export."), field="FILE")


def _wrong_leaves(lines: Sequence[str], told: Mapping[str, Any], note: Note) -> list[int]:
    """Return the lines, from 1, that aren't proved by the log: each leaf is of the kind told, and stands there once."""
    leaves = told["leaves"]
    if len(leaves) != len(lines):
        return list(range(1, len(lines) + 1))
    wrong, last = [], -1
    for place, (line, leaf) in enumerate(zip(lines, leaves, strict=True), 1):
        number = _proved(line, leaf, KINDS[told["name"]], note)
        if number is None or number <= last:
            wrong.append(place)
        last = max(last, number or 0)
    return wrong


def _proved(line: str, leaf: Any, kind: str, note: Note) -> int | None:
    """Return the number of the leaf that a line is; None unless it is proved to be one of the kind."""
    try:
        told = canonical.read(line)
        facts = _logged(told.pop("leaf"), leaf, kind, note)
        return None if facts is None or not _commits(facts["facts"], told) else int(leaf["leaf"])
    except (Refusal, KeyError, TypeError, ValueError, AttributeError):
        return None


def _logged(body: str, leaf: Any, kind: str, note: Note) -> Mapping[str, Any] | None:
    """Return what a leaf's text says; None unless it is proved to be in the log, by its number, and of the kind.

    :raises Refusal: the text isn't canonical JSON.
    :raises KeyError: the proof or the text lacks a part; TypeError and ValueError where one is no such part.
    """
    path = [bytes.fromhex(each) for each in leaf["path"]]
    facts, number, checkpoint = canonical.read(body), int(leaf["leaf"]), note.checkpoint
    hashed = leaf_hash(body.encode())
    holds = included(leaf=hashed, number=number, size=checkpoint.size, path=path, root=checkpoint.root)
    return facts if holds and (facts["number"], facts["kind"]) == (number, kind) else None


def _commits(facts: Mapping[str, Any], texts: Mapping[str, Any]) -> bool:
    """Tell whether a leaf holds the hash of each text that a line brings, and the line brings each that it holds.

    :raises AttributeError: what a line brings is no text, whatever it would be written as.
    """
    held = {name.removesuffix(SUFFIX): value for name, value in facts.items() if name.endswith(SUFFIX)}
    return held == {name: sha256(text.encode()).hexdigest() for name, text in texts.items()}


@dataclass(frozen=True, slots=True)
class _Seal:
    """What a leaf says of the journals that it seals: how many others came before, how many they are, their root."""

    before: int
    journals: int
    root: str


def _check_journals(checked: Checked, lines: Sequence[str], told: Mapping[str, Any]) -> None:
    """Check journals seal by seal: each line is itself, and together they have the root that the seal's leaf tells."""
    seals = _seals(told, checked.note)
    if seals is None or sum(each.journals for each in seals) != len(lines):
        message = say("The proof's seals aren't in the log one after the other, or aren't over as many lines.")
        checked.finds("seals", message)
        return
    place, strange = 0, list[int]()
    for number, seal in enumerate(seals, 1):
        part = [_fingerprint(line) for line in lines[place : place + seal.journals]]
        known = [leaf_hash(each) for each in part if each is not None]
        strange += [place + at for at, each in enumerate(part, 1) if each is None]
        if len(known) == len(part) and root_of(known).hex() == seal.root:
            checked.proved += seal.journals
        elif len(known) == len(part):
            message = say("Lines {first} to {last} aren't the journals that seal {seal} is over.")
            checked.finds("seal", message, first=place + 1, last=place + seal.journals, seal=number)
        place += seal.journals
    _find_lines(checked, strange)


def _seals(told: Mapping[str, Any], note: Note) -> list[_Seal] | None:
    """Return the seals of a proof, each proved by the log; None unless all are, and each begins where one ended."""
    if len(told["seals"]) != len(told["leaves"]):
        return None
    found: list[_Seal] = []
    try:
        for body, leaf in zip(told["seals"], told["leaves"], strict=True):
            logged = _logged(body, leaf, JOURNALS, note)
            if logged is None:
                return None
            facts = logged["facts"]
            seal = _Seal(int(facts["before"]), int(facts["journals"]), str(facts["root"]))
            if seal.journals < 1 or (found and seal.before != found[-1].before + found[-1].journals):
                return None
            found.append(seal)
    except (Refusal, KeyError, TypeError, ValueError, AttributeError):
        return None
    return found


def _fingerprint(line: str) -> bytes | None:
    """Return the fingerprint of a line's journal, None unless the line is that journal, in its book, and no more."""
    try:
        told = canonical.read(line)
        text = told["canonical"].encode()
        found = sha256(text).digest()
        accounts = [name for debit, credit, _ in json.loads(text)[-1] for name in (debit, credit)]
        itself = told.keys() == PARTS and found.hex() == told["sha256"] and {*map(book_of, accounts)} == {told["book"]}
    except (Refusal, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    return found if itself else None
