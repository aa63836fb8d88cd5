"""Who may: the visitor behind a request, and the guards that views wear."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import quote

from allauth.account.internal.flows.login import get_authentication_records
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from greenloop.core.people.roles import READERS, admitted
from greenloop.store.queries.people import Visitor
from greenloop.store.queries.people import visitor as visitor_of

View = Callable[..., HttpResponseBase]
Guard = Callable[[View], View]

__all__ = ["Visitor", "by", "member", "merchant", "only_reads", "signed_in", "staff", "visitor"]


def visitor(request: HttpRequest) -> Visitor | None:
    """Return who is signed in and what they are, asked once a request; None for a stranger."""
    # A request that is refused before its session is read, for the host it names, is a stranger's.
    if not hasattr(request, "user") or not request.user.is_authenticated:
        return None
    known = getattr(request, "_visitor", None)
    if known is None:
        known = visitor_of(int(request.user.pk))
        request._visitor = known  # type: ignore[attr-defined]  # noqa: SLF001  kept for this request
    return known


def by(request: HttpRequest) -> str:
    """Return the visitor as records name them, empty for a stranger."""
    found = visitor(request)
    return f"account/{found.account_id}" if found else ""


def _guard(allowed: Callable[[Visitor], bool], *, at_work: bool = False) -> Guard:
    def wear(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **given: Any) -> HttpResponseBase:
            found = visitor(request)
            if found is None:
                return HttpResponseRedirect(f"{reverse('account_login')}?next={quote(request.get_full_path())}")
            if not allowed(found):
                raise PermissionDenied
            return (at_work and factor_first(request, found)) or view(request, *args, **given)

        return guarded

    return wear


signed_in: Guard = _guard(lambda _: True)
member: Guard = _guard(lambda found: found.member_ref is not None)
merchant: Guard = _guard(lambda found: bool(found.merchants))


def staff(*roles: str) -> Guard:
    """Let in people of the platform who have one of the roles; any role where none is named."""
    let_in = admitted(roles)
    return _guard(lambda found: bool(found.staff & let_in), at_work=True)


def only_reads(found: Visitor | None) -> bool:
    """Tell whether a visitor is an auditor or a regulator."""
    return found is not None and bool(found.staff & set(READERS))


def factor_first(request: HttpRequest, found: Visitor) -> HttpResponseRedirect | None:
    """Return the way to the second factor, which comes before anything of the platform's; None once it is past.

    That an account has one is not enough: who knew its first password may have begun a session before it was set up.
    """
    if not found.has_second_factor:
        return HttpResponseRedirect(reverse("mfa_activate_totp"))
    if not _passed(request):
        return HttpResponseRedirect(f"{reverse('mfa_reauthenticate')}?next={quote(request.get_full_path())}")
    return None


def _passed(request: HttpRequest) -> bool:
    return any(each["method"] == "mfa" for each in get_authentication_records(request, request.user))
