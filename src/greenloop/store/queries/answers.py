"""Answers that were kept for those who ask for the same write again."""

from collections.abc import Collection
from dataclasses import dataclass

from greenloop.store import sql


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as it was given: the hash of its request, its HTTP status, its body."""

    request_hash: str
    status: int
    body: str


def given(keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], Given]:
    """Return the answers that were given, by (caller, key)."""
    wanted = set(keys)
    callers = sorted({caller for caller, _ in wanted})
    found = sql.rows_in(
        "SELECT caller, key, request_hash, status, body FROM stored_answer "  # noqa: S608
        f"WHERE caller IN ({sql.marks(len(callers))}) AND key IN ({{keys}})",
        {key for _, key in wanted},
        callers,
    )
    return {(caller, key): Given(*row) for caller, key, *row in found if (caller, key) in wanted}
