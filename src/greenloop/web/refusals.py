"""Saying no in a page: refusals of verbs and queries, and the pages for what is missing, forbidden or broken."""

import logging
from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from greenloop.core.faults import Breach, Refusal
from greenloop.services import measures
from greenloop.web import words
from greenloop.web.page import show

log = logging.getLogger("greenloop.web")
UNKNOWN = (".unknown", ".none")


class ReadableMiddleware:
    """Refuses NUL, which no text in a database may hold, in addresses and cookies, before a session is looked for."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        query = request.META.get("QUERY_STRING", "")
        if "%00" in query or any("\0" in text for text in (request.path_info, query, *request.COOKIES.values())):
            raise BadRequest
        return self.get_response(request)


class RefusalMiddleware:
    """Turns a refusal that a view let through into a page: 404 for what is not known, 409 for the rest."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, fault: Exception) -> HttpResponse | None:
        """Return the page that says why, None for any fault that nobody expected."""
        if isinstance(fault, Refusal):
            measures.refused(fault.code)
            return _say(request, status(fault), _("That can't be done"), words.told(fault))
        if isinstance(fault, Breach):
            log.critical("an invariant is broken, nothing was recorded: %s", fault)
            what = _("The books refused this, and nothing was recorded. An alarm is in the server's log.")
            return _say(request, 500, _("Stopped"), what)
        return None


def status(refusal: Refusal) -> int:
    """Return the HTTP status of a refusal: what isn't there, or what can't be done now."""
    return 404 if refusal.code.endswith(UNKNOWN) else 409


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer a request that can't be read."""
    del exception
    what = _("The request can't be read. Go back, and try again.")
    return _say(request, 400, _("Not understood"), what)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer somebody who may not."""
    del exception
    what = _("Your account has no right to see or do this. Sign in with one that has.")
    return _say(request, 403, _("Not yours to see"), what)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form that came from elsewhere, or whose page had been open for too long."""
    del reason
    what = _("This form is out of date. Go back, load the page again, and send it once more. Cookies must be allowed.")
    return _say(request, 403, _("The form is out of date"), what)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer an address at which there is nothing for this visitor."""
    del exception
    what = _("There is nothing here for you. The address may be wrong, or what it shows belongs to somebody else.")
    return _say(request, 404, _("Not found"), what)


def broken(request: HttpRequest) -> HttpResponse:
    """Answer when something failed that nobody expected."""
    what = _("Something failed on our side. Nothing was half done; please try again in a minute.")
    return _say(request, 500, _("Something failed"), what)


def _say(request: HttpRequest, status: int, title: str, what: str) -> HttpResponse:
    return show(request, "refused.html", status=status, title=title, what=what)
