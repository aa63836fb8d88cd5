"""The full-chain supervision report on screen: the tied chain of a month or some days, and the same to print."""

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.utils.http import content_disposition_header
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from greenloop.insight.supervision import as_pdf, as_xlsx, told, words
from greenloop.insight.supervision.report import PUBLIC, STAFF, Report, report
from greenloop.store import sql
from greenloop.store.queries.statements import Period
from greenloop.web import access, clock
from greenloop.web.books import period as periods
from greenloop.web.books.statement import SPREADSHEET
from greenloop.web.page import show

READERS = ("operator", "finance", "auditor")


@access.staff(*READERS)
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show the chain of a month, the one before this unless another is asked for, or of some days."""
    form = periods.asked(request.GET)
    chosen = _chosen(form)
    found = _report(chosen, STAFF)
    return show(
        request,
        "books/supervision.html",
        form=form,
        period=chosen,
        found=found,
        words=words,
        told=told,
        query=urlencode({"since": chosen.first_date, "until": chosen.last_date}),
    )


@access.staff(*READERS)
@require_safe
def as_print(request: HttpRequest) -> HttpResponse:
    """Send the public form of the report, set for print, in the visitor's language."""
    return _sent(request, as_pdf.document, "application/pdf", "pdf")


@access.staff(*READERS)
@require_safe
def as_workbook(request: HttpRequest) -> HttpResponse:
    """Send the public form of the report as a workbook, in the visitor's language."""
    return _sent(request, as_xlsx.workbook, SPREADSHEET, "xlsx")


def _sent(request: HttpRequest, write: Callable[..., bytes], kind: str, ending: str) -> HttpResponse:
    form = periods.asked(request.GET)
    if form.is_bound and not form.is_valid():
        return HttpResponseBadRequest()
    chosen = _chosen(form)
    language = "zh" if (get_language() or "").startswith("zh") else "en"
    response = HttpResponse(write(_report(chosen, PUBLIC), language=language), content_type=kind)
    name = f"supervision-{chosen.first_date}-{chosen.last_date}.{ending}"
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name)
    response["Cache-Control"] = "private, no-store"
    return response


def _chosen(form: periods.PeriodForm) -> Period:
    last_month = clock.today(clock.now()).replace(day=1) - timedelta(days=1)
    return form.period(last_month, clock.offset_minutes())


def _report(period: Period, form: str) -> Report:
    with sql.snapshot():
        return report(period=period, form=form, made_at=clock.now())
