"""The report on a period, put together for who may see what; how it is written down is `as_*`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version

from greenloop.core.books.accounts import account_class, pool_of
from greenloop.core.faults import say
from greenloop.insight.supervision import pools
from greenloop.insight.supervision.books import Books, read
from greenloop.insight.supervision.custodian import custodian_ties
from greenloop.insight.supervision.pools import OTHERS, PEOPLE_MIN, CycleLine, PoolLine
from greenloop.insight.supervision.steps import Step, steps
from greenloop.insight.supervision.ties import Tie, ties
from greenloop.insight.supervision.trusted import trust_ties
from greenloop.store.queries.statements import Period
from greenloop.store.queries.supervised import Flow
from greenloop.store.queries.supervised_exceptions import ExceptionSum
from greenloop.store.queries.supervised_facts import Cutoff, RulesRow

PUBLIC, AUDITOR, STAFF = "public", "auditor", "staff"
TOLD_MIN = 5
"""In the public form an exception that is rarer isn't counted, and its amount isn't told."""
OF_NOBODY = ("settlement.held", "settlement.decided", "clock.late", "books.broken")
"""Exceptions that are of no single person, and told however few they are."""


@dataclass(frozen=True, slots=True)
class Unusual:
    """Exceptions of one kind; `count` and `fen` are None where they are too few to be told."""

    kind: str
    count: int | None
    fen: int | None
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a report says, of one state of the books. `provisional` are the reasons why it may change.

    `pools` and `flows` name each pool as it is called in it.
    """

    form: str
    made_at: datetime
    product: str
    period: Period
    rules: Sequence[RulesRow]
    cutoff: Cutoff
    steps: Sequence[Step]
    flows: Sequence[Flow]
    pools: Sequence[PoolLine]
    cycles: Sequence[CycleLine]
    exceptions: Sequence[Unusual]
    provisional: Sequence[tuple[str, int]]

    @property
    def ties(self) -> list[Tie]:
        """Return the ties of all steps."""
        return [tie for step in self.steps for tie in step.ties]

    @property
    def compared(self) -> int:
        """Return how many sums were compared."""
        return sum(tie.of for tie in self.ties)

    @property
    def off(self) -> int:
        """Return how many of them differ."""
        return sum(tie.off for tie in self.ties)


def report(*, period: Period, form: str, made_at: datetime) -> Report:
    """Read a period and tie it, for everybody (`public`), for an auditor, or for staff; asked inside a snapshot."""
    books = read(period)
    public = form == PUBLIC
    called = pools.names(books, public=public)
    # A page keeps to few statements: what the custodian lists is said in what is written down.
    apart = [*trust_ties(books), *(() if form == STAFF else custodian_ties())]
    found = pools.tied([*ties(books), *apart], called)
    return Report(
        form=form,
        made_at=made_at,
        product=version("greenloop"),
        period=period,
        rules=books.rules,
        cutoff=books.cutoff,
        steps=steps(books, found, called, least=PEOPLE_MIN if public else 0),
        flows=_flows(books, called),
        pools=pools.pool_lines(books, called),
        cycles=pools.cycle_lines(books, called),
        exceptions=[_unusual(each, public=public) for each in books.exceptions],
        provisional=_provisional(books, made_at),
    )


def _unusual(found: ExceptionSum, *, public: bool) -> Unusual:
    if public and 0 < found.count < TOLD_MIN and found.kind not in OF_NOBODY:
        return Unusual(found.kind, None, None, None)
    return Unusual(found.kind, found.count, found.fen, None if public else found.oldest_at)


def _flows(books: Books, called: Mapping[str, str]) -> list[Flow]:
    """Return what moved, by kind and accounts, with pools as they are called."""
    found: dict[tuple[str, str, str], Flow] = {}
    for flow in books.flows:
        debit, credit = (_account(name, called) for name in (flow.debit, flow.credit))
        key = flow.kind, debit, credit
        before = found.get(key)
        fen, journals = (before.fen, before.journals) if before else (0, 0)
        found[key] = Flow(*key, fen + flow.fen, journals + flow.journals)
    return list(found.values())


def _account(name: str, called: Mapping[str, str]) -> str:
    pool = pool_of(name)
    return f"{account_class(name)}:{called[pool]}" if called.get(pool, pool) == OTHERS else name


def _provisional(books: Books, made_at: datetime) -> list[tuple[str, int]]:
    """Return why the period's sums may still change, each with how many it is about."""
    reasons = (
        (say("The period isn't over."), int(made_at < books.period.until_at)),
        (say("Journals that wait for the trust book's own database: {count}."), books.cutoff.pending),
        (say("Cycles that vested and aren't settled: {count}."), books.open.cycles),
        (say("Settlements held for a second person: {count}."), books.open.held),
        (say("The books were found broken, and nobody has cleared it."), books.open.broken),
    )
    return [(sentence, count) for sentence, count in reasons if count]
