"""Writes that are asked for again: the Idempotency-Key, and the header that marks an answer given before."""

import re

from greenloop.api.callers import Environ
from greenloop.api.problems import Problem
from greenloop.core.faults import say

REPLAYED = (("Idempotency-Replayed", "true"),)
_KEY = re.compile(r"[\x21-\x7e]{1,64}")


def key_of(environ: Environ) -> str | None:
    """Return the idempotency key of a request, None without one.

    :raises Problem: it is not 1 to 64 visible ASCII characters.
    """
    key = environ.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        message = say("An Idempotency-Key has 1 to 64 visible ASCII characters.")
        raise Problem(400, "idempotency.key", message, field="Idempotency-Key")
    return str(key)
