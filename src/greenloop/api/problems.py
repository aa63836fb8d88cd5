"""Saying no to programs: RFC 9457 problem details, with codes that stay."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from django.http import HttpResponse
from django.utils import translation

from greenloop.core.faults import Refusal, say

TYPE = "application/problem+json"
UNKNOWN = (".unknown", ".none")
CONFLICTS = frozenset(
    {
        "broken",
        "changed",
        "closed",
        "conflict",
        "expired",
        "held",
        "known",
        "made",
        "many",
        "not_held",
        "open",
        "stale",
        "two_people",
        "past",
        "refunded",
        "taken",
        "unpaid",
    }
)
FORBIDDEN = frozenset({"proposal.not_yours", "proposal.role", "staff.may_not"})
TITLES = {
    400: say("The request can't be read"),
    401: say("Who calls is not known"),
    403: say("Not allowed"),
    404: say("Not found"),
    405: say("Not a method of this address"),
    409: say("In conflict with what is there"),
    413: say("Too large"),
    415: say("Not a type of content that is read here"),
    422: say("Refused"),
    429: say("Too many requests"),
    500: say("Something failed"),
    503: say("Not now"),
}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer on its way out: status, body, and headers beside its type and length."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/json"


COMMON = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))


class Problem(Exception):
    """A no that the door itself says, with its HTTP status; `retry_after_s` tells when to ask again."""

    def __init__(
        self, status: int, code: str, message: str, *, field: str | None = None, retry_after_s: int = 0, **facts: object
    ) -> None:
        super().__init__(code)
        self.code, self.status, self.retry_after_s = code, status, retry_after_s
        self.refusal = Refusal(code, message, field=field, **facts)


def status_of(refusal: Refusal) -> int:
    """Return the status of a refusal: 403 what takes another, 404 the unknown, 409 what the state forbids, else 422."""
    if refusal.code.startswith("auth."):  # a proof of who calls that isn't one
        return 401
    if refusal.code in FORBIDDEN:
        return 403
    if refusal.code.endswith(UNKNOWN):
        return 404
    return 409 if refusal.code.rpartition(".")[2] in CONFLICTS else 422


def told(refusal: Refusal) -> str:
    """Return what a refusal says, in the caller's language."""
    facts: dict[str, Any] = {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in refusal.facts.items()
    }
    if isinstance(reasons := facts.get("reasons"), tuple):
        facts["list"] = " ".join(told(reason) for reason in reasons)
    return translation.gettext(refusal.message).format(**facts)


def details(refusal: Refusal, status: int) -> dict[str, Any]:
    """Return the members of a problem."""
    found: dict[str, Any] = {
        "type": f"urn:greenloop:problem:{refusal.code}",
        "title": translation.gettext(TITLES.get(status, TITLES[500])),
        "status": status,
        "detail": told(refusal),
        "code": refusal.code,
    }
    if claim := refusal.facts.get("claim"):
        found["claim"] = claim
    return found | {"field": refusal.field} if refusal.field else found


def reply(fault: Refusal | Problem) -> Reply:
    """Return the answer that says a no."""
    refusal, status = (fault.refusal, fault.status) if isinstance(fault, Problem) else (fault, status_of(fault))
    headers: tuple[tuple[str, str], ...] = ()
    if isinstance(fault, Problem) and fault.retry_after_s:
        headers += (("Retry-After", str(fault.retry_after_s)),)
    if status == 401:
        headers += (("WWW-Authenticate", 'Bearer realm="greenloop"'),)
    return Reply(status, msgspec.json.encode(details(refusal, status)), headers, TYPE)


def respond(answer: Reply) -> HttpResponse:
    """Return an answer as Django hands it on."""
    response = HttpResponse(answer.body, status=answer.status, content_type=answer.content_type)
    for name, value in (*COMMON, *answer.headers):
        response[name] = value
    return response


def language(accepted: str) -> str:
    """Return the language of an Accept-Language header: Chinese if it comes first, English for anything else."""
    return "zh-hans" if accepted.strip().lower().startswith("zh") else "en"
