"""Note that somebody took a quarter's tax files: they say who received what."""

from collections.abc import Mapping
from datetime import datetime

from greenloop.services.trust.steps import may, note
from greenloop.services.verb import verb

ACT = "tax.export"


@verb
def note_export(*, quarter: str, facts: Mapping[str, object], by: str, at: datetime) -> None:
    """Write into the audit log that a quarter's files leave the house, before they do.

    `facts` are counts, sums and hashes; no holder is named there.

    :raises Refusal: `by` works for the platform, and not in finance.
    """
    may(by, "finance")
    note(act=ACT, about=f"tax/{quarter}", detail=facts, at=at, by=by)
