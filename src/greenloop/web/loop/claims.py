"""Large draws and spends that are held: the list, one with everything that decides on it, and the decision."""

from collections.abc import Callable

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from greenloop.core.faults import Refusal
from greenloop.core.people.roles import CLAIM_DECIDERS
from greenloop.services.loop import claim as verbs
from greenloop.store.queries import claims, holdings, people
from greenloop.store.queries.claim_evidence import DAYS, evidence
from greenloop.web import access, clock, cursors
from greenloop.web.loop import places
from greenloop.web.page import show
from greenloop.web.words import told

ROWS = 40
ACCOUNT = "account/"
READERS = (*CLAIM_DECIDERS, "auditor")
STATES = {
    "held": gettext_lazy("held"),
    "approved": gettext_lazy("approved, not used yet"),
    "done": gettext_lazy("let through"),
    "rejected": gettext_lazy("turned down"),
    "withdrawn": gettext_lazy("taken back"),
    "lapsed": gettext_lazy("ended unused"),
}
KINDS = {"draw": gettext_lazy("draw"), "spend": gettext_lazy("spend")}


@access.staff(*READERS)
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


@access.staff(*READERS)
@require_safe
def one(request: HttpRequest, number: int) -> HttpResponse:
    """Show one claim, its holder's wallet and history, and to whoever decides the two ways to."""
    found = claims.claim(_number(number))
    at, visitor = clock.now(), access.visitor(request)
    known = evidence(found.account_id, found.merchant_id, at=at, offset_minutes=clock.offset_minutes())
    may_decide = visitor is not None and bool(visitor.staff & set(CLAIM_DECIDERS)) and found.state == "held"
    return show(
        request,
        "loop/claim.html",
        found=found,
        known=known,
        held=holdings.holding(found.account_id),
        who=_named(found),
        states=STATES,
        kinds=KINDS,
        days=DAYS,
        age_days=(at - known.standing.created_at).days,
        may_decide=may_decide,
        is_asker=may_decide and found.asked_by == _by(request),
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
        lambda: verbs.approve(claim_id=number, seen=seen, by=_by(request), at=clock.now()),
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
        lambda: verbs.reject(claim_id=number, seen=seen, reason=reason, by=_by(request), at=clock.now()),
        _("Turned down: nothing moved, and the amount is free again."),
    )


@access.member
@require_POST
def withdraw(request: HttpRequest, number: int) -> HttpResponse:
    """Take back a claim of the visitor's own."""
    place = places.own(request)
    try:
        verbs.withdraw(claim_id=_number(number), account_id=place.account_id, by=_by(request), at=clock.now())
    except Refusal as refusal:
        messages.error(request, told(refusal))
    else:
        messages.success(request, _("Taken back: the amount is free again."))
    return HttpResponseRedirect(place.url("wallet"))


def _decided(request: HttpRequest, number: int, verb: Callable[[], object], sentence: str) -> HttpResponse:
    found = claims.claim(_number(number))
    if request.method == "POST":
        try:
            verb()
        except Refusal as refusal:
            messages.error(request, told(refusal))
        else:
            messages.success(request, sentence)
    return HttpResponseRedirect(reverse("claim", args=[found.id]))


def _number(number: int) -> int:
    if not 0 < number <= cursors.NUMBER_MAX:
        raise Http404
    return number


def _named(found: claims.ClaimRow) -> dict[str, str]:
    """Return what the people of a claim are called; whoever isn't here is written as the record has it."""
    told_by = {name for name in (found.asked_by, found.decided_by) if name and name.startswith(ACCOUNT)}
    known = people.names({int(name.removeprefix(ACCOUNT)) for name in told_by}) if told_by else {}
    own = f"{ACCOUNT}{found.account_id}"
    named = {f"{ACCOUNT}{number}": name for number, name in known.items()}
    return {own: _("the holder"), "console": _("the console")} | named


def _by(request: HttpRequest) -> str:
    found = access.visitor(request)
    return f"{ACCOUNT}{found.account_id}" if found else ""
