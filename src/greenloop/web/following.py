"""What a request's line in the log learns from Django: the pattern of its route, and what kind of person asks."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from greenloop.services import trail


class FollowingMiddleware:
    """Notes on the request's trail the view that it comes to, and who looks, where a page has asked that anyway."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        response = self.get_response(request)
        # Pages keep who looks on the request; routes of the API keep who calls by a session.
        if found := getattr(request, "_visitor", None) or getattr(getattr(request, "auth", None), "visitor", None):
            trail.caller("staff" if found.staff else "merchant" if found.merchants else "member")
        return response

    def process_view(self, request: HttpRequest, *_view: Any) -> None:
        """Note the pattern of the address, which names nobody."""
        if match := request.resolver_match:
            trail.route(f"/{match.route}")
