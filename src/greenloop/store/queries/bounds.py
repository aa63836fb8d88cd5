"""The bound on the average: what the rules in force allow at most, and what all green points have released so far."""

import json
from dataclasses import dataclass
from datetime import datetime

from greenloop.core.loop.rules import RuleSet, rule_set
from greenloop.core.money import PPM, SCALE, ceil_div
from greenloop.store import sql

BOUND_STEP_PPM = 1_000
"""The bound is told to a thousandth."""
STEPS_PER_POINT = 10
"""The distribution is told in steps of a tenth of a voucher per point."""


@dataclass(frozen=True, slots=True)
class RulesFact:
    """One published rule set: its number, from when it is in force, and what it lets members receive."""

    number: int
    effective_at: datetime
    published_at: datetime
    rules: RuleSet

    @property
    def payout_ppm(self) -> int:
        """Return the payout ratio: the part of each concession that enters the green pools."""
        return self.rules.split.green_ppm

    @property
    def share_ppm(self) -> int:
        """Return the member share: green, red and coupon parts together."""
        split = self.rules.split
        return split.green_ppm + split.red_ppm + split.coupon_ppm

    @property
    def points_min_ppm(self) -> int:
        """Return the fewest points that a yuan of concession makes, for shopper and shop together."""
        return min(route.points_ppm for route in self.rules.routes)

    @property
    def points_max_ppm(self) -> int:
        """Return the most points that a yuan of concession makes, for shopper and shop together."""
        return max(route.points_ppm for route in self.rules.routes)

    @property
    def bound_ppm(self) -> int:
        """Return what points can release on the average: payout ratio ÷ points per yuan, rounded up as bounds are."""
        return ceil_div(self.payout_ppm * PPM, self.points_min_ppm * BOUND_STEP_PPM) * BOUND_STEP_PPM

    @property
    def cycles_max(self) -> int:
        """Return over how many cycles a lot releases at most."""
        return max(self.rules.plans[route.plan].cycles for route in self.rules.routes)

    @property
    def cap(self) -> int:
        """Return the largest cap of a plan for green points, vouchers per point × 10**12."""
        return max(self.rules.plans[route.plan].cap for route in self.rules.routes)


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules in force at an instant, and the next change if one is published."""

    now: RulesFact | None
    following: RulesFact | None


@dataclass(frozen=True, slots=True)
class Released:
    """What green points have released so far, each point counted once; indices are vouchers per point × 10**12.

    `reached` are the points that released 1, 2 and 5 times themselves; `steps` the points by tenths of a voucher
    released, (step, points), step n holding what lies from n tenths on.
    """

    points: int
    cohorts: int
    mean: int
    p10: int
    median: int
    p90: int
    reached: tuple[int, int, int]
    steps: tuple[tuple[int, int], ...]

    @property
    def reached_ppm(self) -> tuple[int, int, int]:
        """Return which part of all points released 1, 2 and 5 times themselves."""
        once, twice, five = (points * PPM // self.points for points in self.reached)
        return once, twice, five


def rules_at(at: datetime) -> Rules:
    """Return which rules are in force at an instant, and which come next."""
    now = sql.instant(at)
    found = [
        RulesFact(number, sql.moment(effective), sql.moment(published), rule_set(json.loads(text)))
        for number, effective, published, text in sql.rows(_RULES, [now, now])
    ]
    begun = [fact for fact in found if fact.effective_at <= at]
    ahead = [fact for fact in found if fact.effective_at > at]
    return Rules(begun[-1] if begun else None, ahead[0] if ahead else None)


def released() -> Released | None:
    """Return what green points have released, None before there are any; it looks at cohorts, never at holders."""
    points, cohorts, high, low, *rest = sql.rows(_RELEASED, [SCALE, 2 * SCALE, 5 * SCALE])[0]
    if not points:
        return None
    total = int(points)
    p10, median, p90, *reached = (int(number or 0) for number in rest)
    once, twice, five = reached
    steps = tuple((int(step), int(held)) for step, held in sql.rows(_STEPS, [SCALE // STEPS_PER_POINT]))
    mean = (int(high) * PPM + int(low)) // total
    return Released(total, cohorts, mean, p10, median, p90, (once, twice, five), steps)


_RULES = """
    SELECT id, effective_at, published_at, document FROM rule_version
    WHERE effective_at >= COALESCE((SELECT MAX(effective_at) FROM rule_version WHERE effective_at <= %s), %s)
    ORDER BY effective_at LIMIT 2
"""
# All points that have entered so far times an index stay within 64 bits in two limbs up to 1.8 × 10^12 fen × 5.
_RELEASED = """
    SELECT MAX(total), COUNT(*), SUM(points * (release_index / 1000000)), SUM(points * (release_index %% 1000000)),
           MIN(CASE WHEN upto * 10 >= total THEN release_index END),
           MIN(CASE WHEN upto * 2 >= total THEN release_index END),
           MIN(CASE WHEN upto * 10 >= total * 9 THEN release_index END),
           SUM(CASE WHEN release_index >= %s THEN points ELSE 0 END),
           SUM(CASE WHEN release_index >= %s THEN points ELSE 0 END),
           SUM(CASE WHEN release_index >= %s THEN points ELSE 0 END)
    FROM (
        SELECT c.points, c.release_index, SUM(c.points) OVER () AS total,
               SUM(c.points) OVER (ORDER BY c.release_index, c.id ROWS UNBOUNDED PRECEDING) AS upto
        FROM cohort c JOIN pool o ON o.id = c.pool_id WHERE c.points > 0 AND NOT o.is_red
    ) AS held
"""
_STEPS = """
    SELECT c.release_index / %s AS step, SUM(c.points) FROM cohort c JOIN pool o ON o.id = c.pool_id
    WHERE c.points > 0 AND NOT o.is_red GROUP BY 1 ORDER BY 1
"""
