"""The portal of auditors and regulators: what they supervise an alliance by, each page a read and nothing else."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from greenloop.insight.portal import figure
from greenloop.store.queries import complaints, concentration, holds, log, overview, portal, reconciling
from greenloop.store.queries.portal import RulesRow
from greenloop.web import access, clock, cursors
from greenloop.web.loop.overview import lines
from greenloop.web.page import show
from greenloop.web.trust import who
from greenloop.web.trust.changes import Changes, compared

READERS = ("operator", "auditor")
"""Regulators come in where auditors do."""
CYCLES, LISTED, ROWS = 52, 20, 40
RULE_SETS = 5
WAITING: dict[str, Any] = {
    "settlements": gettext_lazy("Settlements above the daily cap"),
    "orders": gettext_lazy("Orders on hold"),
    "accounts": gettext_lazy("Accounts on hold"),
    "claims": gettext_lazy("Large draws and spends"),
    "cases": gettext_lazy("Differences with the custodian"),
    "proposals": gettext_lazy("Proposals"),
}
MEASURES: dict[str, Any] = {
    "points": gettext_lazy("Points, by holder"),
    "released": gettext_lazy("Released and not drawn, by holder"),
    "vouchers": gettext_lazy("Vouchers unspent, by holder"),
    "bought": gettext_lazy("Concessions that came in, by shopper"),
    "sold": gettext_lazy("Concessions that came in, by merchant"),
}
TABS = ("portal", "portal_rules", "portal_held", "portal_concentration", "complaints_all", "exports", "portal_views")


@dataclass(frozen=True, slots=True)
class RulesLine:
    """One rule set with what it changed, and whether it was published in time."""

    row: RulesRow
    changes: Changes


def tabs(here: str) -> list[tuple[str, str, bool]]:
    """Return the way between the portal's pages."""
    labels = (_("Money"), _("Rules"), _("Held"), _("Concentration"), _("Complaints"), _("Exports"), _("Looks"))
    return [(label, reverse(page), page == here) for page, label in zip(TABS, labels, strict=True)]


@access.staff(*READERS)
@require_safe
def money(request: HttpRequest) -> HttpResponse:
    """Show coverage pool by pool, custody beside the books, what came in and was issued, and what is signed of it."""
    at = clock.now()
    pools, trust, cycles = portal.pools(), overview.trust_book(), portal.cycles(limit=CYCLES)
    standing = complaints.standing(at=at).values()
    return show(
        request,
        "trust/portal.html",
        tabs=tabs("portal"),
        at=at,
        pools=pools,
        trust=trust,
        assets=lines(trust.assets),
        liabilities=lines(trust.liabilities),
        drawing=figure(cycles),
        cycles=cycles[: -LISTED - 1 : -1],
        rules=portal.rules(limit=1),
        waiting=[each for each in portal.waiting() if each.count],
        words=WAITING,
        complained=sum(each.count for each in standing),
        late=sum(each.late for each in standing),
        newest=log.newest_checkpoint(),
    )


@access.staff(*READERS)
@require_safe
def rules(request: HttpRequest) -> HttpResponse:
    """Show the rule sets, newest first, each with what it changed and how far ahead it was published."""
    before = cursors.number(request)
    found, last = cursors.page(portal.rules(before=before or portal.LAST, limit=RULE_SETS + 1), RULE_SETS)
    return show(
        request,
        "trust/portal_rules.html",
        tabs=tabs("portal_rules"),
        lines=[RulesLine(row, compared(row.before or {}, row.document, row.effective_at)) for row in found],
        older=f"{reverse('portal_rules')}?before={last.number}" if last else None,
        newer=reverse("portal_rules") if before else None,
    )


@access.staff(*READERS)
@require_safe
def held(request: HttpRequest) -> HttpResponse:
    """Show what waits for a person: how many of each kind and since when, and the newest holds and cases."""
    standing = holds.holds(standing=True, limit=LISTED)
    return show(
        request,
        "trust/portal_held.html",
        tabs=tabs("portal_held"),
        waiting=portal.waiting(),
        words=WAITING,
        holds=standing,
        names=who.named(each.placed_by for each in standing),
        cases=reconciling.cases(state="open", before=reconciling.LAST, limit=LISTED),
    )


@access.staff(*READERS)
@require_safe
def concentrated(request: HttpRequest) -> HttpResponse:
    """Show how much lies with how few, and how far rewards reach."""
    found = concentration.newest(clock.now())
    return show(
        request,
        "trust/portal_concentration.html",
        tabs=tabs("portal_concentration"),
        found=found,
        words=MEASURES,
        cycles=concentration.CYCLES,
    )


@access.staff(*READERS)
@require_safe
def views(request: HttpRequest) -> HttpResponse:
    """List what auditors and regulators looked at, and whom they had revealed, newest first."""
    before = cursors.number(request)
    found, last = cursors.page(portal.looks(before=before or portal.LAST, limit=ROWS + 1), ROWS)
    revealed = portal.reveals(limit=LISTED)
    return show(
        request,
        "trust/portal_views.html",
        tabs=tabs("portal_views"),
        lines=found,
        revealed=revealed,
        names=who.named([*(f"{who.ACCOUNT}{each.account_id}" for each in found), *(each.actor for each in revealed)]),
        older=f"{reverse('portal_views')}?before={last.id}" if last else None,
        newer=reverse("portal_views") if before else None,
    )
