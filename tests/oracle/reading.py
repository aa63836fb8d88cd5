"""How the oracle reads a journal line: strict about types, and it names the field at fault."""

import json
from collections.abc import Container
from typing import Any

from .stepping import PlanTerms, PoolTerms, S

COUPLINGS = ("flat", "chain", "level", "share")


class Wrong(Exception):
    """A line that can't be accepted; `field` is None when the line isn't an event at all."""

    def __init__(self, field: str | None, why: str) -> None:
        super().__init__(why)
        self.field = field
        self.why = why


def parse(text: str) -> dict[str, Any]:
    """The event on one line."""
    try:
        event = json.loads(text)
    except ValueError:
        raise Wrong(None, "not JSON") from None
    if not isinstance(event, dict):
        raise Wrong(None, "not an object")
    return event


def name(event: dict[str, Any], key: str) -> str:
    value = event.get(key)
    if not isinstance(value, str) or not value:
        raise Wrong(key, "not a name")
    return value


def known(event: dict[str, Any], key: str, among: Container[str]) -> str:
    value = name(event, key)
    if value not in among:
        raise Wrong(key, "unknown")
    return value


def _integer(value: object, key: str, least: int | None) -> int:
    if type(value) is not int:
        raise Wrong(key, "not an integer")
    if least is not None and value < least:
        raise Wrong(key, "too small")
    return value


def number(event: dict[str, Any], key: str, least: int | None) -> int:
    return _integer(event.get(key), key, least)


def optional(event: dict[str, Any], key: str, least: int | None) -> int | None:
    """A number, or null where null means no limit; the field itself must be there."""
    if key not in event:
        raise Wrong(key, "missing")
    return None if event[key] is None else _integer(event[key], key, least)


def pair(event: dict[str, Any], key: str) -> tuple[int, int]:
    """A ratio [part, whole] between 0 and 1."""
    value = event.get(key)
    if not isinstance(value, list) or len(value) != 2:
        raise Wrong(key, "not a ratio")
    part, whole = (_integer(each, key, 0) for each in value)
    if part > whole or whole == 0:
        raise Wrong(key, "not a ratio between 0 and 1")
    return part, whole


def account_points(value: object) -> dict[str, int]:
    if not isinstance(value, dict):
        raise Wrong("points", "not an object")
    if any(not account for account in value):
        raise Wrong("points", "an account without a name")
    return {account: _integer(points, "points", 0) for account, points in value.items()}


def amount(event: dict[str, Any], pools: Container[str]) -> tuple[str, str, int]:
    return name(event, "account"), known(event, "pool", pools), number(event, "amount_fen", 0)


def pool_terms(event: dict[str, Any]) -> PoolTerms:
    return PoolTerms(
        allot=pair(event, "allot"),
        spend=pair(event, "spend"),
        cycle_cap=optional(event, "cycle_cap_fen", 0),
        threshold=number(event, "dividend_threshold", -S),
        share=pair(event, "dividend_share"),
        window=number(event, "window", 1),
    )


def plan_terms(event: dict[str, Any]) -> PlanTerms:
    cycles = number(event, "cycles", 1)
    r0 = number(event, "r0", 0)
    cap = number(event, "cap", 0)
    coupling = event.get("coupling")
    if coupling not in COUPLINGS:
        raise Wrong("coupling", "no such coupling")
    fixed = number(event, "fixed_cycles", 0)
    g_min, g_max = optional(event, "g_min", None), optional(event, "g_max", None)
    low = -S if g_min is None else g_min
    if g_max is not None and g_max < low:
        raise Wrong("g_max", "below g_min")
    return PlanTerms(
        cycles=cycles,
        r0=r0,
        cap=cap,
        coupling=str(coupling),
        fixed=fixed,
        g_min=low,
        g_max=g_max,
        r_max=optional(event, "r_max", 0),
    )
