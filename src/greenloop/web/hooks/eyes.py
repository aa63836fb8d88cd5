"""Who sees which endpoints: operators and auditors all, a merchant's owner those of its own clients."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase

from greenloop.core.faults import Refusal
from greenloop.core.people.roles import admitted
from greenloop.store.queries import outbox
from greenloop.store.queries.outbox import DeliveryRow, EndpointRow
from greenloop.web import access, cursors
from greenloop.web.access import View

READERS = admitted(("operator", "auditor"))


@dataclass(frozen=True, slots=True)
class Eyes:
    """As whom a visitor looks: `clients` are those whose endpoints they see, None for all."""

    by: str
    clients: frozenset[int] | None
    may_send: bool

    def endpoint(self, number: int) -> EndpointRow:
        """Return an endpoint that the visitor sees.

        :raises Http404: there is none, or it is another's.
        """
        try:
            found = outbox.endpoint(cursors.known(number))
        except Refusal:
            raise Http404 from None
        if self.clients is not None and found.client_id not in self.clients:
            raise Http404
        return found

    def delivery(self, number: int) -> tuple[EndpointRow, DeliveryRow]:
        """Return a delivery that the visitor sees, with its endpoint.

        :raises Http404: there is none, or it is another's.
        """
        try:
            found = outbox.delivery(cursors.known(number))
        except Refusal:
            raise Http404 from None
        return self.endpoint(found.endpoint_id), found


def with_eyes(*, sending: bool = False) -> Callable[[View], View]:
    """Let in who sees endpoints, and tell the view as whom; where something is sent, only who may send."""

    def wear(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **given: Any) -> HttpResponseBase:
            found = access.visitor(request)
            if found is None:
                raise PermissionDenied
            by = f"account/{found.account_id}"
            if found.staff & READERS:
                way, eyes = access.factor_first(request, found), Eyes(by, None, "operator" in found.staff)
            elif found.owns:
                way, eyes = None, Eyes(by, outbox.clients_of(found.owns), may_send=True)
            else:
                raise PermissionDenied
            if way:
                return way
            if sending and not eyes.may_send:
                raise PermissionDenied
            return view(request, eyes, *args, **given)

        return access.signed_in(guarded)

    return wear
