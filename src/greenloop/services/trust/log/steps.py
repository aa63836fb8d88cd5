"""Appending to the public log, as part of the caller's transaction: there is no fact without its leaf, nor the reverse.

The log is the last thing that a verb locks, so a verb appends when it has locked all else.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from greenloop.core.trust import canonical
from greenloop.core.trust.log import leaf_hash
from greenloop.store import locks, sql
from greenloop.store.queries import log, logged, people
from greenloop.store.queries.logged import DECISIONS, Act, Told

LEAF = ("number", "kind", "about", "body", "leaf_hash", "at")
NODE = ("place", "node_hash")


def append_leaf(*, kind: str, about: str, facts: Mapping[str, object], at: datetime) -> int:
    """Append one leaf and return its number.

    `about` is told once for ever among the leaves of its kind. `facts` hold texts, whole numbers below 2^53, true,
    false, null, and lists and objects of them, without personal data: they are published.

    :raises ValueError: `facts` have no canonical form.
    """
    return append_leaves([Told(kind, about, facts)], at=at)[0]


def append_leaves(told: Iterable[Told], *, at: datetime) -> Sequence[int]:
    """Append leaves in their order and return their numbers, which follow on each other."""
    waiting = list(told)
    if not waiting:
        return range(0)
    locks.log()
    before = log.frontier()
    numbers = range(before.size, before.size + len(waiting))
    bodies = [body_of(number, each, at) for number, each in zip(numbers, waiting, strict=True)]
    hashes = [leaf_hash(body.encode()) for body in bodies]
    _, made = before.grown(hashes)
    when = sql.instant(at)
    sql.insert(
        "log_leaf",
        LEAF,
        [
            (number, each.kind, each.about, body, found.hex(), when)
            for number, each, body, found in zip(numbers, waiting, bodies, hashes, strict=True)
        ],
    )
    sql.insert("log_node", NODE, [(place, found.hex()) for place, found in sorted(made.items())])
    return numbers


def body_of(number: int, told: Told, at: datetime) -> str:
    """Return the text of a leaf: it carries its own number, so that one that was dropped or moved is missed by name."""
    named = {"about": told.about, "at": logged.instant(at), "facts": told.facts, "kind": told.kind, "number": number}
    return canonical.text_of(named)


def append_decision(act: Act) -> None:
    """Append an act of the audit log if it is a decision of a second person."""
    if act.act in DECISIONS:
        append_leaves([logged.decision(act, roles=_roles(act.actor))], at=act.at)


def _roles(actor: str) -> Sequence[str]:
    """Return the roles of who acts, at the time; the console has none."""
    number = actor.removeprefix("account/")
    return () if number == actor else sorted(people.visitor(int(number)).staff)
