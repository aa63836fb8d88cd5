"""Calls that are prepared and not sent: what a request would be, for whoever sends it in a way of its own."""

from collections.abc import Callable, Iterator
from typing import NoReturn, ParamSpec

from greenloop_client.carrying import Request

P = ParamSpec("P")


class _Drafted(Exception):
    def __init__(self, request: Request) -> None:
        self.request = request


class Drafting:
    """Carries nothing: `Client(base, token, carrier=Drafting())` is for `draft` alone."""

    def carry(self, request: Request) -> NoReturn:
        """End the call with its request."""
        raise _Drafted(request)

    def close(self) -> None:
        """Do nothing: nothing is open."""


def draft(operation: Callable[P, object], *args: P.args, **named: P.kwargs) -> Request:
    """Return the request of an operation of a drafting client, of a list the one for its first page.

    A signed one is good once, and for five minutes.

    :raises TypeError: the client sends what it is called for, and has sent this.
    """
    try:
        begun = operation(*args, **named)
        if isinstance(begun, Iterator):
            next(begun)
    except _Drafted as drafted:
        return drafted.request
    message = "draft needs a client whose carrier is Drafting()"
    raise TypeError(message)
