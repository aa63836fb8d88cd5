"""What is wrong with rules that can be read: contradictions, routes never reached, terms that are not safe.

Each function looks at parts that were read without fault and notes in `fields`, under the path of the part, what
doesn't fit. Limits named Pn and Rn are those of settlement.md, the others those of domain.md.
"""

from collections.abc import Mapping, Sequence

from greenloop.core.faults import say
from greenloop.core.loop.concession import Split
from greenloop.core.loop.plan import (
    CAP_MAX,
    Plan,
    PoolTerms,
    plan_faults,
    unsafe_cap,
    unsafe_clamp,
    unsafe_mixture,
    unsafe_rate,
    unsafe_terms,
)
from greenloop.core.loop.route import Route, covers
from greenloop.core.money import PPM, SCALE
from greenloop.core.reading import Fields, shown

CYCLES_MIN = 30
CYCLES_MAX = 40
WINDOW_MAX = 366
NAME_LENGTH_MAX = 40


def check_names(
    fields: Fields, pools: Mapping[str, object], plans: Mapping[str, object], *, red_pool: str, red_plan: str
) -> None:
    """Ask of names that they fit into account names, file names and commands, and that red is apart from green."""
    named = [("red_pool", red_pool)] if red_pool else []
    named += [(f"pools.{shown(name)}", name) for name in pools]
    named += [(f"plans.{shown(name)}", name) for name in plans]
    for at, name in named:
        if not (0 < len(name) <= NAME_LENGTH_MAX and all(letter.isalnum() or letter in "-_" for letter in name)):
            message = say("A name has 1 to {most} letters, digits, hyphens or underscores; choose another.")
            fields.fault(at, message, most=NAME_LENGTH_MAX)
    if red_pool in pools:
        fields.fault("red_pool", say("Red points need a pool apart from the green ones; choose another name."))
    if red_plan and red_plan not in plans:
        fields.fault("red_plan", say("There is no such plan under plans; add it, or correct the name."))


def check_split(fields: Fields, split: Split) -> None:
    """Ask that the five parts make up the whole, and that part of a concession, not all of it, is green."""
    total = split.green_ppm + split.red_ppm + split.coupon_ppm + split.reserve_ppm + split.fee_ppm
    if total != PPM:
        message = say("The parts of the split add up to {total} ppm; change them until they add up to {whole}.")
        fields.fault("reserve_ppm", message, total=total, whole=PPM)
    if not 0 < split.green_ppm < PPM:
        fields.fault("green_ppm", say("The payout ratio lies above 0 and below 100 %; set 1 to 999999 ppm."))


def check_plan(fields: Fields, plan: Plan) -> None:
    """Ask of a plan what members are told: 30 to 40 cycles, a cap, a first rate; and limits to what drives it."""
    fields.take(plan_faults(plan))
    if not CYCLES_MIN <= plan.cycles <= CYCLES_MAX:
        message = say("A plan runs over {least} to {most} cycles, not {cycles}; choose a number in that range.")
        fields.fault("cycles", message, least=CYCLES_MIN, most=CYCLES_MAX, cycles=plan.cycles)
    if plan.cap == 0:
        fields.fault("cap", say("A cap of 0 releases nothing; set it to vouchers per point × 10^12."))
    if plan.r0 == 0 and not (plan.coupling == "share" and plan.fixed_cycles == 0):
        fields.fault("r0", say("A first rate of 0 releases nothing; set r0 to vouchers per point and cycle × 10^12."))
    if plan.coupling == "flat" and plan.fixed_cycles:
        fields.fault("fixed_cycles", say("Every release of a flat plan is fixed; set fixed_cycles to 0."))
    if plan.fixed_cycles > plan.cycles:
        message = say("There can't be more fixed cycles than cycles; set at most {most}.")
        fields.fault("fixed_cycles", message, most=plan.cycles)
    if plan.g_min < -SCALE:
        fields.fault("g_min", say("A rate can't fall by more than 100 %; set g_min to −10^12 or more."))
    if plan.coupling != "flat" and (plan.r_max is None or plan.r_max > CAP_MAX):
        message = say("A rate that follows the pool needs a limit; set r_max to {most} or less.")
        fields.fault("r_max", message, most=CAP_MAX)


def check_terms(fields: Fields, terms: PoolTerms, payout: tuple[int, int] | None) -> None:
    """Ask of a pool that it takes in exactly its part of each concession (None: not known) and can release it."""
    if payout is not None and terms.allot[0] * payout[1] != terms.allot[1] * payout[0]:
        message = say("What enters this pool must be its part of the concession; set allot to [{a}, {b}].")
        fields.fault("allot", message, a=payout[0], b=payout[1])
    if terms.spend[0] == 0:
        fields.fault("spend", say("A pool that may spend nothing releases nothing; set spend to [1, 1]."))
    if terms.cycle_cap_fen == 0:
        message = say("A cycle cap of 0 releases nothing; use null for no cap. One cycle is stopped by rejecting it.")
        fields.fault("cycle_cap_fen", message)
    if terms.window > WINDOW_MAX:
        fields.fault("window", say("The driver sums at most {most} cycles; lower the window."), most=WINDOW_MAX)
    fields.take(unsafe_terms(terms))


def check_routes(
    fields: Fields,
    routes: Sequence[Route],
    pools: Mapping[str, object],
    plans: Mapping[str, object],
    *,
    red_pool: str,
) -> None:
    """Ask that every order finds a route, every route an order, and that both sides together earn something."""
    for number, route in enumerate(routes):
        at = f"routes[{number}]"
        if route.pool and route.pool == red_pool:
            fields.fault(f"{at}.pool", say("Orders can't be routed to the red pool; name a green one."))
        elif route.pool and route.pool not in pools:
            fields.fault(f"{at}.pool", say("There is no such pool under pools; add it, or correct the name."))
        if route.plan and route.plan not in plans:
            fields.fault(f"{at}.plan", say("There is no such plan under plans; add it, or correct the name."))
        if route.points_ppm == 0:
            message = say("With both multiples 0 nobody earns points; raise one of them.")
            fields.fault(f"{at}.member_multiple_ppm", message)
        hidden_by = next((before for before in range(number) if covers(routes[before], route)), None)
        if hidden_by is not None:
            message = say(
                "No order gets to this route, for all of its orders meet routes[{before}]; move or remove it."
            )
            fields.fault(at, message, before=hidden_by)
    if routes and not routes[-1].unconditional:
        message = say("The last route must be without conditions, so that every order has a pool; add such a route.")
        fields.fault(f"routes[{len(routes) - 1}]", message)


def check_safety(
    fields: Fields,
    routes: Sequence[Route],
    *,
    pools: Mapping[str, PoolTerms | None],
    plans: Mapping[str, Plan | None],
) -> None:
    """Ask R1, P5 and P7 of each pool with the plans and multiples of all routes that lead into it.

    Pools and plans that couldn't be read are None and left out.
    """
    for name, plan in plans.items():
        if plan is not None:
            multiple_ppm = max([route.multiple_max_ppm for route in routes if route.plan == name], default=PPM)
            found = unsafe_cap(plan, multiple_max_ppm=multiple_ppm) + unsafe_clamp(plan)
            Fields({}, f"plans.{name}.", fields.faults).take(found)
    for pool, terms in pools.items():
        leading = [route for route in routes if route.pool == pool]
        if terms is None or not leading:
            continue
        points_ppm = max(route.points_ppm for route in leading)
        used = {route.plan: plan for route in leading if (plan := plans.get(route.plan)) is not None}
        for name, plan in used.items():
            found = unsafe_rate(plan, terms, multiples_ppm=points_ppm)
            Fields({}, f"plans.{name}.", fields.faults).take(found)
        found = unsafe_mixture(terms, used.values(), multiples_ppm=points_ppm)
        Fields({}, f"pools.{pool}.", fields.faults).take(found)
