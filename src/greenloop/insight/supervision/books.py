"""A period of the books as it was read: the ledger's side and the rows' side, in one state."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from greenloop.core.books.accounts import account_class, pool_of
from greenloop.store.queries import supervised, supervised_exceptions, supervised_facts, supervised_rows
from greenloop.store.queries.statements import Period
from greenloop.store.queries.supervised import Account, CycleRow, Flow, PoolRow
from greenloop.store.queries.supervised_exceptions import ExceptionSum
from greenloop.store.queries.supervised_facts import Cutoff, Open, RulesRow
from greenloop.store.queries.supervised_rows import NOTHING, Key, Sum

PAYABLE, PENDING = "trust:merchant_payable", "trust:concession_pending"
POOL, ACCRUED, VOUCHER = "trust:pool", "trust:accrued", "trust:voucher"


@dataclass(frozen=True, slots=True)
class Books:
    """What a report is made of; amounts are fen. Pools are oldest first.

    `between` are the flows by the classes of their two accounts: most questions are about one pair.
    """

    period: Period
    accounts: Mapping[str, Account]
    flows: Sequence[Flow]
    between: Mapping[tuple[str, str], Sequence[Flow]]
    sums: Mapping[Key, Sum]
    pools: Sequence[PoolRow]
    cycles: Sequence[CycleRow]
    exceptions: Sequence[ExceptionSum]
    rules: Sequence[RulesRow]
    cutoff: Cutoff
    open: Open

    def moved(self, debit: str, credit: str, kinds: Collection[str] = (), pool: str = "") -> int:
        """Return what was posted between two classes of accounts, of some kinds or any, of one pool or all, in fen."""
        return sum(
            flow.fen
            for flow in self.between.get((debit, credit), ())
            if (not kinds or flow.kind in kinds) and (not pool or pool in {pool_of(flow.debit), pool_of(flow.credit)})
        )

    def sum(self, name: str, pool: int = 0) -> Sum:
        """Return what the rows say of one thing in one pool."""
        return self.sums.get((name, pool), NOTHING)

    def total(self, name: str, part: int = 0) -> int:
        """Return a part of what the rows say of one thing, over all pools."""
        return sum(each.parts[part] for (of, _), each in self.sums.items() if of == name)

    def count(self, name: str) -> int:
        """Return how many rows of one thing there are, over all pools."""
        return sum(each.count for (of, _), each in self.sums.items() if of == name)

    def undone(self, debit: str, credit: str, pool: str = "") -> int:
        """Return what refunds moved while the entry of their orders was open, between two classes of accounts."""
        return sum(
            each.fen
            for (of, _), each in self.sums.items()
            if of.startswith("undone ") and _joins(of.removeprefix("undone "), debit, credit, pool)
        )


def _joins(names: str, debit: str, credit: str, pool: str) -> bool:
    """Tell whether two account names, a blank between them, are of two classes and, where one is told, of a pool."""
    one, _, other = names.partition(" trust:")
    other = f"trust:{other}"
    return (account_class(one), account_class(other)) == (debit, credit) and (
        not pool or pool in {pool_of(one), pool_of(other)}
    )


def read(period: Period) -> Books:
    """Read a period in six statements, whatever was sold in it; asked inside a snapshot."""
    span = (period.since_at, period.until_at)
    accounts, flows = supervised.ledger(*span)
    cutoff, still_open, rules = supervised_facts.cutoff(*span, settled_by=period.last_date + timedelta(days=1))
    between: dict[tuple[str, str], list[Flow]] = defaultdict(list)
    for flow in flows:
        between[account_class(flow.debit), account_class(flow.credit)].append(flow)
    return Books(
        period=period,
        accounts={each.name: each for each in accounts},
        flows=flows,
        between=between,
        sums=supervised_rows.sums(*span),
        pools=supervised.pools(),
        cycles=supervised.cycles(*span),
        exceptions=supervised_exceptions.exceptions(*span),
        rules=rules,
        cutoff=cutoff,
        open=still_open,
    )
