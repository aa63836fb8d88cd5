"""How much is taken on: sizes of bodies, batches and pages, how often a key may call, and how often be wrong."""

import time
from collections.abc import Hashable, Mapping
from ipaddress import ip_address, ip_network
from threading import Lock
from typing import Any

from django.conf import settings

from greenloop.api.problems import Problem
from greenloop.core.faults import say

BODY_BYTES_MAX = 64 * 1024
BULK_BYTES_MAX = 1024 * 1024
BULKY = frozenset({"/v1/orders/bulk", "/v1/members/bulk"})
BATCH_MAX = 1_000
PAGE_MAX = 200
PAGE = 50
KEYS_MAX = 10_000
LINGER_S = 0.02
"""How long a batch waits at most for callers that were in the one before; nobody waits where few call."""
FAILURES_PER_MINUTE = 300
MINUTE_S = 60
IPV6_PREFIX = 64
"""Whoever has one address of IPv6 has all that begin like it."""

BURST_S = 50
"""Of the calls a second that a caller may make at one process on end, so many seconds' worth may come at once."""
CHANGES_PER_SECOND = 10
"""Calls that write an entry of the audit log or a key: few are honest, and what they write stays for ever."""
CHANGES_BURST_S = 60
_lock = Lock()


class _Rate:
    """How often somebody does something.

    By the generic cell rate algorithm: one number for each, no window that begins anew.
    """

    def __init__(self) -> None:
        self._free_at: dict[Hashable, float] = {}

    def fits(self, what: Hashable, per_second: float, burst_s: int, *, counts: bool = True) -> bool:
        """Tell whether one more fits, where `burst_s` seconds' worth may come at once; count it if so and `counts`."""
        now_s = time.monotonic()
        with _lock:
            if len(self._free_at) > KEYS_MAX:
                self._free_at.clear()
            free_at = max(self._free_at.get(what, now_s), now_s) + 1 / per_second
            if free_at - now_s > burst_s:
                return False
            if counts:
                self._free_at[what] = free_at
        return True

    def forget(self) -> None:
        """Forget all."""
        self._free_at.clear()


_calls, _changes, _failures = _Rate(), _Rate(), _Rate()


def body_bytes_max(path: str) -> int:
    """Return how large a body an address takes."""
    return BULK_BYTES_MAX if path in BULKY else BODY_BYTES_MAX


def forget() -> None:
    """Forget how often callers have called, and how often keys were wrong."""
    for rate in (_calls, _changes, _failures):
        rate.forget()


def count(caller: Hashable, *, changes: bool = False) -> None:
    """Count one call of a key or of somebody who has signed in, refused ones too.

    `changes` says that the call would write an entry of the audit log or a key.

    :raises Problem: the caller calls too often.
    """
    if not _calls.fits(caller, settings.GREENLOOP_CALLS_PER_SECOND, BURST_S):
        raise Problem(429, "limit.calls", say("You call too often. Wait, and ask again."), retry_after_s=1)
    if changes and not _changes.fits(caller, CHANGES_PER_SECOND, CHANGES_BURST_S):
        raise Problem(429, "limit.changes", say("You change things too often. Wait, and ask again."), retry_after_s=1)


def failed(environ: Mapping[str, Any]) -> None:
    """Count a key that wasn't good, by the address that it came from.

    :raises Problem: too many came from there.
    """
    if not _failures.fits(_address(environ), FAILURES_PER_MINUTE / MINUTE_S, MINUTE_S):
        raise _too_many_failures()


def may_try(environ: Mapping[str, Any]) -> None:
    """Accept a key that has yet to be looked up, from an address of which not too many were wrong.

    :raises Problem: too many were.
    """
    if not _failures.fits(_address(environ), FAILURES_PER_MINUTE / MINUTE_S, MINUTE_S, counts=False):
        raise _too_many_failures()


def _too_many_failures() -> Problem:
    message = say("Too many keys from your address were not good. Wait, and call with a key that is.")
    return Problem(429, "limit.failures", message, retry_after_s=1)


def _address(environ: Mapping[str, Any]) -> str:
    """Return where a request came from, as the one trusted proxy says it, where there is one."""
    told = environ.get("HTTP_X_FORWARDED_FOR", "") if settings.ALLAUTH_TRUSTED_PROXY_COUNT else ""
    text = str(told.rpartition(",")[2].strip() or environ.get("REMOTE_ADDR", ""))
    try:
        address = ip_address(text)
    except ValueError:
        return text[:64]
    return text if address.version == 4 else str(ip_network((address, IPV6_PREFIX), strict=False))


def too_large(bytes_max: int) -> Problem:
    """Return the refusal of a body that is too large."""
    return Problem(413, "body.size", say("A body here has at most {most} bytes. Send it in parts."), most=bytes_max)
