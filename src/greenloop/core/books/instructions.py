"""What became of an instruction to the payment institution, by all that the institution has said of it."""

import hashlib
import json
from collections.abc import Iterable, Mapping

SUCCESS, FAILED, BACK = "success", "failed", "back"
"""What a notice says: done; not done and never will be; a payment that its payer's bank took back."""


def state_of(*, amount_fen: int, said: Iterable[tuple[str, int]], is_over: bool = False) -> str:
    """Return the state of an instruction of `amount_fen` by what was `said` of it: (outcome, amount in fen) each.

    It depends on the set of what was said only: neither on the order in which it came nor on how often. A success of
    another amount is disputed, until the institution, asked, names the right one. A payment that was taken back stays
    done: that it went back is a fact of its own. What failed once its time `is_over` is closed: nobody has paid.
    """
    heard = set(said)
    if (SUCCESS, amount_fen) in heard:
        return "done"
    outcomes = {outcome for outcome, _ in heard}
    if SUCCESS in outcomes:
        return "disputed"
    if FAILED in outcomes:
        return "closed" if is_over else "failed"
    return "sent"


def content_hash(told: Mapping[str, str | int]) -> str:
    """Return the SHA-256, in hex, of what is sent: canonical JSON of its facts, amounts in fen."""
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
