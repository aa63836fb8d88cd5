"""Endpoints, what was sent to them, and the buttons that send it again."""

import json
from datetime import timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from greenloop.core.faults import Refusal
from greenloop.services.outbox import replay
from greenloop.store.queries import outbox
from greenloop.web import clock, cursors
from greenloop.web.hooks.eyes import Eyes, with_eyes
from greenloop.web.page import show
from greenloop.web.words import told

ROWS = 40
GIVEN_UP_DAYS = 30
STATES = {
    "waiting": gettext_lazy("waiting"),
    "done": gettext_lazy("arrived"),
    "given_up": gettext_lazy("given up"),
}


@with_eyes()
@require_safe
def endpoints(request: HttpRequest, eyes: Eyes) -> HttpResponse:
    """List the endpoints that the visitor sees, newest first."""
    return show(request, "hooks/endpoints.html", rows=outbox.endpoints(eyes.clients))


@with_eyes()
@require_safe
def endpoint(request: HttpRequest, eyes: Eyes, number: int) -> HttpResponse:
    """Show an endpoint and what was sent to it, newest first."""
    row = eyes.endpoint(number)
    state = request.GET.get("state", "")
    kept = {"state": state} if state in STATES else {}
    before = cursors.number(request)
    found, last = cursors.page(
        outbox.deliveries(row.id, state=kept.get("state", ""), before=before or outbox.LATEST, limit=ROWS + 1), ROWS
    )
    here = reverse("webhook", args=[row.id])
    return show(
        request,
        "hooks/endpoint.html",
        endpoint=row,
        rows=found,
        states=STATES,
        tabs=[
            (_("all"), here, not kept),
            *((str(word), f"{here}?state={s}", s == state) for s, word in STATES.items()),
        ],
        may_send=eyes.may_send and row.ended_at is None,
        days=GIVEN_UP_DAYS,
        older=f"{here}?{urlencode(kept | {'before': str(last.id)})}" if last else None,
        newer=f"{here}?{urlencode(kept)}" if before else None,
    )


@with_eyes()
@require_safe
def delivery(request: HttpRequest, eyes: Eyes, number: int) -> HttpResponse:
    """Show one delivery: what is sent, and each try."""
    row, found = eyes.delivery(number)
    return show(
        request,
        "hooks/delivery.html",
        endpoint=row,
        delivery=found,
        states=STATES,
        body=json.loads(outbox.body(found.event_id)),
        tries=outbox.attempts(found.id),
        may_send=eyes.may_send and row.ended_at is None and found.state != "waiting",
    )


@with_eyes(sending=True)
@require_POST
def replay_one(request: HttpRequest, eyes: Eyes, number: int) -> HttpResponse:
    """Send a delivery again."""
    _row, found = eyes.delivery(number)
    try:
        replay.replay(delivery_id=found.id, by=eyes.by, at=clock.now())
    except Refusal as refusal:
        messages.error(request, told(refusal))
    else:
        messages.success(request, _("It is sent again within seconds."))
    return HttpResponseRedirect(reverse("delivery", args=[found.id]))


@with_eyes(sending=True)
@require_POST
def replay_all(request: HttpRequest, eyes: Eyes, number: int) -> HttpResponse:
    """Send again what an endpoint was given up in the last month."""
    row, at = eyes.endpoint(number), clock.now()
    since_at = at - timedelta(days=GIVEN_UP_DAYS)
    try:
        count = replay.replay_given_up(endpoint_id=row.id, since_at=since_at, by=eyes.by, at=at)
    except Refusal as refusal:
        messages.error(request, told(refusal))
    else:
        messages.success(request, _("Sent again within seconds: {count}.").format(count=count))
    return HttpResponseRedirect(reverse("webhook", args=[row.id]))
