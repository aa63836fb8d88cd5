"""Keep what a proof of the books has found, so that pages can say when they were last proved and payouts stop."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from greenloop.core.people.roles import DECIDERS
from greenloop.services.soundness import clear, note_broken
from greenloop.services.trust.steps import may, note
from greenloop.services.verb import verb
from greenloop.store.models import BookCheck
from greenloop.store.queries import soundness

KEEPER = "keeper"
"""Whose findings are about the trust book's own database."""
Broken = tuple[str, str, int]
"""A statement that doesn't hold: its name, what it says, and by how much it is off."""


@verb
def keep_check(
    *,
    statements: int,
    broken: Sequence[Broken],
    replayed: bool,
    took_ms: int,
    by: str,
    at: datetime,
    compared: bool = True,
) -> int:
    """Record one proof of the books, which ended at `at`, and return its number; `took_ms` is how long it took.

    Where it doesn't hold no payout and no fee leave trust any more. A whole one that holds clears what was found before
    it began; what the trust book's keeper found only where both books were `compared`.
    """
    told = json.dumps([list(each) for each in broken], separators=(",", ":"), ensure_ascii=False)
    kept = BookCheck.objects.create(
        at=at, by=by, took_ms=took_ms, replayed=replayed, statements=statements, broken=told
    )
    if broken:
        named = ", ".join(name for name, _, _ in broken)
        note_broken(what=f"statements about the books don't hold: {named}", by=by, at=at)
    elif replayed:
        clear(by=by, at=at, known_by=at - timedelta(milliseconds=took_ms), but_by="" if compared else KEEPER)
    return int(kept.id)


@verb
def vouch(*, by: str, at: datetime) -> bool:
    """Let money leave trust again though no proof has held since the books broke; tell whether it stood still.

    It is for those who have looked: the audit log keeps who said so.

    :raises Refusal: `by` has no role that decides.
    """
    may(by, *DECIDERS)
    found = soundness.broken()
    if found is None:
        return False
    clear(by=by, at=at)
    note(act="books.vouch", about="books", detail={"since": found.since_at.isoformat()}, at=at, by=by)
    return True
