"""Who may call a route: keys with a scope, staff with a role, members, people of a merchant; and whose things they see.

A route names its callers in `auth`; the first that fits is `request.auth`. Whether this merchant or this member is the
caller's own is asked by the route, with `sees_merchant` and `sees_account`.
"""

from dataclasses import dataclass
from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from django.http import HttpRequest
from ninja.security.base import AuthBase
from ninja.utils import check_csrf

from greenloop.api import bodies, callers, limits
from greenloop.api.callers import Client
from greenloop.api.problems import Problem
from greenloop.core.faults import say
from greenloop.core.people.roles import admitted
from greenloop.store.queries import callers as facts
from greenloop.store.queries.people import Visitor, visitor


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who calls by a session: a member, people of a merchant, the platform's people."""

    visitor: Visitor

    @property
    def name(self) -> str:
        """Return the person as records name them."""
        return f"account/{self.visitor.account_id}"


Caller = Client | Person


class Keyed(AuthBase):
    """Lets in keys that have a scope, sent as a bearer or signing the request."""

    openapi_type = "http"
    openapi_scheme = "bearer"
    openapi_name = "key"

    def __init__(self, scope: str) -> None:
        super().__init__()
        self.scope = scope

    @property
    def needs(self) -> list[str]:
        """Return what documents say that a key needs."""
        return [self.scope]

    def __call__(self, request: HttpRequest) -> Client | None:
        """Return the client, None where no key was sent.

        :raises Problem: the key is not good, or lacks the scope.
        """
        if not callers.has_key(request.META):
            return None
        return callers.client(_as_sent(request), self.scope, lambda: _arrived(request))


class Session(AuthBase):
    """Lets in people who have signed in by the pages. The platform's people must have passed their second factor."""

    openapi_type = "apiKey"
    openapi_in = "cookie"
    openapi_name = "session"
    param_name = "greenloop"
    roles: frozenset[str] = frozenset()

    def __call__(self, request: HttpRequest) -> Person | None:
        """Return the person, None where nobody has signed in.

        :raises Problem: the person may not call this, or a browser was led here from elsewhere.
        """
        if callers.has_key(request.META) or not request.user.is_authenticated:
            return None
        limits.count(f"account/{request.user.pk}", changes=request.method not in {"GET", "HEAD"})
        if check_csrf(request) is not None:
            message = say("Send the header X-CSRFToken with the token of a page of this site.")
            raise Problem(403, "auth.csrf", message)
        found = getattr(request, "_visitor", None) or visitor(int(request.user.pk))
        if not self.allows(found):
            raise no_right()
        if found.staff and not _factor_passed(request):
            message = say("Sign in with your second factor first: open /sign-in/staff/ in this browser.")
            raise Problem(403, "auth.factor", message)
        return Person(found)

    @property
    def needs(self) -> list[str]:
        """Return the roles of which documents say that a person needs one; none where any person may call."""
        return sorted(self.roles)

    def allows(self, found: Visitor) -> bool:
        """Tell whether a visitor may call."""
        return bool(found.staff or found.member_ref or found.merchants)


class Staff(Session):
    """Lets in the platform's people who have one of the roles; any role where none is named."""

    def __init__(self, *roles: str) -> None:
        super().__init__()
        self.roles = admitted(roles)

    def allows(self, found: Visitor) -> bool:
        """Tell whether a visitor may call."""
        return bool(found.staff & self.roles)


def no_right() -> Problem:
    """Return the refusal of a person whose roles don't go so far."""
    return Problem(403, "auth.role", say("Your account has no right to see or do this."))


def nobody(request: HttpRequest) -> Problem:
    """Return the refusal of a caller for whom a route has no way in: where it comes with a good key, keys have none.

    :raises Problem: the key is not good.
    """
    if not callers.has_key(request.META):
        return callers.no_key()
    fact, _ = callers.known(_as_sent(request))
    limits.count(fact.id)
    return Problem(403, "auth.person", say("No key may do this, only a person who has signed in."))


def _as_sent(request: HttpRequest) -> dict[str, Any]:
    """Return a request as it was signed: Django reads the path as UTF-8, WSGI hands on its bytes as Latin-1."""
    path = request.path_info.encode("utf-8", "surrogateescape").decode("latin-1")
    return {**request.META, "PATH_INFO": path}


def _arrived(request: HttpRequest) -> bytes:
    """Return the body of a request that a good key sent."""
    if not bodies.length(request.META):
        return b""
    with bodies.waiting(known=True):
        return bodies.whole(request.body, request.META)


def _factor_passed(request: HttpRequest) -> bool:
    return any(each["method"] == "mfa" for each in get_authentication_records(request, request.user))


def of(request: HttpRequest) -> Any:
    """Return who calls, as `auth` has found out: a Client or a Person."""
    return request.auth  # type: ignore[attr-defined]


def account_of(request: HttpRequest) -> str:
    """Return a person as records of decisions name them: the account's number.

    :raises Problem: a key calls.
    """
    caller = of(request)
    if not isinstance(caller, Person):
        raise Problem(403, "auth.person", say("Only a person who has signed in may do this."))
    return str(caller.visitor.account_id)


def fresh(request: HttpRequest) -> None:
    """Accept a person who has authenticated lately, before something is decided for good.

    :raises Problem: that was too long ago.
    """
    if not did_recently_reauthenticate(request):
        message = say("Confirm who you are first: open /sign-in/again/ in this browser, then ask again.")
        raise Problem(403, "auth.reauthenticate", message)


def decider(request: HttpRequest) -> str:
    """Return the person who decides something for good, as records name them.

    :raises Problem: a key calls, or the person authenticated too long ago.
    """
    fresh(request)
    return account_of(request)


def sees_merchant(caller: Caller, merchant: str) -> None:
    """Accept a merchant that the caller acts for; staff see all.

    :raises Problem: it is another's, or unknown: which of the two is not said.
    """
    if isinstance(caller, Client):
        seen = merchant in caller.merchants
    else:
        seen = bool(caller.visitor.staff) or merchant in caller.visitor.merchant_refs
    if not seen:
        message = say("There is no merchant {merchant} that you may see.")
        raise Problem(404, "merchant.unknown", message, field="merchant", merchant=merchant)


def sees_account(caller: Caller, account_id: int, *, merchant: str | None = None) -> None:
    """Accept a holder that the caller may look at: itself, a merchant acted for, a member enrolled through the client.

    `merchant` is the ref of the merchant whose account it is, if it is one. Staff see all.

    :raises Problem: it is somebody else's, or unknown: which of the two is not said.
    """
    if isinstance(caller, Client):
        seen = merchant in caller.merchants if merchant else facts.enrolled(caller.id, account_id)
    else:
        who = caller.visitor
        seen = bool(who.staff) or account_id == who.account_id or (merchant in who.merchant_refs if merchant else False)
    if not seen:
        message = say("There is no account {account} that you may see.")
        raise Problem(404, "account.unknown", message, field="account", account=str(account_id))
