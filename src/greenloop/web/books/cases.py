"""Cases: where books and statements differ, one of them with all that is known, and a proposal to close it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from greenloop.core.faults import Refusal
from greenloop.services.trust.executors import EXECUTORS
from greenloop.services.trust.proposals import REASON_MAX, propose
from greenloop.store.queries import reconciling
from greenloop.store.queries.evidence import evidence
from greenloop.web import access, clock, cursors
from greenloop.web.page import show
from greenloop.web.words import told

ROWS = 40
READERS = ("operator", "finance", "auditor")
PROPOSERS = tuple(sorted(EXECUTORS["case.close"].proposers))
DIFFERENCES = {
    "timing": gettext_lazy("one side is ahead"),
    "missing": gettext_lazy("missing on the statement"),
    "extra": gettext_lazy("only on the statement"),
    "wrong_amount": gettext_lazy("another amount"),
    "chargeback": gettext_lazy("charged back"),
    "notice": gettext_lazy("a notice of another amount"),
    "failed": gettext_lazy("refused for good"),
}
STATES = {"open": gettext_lazy("open"), "closed": gettext_lazy("closed")}


@access.staff(*READERS)
@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """List cases, open ones or all, newest first, and how the custodian's money ties to the ledger's."""
    before, every = cursors.number(request), request.GET.get("all") == "yes"
    rows = reconciling.cases(state="" if every else "open", before=before or reconciling.LAST, limit=ROWS + 1)
    found, last = cursors.page(rows, ROWS)
    kept = "all=yes&" if every else ""
    return show(
        request,
        "books/cases.html",
        found=found,
        every=every,
        differences=DIFFERENCES,
        states=STATES,
        older=f"{reverse('cases')}?{kept}before={last.id}" if last else None,
        newer=f"{reverse('cases')}?{kept}" if before else None,
    )


@access.staff(*READERS)
@require_safe
def one(request: HttpRequest, number: int) -> HttpResponse:
    """Show one case with its lines, instructions, notices and order."""
    found = _case(number)
    visitor = access.visitor(request)
    return show(
        request,
        "books/case.html",
        found=found,
        known=evidence(found),
        differences=DIFFERENCES,
        states=STATES,
        may_propose=visitor is not None and bool(visitor.staff & set(PROPOSERS)) and found.state == "open",
        most=REASON_MAX,
    )


@access.staff(*PROPOSERS)
@require_POST
def close(request: HttpRequest, number: int) -> HttpResponse:
    """Propose to close a case, for another person to decide."""
    found = _case(number)
    content = {"case": found.id, "outcome": request.POST.get("outcome", "")}
    try:
        made = propose(
            kind="case.close",
            content=content,
            reason=request.POST.get("reason", ""),
            by=access.by(request),
            at=clock.now(),
        )
    except Refusal as refusal:
        messages.error(request, told(refusal))
        return HttpResponseRedirect(reverse("case", args=[found.id]))
    messages.success(request, _("Proposed: another person decides on it."))
    return HttpResponseRedirect(reverse("proposal", args=[made.id]))


def _case(number: int) -> reconciling.CaseRow:
    return reconciling.case(cursors.known(number))
