"""Merchants as batches need them, remembered from one batch to the next for as long as nobody changes any.

Each batch reads the directory's version, which the database draws anew with every change of a merchant, a rate card or
a store, whoever makes it (migration 0016); what was read under another version is forgotten. The version is read before
what is remembered under it: a change that commits in between is seen at once, and read once more by the next batch.
"""

from dataclasses import dataclass, field

from greenloop.store.queries import parties
from greenloop.store.queries.parties import MerchantFact

KNOWN_MAX = 20_000
"""Merchants that a process remembers; beyond them it begins anew."""


@dataclass(frozen=True, slots=True)
class _Page:
    """The merchants that are known under one version, by their refs. It only grows."""

    version: int
    known: dict[str, MerchantFact] = field(default_factory=dict)


_open = [_Page(0)]


def sellers_of(refs: set[str], *, version: int) -> dict[str, MerchantFact]:
    """Return the enrolled merchants among the refs; `version` was read in this transaction (`parties.VERSION_ASK`)."""
    page = _open[0]
    if page.version != version or len(page.known) > KNOWN_MAX:
        page = _open[0] = _Page(version)
    known = page.known
    if missing := {ref for ref in refs if ref not in known}:
        known.update(parties.merchants(missing))
    return {ref: known[ref] for ref in refs if ref in known}
