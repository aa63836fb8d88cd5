"""Complaints in pages: one's own with a form, all of them for operators who answer, facts alone for who only reads."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from greenloop.core.faults import Refusal
from greenloop.core.trust.complaints import CATEGORIES, TEXT_MAX
from greenloop.services.people.complaints import answer_complaint, file_complaint
from greenloop.store.queries import complaints
from greenloop.store.queries.complaints import ComplaintRow
from greenloop.web import access, clock, cursors
from greenloop.web.access import Visitor
from greenloop.web.page import act, show
from greenloop.web.trust import who
from greenloop.web.trust.portal import READERS, tabs
from greenloop.web.words import told

ROWS = 20
NAMES: dict[str, Any] = {
    "order": gettext_lazy("an order"),
    "refund": gettext_lazy("a refund"),
    "points": gettext_lazy("points"),
    "voucher": gettext_lazy("vouchers and coupons"),
    "referral": gettext_lazy("bringing somebody, or being brought"),
    "merchant": gettext_lazy("a shop"),
    "data": gettext_lazy("personal data"),
    "other": gettext_lazy("something else"),
}
STATES: dict[str, Any] = {
    "open": gettext_lazy("waits for an answer"),
    "answered": gettext_lazy("answered"),
    "closed": gettext_lazy("closed"),
}


class ComplaintForm(forms.Form):
    """Asks what a complaint is about, and what happened."""

    category = forms.ChoiceField(label=gettext_lazy("What it is about"), widget=forms.RadioSelect, choices=())
    order = forms.IntegerField(
        label=gettext_lazy("Number of the order, if it is about one"),
        required=False,
        min_value=1,
        max_value=cursors.NUMBER_MAX,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
    )
    text = forms.CharField(
        label=gettext_lazy("What happened"), max_length=TEXT_MAX, widget=forms.Textarea(attrs={"rows": 6})
    )

    def __init__(self, *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        fields: Any = self.fields
        fields["category"].choices = [(each, NAMES[each]) for each in CATEGORIES]


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def own(request: HttpRequest) -> HttpResponse:
    """Show one's own complaints and a form for another; by POST file it."""
    visitor = _complainant(request)
    if visitor is None:
        return HttpResponseRedirect(reverse("complaints_all"))
    form = ComplaintForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and (number := _filed(visitor, form)) is not None:
        messages.success(request, _("Your complaint is filed. You find the answer here."))
        return HttpResponseRedirect(reverse("complaint", args=[number]))
    before, at = cursors.number(request), clock.now()
    rows = complaints.of_account(visitor.account_id, at=at, before=before or complaints.LAST, limit=ROWS + 1)
    found, last = cursors.page(rows, ROWS)
    return show(
        request,
        "trust/complaints.html",
        status=422 if form.errors else 200,
        form=form,
        found=found,
        names=NAMES,
        states=STATES,
        older=f"{reverse('complaints')}?before={last.id}" if last else None,
        newer=reverse("complaints") if before else None,
    )


def _complainant(request: HttpRequest) -> Visitor | None:
    """Return who may complain here; None for the platform's people, who answer.

    :raises PermissionDenied: nobody knows who it is: neither a member nor of a merchant.
    """
    visitor = access.visitor(request)
    if visitor is None or not (visitor.staff or visitor.member_ref or visitor.merchants):
        raise PermissionDenied
    return None if visitor.staff else visitor


def _filed(visitor: Visitor, form: ComplaintForm) -> int | None:
    asked = form.cleaned_data
    try:
        return file_complaint(
            account_id=visitor.account_id,
            category=asked["category"],
            text=asked["text"],
            order_id=asked["order"],
            at=clock.now(),
        )
    except Refusal as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, told(refusal))
        return None


@access.staff(*READERS)
@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """Show how complaints stand by category, and list those that aren't closed, or all; nobody's words are shown."""
    before, every, at = cursors.number(request), request.GET.get("all") == "yes", clock.now()
    rows = complaints.listed(at=at, unclosed=not every, before=before or complaints.LAST, limit=ROWS + 1)
    found, last = cursors.page(rows, ROWS)
    kept = "all=yes&" if every else ""
    return show(
        request,
        "trust/complaints_all.html",
        tabs=tabs("complaints_all"),
        categories=complaints.standing(at=at),
        found=found,
        every=every,
        names=NAMES,
        states=STATES,
        older=f"{reverse('complaints_all')}?{kept}before={last.id}" if last else None,
        newer=f"{reverse('complaints_all')}?{kept}" if before else None,
    )


@access.signed_in
@require_safe
def one(request: HttpRequest, number: int) -> HttpResponse:
    """Show a complaint: its words to who complained and to operators, its facts to who only reads."""
    visitor = access.visitor(request)
    if visitor is None:
        raise Http404
    if visitor.staff and (way := access.factor_first(request, visitor)):
        return way
    found = _found(number)
    own_one, answers = visitor.account_id == found.account_id, "operator" in visitor.staff
    if not (own_one or answers or access.only_reads(visitor)):
        raise Http404
    words = complaints.words(number) if own_one or answers else None
    return show(
        request,
        "trust/complaint.html",
        found=found,
        words=words,
        own=own_one,
        may_answer=answers and found.state != "closed",
        names=NAMES,
        states=STATES,
        who={} if own_one else who.named(each.by for each in (words.answers if words else ())),
        most=TEXT_MAX,
    )


@access.staff("operator")
@require_POST
def answer(request: HttpRequest, number: int) -> HttpResponse:
    """Answer a complaint, or close it with a last word."""
    found = _found(number)
    text, close = request.POST.get("text", ""), request.POST.get("close") == "yes"
    by, at = access.by(request), clock.now()
    act(
        request,
        lambda: answer_complaint(complaint_id=found.id, text=text, close=close, by=by, at=at),
        _("The answer is given."),
    )
    return HttpResponseRedirect(reverse("complaint", args=[found.id]))


def _found(number: int) -> ComplaintRow:
    try:
        return complaints.complaint(min(number, cursors.NUMBER_MAX), at=clock.now())
    except Refusal as refusal:
        raise Http404 from refusal
