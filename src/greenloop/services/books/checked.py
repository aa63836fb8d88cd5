"""Keep what a proof of the books has found, so that pages can say when they were last proved."""

import json
from collections.abc import Sequence
from datetime import datetime

from greenloop.services.verb import verb
from greenloop.store.models import BookCheck

Broken = tuple[str, str, int]
"""A statement that doesn't hold: its name, what it says, and by how much it is off."""


@verb
def keep_check(
    *, statements: int, broken: Sequence[Broken], replayed: bool, took_ms: int, by: str, at: datetime
) -> int:
    """Record one proof of the books and return its number; `took_ms` is how long it took, in milliseconds."""
    told = json.dumps([list(each) for each in broken], separators=(",", ":"), ensure_ascii=False)
    kept = BookCheck.objects.create(
        at=at, by=by, took_ms=took_ms, replayed=replayed, statements=statements, broken=told
    )
    return int(kept.id)
