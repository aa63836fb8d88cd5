"""Whose wallet an address names, and whether the caller may see it."""

from django.http import HttpRequest

from greenloop.api import access
from greenloop.api.access import Person
from greenloop.api.callers import Client
from greenloop.api.fields import number
from greenloop.api.problems import Problem
from greenloop.core.faults import say
from greenloop.store.queries import balances


def seen(request: HttpRequest, text: str) -> int:
    """Return the account that an address names, if the caller may see it.

    :raises Problem: there is none that it may see.
    """
    caller = access.of(request)
    if text == "me" and isinstance(caller, Person):
        return caller.visitor.account_id
    account = number(text, "account.unknown")
    is_member, refs = balances.whose(account)
    mine = caller.merchants if isinstance(caller, Client) else frozenset(caller.visitor.merchant_refs)
    access.sees_account(caller, account, merchant=min(refs & mine, default=min(refs, default=None)))
    # Only the platform's people get this far with an account that is nobody's wallet.
    if not refs and not is_member:
        message = say("There is no account {account} that you may see.")
        raise Problem(404, "account.unknown", message, field="account", account=text)
    return account
