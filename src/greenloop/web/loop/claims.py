"""Large draws and spends that are held: the list, one with everything that decides on it, and the decision."""

from collections.abc import Callable

from allauth.account.decorators import reauthentication_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from greenloop.core.people.roles import CLAIM_DECIDERS, CLAIM_READERS
from greenloop.services.loop import claim as verbs
from greenloop.store.queries import claims, holdings
from greenloop.store.queries.claim_evidence import DAYS, evidence
from greenloop.web import access, clock, cursors
from greenloop.web.loop import places
from greenloop.web.page import act, show
from greenloop.web.trust import who

ROWS = 40
STATES = {
    "held": gettext_lazy("held"),
    "approved": gettext_lazy("approved, not used yet"),
    "done": gettext_lazy("let through"),
    "rejected": gettext_lazy("turned down"),
    "withdrawn": gettext_lazy("taken back"),
    "lapsed": gettext_lazy("ended unused"),
}
KINDS = {"draw": gettext_lazy("draw"), "spend": gettext_lazy("spend")}


@access.staff(*CLAIM_READERS)
@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """List claims, those that wait or all, newest first."""
    before, every = cursors.number(request), request.GET.get("all") == "yes"
    rows = claims.claims(state="" if every else "held", before=before or claims.LAST, limit=ROWS + 1)
    found, last = cursors.page(rows, ROWS)
    kept = "all=yes&" if every else ""
    return show(
        request,
        "loop/claims.html",
        found=found,
        every=every,
        states=STATES,
        kinds=KINDS,
        older=f"{reverse('claims')}?{kept}before={last.id}" if last else None,
        newer=f"{reverse('claims')}?{kept}" if before else None,
    )


@access.staff(*CLAIM_READERS)
@require_safe
def one(request: HttpRequest, number: int) -> HttpResponse:
    """Show one claim, its holder's wallet and history, and to whoever decides the two ways to."""
    found = claims.claim(cursors.known(number))
    at, visitor = clock.now(), access.visitor(request)
    known = evidence(found.account_id, found.merchant_id, at=at, offset_minutes=clock.offset_minutes())
    may_decide = visitor is not None and bool(visitor.staff & set(CLAIM_DECIDERS)) and found.state == "held"
    return show(
        request,
        "loop/claim.html",
        found=found,
        known=known,
        held=holdings.holding(found.account_id),
        who={f"{who.ACCOUNT}{found.account_id}": _("the holder")} | who.named((found.asked_by, found.decided_by)),
        states=STATES,
        kinds=KINDS,
        days=DAYS,
        age_days=(at - known.standing.created_at).days,
        may_decide=may_decide,
        is_asker=may_decide and found.asked_by == access.by(request),
        most=verbs.REASON_MAX,
    )


@access.staff(*CLAIM_DECIDERS)
@require_http_methods(["GET", "POST"])
@reauthentication_required(allow_get=True)  # type: ignore[untyped-decorator]
def approve(request: HttpRequest, number: int) -> HttpResponse:
    """Let through what the visitor has seen."""
    seen = request.POST.get("seen", "")
    return _decided(
        request,
        number,
        lambda: verbs.approve(claim_id=number, seen=seen, by=access.by(request), at=clock.now()),
        _("Approved. A draw is drawn; a spend is taken when its order comes again within 72 hours."),
    )


@access.staff(*CLAIM_DECIDERS)
@require_http_methods(["GET", "POST"])
@reauthentication_required(allow_get=True)  # type: ignore[untyped-decorator]
def reject(request: HttpRequest, number: int) -> HttpResponse:
    """Turn the claim down, for a reason that the holder reads."""
    seen, reason = request.POST.get("seen", ""), request.POST.get("reason", "")
    return _decided(
        request,
        number,
        lambda: verbs.reject(claim_id=number, seen=seen, reason=reason, by=access.by(request), at=clock.now()),
        _("Turned down: nothing moved, and the amount is free again."),
    )


@access.member
@require_POST
def withdraw(request: HttpRequest, number: int) -> HttpResponse:
    """Take back a claim of the visitor's own."""
    place = places.own(request)
    claim_id, by = cursors.known(number), access.by(request)
    act(
        request,
        lambda: verbs.withdraw(claim_id=claim_id, account_id=place.account_id, by=by, at=clock.now()),
        _("Taken back: the amount is free again."),
    )
    return HttpResponseRedirect(place.url("wallet"))


def _decided(request: HttpRequest, number: int, verb: Callable[[], object], sentence: str) -> HttpResponse:
    found = claims.claim(cursors.known(number))
    if request.method == "POST":
        act(request, verb, sentence)
    return HttpResponseRedirect(reverse("claim", args=[found.id]))
