"""A statement's days as a drawing: what each day's sales earned, and what was still owed in the evening."""

from datetime import timedelta

from django.utils.translation import gettext as _

from greenloop.insight.blocks import Figure, Key
from greenloop.insight.drawing import HEIGHT, Frame, picture, round_ticks
from greenloop.insight.figures import short
from greenloop.store.queries.statements import Statement

FEN = 100


def figure(statement: Statement) -> Figure | None:
    """Return the drawing, None where nothing moved."""
    period = statement.period
    count = (period.last_date - period.first_date).days + 1
    if not statement.days:
        return None
    known = {day.date: day for day in statement.days}
    dates = [period.first_date + timedelta(days=place) for place in range(count)]
    earned_fen = [known[day].sums.earned_fen if day in known else 0 for day in dates]
    owed_fen, left_fen = [], statement.opening_fen
    for day in dates:
        left_fen = known[day].balance_fen if day in known else left_fen
        owed_fen.append(left_fen)
    frame = Frame(count, round_ticks(0, max(FEN, *earned_fen, *owed_fen) / FEN))
    whole_month = period.first_date.day == 1 and period.first_date.month == period.last_date.month
    names = [] if whole_month else [f"{day:%m-%d}" for day in dates]
    below = _("day of {month}").format(month=f"{dates[0]:%Y-%m}") if whole_month else _("day")
    marks = [
        frame.grid(short, below=below, names=names),
        frame.bars([fen / FEN for fen in earned_fen], "fill-inflow"),
        frame.line(((float(place), fen / FEN) for place, fen in enumerate(owed_fen)), "line-issue"),
    ]
    title = _("Earned and still owed, by day, in yuan")
    note = _("Columns: what the day's sales earned after the concession. Line: what was still owed in the evening.")
    svg = picture(marks, title=title, about=note, name="statement", height=HEIGHT)
    keys = (Key("fill-inflow", _("earned")), Key("line-issue", _("still owed")))
    return Figure(title, svg, keys, note)
