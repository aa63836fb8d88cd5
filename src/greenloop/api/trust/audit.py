"""The log of privileged acts, and what the clock ran."""

import json
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from greenloop.api import paging
from greenloop.api.access import Staff
from greenloop.api.paging import Asked, Page
from greenloop.store.queries import clockwork, trust
from greenloop.store.queries.clockwork import RunRow
from greenloop.store.queries.trust import AuditRow

router = Router(tags=["audit"])


class AuditOut(Schema):
    """One privileged act: who (`account/…`, `client/…`, `scheduler` or `console`) did what to what."""

    id: str
    at: datetime
    actor: str
    act: str
    about: str
    detail: dict[str, Any]
    request_id: str


class Filter(Schema):
    """Acts of one actor, or about one thing; `merchant/` is about any merchant."""

    actor: str = Field("", max_length=64, pattern=r"^[^\x00]*$")
    about: str = Field("", max_length=128, pattern=r"^[^\x00]*$")


class TaskRunOut(Schema):
    """One piece of the clock's work: a task and what it was for. `state` is running, done or failed."""

    id: str
    task: str
    slot: str
    due_at: datetime
    state: str
    attempts: int
    started_at: datetime
    finished_at: datetime | None
    took_ms: int | None
    outcome: str


class OfTask(Schema):
    """Runs of one task, such as `settle`."""

    task: str = Field("", max_length=32, pattern=r"^[^\x00]*$")


FilterAsked = Annotated[Filter, Query()]
TaskAsked = Annotated[OfTask, Query()]


@router.get(
    "/audit",
    auth=Staff("operator", "finance", "auditor"),
    response=Page[AuditOut],
    summary="Read the audit log",
    operation_id="listAudit",
)
def list_audit(request: HttpRequest, which: FilterAsked, page: Asked) -> object:
    """List privileged acts, newest first: each was written in the transaction that did it, and can't be changed."""
    (before,) = paging.numbers(page, 1, (trust.LATEST,))
    rows = trust.audit(actor=which.actor, about=which.about, before=before, limit=page.limit + 1)
    return paging.page(rows, page, _shown, lambda row: (row.id,))


@router.get(
    "/runs", auth=Staff(), response=Page[TaskRunOut], summary="List what the clock ran", operation_id="listRuns"
)
def list_runs(request: HttpRequest, which: TaskAsked, page: Asked) -> object:
    """List the clock's work, newest first: what ran, when, for how long, and what came of it."""
    (before,) = paging.numbers(page, 1, (clockwork.LATEST,))
    rows = clockwork.runs(before=before, limit=page.limit + 1, task=which.task)
    return paging.page(rows, page, _run, lambda row: (row.id,))


def _shown(row: AuditRow) -> AuditOut:
    return AuditOut(
        id=str(row.id),
        at=row.at,
        actor=row.actor,
        act=row.act,
        about=row.about,
        detail=json.loads(row.detail),
        request_id=row.request_id,
    )


def _run(row: RunRow) -> TaskRunOut:
    return TaskRunOut(
        id=str(row.id),
        task=row.task,
        slot=row.slot,
        due_at=row.due_at,
        state=row.state,
        attempts=row.attempts,
        started_at=row.started_at,
        finished_at=row.finished_at,
        took_ms=row.took_ms,
        outcome=row.outcome,
    )
