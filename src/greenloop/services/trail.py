"""What is known of the request under way, for its line in the log: an id, its route, who calls, why it was refused.

A door begins a trail and ends it; whatever runs in between may note what it learns. No name, phone, reference or
address is ever noted: a route is its pattern, a caller its kind and number.
"""

import re
from contextvars import ContextVar
from dataclasses import dataclass
from random import Random

SANE = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(slots=True)
class Trail:
    """One request. `caller` is the kind of who calls (client, staff, member, merchant), `number` the client's."""

    request_id: str
    route: str = ""
    caller: str = ""
    number: int | None = None
    refusal: str = ""


# Ids are no secret: asking the operating system for each would let go of the interpreter in the middle of a request.
_drawn = Random()  # noqa: S311  no secret  # nosec B311
_under_way: ContextVar[Trail | None] = ContextVar("trail", default=None)


def begin(asked_id: str = "") -> Trail:
    """Begin a request's trail under the id that its caller asked for, or under a new one if that isn't a sane one."""
    found = Trail(asked_id if SANE.fullmatch(asked_id) else f"{_drawn.getrandbits(120):030x}")
    _under_way.set(found)
    return found


def end() -> None:
    """Forget the request; what is logged from now on belongs to none."""
    _under_way.set(None)


def under_way() -> Trail | None:
    """Return the trail of the request under way, None outside of one."""
    return _under_way.get()


def request_id() -> str:
    """Return the id of the request under way, nothing outside of one."""
    found = _under_way.get()
    return found.request_id if found else ""


def route(pattern: str) -> None:
    """Note the pattern that the request's address fits."""
    if found := _under_way.get():
        found.route = pattern


def caller(kind: str, number: int | None = None) -> None:
    """Note who calls."""
    if found := _under_way.get():
        found.caller, found.number = kind, number


def refused(code: str) -> None:
    """Note why the request is refused."""
    if found := _under_way.get():
        found.refusal = code
