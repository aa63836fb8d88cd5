"""The desk where goods come back: refunds are asked for on their day, and again until there is money for them."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from itertools import groupby

from greenloop.services.books.payout import deposit
from greenloop.services.loop.refund import RefundForm, refund
from greenloop.sim.habits import Return

STILL_WAITING = "refund.pending"
"""Why a second refund of an order is refused while the first one waits; it is asked for again."""


class ReturnsDesk:
    """Keeps what will be brought back, by day, and what waits for a store's dues."""

    def __init__(self, planned: Sequence[Return]) -> None:
        self._planned = {day: list(found) for day, found in groupby(planned, key=lambda each: each.asked_date)}
        self._waiting: list[RefundForm] = []
        self._refused: Counter[str] = Counter()

    @property
    def refused(self) -> Mapping[str, int]:
        """Return how many refunds were refused for good, by reason."""
        return dict(self._refused)

    def bring_money(self, *, deposit_no: str, at: datetime) -> None:
        """Let every store with a waiting refund return what that refund will cost at most."""
        owed = Counter[str]()
        for form in self._waiting:
            owed[form.merchant] += form.amount_fen
        for merchant, fen in sorted(owed.items()):
            deposit(merchant=merchant, deposit_no=deposit_no, amount_fen=fen, at=at)

    def open(self, *, day: date, untaken: Collection[int], at: datetime) -> None:
        """Ask for the day's refunds and for those that wait; `untaken` are baskets that were never taken."""
        forms = [each.form for each in self._planned.get(day, ()) if each.basket.number not in untaken]
        forms = [*self._waiting, *forms]
        if not forms:
            return
        answer = refund(forms=forms, at=at)
        self._waiting = []
        for place, (form, state) in enumerate(zip(forms, answer.states, strict=True)):
            code = answer.refusals[place].code if state is None else ""
            if state == "pending" or code == STILL_WAITING:
                self._waiting.append(form)
            elif code:
                self._refused[code] += 1
