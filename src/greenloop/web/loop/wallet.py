"""A holder's wallet: what can be spent, where it came from, what points have released so far, and every movement."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from greenloop.core.cycle import midnight_at
from greenloop.core.trust import tax
from greenloop.insight import holdings as drawings
from greenloop.insight.taxes.words import NAMES
from greenloop.store.queries import claims, holdings, movements, purchases, taxed
from greenloop.store.queries.holdings import CohortRow, Path
from greenloop.store.queries.taxed import Sums
from greenloop.web import access, clock, cursors
from greenloop.web.loop import places
from greenloop.web.loop.forms import PriceForm
from greenloop.web.loop.places import Place
from greenloop.web.page import show

LATEST = 5
CLAIMS = 3
COHORTS = 4
WAITING = 10
ROWS = 20
POINTS_ROWS = 18


@dataclass(frozen=True, slots=True)
class Line:
    """One cohort with its small plot."""

    row: CohortRow
    path: Path
    spark: SafeString


@access.member
@require_safe
def wallet(request: HttpRequest) -> HttpResponse:
    """Show the visitor's own wallet; with `?amount=`, what would pay that price."""
    return _wallet(request, places.own(request))


@access.member
@require_safe
def quote(request: HttpRequest) -> HttpResponse:
    """Show what would pay a price, as a part of the wallet's page; without htmx, the page."""
    if not request.htmx:  # type: ignore[attr-defined]
        return HttpResponseRedirect(f"{places.own(request).url('wallet')}?{request.GET.urlencode()}#quote")
    place = places.own(request)
    facts = _quoted(request, holdings.holding(place.account_id))
    return show(request, "loop/_quote.html", place=place, holds=holdings.holds(place.account_id), **facts)


@access.member
@require_safe
def orders(request: HttpRequest) -> HttpResponse:
    """Show what the visitor bought, or what purchases of people they brought have earned."""
    return _orders(request, places.own(request))


@access.member
@require_safe
def points(request: HttpRequest) -> HttpResponse:
    """Show the visitor's points by cycle of entry, each with what it has released so far."""
    return _points(request, places.own(request))


@access.member
@require_safe
def ledger(request: HttpRequest) -> HttpResponse:
    """Show every movement of the visitor's vouchers, or the life of each coupon."""
    return _ledger(request, places.own(request))


@access.staff()
@require_safe
def holder(request: HttpRequest, ref: str) -> HttpResponse:
    """Show a holder's wallet to the platform's people."""
    return _wallet(request, places.of_holder(ref))


@access.staff()
@require_safe
def holder_orders(request: HttpRequest, ref: str) -> HttpResponse:
    """Show what a holder bought."""
    return _orders(request, places.of_holder(ref))


@access.staff()
@require_safe
def holder_points(request: HttpRequest, ref: str) -> HttpResponse:
    """Show a holder's points by cycle of entry."""
    return _points(request, places.of_holder(ref))


@access.staff()
@require_safe
def holder_ledger(request: HttpRequest, ref: str) -> HttpResponse:
    """Show every movement of a holder's vouchers."""
    return _ledger(request, places.of_holder(ref))


def _wallet(request: HttpRequest, place: Place) -> HttpResponse:
    held = holdings.holding(place.account_id)
    holds, large = claims.in_the_way(place.account_id, limit=CLAIMS)
    at = clock.now()
    largest = sorted(held.cohorts, key=lambda row: row.points, reverse=True)[:COHORTS]
    return show(
        request,
        "loop/wallet.html",
        place=place,
        at=at,
        held=held,
        holds=holds,
        large=large,
        coupons=holdings.coupons(place.account_id, at=at),
        waiting=purchases.waiting(place.account_id, limit=1),
        latest=purchases.vested(place.account_id, limit=LATEST),
        lines=_lines(largest),
        figure=drawings.by_cycle(held.cohorts),
        **_quoted(request, held),
    )


def _benefits(account_id: int, year: int) -> list[tuple[str, Sums]]:
    """Return what came into a holder's hands in a local year, by tax class in words."""
    span = (
        midnight_at(date(year, 1, 1), clock.offset_minutes()),
        midnight_at(date(year + 1, 1, 1), clock.offset_minutes()),
    )
    found = taxed.of_account(account_id, span)
    return [(str(NAMES[name]), found[name]) for name in tax.CLASSES if name in found]


def _quoted(request: HttpRequest, held: holdings.Holding) -> dict[str, Any]:
    form = PriceForm(request.GET if "amount" in request.GET else None)
    return {"form": form, "quote": holdings.quote(held, form.fen) if form.is_valid() else None}


def _lines(rows: list[CohortRow]) -> list[Line]:
    found = holdings.paths(rows)
    top = max((row.release_index for row in rows), default=0)
    return [Line(row, found[row.id], drawings.spark(row, found[row.id], top=top)) for row in rows]


def _orders(request: HttpRequest, place: Place) -> HttpResponse:
    brought = request.GET.get("of") == "brought"
    before = cursors.number(request)
    since = before or purchases.NEWEST
    facts: dict[str, Any]
    if brought:
        red, last = cursors.page(purchases.red_earnings(place.account_id, before=since, limit=ROWS + 1), ROWS)
        facts = {"red": red, "older": f"before={last.id}" if last else None}
    else:
        vested, oldest = cursors.page(purchases.vested(place.account_id, before=since, limit=ROWS + 1), ROWS)
        waiting = None if before else purchases.waiting(place.account_id, limit=WAITING)
        facts = {"vested": vested, "waiting": waiting, "older": f"before={oldest.id}" if oldest else None}
    return show(request, "loop/wallet_orders.html", place=place, brought=brought, later=bool(before), **facts)


def _points(request: HttpRequest, place: Place) -> HttpResponse:
    held = holdings.holding(place.account_id)
    here, pages = cursors.sheet(request, held.cohorts, POINTS_ROWS)
    return show(
        request,
        "loop/wallet_points.html",
        place=place,
        held=held,
        lines=_lines(list(here)),
        pages=pages,
        figure=drawings.by_cycle(held.cohorts),
    )


def _ledger(request: HttpRequest, place: Place) -> HttpResponse:
    of_coupons = request.GET.get("of") == "coupons"
    at = clock.now()
    year = clock.local(at).year
    first, second = cursors.pair(request)
    facts: dict[str, Any]
    if of_coupons:
        since = (first, second) if first else movements.LAST_COUPON
        coupons, last = cursors.page(movements.coupons(place.account_id, before=since, limit=ROWS + 1), ROWS)
        facts = {"coupons": coupons, "older": f"before={last.order_id}.{last.kind}" if last else None}
    else:
        line = cursors.whole(second)
        place_of = (first, line or 0) if first else movements.NEWEST
        entries, entry = cursors.page(movements.entries(place.account_id, before=place_of, limit=ROWS + 1), ROWS)
        facts = {"entries": entries, "older": f"before={entry.journal_id}.{entry.line}" if entry else None}
    return show(
        request,
        "loop/wallet_ledger.html",
        place=place,
        of_coupons=of_coupons,
        at=at,
        year=year,
        benefits=_benefits(place.account_id, year),
        later="before" in request.GET,
        **facts,
    )
