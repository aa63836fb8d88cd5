"""Who acts by a page: said once a request that may change something, for the log of privileged acts."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from greenloop.services.trust.acting import acting

READING = ("GET", "HEAD", "OPTIONS")


class ActingMiddleware:
    """Says whose account a request comes from, where somebody has signed in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        if request.method in READING or not request.user.is_authenticated:
            return self.get_response(request)
        with acting(actor=f"account/{request.user.pk}"):
            return self.get_response(request)
