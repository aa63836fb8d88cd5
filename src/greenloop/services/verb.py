"""What makes a function a verb: one transaction, the outermost, that also keeps the answer a caller will be given.

A door that was handed an idempotency key says so with `answering`; the verb it then calls writes the answer beside its
effect, so that there is never one without the other.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from threading import RLock
from time import perf_counter
from typing import Any, ParamSpec, TypeVar

from django.db import DatabaseError, IntegrityError, transaction

from greenloop.core.faults import Breach, Refusal, say
from greenloop.services import measures, soundness
from greenloop.services.ids import ClockBehind
from greenloop.store import sql

P = ParamSpec("P")
R = TypeVar("R")

log = logging.getLogger("greenloop.verbs")
_ALONE = RLock()
"""SQLite has one writer. Threads of this process queue here, in the order they came; its own lock would poll."""


class Answered(Exception):
    """The idempotency key has an answer already: another caller was first, and nothing was done this time."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as it is kept: its HTTP status and its body."""

    status: int
    body: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A write that its caller may ask for again: whose key it is, what was asked, how its result is answered.

    `request_hash` is the SHA-256 of method, path and body, in hex. `answer` gives None for what isn't the last word:
    who asks for that again is answered anew, and for nothing else by the same key.
    """

    caller: str
    key: str
    request_hash: str
    at: datetime
    answer: Callable[[Any], Kept | None]


_asked: ContextVar[Asked | None] = ContextVar("asked", default=None)


@contextmanager
def answering(asked: Asked | None) -> Iterator[None]:
    """Let the verb that is called in this block keep the answer to `asked`; None keeps nothing.

    :raises Answered: the key had been used when the verb came to its end.
    """
    token = _asked.set(asked)
    try:
        yield
    finally:
        _asked.reset(token)


def verb(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function the outermost transaction, alone among the writers of an SQLite file, and measure it."""
    room, name = function.__module__.rpartition(".")[2], function.__name__.strip("_")
    measured_as = name if name == room else f"{room}.{name}"

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        begun = perf_counter()
        try:
            with _alone(), measures.verb(measured_as), _outermost():
                result = function(*args, **kwargs)
                if asked := _asked.get():
                    _keep(asked, asked.answer(result))
                return result
        except ClockBehind:
            raise
        except Breach as breach:
            _note_breach(measured_as, breach, _instant_of(kwargs), after=timedelta(seconds=perf_counter() - begun))
            raise

    return run


def guarded(function: Callable[P, R]) -> Callable[P, R]:
    """Let a breach that long reading beside any transaction finds stop payouts, as one that a verb finds does."""
    named = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        begun = perf_counter()
        try:
            return function(*args, **kwargs)
        except Breach as breach:
            measures.BREACHES.inc()
            _note_breach(named, breach, _instant_of(kwargs), after=timedelta(seconds=perf_counter() - begun))
            raise

    return run


def _instant_of(kwargs: dict[str, Any]) -> datetime | None:
    """Return the instant at which a verb was called, if it was told one."""
    at: datetime | None = kwargs.get("at")
    return at


def _note_breach(name: str, breach: Breach, at: datetime | None, *, after: timedelta) -> None:
    """Let no payout leave trust after a breach. What the verb wrote is undone, so this is a transaction of its own.

    It was found some time `after` the verb's instant: a proof that began in between hasn't seen it.
    """
    try:
        with _alone(), _outermost():
            soundness.note_broken(what=str(breach), by=name, at=at and at + after)
    except DatabaseError:
        log.exception("%s broke an invariant, and payouts could not be stopped", name)


def _outermost() -> AbstractContextManager[None]:
    return transaction.atomic(durable=True)


@contextmanager
def _alone() -> Iterator[None]:
    """On a file, be the one verb of this process that writes, from when the others let it."""
    if sql.is_postgresql():
        yield
        return
    begun = perf_counter()
    with _ALONE:
        measures.WRITER_SECONDS.observe(perf_counter() - begun)
        yield


def conflict(key: str) -> Refusal:
    """Return the refusal of an idempotency key that was used for another request."""
    message = say("The Idempotency-Key {key} was used for another request. Give this one a key of its own.")
    return Refusal("idempotency.conflict", message, field="Idempotency-Key", key=key)


def keep_answers(answers: Sequence[tuple[Asked, Kept]]) -> None:
    """Write answers inside the caller's transaction.

    :raises Answered: one of the keys has an answer already.
    """
    lines = [
        (asked.caller, asked.key, asked.request_hash, kept.status, kept.body, sql.instant(asked.at))
        for asked, kept in answers
    ]
    try:
        sql.load("stored_answer", _ANSWER, lines)
    except IntegrityError as fault:
        raise Answered from fault


def _keep(asked: Asked, kept: Kept | None) -> None:
    """Write one answer inside the caller's transaction; without one, what the key was used for.

    :raises Answered: the key has an answer already, or was used for another request.
    """
    line = (asked.caller, asked.key, asked.request_hash, kept.status if kept else OPEN, kept.body if kept else "")
    if not sql.rows(_KEEP, [*line, sql.instant(asked.at)]):
        raise Answered


OPEN = 0
"""The status of an answer that isn't the last word yet."""
_KEEP = f"""
    INSERT INTO stored_answer (caller, key, request_hash, status, body, at) VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (caller, key) DO UPDATE SET status = excluded.status, body = excluded.body
    WHERE stored_answer.status = {OPEN} AND stored_answer.request_hash = excluded.request_hash RETURNING key
"""  # noqa: S608  a constant of this file
_ANSWER = ("caller", "key", "request_hash", "status", "body", "at")
