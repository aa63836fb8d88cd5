"""Forgetting a person (G15): what is known of them goes, what they did stays in the books."""

import logging
from collections.abc import Mapping
from datetime import datetime

from greenloop.core.faults import Refusal, say
from greenloop.services.loop.claim import end_claims_of
from greenloop.services.people import steps
from greenloop.services.trust.steps import note
from greenloop.services.verb import verb
from greenloop.store import locks
from greenloop.store.backup import forgotten as lists
from greenloop.store.models import Account, Identifier, PersonKey, StaffRole
from greenloop.store.queries import forgotten

log = logging.getLogger("greenloop.forgotten")


def forget(*, account_id: int, at: datetime) -> bool:
    """Destroy a person's key, phone and name, their second factor and sessions; return whether anything was known.

    What is held for a second person ends: nobody is left to ask for it. Points, vouchers, orders and seats stay with
    the number of the account, which says nothing about anybody. That number goes into the list outside the database, by
    which a restore of a backup made before forgets them again. The backup itself still opens with the product's own
    key, until it is deleted too.

    :raises Refusal: there is no such account.
    """
    known = _forget(account_id=account_id, at=at)
    list_forgotten()
    return known


def forget_again(*, named: Mapping[int, datetime], at: datetime) -> int:
    """Forget those whom a list names and an older copy of the database has brought back; return how many they were.

    Each is a transaction of its own. Called again, it finds nobody. The list names them already.
    """
    back = forgotten.brought_back(named)
    for account_id in back:
        _forget(account_id=account_id, at=at, again=True)
    return len(back)


def list_forgotten() -> int:
    """Write into the lists outside the database who was forgotten by its audit log and is missing there.

    A process may have died between forgetting somebody and writing it down. Return how many were missing beside the
    database. Its archive may be out of this process's reach: whoever archives takes them along then.
    """
    told = forgotten.told()
    if not told:
        return 0
    try:
        added = lists.add(lists.beside(), told)
    except OSError:
        log.critical("ALARM: who was forgotten could not be written to %s", lists.beside(), exc_info=True)
        added = 0
    if archived := lists.archived():
        try:
            lists.add(archived, told)
        except OSError as fault:
            log.warning("who was forgotten could not be written to %s: %s", archived, fault)
    return added


@verb
def _forget(*, account_id: int, at: datetime, again: bool = False) -> bool:
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
    detail = {"known": bool(known)} | ({"again": True} if again else {})
    note(act=forgotten.FORGET, about=f"{forgotten.ACCOUNT}{account_id}", detail=detail, at=at)
    return bool(known)
