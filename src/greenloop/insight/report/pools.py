"""Pools and cycles: what came in, what was issued, how the driver grew, and how much covers it."""

from collections.abc import Sequence

from django.utils.translation import gettext as _

from greenloop.core.money import SCALE
from greenloop.insight.blocks import Block, Figure, Figures, Heading, Key, Section, Table, Text, heads, row
from greenloop.insight.drawing import HEIGHT, Frame, picture, power_ticks, round_ticks
from greenloop.insight.figures import NONE, SPACE, count, joined, local_day, money, percent, plain, ratio, short
from greenloop.insight.report.facts import Facts
from greenloop.store.queries.report import CycleSums, PoolSums

DRAWN_MAX = 12
Cycles = Sequence[CycleSums]


def section(facts: Facts) -> Section:
    """Return the pools, the largest drawn."""
    pools = [pool for pool in facts.pools_by_size if facts.cycles.get(pool.id)]
    blocks: list[Block] = [
        Text(
            (
                _(
                    "A pool is paid from concessions alone. At the end of each cycle a settlement moves part of its "
                    "free money behind the points of its cohorts; it can't move more than is there."
                ),
            )
        )
    ]
    if not pools:
        blocks.append(Text((_("No cycle is settled yet."),), tone="note"))
    for pool in pools[:DRAWN_MAX]:
        cycles = facts.cycles[pool.id]
        blocks.append(Heading(_("Pool {name}").format(name=pool.name)))
        blocks.append(Figures((_inflow(pool, cycles), _growth(pool, cycles), _coverage(pool, cycles))))
        blocks.append(_table(pool, cycles, facts.offset_minutes))
    if len(pools) > DRAWN_MAX:
        left = _("{count} smaller pools are in the table at the top, and not drawn.")
        blocks.append(Text((left.format(count=count(len(pools) - DRAWN_MAX)),), tone="note"))
    return Section("pools", _("Pools and cycles"), tuple(blocks))


def _inflow(pool: PoolSums, cycles: Cycles) -> Figure:
    inflow = [cycle.inflow_fen / 100 for cycle in cycles]
    issued = [cycle.issued_fen / 100 for cycle in cycles]
    frame = Frame(len(cycles), round_ticks(0, max(*inflow, *issued)), first=cycles[0].cycle)
    said = [
        _("Cycle {cycle}: paid in {inflow}, issued {issued}").format(
            cycle=cycle.cycle, inflow=money(cycle.inflow_fen), issued=money(cycle.issued_fen)
        )
        for cycle in cycles
    ]
    marks = [
        frame.grid(short, below=_("cycle")),
        frame.bars(list(inflow), "fill-inflow"),
        frame.line(enumerate(issued), "line-issue"),
        frame.titles(said),
    ]
    title = _("Paid in and issued per cycle, ¥")
    about = _("{cycles} cycles; {inflow} paid in, {issued} issued.").format(
        cycles=count(len(cycles)), inflow=money(pool.inflow_fen), issued=money(pool.issued_fen)
    )
    svg = picture(marks, title=title, about=about, name=f"inflow-{pool.id}", height=HEIGHT)
    return Figure(title, svg, (Key("fill-inflow", _("Paid in")), Key("line-issue", _("Issued"))))


def _growth(pool: PoolSums, cycles: Cycles) -> Figure:
    growth = [None if cycle.growth is None else cycle.growth / SCALE * 100 for cycle in cycles]
    known = sorted(abs(value) for value in growth if value is not None)
    usual = known[len(known) * 9 // 10] * 1.3 if known else 1.0
    trigger = pool.threshold / SCALE * 100
    shown = 0 < trigger <= max(usual, 40.0)
    high = max(usual, trigger * 1.2) if shown else usual
    frame = Frame(len(cycles), round_ticks(-min(high, 100.0), high), first=cycles[0].cycle)
    marks = [frame.grid(lambda value: f"{short(value)}{SPACE}%", below=_("cycle")), frame.bars(growth, "fill-growth")]
    if shown:
        marks.append(frame.rule(trigger, _("dividend above this")))
    said = _("Cycle {cycle}: growth {growth}")
    marks.append(
        frame.titles([said.format(cycle=cycle.cycle, growth=_growth_of(cycle)) for cycle in cycles]),
    )
    title = _("Growth of the driver")
    note = _("The driver is the inflow of the last few cycles together.")
    about = _("Growth per cycle; the last was {growth}.").format(growth=_growth_of(cycles[-1]))
    clipped = any(value is not None and abs(value) > frame.ticks[-1] for value in growth)
    if clipped:
        note = joined(note, _("Columns at the edge go on beyond it: see the table."))
    svg = picture(marks, title=title, about=about, name=f"growth-{pool.id}", height=HEIGHT)
    return Figure(title, svg, note=note)


def _coverage(pool: PoolSums, cycles: Cycles) -> Figure:
    covered = [(cycle.free_fen + cycle.owed_fen) / cycle.owed_fen if cycle.owed_fen else None for cycle in cycles]
    frame = Frame(len(cycles), power_ticks(max(filter(None, covered), default=2)), first=cycles[0].cycle, log=True)
    said = _("Cycle {cycle}: coverage {coverage}")
    marks = [
        frame.grid(short, below=_("cycle")),
        frame.line(enumerate(covered), "line-coverage"),
        frame.rule(1, _("1.00: every voucher has its money"), "rule-floor"),
        frame.titles([said.format(cycle=cycle.cycle, coverage=_coverage_of(cycle)) for cycle in cycles]),
    ]
    title = _("Coverage after each settlement")
    now = ratio(pool.free_fen + pool.owed_fen, pool.owed_fen)
    about = _("Coverage is {now} at present.").format(now=now)
    note = _("Now {now}. The scale grows by factors. A young pool owes little, so it is covered many times.").format(
        now=now
    )
    svg = picture(marks, title=title, about=about, name=f"coverage-{pool.id}", height=HEIGHT)
    return Figure(title, svg, note=note)


def _growth_of(cycle: CycleSums) -> str:
    return NONE if cycle.growth is None else percent(cycle.growth, SCALE)


def _coverage_of(cycle: CycleSums) -> str:
    return ratio(cycle.free_fen + (cycle.owed_fen or 0), cycle.owed_fen or 0)


def _table(pool: PoolSums, cycles: Cycles, offset_minutes: int) -> Table:
    rows = [
        row(
            *(count(cycle.cycle), local_day(cycle.cutoff_at, offset_minutes), plain(cycle.inflow_fen)),
            *(_growth_of(cycle), plain(cycle.budget_fen), plain(cycle.issued_fen), plain(cycle.dividend // SCALE)),
            *(plain(cycle.free_fen), _coverage_of(cycle)),
        )
        for cycle in cycles
    ]
    foot = row(
        *(_("Together"), "", plain(sum(cycle.inflow_fen for cycle in cycles)), "", ""),
        *(plain(pool.issued_fen), plain(sum(cycle.dividend // SCALE for cycle in cycles)), "", ""),
    )
    return Table(
        _("The cycles of pool {name}").format(name=pool.name),
        heads(
            *(_("Cycle"), _("Last day"), _("Paid in, ¥"), _("Growth"), _("Budget, ¥"), _("Issued, ¥")),
            *(_("of it dividend, ¥"), _("Free after, ¥"), _("Coverage")),
        ),
        tuple(rows),
        foot,
        folded=True,
    )
