"""A new key for a caller of the API: whose, what it may do, whose place it takes. Another person decides on it."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from greenloop.core.faults import Refusal
from greenloop.core.people.scopes import KEYS_LIVE_MAX, SCOPES
from greenloop.services.trust.executors import EXECUTORS
from greenloop.services.trust.proposals import REASON_MAX, propose
from greenloop.store.queries import callers
from greenloop.store.queries.callers import ClientRow, KeyRow
from greenloop.web import access, clock, cursors
from greenloop.web.page import show
from greenloop.web.trust import who
from greenloop.web.words import day, told

ROWS = 40
KIND = "key.rotate"
PROPOSERS = tuple(sorted(EXECUTORS[KIND].proposers))
CLIENTS = {"merchant": gettext_lazy("a merchant's tills"), "partner": gettext_lazy("a partner")}
ALLOWS = {
    "orders:read": gettext_lazy("look sales up"),
    "orders:write": gettext_lazy("take, quote, confirm and cancel sales"),
    "refunds:write": gettext_lazy("refund"),
    "members:read": gettext_lazy("see the shoppers it enrolled"),
    "members:write": gettext_lazy("enrol shoppers"),
    "wallets:read": gettext_lazy("see what those shoppers and its merchants hold"),
    "wallets:write": gettext_lazy("draw for them"),
    "merchants:read": gettext_lazy("see its merchants"),
    "merchants:write": gettext_lazy("add stores"),
    "statements:read": gettext_lazy("see statements, payouts and deposits"),
    "webhooks:write": gettext_lazy("be told of events"),
}


class KeyForm(forms.Form):
    """Asks what a key may do, which live key's place it takes, and why."""

    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("What it may do"), widget=forms.CheckboxSelectMultiple, choices=()
    )
    revokes = forms.ChoiceField(
        label=gettext_lazy("Whose place it takes"), required=False, widget=forms.RadioSelect, choices=()
    )
    must_sign = forms.MultipleChoiceField(
        label=gettext_lazy("How it is used"), required=False, widget=forms.CheckboxSelectMultiple, choices=()
    )
    reason = forms.CharField(
        label=gettext_lazy("Why"), max_length=REASON_MAX, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    def __init__(self, live: Sequence[KeyRow], data: Any = None) -> None:
        newest = live[0] if live else None
        first = {"scopes": list(newest.scopes), "must_sign": ["yes"] * newest.must_sign} if newest else {}
        super().__init__(data, initial={**first, "revokes": ""})
        fields: Any = self.fields
        fields["scopes"].choices = [(each, f"{each} – {ALLOWS[each]}") for each in SCOPES]
        fields["must_sign"].choices = [("yes", _("It only signs requests, and is never sent itself."))]
        beside = [("", _("none: each key that is live stays"))] if len(live) < KEYS_LIVE_MAX else []
        fields["revokes"].choices = beside + [(str(key.id), _of(key)) for key in live]
        fields["revokes"].required = not beside

    def content(self, client: str) -> dict[str, object]:
        """Return what a valid form proposes."""
        found = self.cleaned_data
        must_sign = "yes" if found["must_sign"] else "no"
        content = {"client": client, "scopes": found["scopes"], "must_sign": must_sign}
        return content | ({"revokes": found["revokes"]} if found["revokes"] else {})


@access.staff(*PROPOSERS)
@require_safe
def clients(request: HttpRequest) -> HttpResponse:
    """List callers of the API, newest first, to choose whose key it is about."""
    before = cursors.number(request)
    found, last = cursors.page(callers.newest(before=before or callers.LATEST, limit=ROWS + 1), ROWS)
    return show(
        request,
        "trust/clients.html",
        clients=found,
        kinds=CLIENTS,
        older=f"{reverse('clients')}?before={last.id}" if last else None,
        newer=reverse("clients") if before else None,
    )


@access.staff(*PROPOSERS)
@require_http_methods(["GET", "HEAD", "POST"])
def propose_key(request: HttpRequest, number: int) -> HttpResponse:
    """Show a client's live keys, and propose a new one."""
    client, at = _client(number), clock.now()
    live = [key for key in callers.keys(client.id) if key.revoked_at is None and key.expires_at > at]
    form = KeyForm(live, request.POST if request.method == "POST" else None)
    if form.is_valid():
        by = f"{who.ACCOUNT}{request.user.pk}"
        try:
            made = propose(
                kind=KIND, content=form.content(client.name), reason=form.cleaned_data["reason"], by=by, at=at
            )
        except Refusal as refusal:
            form.add_error(None, told(refusal))
        else:
            messages.success(request, _("Proposed. Another person decides, and is shown the key once."))
            return HttpResponseRedirect(reverse("proposal", args=[made.id]))
    return show(
        request,
        "trust/key.html",
        status=422 if form.is_bound else 200,
        client=client,
        live=live,
        form=form,
        kinds=CLIENTS,
        who=who.named(key.created_by for key in live),
    )


def _of(key: KeyRow) -> str:
    return _("{key}, good until {day}: it ends when this is approved").format(key=key.id, day=day(key.expires_at))


def _client(number: int) -> ClientRow:
    try:
        return callers.client(cursors.known(number))
    except Refusal:
        raise Http404 from None
