"""Rule sets to start from (settlement.md, Presets): documents that `rules.rule_set` accepts as they are.

What each leads to is told on its own page of the docs; none of them promises a return.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date

from greenloop.core.faults import Refusal, say
from greenloop.core.loop.concession import DEFAULT_SPLIT
from greenloop.core.money import PPM, SCALE

R0 = 5 * SCALE // 1000
"""The first rate of the published example: 0.5 % of a lot's points in a cycle."""

GREEN_POOL = "green"
RED_POOL = "red"
RED_PLAN = "red"

_WINDOW = 7
_TRIGGER = 15 * SCALE // 100
_RISING_OR_NOT = -SCALE

Document = dict[str, object]


def _plan(
    coupling: str, *, cycles: int = 36, r0: int = R0, fixed_cycles: int = 0, r_max: int | None = None
) -> Document:
    return {
        "cycles": cycles,
        "r0": r0,
        "cap": 5 * SCALE,
        "coupling": coupling,
        "fixed_cycles": fixed_cycles,
        "g_min": -SCALE,
        "g_max": None,
        "r_max": r_max,
    }


# Name: the plan, the growth above which a dividend is paid, and the part of the surplus that it pays.
_GREEN = {
    "steady": (_plan("flat"), _RISING_OR_NOT, (1, 2)),
    "published": (_plan("chain", r_max=SCALE), _TRIGGER, (1, 2)),
    "hybrid": (_plan("share", cycles=40, fixed_cycles=10, r_max=5 * SCALE // 100), _TRIGGER, (0, 1)),
    "short": (_plan("flat", cycles=30, r0=6 * SCALE // 1000), _RISING_OR_NOT, (1, 2)),
}
PRESETS = tuple(_GREEN)


def preset_document(
    name: str,
    *,
    opens_date: date,
    utc_offset_minutes: int = 480,
    cycle_days: int = 7,
    cities: Sequence[str] = (),
) -> Document:
    """Return the document of a preset, to use as it is or to change.

    Orders of each of `cities` get a pool of their own, all others share the green pool.

    :raises Refusal: there is no such preset.
    """
    if name not in _GREEN:
        raise Refusal(
            "rules.preset",
            say("There is no preset of that name; choose one of: {presets}."),
            field="plan",
            presets=", ".join(PRESETS),
        )
    plan, threshold, share = _GREEN[name]
    payout = (DEFAULT_SPLIT.green_ppm, PPM)
    pools = {city: f"{GREEN_POOL}-{_plain(city)}" for city in cities}
    return {
        "name": name,
        "calendar": {
            "opens_date": opens_date.isoformat(),
            "utc_offset_minutes": utc_offset_minutes,
            "cycle_days": cycle_days,
        },
        "split": asdict(DEFAULT_SPLIT),
        "pools": {pool: _terms(payout, threshold, share) for pool in (*pools.values(), GREEN_POOL)},
        "red_pool": RED_POOL,
        "red_terms": _terms((1, 1), _TRIGGER, (0, 1)),
        "red_plan": RED_PLAN,
        "plans": {name: dict(plan), RED_PLAN: {**_plan("flat", r0=SCALE // 36), "cap": SCALE}},
        "routes": [
            *({"pool": pool, "plan": name, "cities": [city]} for city, pool in pools.items()),
            {"pool": GREEN_POOL, "plan": name},
        ],
    }


def _terms(allot: tuple[int, int], threshold: int, share: tuple[int, int]) -> Document:
    return {
        "allot": list(allot),
        "spend": [1, 1],
        "cycle_cap_fen": None,
        "dividend_threshold": threshold,
        "dividend_share": list(share),
        "window": _WINDOW,
    }


def _plain(city: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in city.lower())
