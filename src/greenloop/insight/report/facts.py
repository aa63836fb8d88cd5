"""Everything the page shows, read once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from greenloop.insight.proof import Proof
from greenloop.store.queries import report

STEP_PPM = 5_000
"""The finest step of a multiple that holders are counted in."""


@dataclass(frozen=True, slots=True)
class Year:
    """What a replay counted and timed, which no table holds.

    `source` names what was replayed, `baskets` counts what was offered, `refused` counts refusals by their code
    (`order.zero`), `seconds` holds the time of each stage, by its name as people read it, in the order to show.
    """

    source: str
    baskets: int
    refused: Mapping[str, int] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """The books as they stand, and what was handed in."""

    at: datetime
    year: Year | None
    proofs: Sequence[Proof]
    orders: report.OrderSums
    pools: Sequence[report.PoolSums]
    cycles: Mapping[int, Sequence[report.CycleSums]]
    cohorts: Mapping[int, Sequence[report.CohortSums]]
    spreads: Mapping[int | None, report.Spread]
    steps: Mapping[int, Sequence[tuple[int, int]]]
    coupons: Sequence[report.CouponSums]
    balances: Mapping[str, int]
    refunds: Sequence[tuple[str, int, int]]
    offset_minutes: int

    @property
    def green_pools(self) -> list[report.PoolSums]:
        """Return the pools that shoppers' and shops' points are paid from, largest first."""
        return sorted((pool for pool in self.pools if not pool.is_red), key=lambda pool: (-pool.inflow_fen, pool.id))

    @property
    def pools_by_size(self) -> list[report.PoolSums]:
        """Return the green pools, largest first, then the red ones."""
        return [*self.green_pools, *(pool for pool in self.pools if pool.is_red)]


def gather(*, year: Year | None, proofs: Sequence[Proof], at: datetime) -> Facts:
    """Read what the page shows: some ten statements over whole tables, whatever their size."""
    cycles: dict[int, list[report.CycleSums]] = {}
    for cycle in report.cycle_sums():
        cycles.setdefault(cycle.pool_id, []).append(cycle)
    cohorts: dict[int, list[report.CohortSums]] = {}
    for cohort in report.cohort_sums():
        cohorts.setdefault(cohort.pool_id, []).append(cohort)
    steps: dict[int, list[tuple[int, int]]] = {}
    for pool, step, holders in report.steps_of_holders(STEP_PPM):
        steps.setdefault(pool, []).append((step, holders))
    return Facts(
        at=at,
        year=year,
        proofs=proofs,
        orders=report.order_sums(),
        pools=report.pool_sums(),
        cycles=cycles,
        cohorts=cohorts,
        spreads={spread.pool_id: spread for spread in report.spreads()},
        steps=steps,
        coupons=report.coupon_sums(),
        balances={name: fen for name, _, fen in report.balances()},
        refunds=report.refund_counts(),
        offset_minutes=report.utc_offset_minutes(),
    )
