"""Auditors and regulators: each of their requests is written down, and then answered over what can't write.

What comes before anything of the platform's, their own sign-in, goes over the ordinary connection and isn't noted; so
does one verb, which reveals a person for a case and writes the audit log. Sessions are written outside of this.
"""

import re
from collections.abc import Callable, Iterable, Mapping

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.urls import Resolver404, ResolverMatch, resolve

from greenloop.services.trust.looks import note_look
from greenloop.store.reader.connection import only_reading
from greenloop.web import access, clock

READING = ("GET", "HEAD", "OPTIONS")
OWN = frozenset({"choose", "home", "front"})
"""Beside their sign-in: the choice of language and theme, and the way home."""
OWN_ADDRESSES = ("sign-in/", "sign-out/", "my/sign-in/")
REVEAL = "portal_reveal"
READ_BY_POST = frozenset({"preview_settlement"})
"""What is asked for by POST and writes nothing: it goes over the connection that can't."""
TOLD = ("cycle", "pool", "before", "of", "all", "page", "day", "month", "merchant")
"""Parts of a query that tell what is looked at, and nothing of who a person is."""
UNSAID = "…"
ACCOUNT = re.compile(r"[0-9]{16,19}")
"""An account's number; shorter ones may be a phone, or what a person is called somewhere."""
PLAIN = re.compile(r"[0-9._:-]{0,9}|[A-Za-z][0-9A-Za-z._:-]{0,63}|[0-9]{16,19}|[0-9]{4}-[0-9]{2}(-[0-9]{2})?")
"""What a part of a query may be to be kept: a number, a day, what a pool or a merchant is called; no phone."""


class LookingMiddleware:
    """Refuses what would change something, notes what is looked at, and lets the rest read."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request.

        :raises PermissionDenied: it would change something.
        """
        # Who has no session has no role; asking would only make what everybody may keep differ by cookie.
        found = access.visitor(request) if settings.SESSION_COOKIE_NAME in request.COOKIES else None
        if found is None or not access.only_reads(found):
            return self.get_response(request)
        match = _match(request)
        if match is not None and _is_own(match):
            return self.get_response(request)
        name = _name(match)
        if request.method not in READING and name not in (REVEAL, *READ_BY_POST) and not _is_api(match):
            raise PermissionDenied
        method = str(request.method)
        note_look(account_id=found.account_id, method=method, page=name, about=_about(request, match), at=clock.now())
        if name == REVEAL and request.method not in READING:
            return self.get_response(request)
        with only_reading():
            return _whole(self.get_response(request))


def _match(request: HttpRequest) -> ResolverMatch | None:
    try:
        return resolve(request.path_info)
    except Resolver404:
        return None


def _is_api(match: ResolverMatch | None) -> bool:
    """Tell whether the API answers: it says no in words of its own, and can't write here whatever it says."""
    return match is not None and match.route.startswith("v1/")


def _is_own(match: ResolverMatch) -> bool:
    return match.view_name in OWN or match.route.startswith(OWN_ADDRESSES)


def _name(match: ResolverMatch | None) -> str:
    """Return what the address is called; ninja puts the API's own name before that of a route."""
    return UNSAID if match is None else (match.view_name or match.route).rpartition(":")[2]


def _about(request: HttpRequest, match: ResolverMatch | None) -> str:
    """Return what of a page is asked for: of people by numbers alone, of what is searched for that there was a text."""
    found: Mapping[str, object] = match.kwargs if match else {}
    named = {key: _safe(key, str(value), match) for key, value in found.items()}
    given = ((key, request.GET[key]) for key in TOLD if key in request.GET)
    asked = {key: value if PLAIN.fullmatch(value) else UNSAID for key, value in given}
    if "q" in request.GET:
        asked["q"] = UNSAID
    return _joined({**named, **asked}.items())


def _joined(pairs: Iterable[tuple[str, str]]) -> str:
    return " ".join(f"{key}={value}" for key, value in pairs)


def _safe(key: str, value: str, match: ResolverMatch | None) -> str:
    of_person = match is not None and key == "ref" and not match.route.startswith(("merchants/", "v1/merchants/"))
    return UNSAID if of_person and not ACCOUNT.fullmatch(value) else value


def _whole(response: HttpResponseBase) -> HttpResponseBase:
    """Read what would be read while it is sent: by then the ordinary connection is back."""
    if isinstance(response, StreamingHttpResponse):
        response.streaming_content = list(response)
    return response
