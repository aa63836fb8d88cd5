"""Prove the invariants of domain.md on the books as they stand: the ledger, its subledgers, the loop, a full replay."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial

from greenloop.insight import (
    claim_proofs,
    ledger_proofs,
    liability_proofs,
    line_proofs,
    log_proofs,
    loop_proofs,
    subledger_proofs,
    trust_proofs,
)
from greenloop.insight.proof import Proof
from greenloop.insight.replay_proof import replayed
from greenloop.store import sql

Progress = Callable[[str, int, int], None]


def check(*, replay: bool = True, progress: Progress | None = None) -> Sequence[Proof]:
    """Prove everything and return each statement with its result; `replay` also runs the whole journal through core.

    All of it is proved of one moment: tills go on selling, and what they write meanwhile must not look like a breach.
    """
    began = datetime.now(UTC)
    parts: list[tuple[str, Callable[[], Iterator[Proof]]]] = [
        ("ledger", ledger_proofs.proofs),
        ("subledgers", subledger_proofs.proofs),
        ("loop", loop_proofs.proofs),
        ("claims", claim_proofs.proofs),
        ("lines", line_proofs.proofs),
        ("trust", partial(trust_proofs.proofs, began=began)),
        ("log", log_proofs.proofs),
        ("roots", liability_proofs.proofs),
    ]
    if replay:
        parts.append(("replay", replayed))
    found: list[Proof] = []
    with sql.snapshot():
        for done, (name, prove) in enumerate(parts):
            if progress:
                progress(name, done, len(parts))
            found.extend(prove())
    if progress:
        progress("done", len(parts), len(parts))
    return found
