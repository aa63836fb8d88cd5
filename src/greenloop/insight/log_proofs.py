"""The public log: it hashes to what was signed, and tells of all that it has to tell of, as it was."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from greenloop.core.faults import Refusal, say
from greenloop.core.trust import canonical
from greenloop.core.trust.log import Frontier, leaf_hash
from greenloop.insight.proof import Proof
from greenloop.store import signer, sql
from greenloop.store.queries import log, logged, seals
from greenloop.store.queries.log import CheckpointRow, LeafRow
from greenloop.store.queries.logged import Told

OF_THEN = frozenset({"roles", "by"})
"""What a decision's leaf tells that only its time knows: roles change, and pseudonyms lean on a key."""
NAMED = 3
"""What is wrong is named for so many."""


def proofs() -> Iterator[Proof]:
    """Prove the log's own rows, then that each settlement, rule set, turn of minting, decision, seal has its leaf."""
    yield from _hashed_again()
    what = say("Each settlement is told of by the public log, as it was.")
    yield _told("settlements logged", what, logged.SETTLEMENT)
    what = say("Each published rule set is told of by the public log, as it was.")
    yield _told("rules logged", what, logged.RULES)
    what = say("Each turn of minting is told of by the public log, as it was.")
    yield _told("minting logged", what, logged.MINTING)
    what = say("Each decision of a second person is told of by the public log, as it was.")
    yield _told("decisions logged", what, logged.DECISION)
    what = say("The journals that the public log has sealed are there, as they were, and no others among them.")
    yield _told("journals sealed", what, seals.LEAF)


@dataclass(slots=True)
class _Found:
    """What hashing the log again has come to: numbers of leaves, count of subtrees, sizes of checkpoints."""

    frontier: Frontier = field(default_factory=Frontier)
    wrong: list[int] = field(default_factory=list)
    subtrees: int = 0
    strange: int = 0
    unlike: list[int] = field(default_factory=list)


def _hashed_again() -> Iterator[Proof]:
    signed = {row.checkpoint.size: row for row in log.checkpoints()}
    found, count = _Found(), log.size()
    for tile in log.tiles(count):
        _hash_tile(found, tile, signed)
    found.unlike += [size for size in signed if size > found.frontier.size]
    found.strange += abs(int(sql.value("SELECT COUNT(*) FROM log_node")) - found.subtrees)
    what = say("Each leaf of the public log has the number, the kind and the hash that its text says.")
    yield Proof("1", "log leaves", what, count, len(found.wrong) + count - found.frontier.size, _first(found.wrong))
    what = say("The subtrees that proofs of the public log are folded from are those of its leaves.")
    yield Proof("1", "log subtrees", what, found.subtrees, found.strange)
    what = say("The public log hashes to each checkpoint that was signed, and each signature is its key's.")
    yield Proof("1", "log checkpoints", what, len(signed), len(found.unlike), _first(found.unlike))


def _hash_tile(found: _Found, tile: Sequence[LeafRow], signed: dict[int, CheckpointRow]) -> None:
    made: dict[int, bytes] = {}
    for row in tile:
        if not _as_told(found.frontier.size, row):
            found.wrong.append(row.number)
        found.frontier, completed = found.frontier.grown([leaf_hash(row.body.encode())])
        made |= completed
        at = signed.get(found.frontier.size)
        if at and not (at.checkpoint.root == found.frontier.root and signer.signed_by(at.note, [at.key])):
            found.unlike.append(found.frontier.size)
    kept = log.subtrees(made)
    found.subtrees += len(made)
    found.strange += sum(kept.get(place) != made[place] for place in made)


def _as_told(number: int, row: LeafRow) -> bool:
    """Tell whether a leaf's columns say what its text says, and it is the number-th."""
    try:
        told = canonical.read(row.body)
    except Refusal:
        return False
    named = (row.number, row.kind, row.about, logged.instant(row.at))
    hashed = leaf_hash(row.body.encode()).hex() == row.leaf_hash
    return (
        hashed and row.number == number and named == tuple(told.get(key) for key in ("number", "kind", "about", "at"))
    )


def _told(name: str, what: str, kind: str) -> Proof:
    """Prove that there is a leaf for each thing to tell, with these facts, and none of its kind besides."""
    wanted, leaves, off = 0, 0, list[str]()
    for part in logged.every(kind):
        bodies = logged.bodies(kind, [each.about for each in part])
        wanted, leaves = wanted + len(part), leaves + len(bodies)
        off += [each.about for each in part if not _tells(bodies.get(each.about), each)]
    strays = logged.leaves_of(kind) - leaves
    named = off if len(off) >= NAMED or not strays else [*off, *logged.strays(kind, NAMED)]
    return Proof("1", name, what, wanted, len(off) + strays, _first(named))


def _tells(body: str | None, told: Told) -> bool:
    try:
        facts = canonical.read(body or "").get("facts")
    except Refusal:
        return False
    either = (told.facts, told.facts if told.before is None else told.before)
    return isinstance(facts, dict) and any(_lasting(facts) == _lasting(each) for each in either)


def _lasting(facts: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in facts.items() if name not in OF_THEN}


def _first(off: Sequence[object]) -> str:
    return ", ".join(map(str, off[:NAMED]))
