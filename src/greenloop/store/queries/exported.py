"""What a regulator takes away: leaves of the public log with what they commit to, and their proofs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from greenloop.core.trust import log as tree
from greenloop.store import sql
from greenloop.store.queries import log, logged


@dataclass(frozen=True, slots=True)
class Leaf:
    """One leaf, and the texts whose SHA-256 it holds, by their names there without `_sha256`."""

    number: int
    body: str
    texts: Mapping[str, str]


def leaves(kind: str, *, size: int, limit: int) -> list[Leaf]:
    """Return the newest leaves of a kind in the log of `size` leaves, oldest first, with what they commit to."""
    query, names = TEXTS[kind]
    rows = sql.rows(query, [kind, size, limit])
    return [Leaf(number, body, dict(zip(names, texts, strict=True))) for number, body, *texts in rows][::-1]


def inclusions(numbers: Sequence[int], size: int) -> list[list[bytes]]:
    """Return the proofs that leaves are in the log of `size` leaves, all read together."""
    wanted = [tree.inclusion_ranges(number, size) for number in numbers]
    kept = log.subtrees(set().union(*map(tree.places, wanted))) if wanted else {}
    return [tree.proof(ranges, kept) for ranges in wanted]


TEXTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    logged.SETTLEMENT: (
        """
        SELECT l.number, l.body, s.answer, s.indices FROM settled_cycle s JOIN pool p ON p.id = s.pool_id
        JOIN log_leaf l ON l.about = 'settlement/' || p.name || '/' || CAST(s.cycle AS VARCHAR(20))
        WHERE l.kind = %s AND l.number < %s ORDER BY l.number DESC LIMIT %s
        """,
        ("answer", "indices"),
    ),
    logged.RULES: (
        """
        SELECT l.number, l.body, v.document FROM rule_version v
        JOIN log_leaf l ON l.about = 'rules/' || CAST(v.id AS VARCHAR(20))
        WHERE l.kind = %s AND l.number < %s ORDER BY l.number DESC LIMIT %s
        """,
        ("document",),
    ),
}
"""By kind of leaf, how its texts are found and what they are called."""
