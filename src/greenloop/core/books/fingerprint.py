"""The canonical form of a journal, and its SHA-256: what both databases that hold the trust book have to agree on.

The form is one JSON array without spaces, in UTF-8, characters beyond ASCII as they are:

    ["greenloop-journal-1",KEY,KIND,EFFECTIVE,RECORDED,[[DEBIT,CREDIT,FEN],…]]

Instants are whole microseconds since 1970-01-01 UTC. Postings stand in the order of (debit, credit), compared by code
point; each pair comes once. Numbers that a database gives by itself are no part of it.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from greenloop.core.books.posting import Posting

FORM = "greenloop-journal-1"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Entry:
    """A journal as it is written: `key` is unique for ever in its book, amounts are fen."""

    key: str
    kind: str
    effective_at: datetime
    recorded_at: datetime
    postings: tuple[Posting, ...]

    def canonical(self) -> bytes:
        """Return the canonical form."""
        lines = sorted([each.debit, each.credit, each.amount_fen] for each in self.postings)
        written = [FORM, self.key, self.kind, microseconds(self.effective_at), microseconds(self.recorded_at), lines]
        return json.dumps(written, ensure_ascii=False, separators=(",", ":")).encode()

    def sha256(self) -> str:
        """Return the SHA-256 of the canonical form, in lower-case hex."""
        return hashlib.sha256(self.canonical()).hexdigest()


def microseconds(at: datetime) -> int:
    """Return an instant as whole microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


def totals(entries: Iterable[Entry]) -> dict[str, tuple[int, int]]:
    """Return what journals add to each account: (debits, credits) in fen."""
    sums: dict[str, list[int]] = {}
    for entry in entries:
        for each in entry.postings:
            sums.setdefault(each.debit, [0, 0])[0] += each.amount_fen
            sums.setdefault(each.credit, [0, 0])[1] += each.amount_fen
    return {name: (debits, credits_) for name, (debits, credits_) in sums.items()}
