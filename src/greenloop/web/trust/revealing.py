"""Revealing a person to an auditor or a regulator: for a case and a reason, shown once, written into the audit log."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from greenloop.core.faults import Refusal
from greenloop.core.people.roles import READERS
from greenloop.services.trust.reveal import KINDS, REASON_MAX, REASON_MIN, Revealed, reveal
from greenloop.web import access, clock, cursors
from greenloop.web.page import show
from greenloop.web.trust.portal import tabs
from greenloop.web.words import told

NAMES = {"account": gettext_lazy("the person behind an account"), "complaint": gettext_lazy("what a complaint says")}


class RevealForm(forms.Form):
    """Asks what is to be revealed, for which case, and why."""

    kind = forms.ChoiceField(label=gettext_lazy("What"), widget=forms.RadioSelect, choices=())
    number = forms.IntegerField(
        label=gettext_lazy("Number of the account or complaint"),
        min_value=1,
        max_value=cursors.NUMBER_MAX,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
    )
    case = forms.CharField(
        label=gettext_lazy("Number of the case"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    reason = forms.CharField(
        label=gettext_lazy("Why"),
        min_length=REASON_MIN,
        max_length=REASON_MAX,
        help_text=gettext_lazy("It is kept for ever: name nobody in it."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        fields: Any = self.fields
        fields["kind"].choices = [(each, NAMES[each]) for each in KINDS]


@access.staff("auditor")
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Ask what is to be revealed; by POST reveal it, in this answer and nowhere else."""
    first = {"kind": request.GET.get("kind", KINDS[0]), "number": request.GET.get("number", "")}
    form = RevealForm(request.POST if request.method == "POST" else None, initial=first)
    found: Revealed | None = None
    if request.method == "POST" and form.is_valid():
        found = _revealed(request, form)
    return show(
        request,
        "trust/reveal.html",
        status=422 if form.errors else 200,
        tabs=tabs("portal_reveal"),
        form=form,
        found=found,
        names=NAMES,
    )


def _revealed(request: HttpRequest, form: RevealForm) -> Revealed | None:
    visitor = access.visitor(request)
    if visitor is None or not visitor.staff & set(READERS):
        return None
    asked = {name: form.cleaned_data[name] for name in ("kind", "number", "case", "reason")}
    try:
        return reveal(**asked, by=visitor.account_id, at=clock.now())
    except Refusal as refusal:
        form.add_error(
            refusal.field if refusal.field in form.fields else None, told(refusal) or _("That can't be done")
        )
        return None
