"""The rules of the town: every coupling, every kind of route, and a second version that comes later."""

from datetime import date
from typing import Any

from greenloop.core.loop.presets import preset_document
from greenloop.core.money import PPM, SCALE

Document = dict[str, Any]

OPENS_DATE = date(2026, 1, 5)
UTC_OFFSET_MINUTES = 480
CYCLE_DAYS = 3
REFUND_DAYS = 2

LINFEN, PINGYAO, TAIGU = CITIES = ("Linfen", "Pingyao", "Taigu")
KIOSK = "kiosk"
"""A store with a route of its own."""
DOUBLE_PPM = 2 * PPM
"""The rebate multiple of merchants whose customers earn half as much again."""
DAILY_CAP_FEN = 1_000
"""So low that under the second rules nearly every settlement waits for a second person."""
LARGE_CLAIM_FEN = 100
"""So low that under the second rules every raid on a wallet waits for a second person, and many a draw."""


def first_rules() -> Document:
    """Return the rules from the opening on: five green pools, fed by store, multiple, city, grade and membership."""
    document = preset_document(
        "steady", opens_date=OPENS_DATE, utc_offset_minutes=UTC_OFFSET_MINUTES, cycle_days=CYCLE_DAYS
    )
    green: Document = document["pools"]["green"]  # type: ignore[index]
    trigger = 15 * SCALE // 100
    document.update(
        name="town",
        refund_days=REFUND_DAYS,
        voucher_days=5,
        coupon_days=6,
        return_days=2,
        new_member_days=6,
        referral_days=18,
        referral_month_fen=400,
        pools={
            "green": green,
            "welcome": {**green, "window": 3, "dividend_threshold": trigger, "dividend_share": [2, 3]},
            "taigu": {**green, "window": 1, "dividend_threshold": trigger},
            "double": {**green, "window": 2, "spend": [4, 5], "dividend_share": [0, 1]},
            KIOSK: {**green, "window": 1, "cycle_cap_fen": 20_000},
        },
        plans={**document["plans"], **_plans()},  # type: ignore[dict-item]
        routes=[
            {"pool": KIOSK, "plan": "sprint", "stores": [KIOSK]},
            {
                "pool": "double",
                "plan": "double",
                "multiples_ppm": [DOUBLE_PPM],
                "member_multiple_ppm": PPM * 3 // 2,
                "merchant_multiple_ppm": PPM // 2,
            },
            {"pool": "taigu", "plan": "wave", "cities": [TAIGU], "grades": ["C"]},
            {"pool": "taigu", "plan": "tide", "cities": [TAIGU]},
            {"pool": "welcome", "plan": "hybrid", "member": "new", "grades": ["A"]},
            {"pool": "welcome", "plan": "quick", "member": "new", "member_multiple_ppm": PPM * 7 // 10},
            {"pool": "green", "plan": "steady"},
        ],
    )
    return document


def second_rules() -> Document:
    """Return the later rules: a new pool and plan for one city, no more kiosk, and a daily cap on what is issued.

    Large draws and spends are held.
    """
    document = first_rules()
    pools, plans, routes = document["pools"], document["plans"], document["routes"]
    document.update(
        name="town-2",
        refund_days=1,
        daily_rebate_cap_fen=DAILY_CAP_FEN,
        large_claim_fen=LARGE_CLAIM_FEN,
        pools={**{name: terms for name, terms in pools.items() if name != KIOSK}, "pingyao": dict(pools["green"])},
        plans={**plans, "brief": plan("flat", cycles=30, r0=SCALE * 6 // 1000)},
        routes=[{"pool": "pingyao", "plan": "brief", "cities": [PINGYAO]}, *routes[1:]],
    )
    return document


def unsound_rules() -> Document:
    """Return rules that promise more than they collect: they have to be refused whole."""
    document = second_rules()
    return {**document, "plans": {**document["plans"], "steady": plan("flat", cycles=36, r0=SCALE // 10)}}


def plan(coupling: str, *, cycles: int, r0: int, **more: int) -> Document:
    """Return a release plan; what isn't named is as in the presets."""
    terms = {"cap": 5 * SCALE, "fixed_cycles": 0, "g_min": -SCALE, "g_max": None, "r_max": None}
    return {"coupling": coupling, "cycles": cycles, "r0": r0, **terms, **more}


def _plans() -> dict[str, Document]:
    percent = SCALE // 100
    return {
        "quick": plan("flat", cycles=30, r0=percent),
        "hybrid": plan("share", cycles=40, r0=percent * 6 // 10, fixed_cycles=2, r_max=5 * percent),
        "tide": plan("level", cycles=36, r0=percent * 8 // 10, fixed_cycles=2, r_max=3 * percent),
        "wave": plan(
            "chain", cycles=36, r0=percent * 8 // 10, g_min=-50 * percent, g_max=50 * percent, r_max=3 * percent
        ),
        "double": plan("share", cycles=36, r0=0, cap=3 * SCALE, r_max=4 * percent),
        # A cap that is reached within a few cycles: these lots exit while the town still watches.
        "sprint": plan("chain", cycles=36, r0=percent * 8 // 10, fixed_cycles=1, cap=2 * percent, r_max=3 * percent),
    }
