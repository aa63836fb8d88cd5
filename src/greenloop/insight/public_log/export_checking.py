"""The check of an export from its two files alone: no database, and no trust in who handed them over.

What it proves: the lines are the file that the proof names, the checkpoint is signed, each line that is a leaf of the
public log is in the log of that checkpoint, and what a line brings beside its leaf is what the leaf holds the hash of.
Journals are no leaves: each is checked against its own fingerprint, which the trust book keeps as well.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from greenloop.core.faults import Refusal, say
from greenloop.core.trust import canonical
from greenloop.core.trust.checkpoint import Key, Note, read_key, read_note
from greenloop.core.trust.log import included, leaf_hash
from greenloop.insight.public_log.checking import Finding
from greenloop.store.signer import signed_by

FORMAT = "greenloop-export/1"
KINDS = {"settlements": "settlement", "rules": "rules"}
"""By name of an export of leaves, the kind that each of them is."""
JOURNALS = "journals"
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
    *lines, rest = content.decode("utf-8", "replace").split("\n")
    if rest:  # a last line without its end is a line all the same, and one that nobody has proved
        lines.append(rest)
    checked.rows = len(lines)
    if told["rows"] != len(lines):
        message = say("The proof names {rows} lines, the file has {found}.")
        checked.finds("rows", message, rows=told["rows"], found=len(lines))
        return checked
    wrong = _wrong_journals(lines) if told["name"] == JOURNALS else _wrong_leaves(lines, told, note)
    for place in wrong[:NAMED]:
        checked.finds("line", say("Line {line} is not what the public log or its own fingerprint says."), line=place)
    checked.proved = len(lines) - len(wrong)
    return checked


def _read(proof: str) -> dict[str, Any]:
    told = canonical.read(proof.removesuffix("\n"))
    kinds = {"name": str, "rows": int, "sha256": str, "checkpoint": str, "key": str, "leaves": list}
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
        body = told.pop("leaf")
        path = [bytes.fromhex(each) for each in leaf["path"]]
        facts = canonical.read(body)
        number = int(leaf["leaf"])
        size, root = note.checkpoint.size, note.checkpoint.root
        holds = (
            included(leaf=leaf_hash(body.encode()), number=number, size=size, path=path, root=root)
            and (facts.get("number"), facts.get("kind")) == (number, kind)
            and _commits(facts["facts"], told)
        )
    except (Refusal, KeyError, TypeError, ValueError, AttributeError):
        return None
    return number if holds else None


def _commits(facts: Mapping[str, Any], texts: Mapping[str, Any]) -> bool:
    """Tell whether a leaf holds the hash of each text that a line brings, and the line brings each that it holds."""
    held = {name.removesuffix(SUFFIX): value for name, value in facts.items() if name.endswith(SUFFIX)}
    return held == {name: sha256(str(text).encode()).hexdigest() for name, text in texts.items()}


def _wrong_journals(lines: Sequence[str]) -> list[int]:
    return [place for place, line in enumerate(lines, 1) if not _is_itself(line)]


def _is_itself(line: str) -> bool:
    try:
        told = json.loads(line)
        return bool(told.keys() == PARTS and sha256(told["canonical"].encode()).hexdigest() == told["sha256"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False
