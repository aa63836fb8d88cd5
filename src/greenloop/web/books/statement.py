"""A merchant's statement: its days, payouts and orders, what it is owed, its own points; and all of it as files."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import wraps
from io import BytesIO
from urllib.parse import urlencode

from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from greenloop.insight.statement import as_csv, as_xlsx, picture
from greenloop.store.queries import lookups, sales, statements
from greenloop.store.queries.statements import Period, Subject
from greenloop.web import access, clock, cursors
from greenloop.web.books import period as periods
from greenloop.web.page import show

ROWS = 30
REFUNDS = 30
PLACE = re.compile(r"(\d{1,18})-(\d{1,19})")
UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECONDS_MAX = 10**17
SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
View = Callable[..., HttpResponseBase]


def _of_merchant(view: View) -> View:
    """Let in a merchant's owner and clerks and the platform's people; for others there is nothing here."""

    @access.signed_in
    @require_safe
    @wraps(view)
    def guarded(request: HttpRequest, ref: str, **given: str) -> HttpResponseBase:
        found = access.visitor(request)
        if found is None:
            raise Http404
        own = ref in found.merchant_refs
        if not own and found.staff and (way := access.factor_first(request, found)):
            return way
        if not own and not found.staff:
            raise Http404
        return view(request, statements.subject(ref), **given)

    return guarded


@access.merchant
@require_safe
def statement(request: HttpRequest) -> HttpResponse:
    """Lead to the visitor's own merchant's statement, or let them choose which."""
    found = access.visitor(request)
    refs = list(found.merchant_refs) if found else []
    if len(refs) == 1:
        return HttpResponseRedirect(reverse("merchant_statement", args=refs))
    return show(request, "books/choose.html", refs=refs)


@_of_merchant
def of_period(request: HttpRequest, subject: Subject) -> HttpResponse:
    """Show a merchant's statement over a month, or over some days."""
    offset = clock.offset_minutes()
    span = statements.span(subject.id, offset)
    form = periods.asked(request.GET)
    chosen = form.period(span.sold_date if span else clock.today(clock.now()), offset)
    found = statements.statement(subject.id, chosen)
    return show(
        request,
        "books/statement.html",
        subject=subject,
        form=form,
        statement=found,
        months=periods.beside(chosen, span),
        figure=picture.figure(found),
        purses=lookups.purses(subject.account_id),
        rates=statements.rates(subject.id),
        query=urlencode({"since": chosen.first_date, "until": chosen.last_date}),
        own=_is_own(request, subject),
    )


@_of_merchant
def of_day(request: HttpRequest, subject: Subject, day: str) -> HttpResponse:
    """Show one day's orders and refunds, a page at a time."""
    date_shown = _day(day)
    chosen = Period(date_shown, date_shown, clock.offset_minutes())
    before = _place(request.GET.get("before", ""))
    orders, last = cursors.page(sales.newest(subject.id, chosen, limit=ROWS + 1, before=before), ROWS)
    return show(
        request,
        "books/day.html",
        subject=subject,
        date=date_shown,
        statement=statements.statement(subject.id, chosen),
        orders=orders,
        refunds=[] if before else sales.refunds(subject.id, chosen, limit=REFUNDS),
        older=f"?before={_written(last.place)}" if last else None,
        first=before is None,
        own=_is_own(request, subject),
    )


@_of_merchant
def as_text(request: HttpRequest, subject: Subject) -> HttpResponseBase:
    """Send a statement's days as comma-separated text."""
    chosen = _asked(request, subject)
    if chosen is None:
        return HttpResponseBadRequest()
    # A line a day, and days are limited: nothing here grows with what was sold.
    lines = as_csv.lines(subject.ref, statements.statement(subject.id, chosen))
    return _named(HttpResponse(lines, content_type="text/csv; charset=utf-8"), subject, chosen, "csv")


@_of_merchant
def as_workbook(request: HttpRequest, subject: Subject) -> HttpResponseBase:
    """Send a statement with its payouts and orders as a workbook."""
    chosen = _asked(request, subject)
    if chosen is None:
        return HttpResponseBadRequest()
    orders = sales.oldest_first(subject.id, chosen, limit=as_xlsx.ORDERS_MAX + 1)
    # Rows go to the disk one by one; what stays here is the packed file, a few megabytes where it is cut.
    stream = BytesIO()
    as_xlsx.write(stream, merchant=subject.ref, statement=statements.statement(subject.id, chosen), orders=orders)
    return _named(HttpResponse(stream.getvalue(), content_type=SPREADSHEET), subject, chosen, "xlsx")


def _asked(request: HttpRequest, subject: Subject) -> Period | None:
    """Return the days of a download: those asked for, or the newest month; None where they can't be read."""
    offset = clock.offset_minutes()
    form = periods.asked(request.GET)
    if form.is_bound and not form.is_valid():
        return None
    span = None if form.is_bound else statements.span(subject.id, offset)
    return form.period(span.sold_date if span else clock.today(clock.now()), offset)


def _named(response: HttpResponseBase, subject: Subject, chosen: Period, ending: str) -> HttpResponseBase:
    ref = UNSAFE.sub("-", subject.ref).strip("-.") or "merchant"
    name = f"statement-{ref}-{chosen.first_date}-{chosen.last_date}.{ending}"
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name)
    response["Cache-Control"] = "private, no-store"
    return response


def _is_own(request: HttpRequest, subject: Subject) -> bool:
    found = access.visitor(request)
    return found is not None and subject.ref in found.merchant_refs


def _day(text: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError as fault:
        raise Http404 from fault
    if not periods.FIRST <= found <= periods.LAST or found.isoformat() != text:
        raise Http404
    return found


def _written(place: sales.Place) -> str:
    """Write where a page ends, as the next page's address names it: microseconds since 1970, and the order's id."""
    at, number = place
    since = at - EPOCH
    return f"{(since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds}-{number}"


def _place(text: str) -> sales.Place | None:
    """Read it; what can't be read begins at the newest."""
    found = PLACE.fullmatch(text)
    if found is None or int(found.group(1)) > MICROSECONDS_MAX or int(found.group(2)) > lookups.ID_MAX:
        return None
    return EPOCH + timedelta(microseconds=int(found.group(1))), int(found.group(2))
