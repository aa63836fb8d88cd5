"""What 5 × is and isn't: the cap in plain words, and a picture of it beside what has happened so far."""

from collections.abc import Sequence

from django.utils.translation import gettext as _

from greenloop.core.money import SCALE
from greenloop.insight.blocks import Figure, Figures, Key, Section, Stat, Stats, Text
from greenloop.insight.drawing import number, picture, tag, text
from greenloop.insight.figures import count, money, percent, ratio, times, times_of
from greenloop.insight.report.facts import Facts

WIDTH, ROW, TOP, BOTTOM = 360.0, 34.0, 40.0, 34.0
LEFT, RIGHT = 12.0, 12.0
CAP = 5
ROWS_MAX = 8


def section(facts: Facts) -> Section:
    """Return the page on the cap. It states bounds and facts, and promises nothing."""
    paid, points = sum(pool.inflow_fen for pool in facts.green_pools), facts.orders.green_points
    blocks = (
        Text(_words(facts, paid, points)),
        *((Stats(_stats(facts, paid, points)),) if points else ()),
        *((Figures((_picture(facts, paid, points),)),) if points else ()),
        Text(
            (
                _("Points are not money, not a deposit and not a security, and they may end worth nothing."),
                _(
                    "A refund takes back the points of its order, and the vouchers they have released. What a lot "
                    "releases next depends on the concessions that shops collect next."
                ),
            ),
            tone="note",
        ),
    )
    return Section("five", _("What 5 × is and isn't"), blocks)


def _words(facts: Facts, paid: int, points: int) -> tuple[str, ...]:
    said = [
        _(
            "5 × is a cap. A lot, the points of one order, stops for good once it has released five times its points, "
            "or after the last cycle of its plan, whichever comes first. It is an upper limit, not a target, and "
            "nobody is owed it."
        )
    ]
    if points:
        sentence = _(
            "Vouchers come from concessions alone. Of each yuan that shops conceded, {payout} fen went into the green "
            "pools, and each yuan made {minted} points, for shopper and shop together. So all points together can't "
            "release more than {payout} fen ÷ {minted} = {bound} yuan a point, whatever a plan says."
        )
        entered = sum(pool.collected_fen for pool in facts.green_pools)
        said.append(
            sentence.format(
                payout=ratio(paid * 100, entered, 1), minted=ratio(points, entered), bound=ratio(paid, points, 3)
            )
        )
    said.append(
        _(
            "An early or a lucky cohort can release more than that; then others release less. The average can't. For a "
            "plan that starts at half a percent and runs 36 cycles, reaching the cap takes inflow that grows "
            "about 153-fold while it runs, and even then it moves money from later members to earlier ones: it makes "
            "none."
        )
    )
    return tuple(said)


def _stats(facts: Facts, paid: int, points: int) -> tuple[Stat, ...]:
    issued = sum(pool.backing_fen - pool.expired_fen for pool in facts.green_pools)
    stats = [
        Stat(_("Bound on the average"), times_of(paid, points), _("{money} paid in").format(money=money(paid))),
        Stat(_("Released so far"), times_of(issued, points), _("{money} issued").format(money=money(issued))),
    ]
    if spread := facts.spreads.get(None):
        best = max((cohort.index for pool in facts.green_pools for cohort in facts.cohorts.get(pool.id, ())), default=0)
        stats.append(
            Stat(
                _("Holders who reached 1 ×"),
                percent(spread.reached[0], spread.holders),
                _("{reached} of {holders}").format(reached=count(spread.reached[0]), holders=count(spread.holders)),
            )
        )
        stats.append(
            Stat(
                _("Best cohort so far"),
                times_of(best, SCALE),
                _("median holder {times}").format(times=times(spread.median_ppm)),
            )
        )
    return tuple(stats)


def _x(multiple: float) -> float:
    return LEFT + min(multiple, CAP) / CAP * (WIDTH - LEFT - RIGHT)


def _picture(facts: Facts, paid: int, points: int) -> Figure:
    pools = facts.green_pools[:ROWS_MAX]
    height = TOP + ROW * len(pools) + BOTTOM
    base = height - BOTTOM
    bound = paid / points
    marks = [tag("rect", css="fill-inflow faint", x=_x(0), y=TOP - 8, width=_x(bound) - _x(0), height=base - TOP + 8)]
    for tick in range(CAP + 1):
        marks.append(tag("path", css="grid", d=f"M{number(_x(tick))} {number(TOP - 8)}V{number(base)}"))
        anchor = "start" if tick == 0 else "end" if tick == CAP else "middle"
        marks.append(text(_("{number} ×").format(number=tick), _x(tick), base + 15, text_anchor=anchor))
    for line, pool in enumerate(pools):
        indices = [cohort.index for cohort in facts.cohorts.get(pool.id, ()) if cohort.points]
        marks.append(_ticks(indices, TOP + ROW * line))
        marks.append(text(pool.name, WIDTH - RIGHT - 6, TOP + ROW * line + 18, text_anchor="end", css="halo soft"))
    marks.append(tag("path", css="rule-strong", d=f"M{number(_x(bound))} {number(TOP - 14)}V{number(base)}"))
    at = _("bound on the average {bound}").format(bound=ratio(paid, points, 3))
    marks.append(text(at, _x(bound) + 4, TOP - 16, text_anchor="start", css="strong"))
    marks.append(tag("path", css="rule-cap", d=f"M{number(_x(CAP))} {number(TOP - 14)}V{number(base)}"))
    marks.append(text(_("cap"), _x(CAP), TOP - 16, text_anchor="end", css="strong"))
    marks.append(text(_("released per point so far"), WIDTH / 2, base + 30, text_anchor="middle", css="soft"))
    title = _("The cap, the bound, and what cohorts have released so far")
    about = _("On a scale from 0 to 5, the bound on the average stands at {bound}; each stroke is a cohort.").format(
        bound=ratio(paid, points, 3)
    )
    svg = picture(marks, title=title, about=about, name="cap", width=WIDTH, height=height)
    keys = (Key("line-issue", _("a cohort")), Key("fill-inflow faint", _("up to the bound")))
    return Figure(title, svg, keys)


def _ticks(indices: Sequence[int], y: float) -> str:
    strokes = "".join(f"M{number(_x(index / SCALE))} {number(y)}v{number(ROW - 14)}" for index in sorted(set(indices)))
    return tag("path", css="stroke-issue", d=strokes)
