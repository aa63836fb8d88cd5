"""Stop minting, and start it again: what two people decide of it, checked and written.

A stop takes nothing from anybody, so it may hold at once. Starting again is a change of what a purchase earns, known
as long before as rules are (G11). Nothing here has a transaction of its own: a proposal's approval is the verb.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from greenloop.core import instants
from greenloop.core.faults import Refusal, say
from greenloop.core.loop.minting import mints_at
from greenloop.services.outbox import news
from greenloop.services.trust.log.steps import append_leaves
from greenloop.store.models import Minting
from greenloop.store.queries import logged, minting

LEAD = timedelta(minutes=1)
"""A stop at once holds a minute after it is approved: no batch is under way any more that hasn't heard of it.

Batches read the clock first and what is decided after that. One that takes what is paid from the instant on has begun
a minute after the decision was written, wherever it runs.
"""
NOTICE = timedelta(days=7)
"""Starting again is known for so long before."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A turn that could be decided as things stand."""

    mints: bool
    effective_at: datetime


def checked(*, mints: bool, effective_at: datetime | None, at: datetime) -> Draft:
    """Return a turn that could be decided at `at`, which nobody has written yet; without an instant, as soon as it can.

    Turns that are decided for later are in nobody's way: one that is planned for next year stops no stop at once.

    :raises Refusal: it is as proposed already by then, or the instant is too near, or near a turn before it.
    """
    known = minting.turns()
    earliest = at + (NOTICE if mints else LEAD)
    from_at = effective_at or earliest
    if mints_at(known, from_at) == mints:
        message = say("This stands already as you propose it; there is nothing to change.")
        raise Refusal("proposal.nothing", message, field="effective_at")
    # A turn holds for a minute at least: no two hold from one instant on.
    last = max((turn.effective_at for turn in known if turn.effective_at <= from_at), default=None)
    if last is not None:
        earliest = max(earliest, last + LEAD)
    if effective_at is not None:
        instants.check(effective_at, "effective_at")
        if effective_at < earliest:
            message = say("This can hold from {earliest} on. Choose that instant or a later one.")
            raise Refusal("minting.early", message, field="effective_at", earliest=earliest)
    elif mints:
        message = say("Say from which instant on purchases make points again; {days} days ahead at least.")
        raise Refusal("minting.instant", message, field="effective_at", days=NOTICE.days)
    return Draft(mints, effective_at or earliest)


def write(draft: Draft, *, by: str, at: datetime) -> int:
    """Write a turn that was checked in the same transaction, tell of it, and return its number."""
    mints, effective_at = draft.mints, draft.effective_at
    made = Minting.objects.create(mints=mints, effective_at=effective_at, decided_by=by, decided_at=at)
    news.minting_turned(made.id, mints=mints, effective_at=effective_at, at=at)
    append_leaves(logged.minting(made.id), at=at)
    return int(made.id)
