"""The log of privileged acts, by who did them and by what they are about."""

import json
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from greenloop.core.faults import Refusal
from greenloop.core.people import work_name
from greenloop.store.queries import people, trust
from greenloop.store.queries.trust import AuditRow
from greenloop.web import access, cursors, words
from greenloop.web.page import show
from greenloop.web.trust import who

ROWS = 40
TEXT_MAX = 128
HASH_SHOWN = 12
READERS = ("operator", "finance", "auditor")


@dataclass(frozen=True, slots=True)
class Line:
    """One privileged act as the page shows it; `actor_link` and `about_link` lead to others like it."""

    at: datetime
    actor: str
    actor_link: str
    act: str
    about: str
    about_link: str
    detail: str


@access.staff(*READERS)
@require_safe
def log(request: HttpRequest) -> HttpResponse:
    """List privileged acts, newest first."""
    asked = {name: _text(request, name) for name in ("actor", "about")}
    before = cursors.number(request)
    actor = _actor(asked["actor"])
    found, last = cursors.page(
        trust.audit(actor=actor, about=asked["about"], before=before or trust.LATEST, limit=ROWS + 1), ROWS
    )
    names = who.named(row.actor for row in found)
    kept = {name: value for name, value in asked.items() if value}
    return show(
        request,
        "trust/audit.html",
        lines=[_line(row, names) for row in found],
        asked=asked,
        older=_address(**kept, before=str(last.id)) if last else None,
        newer=_address(**kept) if before else None,
    )


def _text(request: HttpRequest, name: str) -> str:
    return " ".join(request.GET.get(name, "").replace("\0", "").split())[:TEXT_MAX]


def _actor(written: str) -> str:
    """Return an actor as the log names them: people of the platform are also found by their names at work."""
    if not written or "/" in written or written in {"console", "scheduler"}:
        return written
    try:
        account_id = people.account_by("name", work_name.found_by(work_name.cleaned(written)))
    except Refusal:
        account_id = None
    return written if account_id is None else f"{who.ACCOUNT}{account_id}"


def _line(row: AuditRow, names: dict[str, str]) -> Line:
    told = json.loads(row.detail)
    detail = " · ".join(_told(key, value) for key, value in told.items())
    return Line(
        at=row.at,
        actor=names.get(row.actor, row.actor),
        actor_link=_address(actor=row.actor),
        act=str(who.ACTS.get(row.act, row.act)),
        about=row.about,
        about_link=_address(about=row.about),
        detail=detail,
    )


def _told(key: str, value: object) -> str:
    if key.endswith("_fen") and type(value) is int:
        return f"{key.removesuffix('_fen')} {words.money(value)}"
    return f"{key} {_written(value)[:HASH_SHOWN] if key == 'sha256' else _written(value)}"


def _written(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_written(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(_written, value))
    return value if isinstance(value, str) else json.dumps(value)


def _address(**asked: str) -> str:
    return f"{reverse('audit')}?{urlencode(asked)}" if asked else reverse("audit")
