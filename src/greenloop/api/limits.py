"""How much is taken on: sizes of bodies, batches and pages, and how often a key may call."""

import time
from threading import Lock

from greenloop.api.problems import Problem
from greenloop.core.faults import say

BODY_BYTES_MAX = 64 * 1024
BULK_BYTES_MAX = 1024 * 1024
BULKY = frozenset({"/v1/orders/bulk", "/v1/members/bulk"})
BATCH_MAX = 1_000
PAGE_MAX = 200
PAGE = 50
KEYS_MAX = 10_000
LINGER_S = 0.01
"""How long a batch waits at most for callers that were in the one before; nobody waits where few call."""

per_second = 20_000
"""Calls a second that one key may make at one process, for ten seconds on end; then it waits. Set by the settings."""
BURST_S = 10
_free_at: dict[int, float] = {}
_lock = Lock()


def body_bytes_max(path: str) -> int:
    """Return how large a body an address takes."""
    return BULK_BYTES_MAX if path in BULKY else BODY_BYTES_MAX


def forget() -> None:
    """Forget how often keys have called."""
    _free_at.clear()


def count(key_id: int) -> None:
    """Count one call of a key (the generic cell rate algorithm: one number per key, no window that begins anew).

    :raises Problem: the key calls too often.
    """
    now_s = time.monotonic()
    with _lock:
        if len(_free_at) > KEYS_MAX:
            _free_at.clear()
        free_at = max(_free_at.get(key_id, now_s), now_s) + 1 / per_second
        if free_at - now_s > BURST_S:
            raise Problem(429, "limit.calls", say("This key calls too often. Wait, and ask again."), retry_after_s=1)
        _free_at[key_id] = free_at


def too_large(bytes_max: int) -> Problem:
    """Return the refusal of a body that is too large."""
    return Problem(413, "body.size", say("A body here has at most {most} bytes. Send it in parts."), most=bytes_max)
