"""Whether a purchase makes points: two people can stop that, and start it again (guardrails.md, G14).

A stop touches purchases alone: what was paid before it vests, points that are there release, vouchers are spent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Turn:
    """From an instant on purchases make points, or make none; before the first turn they do."""

    mints: bool
    effective_at: datetime


def mints_at(turns: Sequence[Turn], paid_at: datetime) -> bool:
    """Return whether what is paid at an instant makes points; `turns` are all there are, oldest first."""
    for turn in reversed(turns):
        if turn.effective_at <= paid_at:
            return turn.mints
    return True
