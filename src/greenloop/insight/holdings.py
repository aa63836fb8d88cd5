"""Drawings of what points have released so far: one holder's cohorts, and all green points beside the bound.

They show the past only: no line goes on beyond the last settlement.
"""

from collections.abc import Sequence

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from greenloop.core.money import PPM, SCALE
from greenloop.insight import figures
from greenloop.insight.blocks import Figure, Key
from greenloop.insight.drawing import HEIGHT, LEFT, TOP, Frame, number, picture, round_ticks, tag, text
from greenloop.store.queries.bounds import STEPS_PER_POINT, Released
from greenloop.store.queries.holdings import CohortRow, Path

SPARK_WIDTH, SPARK_HEIGHT = 192.0, 40.0
COLUMNS_MAX = 60
CAP = 5
FEN = 100


def spark(row: CohortRow, path: Path, *, top: int) -> SafeString:
    """Return a small line of what one point of a cohort has released, release by release.

    The width is the whole plan, `top` the index at the upper edge, the same for all lines of a page.
    """
    base = SPARK_HEIGHT - 3
    high = base - 4
    wide = SPARK_WIDTH / max(row.cycles, len(path.indices) - 1, 1)
    places = [(age * wide, base - index / max(top, 1) * high) for age, index in enumerate(path.indices)]
    line = "".join(f"{'L' if age else 'M'}{number(x)} {number(y)}" for age, (x, y) in enumerate(places))
    marks = [
        tag("path", css="grid", d=f"M0 {number(base)}H{number(SPARK_WIDTH)}"),
        tag("path", css="line-issue", d=line),
    ]
    said = _("{times} per point after {age} of {cycles} releases").format(
        times=figures.times_of(row.release_index, SCALE), age=row.age, cycles=row.cycles
    )
    box = f"0 0 {number(SPARK_WIDTH)} {number(SPARK_HEIGHT)}"
    return mark_safe(  # noqa: S308  tag() escapes what it is given  # nosec B308
        tag(
            "svg", "".join(marks), css="spark", viewBox=box, preserveAspectRatio="xMinYMid", role="img", aria_label=said
        )
    )


def by_cycle(cohorts: Sequence[CohortRow]) -> Figure | None:
    """Return a holder's green points by cycle of entry with what they have released; None where there are none."""
    green = [row for row in cohorts if not row.is_red]
    if not green:
        return None
    last = max(row.cycle for row in green)
    first = max(min(row.cycle for row in green), last - COLUMNS_MAX + 1)
    points, released = [0] * (last - first + 1), [0] * (last - first + 1)
    for row in green:
        if row.cycle >= first:
            points[row.cycle - first] += row.points
            released[row.cycle - first] += row.released_fen
    frame = Frame(len(points), round_ticks(0, max(*points, *released) / FEN), first=first)
    said = _("Cycle {cycle}: {points} points, {released} yuan of vouchers released so far")
    titles = [
        said.format(cycle=first + place, points=figures.plain(earned), released=figures.plain(fen))
        for place, (earned, fen) in enumerate(zip(points, released, strict=True))
    ]
    marks = [
        frame.grid(figures.short, below=_("settlement cycle in which the points entered")),
        frame.bars([fen / FEN for fen in points], "fill-inflow"),
        frame.bars([fen / FEN for fen in released], "fill-issue"),
        frame.titles(titles),
    ]
    title = _("Green points by cycle, and what they have released so far")
    about = _("{points} green points from cycle {first} to {last} have released {released} yuan of vouchers.").format(
        points=figures.plain(sum(points)), first=first, last=last, released=figures.plain(sum(released))
    )
    keys = (Key("fill-inflow", _("points")), Key("fill-issue", _("released so far, in yuan of vouchers")))
    svg = picture(marks, title=title, about=about, name="by-cycle", height=HEIGHT)
    return Figure(
        title, svg, keys, _("Newer points have had fewer releases. What was released says nothing about what will be.")
    )


def distribution(found: Released, bound_ppm: int) -> Figure:
    """Return all green points by what they have released so far, beside the bound on the average and the cap."""
    columns = CAP * STEPS_PER_POINT
    shares = [0.0] * columns
    for step, points in found.steps:
        shares[min(step, columns - 1)] += points * 100 / found.points
    frame = Frame(columns, round_ticks(0, max(shares)), first=0)
    names = [f"{place // STEPS_PER_POINT}" for place in range(columns)]
    marks = [
        frame.grid(lambda value: f"{value:g} %", below=_("released per point so far (vouchers, in yuan)"), names=names),
        frame.bars(list(shares), "fill-issue"),
        _upright(
            frame, bound_ppm / PPM, _("bound on the average {times}").format(times=figures.times(bound_ppm)), "rule"
        ),
        _upright(
            frame, CAP, _("cap {times}").format(times=_("{number} ×").format(number=CAP)), "rule-cap", anchor="end"
        ),
    ]
    title = _("All green points, by what they have released so far")
    about = _(
        "Half of all points have released {median} or more, a tenth {p90} or more; the cap stands at {cap}."
    ).format(
        median=figures.times_of(found.median, SCALE),
        p90=figures.times_of(found.p90, SCALE),
        cap=_("{number} ×").format(number=CAP),
    )
    return Figure(title, picture(marks, title=title, about=about, name="spread", height=HEIGHT), note=about)


def _upright(frame: Frame, multiple: float, words: str, css: str, *, anchor: str = "start") -> str:
    """Draw a level of the horizontal scale, with its name at the top; the cap's stands one line lower."""
    x = LEFT + multiple * STEPS_PER_POINT * frame.band
    low = frame.y(frame.ticks[0])
    label = text(
        words,
        x + (4 if anchor == "start" else -4),
        TOP + (10 if anchor == "start" else 26),
        text_anchor=anchor,
        css="halo",
    )
    return tag("path", css=css, d=f"M{number(x)} {TOP}V{number(low)}") + label
