"""One way to propose: whatever a route wants changed waits for another person under /v1/proposals."""

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse

from greenloop.api import access, clock
from greenloop.api.trust.shown import proposed
from greenloop.api.writing import write
from greenloop.services.trust.proposals import propose


def keep(request: HttpRequest, *, kind: str, content: Mapping[str, object], reason: str) -> HttpResponse:
    """Keep a proposal of the person who calls, and answer with its hash; nothing is changed.

    :raises Refusal: the person may not propose it, or the change couldn't be made.
    """
    by = access.account_of(request)
    return write(
        request,
        lambda: propose(kind=kind, content=content, reason=reason, by=by, at=clock.now()),
        proposed,
        status=202,
        again=lambda made: made.again,
    )
