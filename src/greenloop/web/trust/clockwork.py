"""What the clock ran, what is late, and what comes next."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from greenloop.store.queries import clockwork, keeping
from greenloop.store.queries.clockwork import RunRow, Slot
from greenloop.web import access, clock, cursors, words
from greenloop.web.page import show

ROWS = 40
TASKS = {
    "vest": gettext_lazy("vest orders"),
    "settle": gettext_lazy("settle"),
    "fees": gettext_lazy("move the platform's fee"),
    "root": gettext_lazy("publish what is owed"),
    "expire": gettext_lazy("let vouchers and coupons expire"),
    "notice": gettext_lazy("give notice of expiry"),
    "payout": gettext_lazy("pay merchants"),
    "reconcile": gettext_lazy("compare the ledger with its subledgers"),
    "statement": gettext_lazy("fetch the institution's statements"),
    "check": gettext_lazy("prove the books"),
    "measure": gettext_lazy("measure concentration"),
    "log": gettext_lazy("sign the public log"),
    "lapse": gettext_lazy("end large spends that were approved and not used"),
    "prune": gettext_lazy("forget what is kept for a while only"),
}
FIGURES = {
    "orders": gettext_lazy("orders"),
    "concession_fen": gettext_lazy("concession"),
    "state": gettext_lazy("state"),
    "issued_fen": gettext_lazy("issued"),
    "moved_fen": gettext_lazy("moved"),
    "voucher_fen": gettext_lazy("vouchers"),
    "coupon_fen": gettext_lazy("coupons"),
    "events": gettext_lazy("events"),
    "merchants": gettext_lazy("merchants"),
    "paid_fen": gettext_lazy("paid"),
    "accounts": gettext_lazy("accounts"),
    "statements": gettext_lazy("statements"),
    "taken": gettext_lazy("statements taken"),
    "lines": gettext_lazy("lines"),
    "confirmed_fen": gettext_lazy("confirmed"),
    "nonces": gettext_lazy("nonces"),
    "answers": gettext_lazy("kept answers"),
    "sessions": gettext_lazy("sessions"),
    "root": gettext_lazy("root"),
    "holders": gettext_lazy("holders"),
    "leaves": gettext_lazy("leaves"),
    "total_fen": gettext_lazy("owed"),
}
STATES = {
    "done": gettext_lazy("done"),
    "running": gettext_lazy("under way"),
    "failed": gettext_lazy("failed"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One run as the page shows it."""

    row: RunRow
    task: str
    state: str
    came: str


@access.staff()
@require_safe
def runs(request: HttpRequest) -> HttpResponse:
    """List runs, newest first."""
    before, now = cursors.number(request), clock.now()
    standing, beat, lag = clockwork.standing(now), clockwork.beat(), keeping.lag()
    found, last = cursors.page(clockwork.runs(before=before or clockwork.LATEST, limit=ROWS + 1), ROWS)
    return show(
        request,
        "trust/clock.html",
        lines=[Line(row, task_named(row.task), str(STATES[row.state]), _came(row)) for row in found],
        seen_at=beat.at if beat else None,
        seen_s=max(0, int((now - beat.at).total_seconds())) if beat else None,
        away=beat is None or beat.away(now),
        late=_named(standing.late),
        held=standing.held,
        broken=standing.broken,
        rootless=standing.rootless,
        lag=lag,
        lag_s=lag.seconds(now),
        behind=lag.behind(now),
        stopped=", ".join(task_named(task) for task in sorted(standing.stopped)),
        ahead=[] if before else _named(standing.ahead),
        older=f"{reverse('clock')}?before={last.id}" if last else None,
        newer=reverse("clock") if before else None,
    )


def _named(slots: Iterable[Slot]) -> list[tuple[str, str, datetime]]:
    return [(task_named(slot.task), slot.slot, slot.due_at) for slot in slots]


def task_named(task: str) -> str:
    """Return what a task is called on pages."""
    return str(TASKS.get(task, task))


def _came(row: RunRow) -> str:
    """Return what came of a run: its figures, amounts as people read them, or why it failed."""
    if row.state != "done":
        return row.outcome
    told = json.loads(row.outcome)
    return " · ".join(_figure(name, value) for name, value in told.items() if not isinstance(value, list | dict))


def _figure(name: str, value: object) -> str:
    told = str(FIGURES.get(name, name))
    if name.endswith("_fen") and type(value) is int:
        return f"{told} {words.money(value)}"
    return f"{told} {words.count(value) if type(value) is int else value}"
