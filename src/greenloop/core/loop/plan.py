"""How a pool is funded and how its cohorts release: the terms, what is invalid in them, and what is unsafe.

`plan_faults` and `pool_faults` find what can't be computed; `unsafe` finds what can, but breaks a safety condition of
settlement.md (R1, P5, P7). Rules in force must be free of both; an auditor may replay the unsafe.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from greenloop.core.faults import Refusal, say
from greenloop.core.loop.concession import RATE_MAX_PPM
from greenloop.core.money import PPM, SCALE
from greenloop.core.reading import Fields

COUPLINGS = ("flat", "chain", "level", "share")
CAP_MAX = 5 * SCALE

PLAN_FIELDS = ("cycles", "r0", "cap", "coupling", "fixed_cycles", "g_min", "g_max", "r_max")
TERMS_FIELDS = ("allot", "spend", "cycle_cap_fen", "dividend_threshold", "dividend_share", "window")

Ratio = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Plan:
    """A release plan: over `cycles` releases (N), at rates per point × SCALE, up to `cap` per point × SCALE.

    The first `fixed_cycles` (F) releases are at `r0`; later ones follow `coupling` (R4, R6). Growth is clamped to
    `g_min` … `g_max`, coupled rates to `r_max`; None means without an upper limit.
    """

    name: str
    cycles: int
    r0: int
    cap: int
    coupling: str
    fixed_cycles: int = 0
    g_min: int = -SCALE
    g_max: int | None = None
    r_max: int | None = None

    @property
    def fixed_releases(self) -> int:
        """Return how many releases are at r0 for certain: all of a flat plan, else those of the fixed phase."""
        return self.cycles if self.coupling == "flat" else min(self.fixed_cycles, self.cycles)


@dataclass(frozen=True, slots=True)
class PoolTerms:
    """The terms of a pool: what enters it (`allot`, a/b), what a cycle may spend (`spend`, c/d), and its dividend.

    `cycle_cap_fen` limits each cycle (None: no limit). The dividend gives `dividend_share` (u/v) of the surplus when
    growth passes `dividend_threshold` (× SCALE). The driver sums `window` cycles of inflow (W of R2).
    """

    allot: Ratio
    spend: Ratio = (1, 1)
    cycle_cap_fen: int | None = None
    dividend_threshold: int = 150_000_000_000
    dividend_share: Ratio = (0, 1)
    window: int = 7

    def allot_fen(self, concession_fen: int) -> int:
        """Return what a concession puts into the pool, in fen (R1)."""
        return concession_fen * self.allot[0] // self.allot[1]


def read_plan(fields: Fields, name: str) -> Plan:
    """Read the fields of a plan; what is wrong with each is kept in `fields`."""
    g_min = fields.maybe_whole("g_min")
    return Plan(
        name=name,
        cycles=fields.whole("cycles", least=1),
        r0=fields.whole("r0", least=0),
        cap=fields.whole("cap", least=0),
        coupling=fields.choice("coupling", COUPLINGS),
        fixed_cycles=fields.whole("fixed_cycles", least=0),
        g_min=-SCALE if g_min is None else g_min,
        g_max=fields.maybe_whole("g_max"),
        r_max=fields.maybe_whole("r_max", least=0),
    )


def read_terms(fields: Fields) -> PoolTerms:
    """Read the terms of a pool; what is wrong with each is kept in `fields`."""
    return PoolTerms(
        allot=fields.ratio("allot"),
        spend=fields.ratio("spend"),
        cycle_cap_fen=fields.maybe_whole("cycle_cap_fen", least=0),
        dividend_threshold=fields.whole("dividend_threshold", least=-SCALE),
        dividend_share=fields.ratio("dividend_share"),
        window=fields.whole("window", least=1),
    )


def plan_faults(plan: Plan) -> list[Refusal]:
    """Find what makes a plan impossible to compute; each fault names the field and the way out."""
    found = []
    if plan.cycles < 1:
        found.append(_fault("cycles", say("A plan has at least one cycle; set cycles to 1 or more.")))
    for field, amount in (("r0", plan.r0), ("cap", plan.cap), ("fixed_cycles", plan.fixed_cycles)):
        if amount < 0:
            found.append(_fault(field, say("{name} can't be negative; set it to 0 or more."), name=field))
    if plan.coupling not in COUPLINGS:
        found.append(_fault("coupling", say("The coupling is one of: {options}."), options=", ".join(COUPLINGS)))
    if plan.r_max is not None and plan.r_max < 0:
        found.append(_fault("r_max", say("r_max can't be negative; set it to 0 or more, or to null for no limit.")))
    if plan.g_max is not None and plan.g_max < plan.g_min:
        found.append(_fault("g_max", say("g_max must be at least g_min ({g_min}); raise it."), g_min=plan.g_min))
    return found


def pool_faults(terms: PoolTerms) -> list[Refusal]:
    """Find what makes the terms of a pool impossible to compute; each fault names the field and the way out."""
    found = []
    for field, (upper, lower) in (
        ("allot", terms.allot),
        ("spend", terms.spend),
        ("dividend_share", terms.dividend_share),
    ):
        if not (0 <= upper <= lower and lower > 0):
            found.append(
                _fault(field, say("{name} is a ratio [a, b] with 0 ≤ a ≤ b and b > 0; correct it."), name=field)
            )
    if terms.cycle_cap_fen is not None and terms.cycle_cap_fen < 0:
        found.append(_fault("cycle_cap_fen", say("A cycle cap is 0 fen or more, or null for no cap; correct it.")))
    if terms.dividend_threshold < -SCALE:
        found.append(_fault("dividend_threshold", say("Inflow can't fall by more than 100 %; set −10^12 or more.")))
    if terms.window < 1:
        found.append(_fault("window", say("The driver sums at least one cycle; set the window to 1 or more.")))
    return found


def unsafe(
    terms: PoolTerms, plans: Iterable[Plan], *, multiple_max_ppm: int = PPM, multiples_ppm: int = 2 * PPM
) -> list[Refusal]:
    """Find where a pool and the plans released from it break a safety condition (R1, P5, P7).

    `multiple_max_ppm` is the largest multiple of one side, `multiples_ppm` the sum of both: the points that a unit of
    concession makes. Include the plans of cohorts that still run.
    """
    plans = tuple(plans)
    found = unsafe_terms(terms) + unsafe_mixture(terms, plans, multiples_ppm=multiples_ppm)
    for plan in plans:
        found += unsafe_plan(plan, terms, multiple_max_ppm=multiple_max_ppm, multiples_ppm=multiples_ppm)
    return found


def unsafe_terms(terms: PoolTerms) -> list[Refusal]:
    """Find a dividend so large that pumping a pool could pay: P5 asks (1 + u/v) × payout ≤ 1."""
    (a, b), (u, v) = terms.allot, terms.dividend_share
    if a * (u + v) <= b * v:
        return []
    message = say("(1 + {u}/{v}) × payout {a}/{b} is above 1 (P5), so pumping could pay; lower the dividend share.")
    return [_fault("dividend_share", message, u=u, v=v, a=a, b=b)]


def unsafe_plan(
    plan: Plan, terms: PoolTerms, *, multiple_max_ppm: int = PPM, multiples_ppm: int = 2 * PPM
) -> list[Refusal]:
    """Find what is unsafe in a plan for a pool with `terms`: its cap (R1), its first rate and its clamp (P5)."""
    found = unsafe_cap(plan, multiple_max_ppm=multiple_max_ppm) + unsafe_clamp(plan)
    return found + unsafe_rate(plan, terms, multiples_ppm=multiples_ppm)


def unsafe_rate(plan: Plan, terms: PoolTerms, *, multiples_ppm: int = 2 * PPM) -> list[Refusal]:
    """Find a first rate so high that pumping a pool could pay: P5 asks r0 ≤ payout ÷ (N × sum of multiples)."""
    if _covered(plan, terms, multiples_ppm):
        return []
    a, b = terms.allot
    most = a * SCALE * PPM // (b * plan.cycles * multiples_ppm)
    message = say("r0 of plan {plan} is above payout ÷ all its points and cycles (P5); lower it to {most} or less.")
    return [_fault("r0", message, plan=plan.name, most=most)]


def unsafe_clamp(plan: Plan) -> list[Refusal]:
    """Find a chain whose rate can rise but never fall: P5 doesn't cover it."""
    if plan.coupling != "chain" or plan.g_min < 0:
        return []
    message = say("The rate of plan {plan} can never fall (P5), so one pumped cycle lasts; set g_min below 0.")
    return [_fault("g_min", message, plan=plan.name)]


def unsafe_cap(plan: Plan, *, multiple_max_ppm: int = PPM) -> list[Refusal]:
    """Find a cap above 5 ×, or one that could return more than the price paid: R1 asks cap × m × highest rate ≤ 1."""
    if plan.cap > CAP_MAX:
        message = say("The cap of plan {plan} is above 5 × (R1); lower it to {most} or less.")
        return [_fault("cap", message, plan=plan.name, most=CAP_MAX)]
    if plan.cap * multiple_max_ppm * RATE_MAX_PPM > SCALE * PPM * PPM:
        most = SCALE * PPM * PPM // (multiple_max_ppm * RATE_MAX_PPM)
        message = say("cap × multiple × highest rate of plan {plan} is above 1 (R1); lower the cap to {most} or less.")
        return [_fault("cap", message, plan=plan.name, most=most)]
    return []


def unsafe_mixture(terms: PoolTerms, plans: Iterable[Plan], *, multiples_ppm: int = 2 * PPM) -> list[Refusal]:
    """Find a self-funded plan beside one whose rate follows the pool: its lots would depend on later members (P7)."""
    plans = tuple(plans)
    own = [plan.name for plan in plans if plan.coupling == "flat" and _covered(plan, terms, multiples_ppm)]
    coupled = [plan.name for plan in plans if plan.coupling in ("chain", "level")]
    if not (own and coupled):
        return []
    message = say("The self-funded plan {own} can't share a pool with {coupled} (P7); give one of them its own pool.")
    return [_fault("plans", message, own=own[0], coupled=coupled[0])]


def _covered(plan: Plan, terms: PoolTerms, multiples_ppm: int) -> bool:
    """Tell whether a lot's own allotment would pay r0 over all its cycles: (sum of multiples) × N × r0 ≤ payout."""
    a, b = terms.allot
    return multiples_ppm * plan.cycles * plan.r0 * b <= a * SCALE * PPM


def _fault(field: str, message: str, **facts: object) -> Refusal:
    return Refusal("rules.fault", message, field=field, **facts)
