"""Merchants as batches need them, and whether purchases make points, remembered for as long as nobody changes any.

Each batch reads the directory's version, which the database draws anew with every change of a merchant, a rate card or
a store, and with each decision on minting, whoever makes it (migrations 0016 and 0022); what was read under another
version is forgotten. The version is read before what is remembered under it: a change that commits in between is seen
at once, and read once more by the next batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from greenloop.core.loop.minting import Turn
from greenloop.store.queries import minting, parties
from greenloop.store.queries.parties import MerchantFact

KNOWN_MAX = 20_000
"""Merchants that a process remembers; beyond them it begins anew."""


@dataclass(frozen=True, slots=True)
class _Page:
    """The merchants that are known under one version, by their refs, and all decisions on minting. It only grows."""

    version: int
    turns: tuple[Turn, ...] = ()
    known: dict[str, MerchantFact] = field(default_factory=dict)


_open = [_Page(0)]


def sellers_of(refs: set[str], *, version: int) -> dict[str, MerchantFact]:
    """Return the enrolled merchants among the refs; `version` was read in this transaction (`parties.VERSION_ASK`)."""
    known = _page(version).known
    if missing := {ref for ref in refs if ref not in known}:
        known.update(parties.merchants(missing))
    return {ref: known[ref] for ref in refs if ref in known}


def turns_of(*, version: int) -> Sequence[Turn]:
    """Return every decision on minting, oldest first; `version` was read in this transaction."""
    return _page(version).turns


def _page(version: int) -> _Page:
    page = _open[0]
    if page.version != version or len(page.known) > KNOWN_MAX:
        page = _open[0] = _Page(version, minting.turns())
    return page
