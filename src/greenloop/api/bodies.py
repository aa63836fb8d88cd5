"""Bodies on their way: how many threads wait at a time for what is slow to come, so that the others go on answering.

A thread that reads a body waits until all of it is there, and nothing here can hurry a sender: a proxy that takes
bodies in whole does that (docs/production.md). What is here keeps senders who dawdle from holding every thread.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any

from greenloop.api import limits
from greenloop.api.problems import Problem
from greenloop.core.faults import say

Environ = Mapping[str, Any]
WAITING_MAX = 48
"""Three quarters of the threads that `greenloop serve` has."""
STRANGERS_MAX = 24
"""As many of them for bodies of whom nobody knows yet: forms of pages, and what a session sends."""
_waiting = {"known": 0, "stranger": 0}
_lock = Lock()


@contextmanager
def waiting(*, known: bool) -> Iterator[None]:
    """Count a thread as waiting for a body while the block reads it; `known` says that a good key sent it.

    :raises Problem: as many wait as may.
    """
    who = "known" if known else "stranger"
    with _lock:
        full = sum(_waiting.values()) >= WAITING_MAX or (not known and _waiting[who] >= STRANGERS_MAX)
        if not full:
            _waiting[who] += 1
    if full:
        message = say("Too many requests are slow to arrive, and nothing was done. Ask again.")
        raise Problem(503, "service.busy", message, retry_after_s=1)
    try:
        yield
    finally:
        with _lock:
            _waiting[who] -= 1


def read(environ: Environ, bytes_max: int, *, known: bool) -> bytes:
    """Return the body of a request, whole.

    :raises Problem: it is too large or breaks off, or as many threads wait for bodies as may.
    """
    said = length(environ)
    if said > bytes_max:
        raise limits.too_large(bytes_max)
    if not said and environ["REQUEST_METHOD"] == "GET":
        return b""
    with waiting(known=known):
        body: bytes = environ["wsgi.input"].read(bytes_max + 1)
    if len(body) > bytes_max:
        raise limits.too_large(bytes_max)
    return whole(body, environ)


def whole(body: bytes, environ: Environ) -> bytes:
    """Return a body that was read, as it is.

    :raises Problem: it is shorter than its sender said: the line broke off.
    """
    if len(body) < length(environ):
        raise Problem(400, "body.short", say("The body broke off on its way, and nothing was done. Send it again."))
    return body


def length(environ: Environ) -> int:
    """Return how long a request says that its body is, 0 where it says nothing that could be one."""
    said = environ.get("CONTENT_LENGTH") or ""
    return int(said) if said.isascii() and said.isdigit() else 0
