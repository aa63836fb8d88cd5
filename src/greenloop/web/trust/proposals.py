"""Proposals: what waits for a second person, what was decided, and the decision on one."""

from collections.abc import Callable

from allauth.account.decorators import reauthentication_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from greenloop.services.trust import proposals
from greenloop.services.trust.executors import EXECUTORS
from greenloop.store.queries import trust
from greenloop.store.queries.trust import ProposalRow
from greenloop.web import access, clock, cursors
from greenloop.web.page import act, show
from greenloop.web.trust import who
from greenloop.web.trust.changes import changes

ROWS = 20
OPEN_MAX = 50
WHY_MAX = 200
DECIDERS = tuple(sorted(set().union(*(each.deciders for each in EXECUTORS.values()))))
PROPOSERS = tuple(sorted(set().union(*(each.proposers for each in EXECUTORS.values()))))


@access.staff()
@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """List what waits for a second person, then what was decided, newest first; each goes on page by page."""
    at, before, visitor = clock.now(), cursors.number(request), access.visitor(request)
    since = cursors.whole(request.GET.get("waiting", ""))
    found = [] if before else trust.open_proposals(at=at, before=since or trust.LATEST, limit=OPEN_MAX + 1)
    waiting, last_waiting = cursors.page(found, OPEN_MAX)
    closed, last = cursors.page(trust.closed_proposals(at=at, before=before or trust.LATEST, limit=ROWS + 1), ROWS)
    return show(
        request,
        "trust/proposals.html",
        waiting=waiting,
        closed=closed,
        first=before is None,
        who=who.named(name for row in (*waiting, *closed) for name in (row.proposed_by, row.decided_by)),
        kinds=who.KINDS,
        may_propose_key=visitor is not None and bool(visitor.staff & EXECUTORS["key.rotate"].proposers),
        more_waiting=f"{reverse('proposals')}?waiting={last_waiting.id}" if last_waiting else None,
        newest_waiting=reverse("proposals") if since else None,
        older=f"{reverse('proposals')}?before={last.id}" if last else None,
        newer=reverse("proposals") if before else None,
    )


@access.staff()
@require_safe
def one(request: HttpRequest, number: int) -> HttpResponse:
    """Show one proposal in full: who, when and why, what it would change, and its hash."""
    found = _proposal(number)
    visitor = access.visitor(request)
    roles = EXECUTORS[found.kind].deciders if found.kind in EXECUTORS else frozenset()
    is_proposer = found.proposed_by == access.by(request)
    may_decide = visitor is not None and bool(visitor.staff & roles) and not is_proposer
    return show(
        request,
        "trust/proposal.html",
        found=found,
        changes=changes(found),
        who=who.named((found.proposed_by, found.decided_by)),
        kinds=who.KINDS,
        is_open=found.state == "open",
        is_proposer=is_proposer,
        may_decide=may_decide,
        why_max=WHY_MAX,
    )


@access.staff(*DECIDERS)
@require_http_methods(["GET", "POST"])
@reauthentication_required(allow_get=True)  # type: ignore[untyped-decorator]
def approve(request: HttpRequest, number: int) -> HttpResponse:
    """Make the change that the visitor has seen."""
    seen = request.POST.get("seen", "")
    secret: list[object] = []

    def verb() -> None:
        done = proposals.approve(proposal_id=number, seen_hash=seen, by=access.by(request), at=clock.now())
        secret.extend([done.shown] if done.shown else [])

    answer = _decided(request, number, verb, _("Approved: the change is made."))
    # A new key is in this one answer: no message, session or cookie ever holds it.
    return show(request, "trust/shown.html", number=number, told=secret[0]) if secret else answer


@access.staff(*DECIDERS)
@require_http_methods(["GET", "POST"])
@reauthentication_required(allow_get=True)  # type: ignore[untyped-decorator]
def reject(request: HttpRequest, number: int) -> HttpResponse:
    """Turn the proposal down."""
    why = request.POST.get("why", "")[:WHY_MAX]
    return _decided(
        request,
        number,
        lambda: proposals.reject(proposal_id=number, by=access.by(request), at=clock.now(), why=why),
        _("Rejected: nothing is changed."),
    )


@access.staff(*PROPOSERS)
@require_http_methods(["GET", "POST"])
def withdraw(request: HttpRequest, number: int) -> HttpResponse:
    """Take the visitor's own proposal back."""
    return _decided(
        request,
        number,
        lambda: proposals.withdraw(proposal_id=number, by=access.by(request), at=clock.now()),
        _("Withdrawn: nothing is changed."),
    )


def _decided(request: HttpRequest, number: int, verb: Callable[[], object], sentence: str) -> HttpResponse:
    found = _proposal(number)
    if request.method == "POST":
        act(request, verb, sentence)
    return HttpResponseRedirect(reverse("proposal", args=[found.id]))


def _proposal(number: int) -> ProposalRow:
    return trust.proposal(cursors.known(number), at=clock.now())
