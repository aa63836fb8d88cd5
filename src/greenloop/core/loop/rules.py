"""The rules of an alliance, read whole from a document or refused whole, with every reason."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TypeVar

from greenloop.core.cycle import CYCLE_DAYS_MAX, OFFSET_MINUTES_MAX, OFFSET_MINUTES_MIN, Calendar
from greenloop.core.faults import Refusal, say
from greenloop.core.loop import soundness
from greenloop.core.loop.concession import Split
from greenloop.core.loop.plan import PLAN_FIELDS, TERMS_FIELDS, Plan, PoolTerms, read_plan, read_terms
from greenloop.core.loop.route import Route, read_route
from greenloop.core.money import AMOUNT_FEN_MAX, PPM
from greenloop.core.reading import Fields, root

NOTICE = timedelta(days=7)
"""Rules are known for so long before they are in force (G11)."""
ROUTES_MAX = 2_000
DAYS_MAX = 3_660
SPLIT_FIELDS = ("green_ppm", "red_ppm", "coupon_ppm", "reserve_ppm", "fee_ppm")
OPTIONAL = {
    "refund_days": (7, 0, DAYS_MAX),
    "voucher_days": (365, 1, DAYS_MAX),
    "coupon_days": (90, 1, DAYS_MAX),
    "return_days": (30, 0, DAYS_MAX),
    "new_member_days": (30, 0, DAYS_MAX),
    "referral_days": (365, 0, DAYS_MAX),
    "referral_month_fen": (50_000, 0, AMOUNT_FEN_MAX),
}
"""What a document may leave out: its value then, its least and its most."""
KEYS = (
    *("name", "calendar", "split", "pools", "red_pool", "red_terms", "red_plan", "plans", "routes"),
    *OPTIONAL,
    "daily_rebate_cap_fen",
)
LATER = ("large_claim_fen",)
"""What a document has only where it says something: those published before it was known read, and hash, as they did."""

RED_PAYOUT = (1, 1)
"""Red points come from a part of the split of their own, and the whole of it enters the red pool (R1)."""

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules in force together: sound as they stand, for `rule_set` refuses all others. Amounts in fen.

    `pools` are the green ones. `routes` are tried in order and the last one takes every order. `refund_days` is the
    refund window after delivery, `return_days` the least validity of a returned voucher; a member is new for
    `new_member_days` after enrolment; red points come for `referral_days`, `referral_month_fen` a referrer and month.
    A settlement above `daily_rebate_cap_fen`, a sum over pools, waits for a second person; None: no such cap. So does
    a draw or a spend that takes a wallet's draws or spends of the local day above `large_claim_fen`.
    """

    name: str
    calendar: Calendar
    split: Split
    pools: Mapping[str, PoolTerms]
    red_pool: str
    red_terms: PoolTerms
    red_plan: str
    plans: Mapping[str, Plan]
    routes: tuple[Route, ...]
    refund_days: int
    voucher_days: int
    coupon_days: int
    return_days: int
    new_member_days: int
    referral_days: int
    referral_month_fen: int
    daily_rebate_cap_fen: int | None
    large_claim_fen: int | None = None


def rule_set(document: object) -> RuleSet:
    """Read a rule set from a JSON-able document, whose keys are the fields of RuleSet.

    The message of a refusal lists every reason with its path, and the fact `reasons` holds them one by one.

    :raises Refusal: anything in it is missing, unknown, contradictory or unsafe (R1, P5, P7); nothing is accepted then.
    """
    fields = root(document)
    fields.only((*KEYS, *LATER))
    name = fields.text("name", length_max=soundness.NAME_LENGTH_MAX)
    calendar, split = _part(fields, "calendar", _calendar), _part(fields, "split", _split)
    payout = None if split is None else (split.green_ppm, PPM)
    pools = _parts(fields, "pools", lambda inner, _: _terms(inner, payout))
    plans = _parts(fields, "plans", _plan)
    red_pool, red_plan = fields.text("red_pool"), fields.text("red_plan")
    red_terms = _part(fields, "red_terms", lambda inner: _terms(inner, RED_PAYOUT))
    routes = _routes(fields)
    soundness.check_names(fields, pools, plans, red_pool=red_pool, red_plan=red_plan)
    soundness.check_routes(fields, routes, pools, plans, red_pool=red_pool)
    leading = [route for route in routes if route.pool != red_pool] + [Route(red_pool, red_plan, PPM, 0)]
    soundness.check_safety(fields, leading, pools={**pools, red_pool: red_terms}, plans=plans)
    numbers = {key: _optional(fields, key, *limits) for key, limits in OPTIONAL.items()}
    daily_cap_fen = fields.maybe_whole("daily_rebate_cap_fen", least=0) if fields.has("daily_rebate_cap_fen") else None
    large_claim_fen = fields.maybe_whole("large_claim_fen", least=0, most=AMOUNT_FEN_MAX)
    if fields.faults or calendar is None or split is None or red_terms is None:
        raise _refused(fields.faults)
    return RuleSet(
        name=name,
        calendar=calendar,
        split=split,
        pools=_whole(pools),
        red_pool=red_pool,
        red_terms=red_terms,
        red_plan=red_plan,
        plans=_whole(plans),
        routes=routes,
        daily_rebate_cap_fen=daily_cap_fen,
        large_claim_fen=large_claim_fen,
        **numbers,
    )


def route_of(
    rules: RuleSet, *, city: str | None, is_new: bool, grade: str | None, multiple_ppm: int, store: str | None
) -> Route:
    """Return the first route whose conditions an order meets; the last one has none, so every order finds one."""
    member = "new" if is_new else "old"
    return next(
        route
        for route in rules.routes
        if (route.cities is None or city in route.cities)
        and (route.member is None or route.member == member)
        and (route.grades is None or grade in route.grades)
        and (route.multiples_ppm is None or multiple_ppm in route.multiples_ppm)
        and (route.stores is None or store in route.stores)
    )


def document_of(rules: RuleSet) -> dict[str, object]:
    """Return the canonical document of a rule set: every key is there, sets are sorted lists, and it reads back.

    A key that came later is there where it says something.
    """
    document: dict[str, object] = {name: getattr(rules, name) for name in KEYS}
    document |= {name: value for name in LATER if (value := getattr(rules, name)) is not None}
    document["calendar"] = {**asdict(rules.calendar), "opens_date": rules.calendar.opens_date.isoformat()}
    document["split"] = asdict(rules.split)
    document["pools"] = {name: _terms_document(terms) for name, terms in rules.pools.items()}
    document["red_terms"] = _terms_document(rules.red_terms)
    document["plans"] = {name: _kept(asdict(plan), PLAN_FIELDS) for name, plan in rules.plans.items()}
    document["routes"] = [_route_document(route) for route in rules.routes]
    return document


def _terms_document(terms: PoolTerms) -> dict[str, object]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(terms).items()}


def _route_document(route: Route) -> dict[str, object]:
    return {key: sorted(value) if isinstance(value, frozenset) else value for key, value in asdict(route).items()}


def _kept(document: dict[str, object], keys: tuple[str, ...]) -> dict[str, object]:
    return {key: document[key] for key in keys}


def _part(fields: Fields, key: str, read: Callable[[Fields], Part | None]) -> Part | None:
    inner = fields.inner(key)
    return None if inner is None else read(inner)


def _parts(fields: Fields, key: str, read: Callable[[Fields, str], Part | None]) -> dict[str, Part | None]:
    """Read an object of named parts; a part that can't be read is None, so that its name is known all the same."""
    inner = fields.inner(key)
    if inner is None:
        return {}
    parts: dict[str, Part | None] = {}
    for name in fields.mapping(key):
        part = inner.inner(name)
        parts[name] = None if part is None else read(part, name)
    return parts


def _calendar(fields: Fields) -> Calendar | None:
    fields.only(("opens_date", "utc_offset_minutes", "cycle_days"))
    opens_date = fields.day("opens_date")
    offset = fields.whole("utc_offset_minutes", least=OFFSET_MINUTES_MIN, most=OFFSET_MINUTES_MAX)
    cycle_days = fields.whole("cycle_days", least=1, most=CYCLE_DAYS_MAX)
    try:
        return Calendar(opens_date, offset, cycle_days) if fields.sound else None
    except Refusal as refusal:
        fields.take([refusal])
        return None


def _split(fields: Fields) -> Split | None:
    fields.only(SPLIT_FIELDS)
    split = Split(*[fields.whole(part, least=0, most=PPM) for part in SPLIT_FIELDS])
    if not fields.sound:
        return None
    soundness.check_split(fields, split)
    return split


def _plan(fields: Fields, name: str) -> Plan | None:
    fields.only(PLAN_FIELDS)
    plan = read_plan(fields, name)
    if not fields.sound:
        return None
    soundness.check_plan(fields, plan)
    return plan


def _terms(fields: Fields, payout: tuple[int, int] | None) -> PoolTerms | None:
    fields.only(TERMS_FIELDS)
    terms = read_terms(fields)
    if not fields.sound:
        return None
    soundness.check_terms(fields, terms, payout)
    return terms


def _routes(fields: Fields) -> tuple[Route, ...]:
    before = len(fields.faults)
    routes = tuple(read_route(item) for item in fields.objects("routes"))
    if not routes and len(fields.faults) == before:
        fields.fault("routes", say("Orders need a route; add one with a pool, a plan and no conditions."))
    if len(routes) > ROUTES_MAX:
        fields.fault("routes", say("There can be {most} routes at most; let one route name several."), most=ROUTES_MAX)
    return routes[:ROUTES_MAX]


def _optional(fields: Fields, key: str, default: int, least: int, most: int) -> int:
    return fields.whole(key, least=least, most=most) if fields.has(key) else default


def _whole(parts: Mapping[str, Part | None]) -> dict[str, Part]:
    return {name: part for name, part in parts.items() if part is not None}


def _refused(faults: list[Refusal]) -> Refusal:
    return Refusal(
        "rules.refused",
        say("The rules are refused for {count} reasons: {list}"),
        field=faults[0].field,
        count=len(faults),
        list=" ".join(f"[{fault.field}] {fault}" for fault in faults),
        reasons=tuple(faults),
    )
