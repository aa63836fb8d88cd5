"""Realised multiples: what a point of each cohort has released so far, and how that is spread over holders."""

from collections.abc import Sequence

from django.utils.translation import gettext as _

from greenloop.core.money import PPM, SCALE
from greenloop.insight.blocks import Block, Cell, Figure, Figures, Heading, Key, Section, Table, Text, heads, row
from greenloop.insight.drawing import HEIGHT, Frame, picture, round_ticks
from greenloop.insight.figures import count, joined, percent, plain, ratio, times, times_of
from greenloop.insight.report.facts import STEP_PPM, Facts
from greenloop.store.queries.report import CohortSums, PoolSums, Spread

DRAWN_MAX = 6
WIDE = (1, 2, 4, 5, 10, 20, 40, 50, 100, 200, 400, 1000)
STEPS_MAX = 32
Cohorts = Sequence[CohortSums]


def section(facts: Facts) -> Section:
    """Return what cohorts have released, and to how many holders how much."""
    pools = [pool for pool in facts.pools_by_size if facts.cohorts.get(pool.id)]
    blocks: list[Block] = [
        Text(
            (
                _(
                    "All points that entered a pool in one cycle under one plan form a cohort and release alike: its "
                    "index is what one point has released so far. These are facts about the past. They say nothing "
                    "about what is still to come."
                ),
            )
        )
    ]
    for pool in pools[:DRAWN_MAX]:
        blocks.append(Heading(_("Pool {name}").format(name=pool.name)))
        figures = [*_cohorts(pool, facts), *_holders(pool, facts)]
        if figures:
            blocks.append(Figures(tuple(figures)))
        blocks.append(_table(pool, facts.cohorts[pool.id]))
    blocks += [Heading(_("All holders")), _spread(facts), Text((_reached(facts),), tone="note")]
    return Section("cohorts", _("What a point has released so far"), tuple(blocks))


def _cohorts(pool: PoolSums, facts: Facts) -> list[Figure]:
    cohorts = [cohort for cohort in facts.cohorts[pool.id] if cohort.points]
    return [_by_entry(pool, cohorts), _by_age(pool, facts)] if any(cohort.index for cohort in cohorts) else []


def _holders(pool: PoolSums, facts: Facts) -> list[Figure]:
    steps = facts.steps.get(pool.id)
    return [_by_holder(pool, facts.spreads[pool.id], dict(steps))] if steps else []


def _by_entry(pool: PoolSums, cohorts: Cohorts) -> Figure:
    first, last = cohorts[0].entry, cohorts[-1].entry
    values: list[float | None] = [None] * (last - first + 1)
    said = [""] * len(values)
    for cohort in cohorts:
        place = cohort.entry - first
        values[place] = max(values[place] or 0, cohort.index / SCALE)
        said[place] = _("Entered in cycle {entry}: {times} after {age} releases").format(
            entry=cohort.entry, times=times_of(cohort.index, SCALE), age=cohort.age
        )
    frame = Frame(len(values), round_ticks(0, max(filter(None, values), default=1)), first=first)
    marks = [
        frame.grid(lambda value: f"{value:g}", below=_("cycle of entry")),
        frame.bars(values, "fill-red" if pool.is_red else "fill-issue"),
        frame.titles(said),
    ]
    title = _("Released per point, by cycle of entry")
    about = _("The earliest cohort has released {first} per point, the latest {last}.").format(
        first=times_of(cohorts[0].index, SCALE), last=times_of(cohorts[-1].index, SCALE)
    )
    return Figure(title, picture(marks, title=title, about=about, name=f"entry-{pool.id}", height=HEIGHT))


def paths(facts: Facts, pool: PoolSums) -> dict[int, list[tuple[int, int]]]:
    """Return by cohort its (age, index) after each settlement."""
    entries = {cohort.id: cohort.entry for cohort in facts.cohorts.get(pool.id, ())}
    found: dict[int, list[tuple[int, int]]] = {}
    for cycle in facts.cycles.get(pool.id, ()):
        for cohort, index in cycle.indices:
            if cycle.cycle > entries[cohort]:
                found.setdefault(cohort, [(0, 0)]).append((cycle.cycle - entries[cohort], index))
    return found


def _by_age(pool: PoolSums, facts: Facts) -> Figure:
    found = list(paths(facts, pool).values())
    oldest = max((path[-1][0] for path in found), default=1)
    top = max((path[-1][1] for path in found), default=0) / SCALE
    frame = Frame(oldest + 1, round_ticks(0, top), first=0)
    lines = [[(float(age), index / SCALE) for age, index in path] for path in found]
    marks = [frame.grid(lambda value: f"{value:g}", below=_("releases since entry"))]
    marks += [frame.line(line, "line-thin") for line in lines[1:]]
    marks += [frame.line(line, "line-issue") for line in lines[:1]]
    title = _("Released per point, by age")
    about = _("{count} cohorts, each a line from its entry on.").format(count=count(len(found)))
    keys = (Key("line-issue", _("first cohort")), Key("line-thin", _("all others")))
    return Figure(title, picture(marks, title=title, about=about, name=f"age-{pool.id}", height=HEIGHT), keys)


def _by_holder(pool: PoolSums, spread: Spread, steps: dict[int, int]) -> Figure:
    wide = next(by for by in WIDE if max(steps) // by < STEPS_MAX)
    holders = [0] * (max(steps) // wide + 1)
    for step, number in steps.items():
        holders[step // wide] += number
    names = [ratio(n * wide * STEP_PPM, PPM, 3).rstrip("0").rstrip(".") for n in range(len(holders) + 1)]
    said = _("{low} to {high}: {holders} holders")
    titles = [said.format(low=names[n], high=names[n + 1], holders=count(number)) for n, number in enumerate(holders)]
    frame = Frame(len(holders), round_ticks(0, max(holders)), first=0)
    below = _("released per point, in steps of {step}").format(step=names[1])
    marks = [
        frame.grid(lambda value: f"{value:,.0f}", below=below, names=names),
        frame.bars(list(holders), "fill-red" if pool.is_red else "fill-issue"),
        frame.titles(titles),
    ]
    title = _("Holders, by their multiple so far")
    about = _("Half of {holders} holders are at or above {median}.").format(
        holders=count(spread.holders), median=times(spread.median_ppm)
    )
    note = joined(about, _("Newer points have had fewer releases and stand further left."))
    return Figure(title, picture(marks, title=title, about=about, name=f"holders-{pool.id}", height=HEIGHT), note=note)


def _spread(facts: Facts) -> Table:
    names: dict[int | None, str] = {None: _("All green points")}
    names |= {pool.id: _("Pool {name}").format(name=pool.name) for pool in facts.pools_by_size}
    rows = []
    for key in names:
        if spread := facts.spreads.get(key):
            quantiles = (spread.p10_ppm, spread.median_ppm, spread.p90_ppm)
            rows.append(
                row(
                    *(names[key], count(spread.holders), times_of(spread.released_fen, spread.points)),
                    *map(times, quantiles),
                    *(percent(number, spread.holders) for number in spread.reached),
                )
            )
    return Table(
        _("Released so far per point, over holders"),
        heads(
            *(_("Points of"), _("Holders"), _("Mean"), _("P10"), _("Median"), _("P90")),
            *(_("reached {times}").format(times=_("{number} ×").format(number=by)) for by in (1, 2, 5)),
        ),
        tuple(rows),
    )


def _reached(facts: Facts) -> str:
    green = [path for pool in facts.green_pools for path in paths(facts, pool).values()]
    said = [
        _("The mean is all vouchers released ÷ all points held; the other figures count holders, each with all points.")
    ]
    for by in (1, 2, 5):
        ages = [next(age for age, index in path if index >= by * SCALE) for path in green if path[-1][1] >= by * SCALE]
        if not ages:
            sentence = _("No cohort of green points has released {by} times its points.")
            said.append(sentence.format(by=by))
            break
        sentence = _(
            "{count} of {all} cohorts of green points released {by} times their points, the first in {age} releases."
        )
        said.append(sentence.format(count=len(ages), all=len(green), by=by, age=min(ages)))
    return joined(*said)


def _table(pool: PoolSums, cohorts: Cohorts) -> Table:
    rows: list[tuple[Cell, ...]] = [
        row(
            *(count(cohort.entry), cohort.plan, count(cohort.holders), plain(cohort.points)),
            *(f"{cohort.age} / {cohort.cycles}", times_of(cohort.index, SCALE), percent(cohort.index, cohort.cap)),
        )
        for cohort in cohorts
    ]
    return Table(
        _("The cohorts of pool {name}").format(name=pool.name),
        (
            *heads(_("Cycle of entry")),
            *heads(_("Plan"), _("Holders"), _("Points"), _("Releases"), _("Released per point"), _("of the cap")),
        ),
        tuple(rows),
        folded=True,
    )
