"""Whose money a caller sees: the merchants that it acts for; the platform's people see all."""

from django.http import HttpRequest

from greenloop.api import access
from greenloop.api.access import Keyed, Session
from greenloop.api.callers import Client

READERS = [Keyed("statements:read"), Session()]


def refs(request: HttpRequest, merchant: str = "") -> frozenset[str] | None:
    """Return the merchants whose money a list shows, None for all: one that is asked for, or all of the caller's.

    :raises Problem: the caller doesn't act for the merchant that it asks for.
    """
    caller = access.of(request)
    if merchant:
        access.sees_merchant(caller, merchant)
        return frozenset([merchant])
    if isinstance(caller, Client):
        return caller.merchants
    return None if caller.visitor.staff else frozenset(caller.visitor.merchant_refs)
