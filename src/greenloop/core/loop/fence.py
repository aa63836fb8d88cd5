"""The fence around a wallet: what may leave it on one local day before a second person looks.

Draws are added up apart from spends: a fen that is drawn and then spent is one fen, and leaves by the spend. What is
held is reserved in the purse and moves nothing; what a second person let through isn't counted again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from greenloop.core.loop.rules import RuleSet
from greenloop.core.loop.spending import Purse, Spent


@dataclass(frozen=True, slots=True)
class Fence:
    """A local day, by its number, and the fen that may leave a wallet on it by draws, and as much by spends.

    None lets everything through, and counts nothing.
    """

    day: int
    most_fen: int | None

    def draws_today_fen(self, purse: Purse) -> int:
        """Return what was drawn of a purse on this day without a second person."""
        return purse.day_drawn_fen if purse.day == self.day else 0

    def spends_today_fen(self, purse: Purse) -> int:
        """Return what was spent of a purse on this day without a second person."""
        return purse.day_spent_fen if purse.day == self.day else 0

    def holds_draw(self, purse: Purse, drawn_fen: int) -> bool:
        """Tell whether a draw waits for a second person: with the day's others it would pass the fence."""
        return self.most_fen is not None and self.draws_today_fen(purse) + drawn_fen > self.most_fen

    def holds_spend(self, purses: Sequence[Purse], paid: Sequence[Spent]) -> bool:
        """Tell whether a spend waits for a second person, whole: in one of its purses it would pass the fence."""
        if self.most_fen is None:
            return False
        by_pool = {purse.pool_id: purse for purse in purses}
        return any(self.spends_today_fen(by_pool[part.pool_id]) + part.amount_fen > self.most_fen for part in paid)

    def counted(self, purse: Purse, *, drawn_fen: int = 0, spent_fen: int = 0) -> Purse:
        """Return the purse with what leaves it added to the day's sums."""
        if self.most_fen is None:
            return purse
        return replace(
            purse,
            day=self.day,
            day_drawn_fen=self.draws_today_fen(purse) + drawn_fen,
            day_spent_fen=self.spends_today_fen(purse) + spent_fen,
        )


OPEN = Fence(0, None)
"""No fence."""


def fence_of(rules: RuleSet, at: datetime) -> Fence:
    """Return the fence of rules that are in force at an instant."""
    if rules.large_claim_fen is None:
        return OPEN
    return Fence(rules.calendar.local_date(at).toordinal(), rules.large_claim_fen)


def reserve(purse: Purse, *, draw_fen: int = 0, spend_fen: int = 0) -> Purse:
    """Return the purse with so much more held for a second person; less, where it is negative."""
    return replace(purse, draw_held_fen=purse.draw_held_fen + draw_fen, spend_held_fen=purse.spend_held_fen + spend_fen)
