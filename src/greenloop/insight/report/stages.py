"""How long each stage of a replay took."""

from django.utils.translation import gettext as _

from greenloop.insight.blocks import Cell, Section, Table, Text, heads, row
from greenloop.insight.figures import count, joined, percent, permille
from greenloop.insight.report.facts import Facts, Year


def section(facts: Facts) -> Section | None:
    """Return the times, or nothing where none were taken."""
    if facts.year is None or not facts.year.seconds:
        return None
    return Section("stages", _("Time per stage"), (Text((_said(facts.year, facts.orders.orders),)), _table(facts.year)))


def _said(year: Year, orders: int) -> str:
    thousandths = max(1, sum(_thousandths(seconds) for seconds in year.seconds.values()))
    sentence = _("Replayed: {source}. {seconds} s in all, {rate} orders taken for each second of it.")
    said = sentence.format(source=year.source, seconds=_written(thousandths), rate=count(orders * 1000 // thousandths))
    if year.seed is not None:
        said = joined(said, _("What the data doesn't hold was drawn from seed {seed}.").format(seed=year.seed))
    return said


def _table(year: Year) -> Table:
    spent = {stage: _thousandths(seconds) for stage, seconds in year.seconds.items()}
    whole = sum(spent.values())
    rows = tuple(
        (Cell(stage), Cell(_written(part)), Cell(percent(part, whole), permille(part, whole)))
        for stage, part in spent.items()
    )
    foot = row(_("Together"), _written(whole), percent(whole, whole))
    return Table(_("Seconds of work, by stage"), heads(_("Stage"), _("Seconds"), _("Share")), rows, foot)


def _thousandths(seconds: float) -> int:
    return round(seconds * 1000)


def _written(thousandths: int) -> str:
    return f"{thousandths // 1000:,}.{thousandths % 1000 // 10:02d}"
