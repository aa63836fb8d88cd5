"""Settlement runs: the list of them, one in full, and the second person's decision on one that is held."""

from collections.abc import Iterable
from typing import Any

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from greenloop.core.faults import Refusal
from greenloop.core.people.roles import DECIDERS
from greenloop.services.books.fees import transfer_fees_if_sound
from greenloop.services.loop import proposal
from greenloop.services.loop.settle import approve as approve_run
from greenloop.services.loop.settle import reject as reject_run
from greenloop.store.queries import people, settlements
from greenloop.store.queries.settlements import RunRow
from greenloop.web import access, clock, cursors
from greenloop.web.loop.caps import CapsForm
from greenloop.web.page import show
from greenloop.web.words import money, told

ROWS = 20
POOLS = 40
CYCLE_MAX = 50_000
"""Far beyond any calendar."""
UNPROCESSABLE = 422


@access.staff()
@require_safe
def runs(request: HttpRequest) -> HttpResponse:
    """List settlement runs, newest first."""
    before = cursors.number(request) or settlements.LATEST
    found, last = cursors.page(settlements.runs(before=before, limit=ROWS + 1), ROWS)
    older = f"{reverse('settlements')}?before={last.cycle}" if last else None
    newer = reverse("settlements") if "before" in request.GET else None
    return show(request, "loop/settlements.html", runs=found, who=_who(found), older=older, newer=newer)


@access.staff()
@require_safe
def one(request: HttpRequest, cycle: int) -> HttpResponse:
    """Show one settlement run: what it did to each pool, or what it would do, and who decided."""
    return _shown(request, _run(cycle))


@access.staff(*DECIDERS)
@require_http_methods(["GET", "POST"])
@reauthentication_required(allow_get=True)  # type: ignore[untyped-decorator]
def approve(request: HttpRequest, cycle: int) -> HttpResponse:
    """Post a held settlement as the visitor has seen it; the platform's fee of the cycle moves with it."""
    if request.method == "POST":
        try:
            at, by = clock.now(), _by(request)
            run = approve_run(cycle=cycle, by=by, at=at, seen=request.POST.get("seen", ""))
            transfer_fees_if_sound(cycle=cycle, at=at)
        except Refusal as refusal:
            messages.error(request, told(refusal))
        else:
            sentence = _("Cycle {cycle} is posted: {amount} of vouchers issued.")
            messages.success(request, sentence.format(cycle=cycle, amount=money(run.issued_fen)))
    return HttpResponseRedirect(reverse("settlement", args=[cycle]))


@access.staff(*DECIDERS)
@require_http_methods(["GET", "POST"])
@reauthentication_required(allow_get=True)  # type: ignore[untyped-decorator]
def reject(request: HttpRequest, cycle: int) -> HttpResponse:
    """Cap pools of a held settlement: it is computed again, and the visitor is who proposes it."""
    if request.method == "POST":
        run = _run(cycle)
        form = CapsForm(_results(run)[0], request.POST)
        if not form.is_valid():
            return _shown(request, run, form, status=UNPROCESSABLE)
        try:
            done = reject_run(
                cycle=cycle,
                caps_fen=form.caps_fen,
                by=_by(request),
                at=clock.now(),
                seen=request.POST.get("seen", ""),
            )
        except Refusal as refusal:
            messages.error(request, told(refusal))
        else:
            sentence = _("Cycle {cycle} is proposed anew with {amount} of vouchers. Another person decides on it.")
            messages.success(request, sentence.format(cycle=cycle, amount=money(done.issued_fen)))
    return HttpResponseRedirect(reverse("settlement", args=[cycle]))


def _run(cycle: int) -> RunRow:
    if not 0 < cycle <= CYCLE_MAX:
        raise Http404
    return settlements.run(cycle, offset_minutes=clock.offset_minutes())


def _results(run: RunRow) -> tuple[Any, ...]:
    """Return the pools' results that are shown, how many pools there are, and what computed a held one."""
    if run.state == "held":
        decided = proposal.decide(run.cycle, proposal.kept_free_fen(run.proposal))
        found = proposal.results(decided, run.cycle)
        return found[:POOLS], len(found), decided
    found, pools, _issued = settlements.results(run.cycle, limit=POOLS)
    return found, pools, {}


def _shown(request: HttpRequest, run: RunRow, form: CapsForm | None = None, *, status: int = 200) -> HttpResponse:
    results, pools, decided = _results(run)
    name = request.GET.get("pool", "")
    chosen = next((each for each in results if each.fact.name == name or not name), None)
    if name and chosen is None:
        raise Http404
    steps = []
    if chosen:
        held = decided.get(chosen.fact.id)
        steps = proposal.steps(held, chosen.fact.id) if held else settlements.steps(chosen.fact)
    visitor = access.visitor(request)
    may_decide = run.state == "held" and visitor is not None and bool(visitor.staff & set(DECIDERS))
    return show(
        request,
        "loop/settlement.html",
        status=status,
        run=run,
        who=_who([run]),
        results=results,
        pools=pools,
        chosen=chosen,
        pool_tabs=[(each.fact.name, _address(run.cycle, each.fact.name), each is chosen) for each in results],
        steps=steps,
        may_decide=may_decide,
        is_proposer=may_decide and run.proposed_by == _by(request),
        form=form or (CapsForm(results) if may_decide else None),
        seen=proposal.seal(
            cycle=run.cycle, issued_fen=run.issued_fen, proposed_by=run.proposed_by, proposed_at=run.proposed_at
        ),
    )


def _address(cycle: int, pool: str) -> str:
    return f"{reverse('settlement', args=[cycle])}?{urlencode({'pool': pool})}#cohorts"


def _by(request: HttpRequest) -> str:
    """Return the visitor as records name them: the account's number."""
    found = access.visitor(request)
    return str(found.account_id) if found else ""


def _who(rows: Iterable[RunRow]) -> dict[str, str]:
    """Return what the people in those records are called; whoever isn't here is written as the record has it."""
    told_by = {name for row in rows for name in (row.proposed_by, row.decided_by) if name}
    numbers = {int(name) for name in told_by if name.isascii() and name.isdigit() and len(name) < 20}
    known = {str(number): name for number, name in people.names(numbers).items()} if numbers else {}
    return {"scheduler": _("the scheduler"), **known}
