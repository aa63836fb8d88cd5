"""Writes of the audit log, and who somebody is that a record names. Each is part of its caller's transaction."""

import json
from collections.abc import Mapping
from datetime import datetime

from greenloop.core.faults import Refusal, say
from greenloop.core.people import work_name
from greenloop.services import trail
from greenloop.services.trust.acting import CONSOLE, now_acting
from greenloop.services.trust.log.steps import append_decision
from greenloop.store.models import AuditEntry
from greenloop.store.queries import people
from greenloop.store.queries.logged import Act

ACCOUNT = "account/"
NAME_MAX = 64
ID_MAX = 2**63 - 1


def note(*, act: str, about: str, detail: Mapping[str, object], at: datetime, by: str | None = None) -> None:
    """Write one privileged act into the audit log, inside the transaction that does it.

    Who acts is who the door said; at the console it is the account whose name `by` is, where there is one. `detail` is
    kept as canonical JSON and for ever: nothing in it may tell who a person is, except by the number of an account.
    What a second person decides is told by the public log too, which is the last thing that a verb locks.
    """
    acting = now_acting()
    actor = acting.actor
    if actor == CONSOLE and by and (found := person(by)).startswith(ACCOUNT):
        actor = found
    entry = AuditEntry.objects.create(
        at=at,
        actor=actor[:64],
        act=act,
        about=about[:128],
        detail=canonical(detail),
        request_id=(acting.request_id or trail.request_id())[:64],
    )
    append_decision(Act(entry.id, at, entry.actor, act, entry.about, entry.detail))


def canonical(value: object) -> str:
    """Return a document as the one text that it is hashed and kept by."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def person(by: str) -> str:
    """Return who a record's `by` is, the same for all that one person is called: `account/…` where they have one.

    Pages write the number of an account, the console a name: that of somebody who signs in at work is their account.
    """
    number = by.removeprefix(ACCOUNT)
    if number.isascii() and number.isdigit() and len(number) < 20 and int(number) <= ID_MAX:
        return ACCOUNT + number
    try:
        shown = work_name.cleaned(by)
    except Refusal:
        return f"name/{by}"[:NAME_MAX]
    account_id = people.account_by("name", work_name.found_by(shown))
    return f"name/{work_name.found_by(shown)}"[:NAME_MAX] if account_id is None else f"{ACCOUNT}{account_id}"


def may(by: str, *roles: str) -> None:
    """Accept what somebody does who has one of the roles; a name that nobody signs in by is the console's own.

    :raises Refusal: `by` is an account, and has none of them.
    """
    found = person(by)
    if found.startswith(ACCOUNT) and not people.visitor(int(found.removeprefix(ACCOUNT))).staff & set(roles):
        message = say("{by} has no role for this. It takes one of: {roles}.")
        raise Refusal("staff.may_not", message, field="by", by=by, roles=", ".join(roles))


def other_than(*, proposed_by: str, by: str, code: str, message: str) -> None:
    """Accept a second person: somebody else than who proposed, by whatever name.

    :raises Refusal: with `code` and `message`, whose fact is {by}: it is the same person.
    """
    if proposed_by == by or person(proposed_by) == person(by):
        raise Refusal(code, message, field="by", by=by)
