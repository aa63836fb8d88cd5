"""One refund while it is decided."""

from dataclasses import dataclass, field

from greenloop.services.loop.refunding.effects import Amounts
from greenloop.services.loop.refunding.state import Index, State
from greenloop.services.loop.rules import Ruling
from greenloop.store.queries.refunds import OrderFact

PAYABLE = "trust:merchant_payable"


@dataclass(slots=True)
class Work:
    """One refund while it is decided.

    `cash_fen` is what of its cash leaves the bank, and `open_fen` what of that may still be withheld: nothing of a
    payment that was charged back, for the payer's bank has taken all of it already.
    """

    state: State
    index: Index
    order: OrderFact
    ruling: Ruling
    cash_fen: int
    open_fen: int
    amounts: Amounts = field(default_factory=list)

    @property
    def red_pool(self) -> int:
        """Return the pool that the order's referrer earns in."""
        return self.ruling.pools[self.ruling.rules.red_pool]

    def withhold(self, wanted_fen: int) -> int:
        """Take up to an amount from the shopper's cash and return it."""
        fen = min(wanted_fen, self.open_fen)
        self.open_fen -= fen
        self.cash_fen -= fen
        return fen

    def net_dues_fen(self) -> int:
        """Return what the postings so far take from the merchant's dues."""
        taken = sum(fen for debit, _, fen in self.amounts if debit == PAYABLE)
        return taken - sum(fen for _, credit, fen in self.amounts if credit == PAYABLE)


def cycle_now(state: State, pool: int) -> int:
    """Return the alliance's cycle in which what happens now takes effect."""
    now = state.pools[pool]
    return now.first_cycle + now.entry_cycle - 1
