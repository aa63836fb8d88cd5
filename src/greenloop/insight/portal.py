"""The drawing of a regulator's first page: what came into all pools and what was issued, cycle by cycle."""

from collections.abc import Sequence

from django.utils.translation import gettext as _

from greenloop.insight.blocks import Figure, Key
from greenloop.insight.drawing import HEIGHT, Frame, picture, round_ticks
from greenloop.insight.figures import money, short
from greenloop.store.queries.portal import CycleSum


def figure(cycles: Sequence[CycleSum]) -> Figure | None:
    """Return the drawing, None before a cycle is settled."""
    if not cycles:
        return None
    first, last = cycles[0].cycle, cycles[-1].cycle
    known = {each.cycle: each for each in cycles}
    every = [known.get(cycle, CycleSum(cycle, 0, 0)) for cycle in range(first, last + 1)]
    inflow, issued = [each.inflow_fen / 100 for each in every], [each.issued_fen / 100 for each in every]
    frame = Frame(len(every), round_ticks(0, max(*inflow, *issued, 1)), first=first)
    said = _("Cycle {cycle}: {inflow} came in, {issued} issued")
    told = [
        said.format(cycle=each.cycle, inflow=money(each.inflow_fen), issued=money(each.issued_fen)) for each in every
    ]
    marks = [
        frame.grid(short, below=_("cycle")),
        frame.bars(list(inflow), "fill-inflow"),
        frame.line(enumerate(issued), "line-issue"),
        frame.titles(told),
    ]
    title = _("Inflow and issue of all pools by cycle, yuan")
    note = _("Columns are concessions that entered the pools, the line is vouchers that settlements issued from them.")
    keys = (Key("fill-inflow", _("inflow")), Key("line-issue", _("issue")))
    return Figure(title, picture(marks, title=title, about=told[-1], name="supervised", height=HEIGHT), keys, note)
