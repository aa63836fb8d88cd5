"""What the platform's people see first: the pools and their cycles, what waits, who the money belongs to, the proof."""

from collections.abc import Iterable
from datetime import timedelta

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from greenloop.core.money import SCALE
from greenloop.insight import overview as drawings
from greenloop.insight.guardrails.live import brought_back
from greenloop.store.queries import clockwork, keeping, multiples, overview
from greenloop.store.queries.multiples import Multiples
from greenloop.store.queries.overview import Balance
from greenloop.web import access, clock
from greenloop.web.page import show
from greenloop.web.words import percent, yuan

CYCLES = 52
LISTED = 10
NAME_MAX = 64
STALE = timedelta(hours=24)
NEAR = 8 * SCALE // 10
"""A pool in which a yuan conceded has brought back so much is close to paying whoever buys from oneself (G8)."""
ACCOUNTS = {
    "trust:bank": gettext_lazy("in the bank, confirmed by a statement"),
    "trust:in_transit": gettext_lazy("paid, on its way to the bank"),
    "trust:concession_pending": gettext_lazy("concessions of orders that are not final"),
    "trust:pool": gettext_lazy("free money of the pools"),
    "trust:accrued": gettext_lazy("released to holders, not drawn yet"),
    "trust:voucher": gettext_lazy("vouchers drawn, unspent"),
    "trust:coupon": gettext_lazy("shopping coupons"),
    "trust:merchant_payable": gettext_lazy("merchants' dues"),
    "trust:fee_payable": gettext_lazy("the platform's fee, not moved yet"),
    "trust:grant_unused": gettext_lazy("marketing grants, unused"),
    "trust:reserve": gettext_lazy("the reserve"),
}


@access.staff()
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show the overview, one pool of it in full: the one that `?pool=` names, else the one with the most money."""
    name = request.GET.get("pool", "")[:NAME_MAX]
    pools = overview.pools(name)
    chosen = next((pool for pool in pools.shown if pool.name == name or not name), None)
    if name and chosen is None:
        raise Http404
    cycles = overview.cycles(chosen, limit=CYCLES) if chosen else []
    cohorts = multiples.cohorts(chosen.id) if chosen else []
    has_path = chosen is not None and any(row.index >= SCALE for row in cohorts)
    path = multiples.paths([chosen.id]).get(chosen.id, ()) if chosen and has_path else ()
    found = multiples.multiples(cohorts, path)
    newest, trust, at = overview.newest(), overview.trust_book(), clock.now()
    if newest.calendar:
        clock.keep_offset(newest.calendar.utc_offset_minutes)
    cutoff_at = newest.calendar.cutoff_at(chosen.open_cycle) if newest.calendar and chosen else None
    return show(
        request,
        "loop/overview.html",
        pools=pools,
        chosen=chosen,
        pool_tabs=[(pool.name, _address(pool.name), pool is chosen) for pool in pools.shown],
        cycles=cycles[: -LISTED - 1 : -1],
        multiples=found,
        reached=_reached(found),
        figures=drawings.figures(chosen, cycles, cohorts) if chosen else [],
        trust=trust,
        lag=keeping.lag(),
        assets=lines(trust.assets),
        liabilities=lines(trust.liabilities),
        queues=overview.queues(),
        newest=newest,
        rootless=clockwork.alarm(newest.calendar, newest.without_root, at) if newest.calendar else None,
        washed=_washed(newest.points_max_ppm),
        cutoff_at=cutoff_at,
        is_due=cutoff_at is not None and cutoff_at <= at,
        is_stale=newest.check is not None and at - newest.check.at > STALE,
        told=_,
    )


def lines(balances: Iterable[Balance]) -> list[tuple[str, str]]:
    """Return what accounts are called and what they hold, in the order of the list above."""
    order = list(ACCOUNTS)
    known = sorted(balances, key=lambda each: order.index(each.name) if each.name in ACCOUNTS else len(order))
    return [(str(ACCOUNTS.get(each.name, each.name)), yuan(each.fen)) for each in known]


def _washed(points_ppm: int) -> list[tuple[str, int]]:
    """Return the pools that are close to paying whoever buys from oneself, and what a yuan has brought back there."""
    return [(name, scaled) for name, scaled in brought_back(points_ppm).items() if scaled >= NEAR]


def _reached(found: Multiples | None) -> list[tuple[str, str]]:
    """Return which part of the points released 1, 2 and 5 times themselves, and in how many releases."""
    lines = []
    for each in found.reached if found else ():
        share = percent(each.ppm)
        sentence = _("{share} of the points, the quickest in {releases} releases")
        said = sentence.format(share=share, releases=each.releases) if each.releases else share
        lines.append((_("reached {times} ×").format(times=each.times), said))
    return lines


def _address(pool: str) -> str:
    return f"{reverse('overview')}?{urlencode({'pool': pool})}"
