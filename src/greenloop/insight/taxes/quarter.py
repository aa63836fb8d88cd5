"""What a quarter comes to: by class, by holder of what is withheld from, and tied to the ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise

from greenloop.core.cycle import midnight_at
from greenloop.core.faults import Refusal, say
from greenloop.core.trust import tax
from greenloop.core.trust.tax import Assessed, Month, Tariff
from greenloop.store import sql
from greenloop.store.queries import taxed
from greenloop.store.queries.taxed import Span, Sums, Tie


@dataclass(frozen=True, slots=True)
class ClassLine:
    """One class over the quarter, in fen: what holders received, and what is withheld of it where the tariff has it."""

    name: str
    sums: Sums
    base_fen: int | None
    withheld_fen: int | None


@dataclass(frozen=True, slots=True)
class HolderLine:
    """One holder in one class: the quarter's sums and what they come to. `ref` is what it is known by."""

    account_id: int
    ref: str
    name: str
    sums: Sums
    assessed: Assessed


@dataclass(frozen=True, slots=True)
class Quarter:
    """A quarter, whole: `span` are its instants, in local time so many minutes ahead of UTC."""

    name: str
    span: Span
    offset_minutes: int
    classes: tuple[ClassLine, ...]
    holders: tuple[HolderLine, ...]
    ties: tuple[Tie, ...]

    @property
    def withheld_fen(self) -> int:
        """Return what is withheld over all holders."""
        return sum(line.assessed.due.fen for line in self.holders)

    @property
    def difference_fen(self) -> int:
        """Return by how much holders' rows and the ledger differ, over all movements."""
        return sum(abs(tie.rows_fen - tie.ledger_fen) for tie in self.ties)


def quarter(name: str, *, tariff: Tariff, offset_minutes: int, at: datetime) -> Quarter:
    """Return what a quarter that is over comes to by a tariff.

    :raises Refusal: it is no quarter, or isn't over yet.
    """
    spans = _months(name, offset_minutes)
    whole = spans[0][0], spans[-1][1]
    if whole[1] > at:
        message = say("The quarter {quarter} isn't over before {until}.")
        raise Refusal("tax.quarter_open", message, field="quarter", quarter=name, until=whole[1])
    with sql.snapshot():
        holders = _holders(spans, tariff)
        classes = taxed.by_class(whole)
        ties = tuple(taxed.ties(whole))
    return Quarter(name, whole, offset_minutes, tuple(_lines(classes, holders, tariff)), holders, ties)


def _months(name: str, offset_minutes: int) -> list[Span]:
    year, months = tax.months_of(name)
    firsts = [date(year, month, 1) for month in months]
    firsts.append(date(year + months[-1] // 12, months[-1] % 12 + 1, 1))
    starts = [midnight_at(first, offset_minutes) for first in firsts]
    return list(pairwise(starts))


def _holders(spans: Sequence[Span], tariff: Tariff) -> tuple[HolderLine, ...]:
    named = tariff.classes.keys()
    months = [taxed.by_holder(span, named) for span in spans] if named else []
    keys = sorted({key for month in months for key in month})
    refs = taxed.refs(sorted({account for account, _ in keys}))
    lines = []
    for account, name in keys:
        sums = [month.get((account, name), Sums()) for month in months]
        assessed = tax.assess(tariff.classes[name], [Month(each.received_fen, each.taken_back_fen) for each in sums])
        lines.append(HolderLine(account, refs.get(account, ""), name, sum(sums, Sums()), assessed))
    return tuple(lines)


def _lines(classes: Mapping[str, Sums], holders: Sequence[HolderLine], tariff: Tariff) -> list[ClassLine]:
    lines = []
    for name in tax.CLASSES:
        sums = classes.get(name, Sums())
        own = [line.assessed for line in holders if line.name == name]
        if name in tariff.classes:
            figures = sum(each.base_fen for each in own), sum(each.due.fen for each in own)
            lines.append(ClassLine(name, sums, *figures))
        else:
            lines.append(ClassLine(name, sums, None, None))
    return lines
