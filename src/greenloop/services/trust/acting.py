"""Who acts: said once by a door, and read wherever a privileged act is noted."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

CONSOLE, SCHEDULER = "console", "scheduler"


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts (`account/…`, `client/…`, `scheduler` or `console`), and the request that they act by, if by one."""

    actor: str
    request_id: str = ""


NOBODY_SAID = Acting(CONSOLE)
_acting: ContextVar[Acting] = ContextVar("acting", default=NOBODY_SAID)


@contextmanager
def acting(*, actor: str, request_id: str = "") -> Iterator[None]:
    """Note privileged acts of this block as those of `actor`."""
    token = _acting.set(Acting(actor, request_id))
    try:
        yield
    finally:
        _acting.reset(token)


def now_acting() -> Acting:
    """Return who acts, the console where no door has said."""
    return _acting.get()
