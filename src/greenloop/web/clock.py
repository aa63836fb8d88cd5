"""The alliance's local time, looked up once a request, and only by a page that writes a date."""

from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta, timezone

from django.http import HttpRequest, HttpResponse

from greenloop.store.queries.report import utc_offset_minutes

_offset: ContextVar[int | None] = ContextVar("offset", default=None)


class LocalTimeMiddleware:
    """Forgets at each request what the last one looked up: rules may have moved the clock, or the database changed."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        _offset.set(None)
        return self.get_response(request)


def offset_minutes() -> int:
    """Return how far the alliance's local time is from UTC, in minutes, by its newest rules."""
    known = _offset.get()
    if known is None:
        known = utc_offset_minutes()
        _offset.set(known)
    return known


def keep_offset(minutes: int) -> None:
    """Let the rest of a request know the offset of the newest rules, which whoever calls this has read already."""
    _offset.set(minutes)


def local(at: datetime) -> datetime:
    """Return an instant on the alliance's clock."""
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return aware.astimezone(timezone(timedelta(minutes=offset_minutes())))


def today(now: datetime) -> date:
    """Return the local day of an instant."""
    return local(now).date()


def now() -> datetime:
    """Return this instant: pages own the clock, queries and verbs are told."""
    return datetime.now(UTC)
