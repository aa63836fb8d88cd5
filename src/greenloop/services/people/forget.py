"""Forgetting a person (G15): what is known of them goes, what they did stays in the books."""

from datetime import datetime

from greenloop.core.faults import Refusal, say
from greenloop.services.loop.claim import end_claims_of
from greenloop.services.people import steps
from greenloop.services.trust.steps import note
from greenloop.services.verb import verb
from greenloop.store import locks
from greenloop.store.models import Account, Identifier, PersonKey, StaffRole


@verb
def forget(*, account_id: int, at: datetime) -> bool:
    """Destroy a person's key, phone and name, their second factor and sessions; return whether anything was known.

    What is held for a second person ends: nobody is left to ask for it. Points, vouchers, orders and seats stay with
    the number of the account, which says nothing about anybody. A backup made before still opens with the product's own
    key, until it is deleted too.

    :raises Refusal: there is no such account.
    """
    if not Account.objects.filter(id=account_id).exists():
        message = say("There is no account {account}.")
        raise Refusal("account.unknown", message, field="account", account=str(account_id))
    locks.holders([account_id])
    known, _ = PersonKey.objects.filter(account_id=account_id).delete()
    Identifier.objects.filter(account_id=account_id).delete()
    StaffRole.objects.filter(account_id=account_id).delete()
    end_claims_of(account_id, at=at)
    steps.drop_second_factor(account_id)
    steps.sign_out([account_id])
    steps.drop_sessions(account_id)
    Account.objects.filter(id=account_id).update(last_login=None)
    note(act="person.forget", about=f"account/{account_id}", detail={"known": bool(known)}, at=at)
    return bool(known)
