"""The living page: tokens and every part that pages are made of, drawn by the same macros that pages use."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from greenloop.insight.blocks import Figure, Key
from greenloop.insight.drawing import HEIGHT, Frame, picture, round_ticks
from greenloop.web.page import show

COLOURS = (
    *("paper", "card", "sunk", "ink", "soft", "line", "edge", "brand", "brand-soft", "link"),
    *("green", "light", "red", "amber", "slate", "violet", "good", "bad", "warn", "info"),
)
INFLOW = (420, 510, 480, 530, 610, 570, 640, 700)
ISSUE = (None, 120, 180, 220, 260, 300, 330, 360)


class Sample(forms.Form):
    """A form to look at."""

    amount = forms.CharField(label=gettext_lazy("Amount in yuan"), required=True)
    kinds = forms.MultipleChoiceField(
        label=gettext_lazy("Colours"),
        choices=[("light", gettext_lazy("light")), ("dark", gettext_lazy("dark"))],
        widget=forms.CheckboxSelectMultiple,
    )


@require_safe
def design(request: HttpRequest) -> HttpResponse:
    """Show every part once."""
    empty = Sample(auto_id="sample_%s")
    wrong = Sample({"amount": ""}, auto_id="wrong_%s")
    return show(request, "design.html", colours=COLOURS, form=empty, wrong=wrong, figure=_figure(), amount_fen=123456)


def _figure() -> Figure:
    frame = Frame(len(INFLOW), round_ticks(0, max(INFLOW)))
    title = _("A drawing")
    marks = [
        frame.grid(lambda value: f"{value:g}", below=_("cycle")),
        frame.bars(list(INFLOW), "fill-inflow"),
        frame.line(((float(place), value) for place, value in enumerate(ISSUE)), "line-issue"),
    ]
    about = _("Columns are what came in, the line is what went out.")
    keys = (Key("fill-inflow", _("inflow")), Key("line-issue", _("issue")))
    svg = picture(marks, title=title, about=about, name="sample", height=HEIGHT)
    return Figure(title, svg, keys, about)
