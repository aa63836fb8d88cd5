"""Drawings of one pool's newest cycles: inflow and issue, growth, coverage, and what each cohort has released."""

from collections.abc import Sequence

from django.utils.translation import gettext as _

from greenloop.core.money import PPM, SCALE
from greenloop.insight.blocks import Figure, Key
from greenloop.insight.drawing import HEIGHT, Frame, picture, power_ticks, round_ticks
from greenloop.insight.figures import NONE, SPACE, joined, money, percent, ratio, short, times_of
from greenloop.store.queries.multiples import CohortRow
from greenloop.store.queries.overview import CycleRow, PoolRow

Cycles = Sequence[CycleRow]


def figures(pool: PoolRow, cycles: Cycles, cohorts: Sequence[CohortRow]) -> list[Figure]:
    """Return the drawings of a pool; none of cycles before one is settled."""
    drawn = [_inflow(cycles), _coverage(pool, cycles), _growth(cycles)] if cycles else []
    if any(cohort.index for cohort in cohorts):
        drawn.append(_multiples(pool, cohorts))
    return drawn


def _inflow(cycles: Cycles) -> Figure:
    inflow = [cycle.inflow_fen / 100 for cycle in cycles]
    issued = [cycle.issued_fen / 100 for cycle in cycles]
    frame = Frame(len(cycles), round_ticks(0, max(*inflow, *issued)), first=cycles[0].cycle)
    said = _("Cycle {cycle}: {inflow} came in, {issued} issued")
    told = [
        said.format(cycle=each.cycle, inflow=money(each.inflow_fen), issued=money(each.issued_fen)) for each in cycles
    ]
    marks = [
        frame.grid(short, below=_("cycle")),
        frame.bars(list(inflow), "fill-inflow"),
        frame.line(enumerate(issued), "line-issue"),
        frame.titles(told),
    ]
    title = _("Inflow and issue by cycle, yuan")
    note = _("Columns are concessions that entered the pool, the line is vouchers that settlements issued from it.")
    keys = (Key("fill-inflow", _("inflow")), Key("line-issue", _("issue")))
    return Figure(title, picture(marks, title=title, about=told[-1], name="inflow", height=HEIGHT), keys, note)


def _coverage(pool: PoolRow, cycles: Cycles) -> Figure:
    covered = [None if each.coverage_ppm is None else each.coverage_ppm / PPM for each in cycles]
    frame = Frame(len(cycles), power_ticks(max(filter(None, covered), default=2)), first=cycles[0].cycle, log=True)
    marks = [
        frame.grid(short, below=_("cycle")),
        frame.line(enumerate(covered), "line-coverage"),
        frame.rule(1, _("1: every voucher has its money"), "rule-floor"),
    ]
    title = _("Coverage after each settlement, times")
    now = ratio(pool.free_fen + pool.owed_fen, pool.owed_fen)
    about = _("All money of the pool ÷ what it owes to holders: {now} now.").format(now=now)
    svg = picture(marks, title=title, about=about, name="coverage", height=HEIGHT)
    return Figure(title, svg, note=about)


def _growth(cycles: Cycles) -> Figure:
    growth = [None if each.growth is None else each.growth * 100 / SCALE for each in cycles]
    known = sorted(abs(value) for value in growth if value is not None)
    # A first cycle often doubles; the columns of all later ones would vanish beside it.
    usual = known[len(known) * 9 // 10] * 1.3 if known else 1.0
    frame = Frame(len(cycles), round_ticks(-min(usual, 100.0), usual), first=cycles[0].cycle)
    marks = [frame.grid(lambda value: f"{short(value)}{SPACE}%", below=_("cycle")), frame.bars(growth, "fill-growth")]
    title = _("Growth of the driver by cycle")
    last = percent(cycles[-1].growth, SCALE) if cycles[-1].growth is not None else NONE
    about = _("How much more came in over the last cycles together than a cycle before; last {growth}.").format(
        growth=last
    )
    note = about
    if any(value is not None and value > frame.ticks[-1] for value in growth):
        note = joined(about, _("Columns at the edge go on beyond it."))
    return Figure(title, picture(marks, title=title, about=about, name="growth", height=HEIGHT), note=note)


def _multiples(pool: PoolRow, cohorts: Sequence[CohortRow]) -> Figure:
    first, last = cohorts[0].entry, cohorts[-1].entry
    values: list[float | None] = [None] * (last - first + 1)
    told = [""] * len(values)
    said = _("Entered in cycle {entry}: {times} after {age} of {cycles} releases")
    for each in cohorts:
        place = each.entry - first
        values[place] = max(values[place] or 0, each.index / SCALE)
        told[place] = said.format(entry=each.entry, times=times_of(each.index, SCALE), age=each.age, cycles=each.cycles)
    frame = Frame(len(values), round_ticks(0, max(filter(None, values), default=1)), first=first)
    marks = [
        frame.grid(lambda value: f"{value:g}", below=_("cycle of entry")),
        frame.bars(values, "fill-red" if pool.is_red else "fill-issue"),
        frame.titles(told),
    ]
    title = _("Released per point so far, by cycle of entry")
    note = _("Later cohorts have had fewer releases. The past only: it says nothing about what is still to come.")
    return Figure(title, picture(marks, title=title, about=note, name="multiples", height=HEIGHT), note=note)
