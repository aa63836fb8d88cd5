"""Revealing a person, or what somebody complained of, to who only reads: for a case, once, and written down."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from greenloop.core.faults import Refusal, say
from greenloop.core.people.roles import READERS
from greenloop.services.trust.steps import may, note
from greenloop.services.verb import verb
from greenloop.store import locks
from greenloop.store.models import Account, AuditEntry
from greenloop.store.queries import complaints, lookups, people
from greenloop.store.queries.complaints import Words

ACT = "portal.reveal"
CASE = re.compile(r"[0-9A-Za-z〔〕()（）\u4e00-\u9fff][0-9A-Za-z〔〕()（）\u4e00-\u9fff./_-]{2,39}")
"""A number as authorities write them: letters, digits, Chinese characters, and what stands between."""
REASON_MIN, REASON_MAX = 8, 300
A_DAY_MAX = 20
DAY = timedelta(days=1)
KINDS = ("account", "complaint")


@dataclass(frozen=True, slots=True)
class Revealed:
    """Who somebody is, or what a complaint says; `city` and `ref` are empty for who is no member.

    `words` are a complaint's own and its answers'.
    """

    about: str
    account_id: int
    ref: str
    city: str
    phone: str | None
    words: Words | None


@verb
def reveal(*, kind: str, number: int, case: str, reason: str, by: int, at: datetime) -> Revealed:
    """Tell who is behind an account, or what a complaint says; the audit log has it in the same transaction.

    The log keeps the case and the reason, and who was revealed by the account's number alone.

    :raises Refusal: the case or the reason isn't given, there is no such account or complaint, `by` is no auditor or
        regulator, or has had as many revealed today as one may.
    """
    may(str(by), *READERS)
    _check(case, reason)
    locks.holders([by])
    actor = f"account/{by}"
    if AuditEntry.objects.filter(actor=actor, act=ACT, at__gt=at - DAY).count() >= A_DAY_MAX:
        message = say("{most} people are revealed to one account within a day at most. Go on tomorrow.")
        raise Refusal("reveal.many", message, field="number", most=A_DAY_MAX)
    found = _of_complaint(number) if kind == "complaint" else _of_account(number)
    note(act=ACT, about=found.about, detail={"case": case, "reason": reason}, at=at, by=str(by))
    return found


def _check(case: str, reason: str) -> None:
    if not CASE.fullmatch(case):
        message = say("Give the number of the case: letters, digits or Chinese characters, 3 to 40.")
        raise Refusal("reveal.case", message, field="case")
    if not REASON_MIN <= len(reason) <= REASON_MAX:
        message = say("Give the reason in {least} to {most} characters.")
        raise Refusal("reveal.reason", message, field="reason", least=REASON_MIN, most=REASON_MAX)


def _of_account(number: int) -> Revealed:
    if not Account.objects.filter(id=number).exists():
        message = say("There is no account {account}.")
        raise Refusal("account.unknown", message, field="number", account=str(number))
    try:
        held = lookups.holder(str(number))
        ref, city = (held.ref, held.city) if held.account_id == number else ("", "")
    except Refusal:  # a seat at a merchant, or somebody of the platform
        ref, city = "", ""
    return Revealed(f"account/{number}", number, ref, city, people.identifier(number, "phone"), None)


def _of_complaint(number: int) -> Revealed:
    found = complaints.complaint(number)
    return Revealed(f"complaint/{number}", found.account_id, "", "", None, complaints.words(number))
