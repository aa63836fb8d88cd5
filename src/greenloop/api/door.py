"""What stands around the routes that Django serves: language, sizes, and a problem for every no."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import translation

from greenloop.api import bodies, limits
from greenloop.api.problems import COMMON, TITLES, Problem, language, reply, respond
from greenloop.core.faults import say

PREFIX, DOCS = "/v1/", "/v1/docs"
FORM = "multipart/form-data"
DOCS_MAY = {"script-src": ["'self'"], "style-src": ["'unsafe-inline'"], "img-src": ["data:"]}
"""What the browsable document needs beside the pages' policy: its scripts come from here, its styles stand in it."""


class DoorMiddleware:
    """Refuses bodies that are too large or forms, and makes problems of refusals that were written for browsers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        if not request.path_info.startswith(PREFIX):
            return self.get_response(request)
        with translation.override(language(request.headers.get("Accept-Language", ""))):
            most = limits.body_bytes_max(request.path_info)
            if bodies.length(request.META) > most:
                return respond(reply(limits.too_large(most)))
            if request.content_type == FORM:
                message = say("Forms with files are not read here. Send JSON.")
                return respond(reply(Problem(415, "body.type", message)))
            response = self.get_response(request)
            if request.path_info == DOCS:
                response._csp_update = DOCS_MAY  # type: ignore[attr-defined]  # noqa: SLF001  as its decorator
            made = self._as_problem(response)
            for name, value in COMMON:
                made[name] = value
            return made

    def _as_problem(self, response: HttpResponse) -> HttpResponse:
        kind = response.get("Content-Type", "")
        if response.status_code < 400 or "json" in kind:
            return response
        status = response.status_code if response.status_code in TITLES else 400
        made = respond(reply(Problem(status, f"http.{status}", TITLES[status])))
        if allowed := response.get("Allow"):
            made["Allow"] = allowed
        return made
