"""A settlement office for tests: write one event, read one answer, with ordinary terms unless a test says otherwise."""

import json
from collections import deque
from collections.abc import Iterator
from typing import Any

from greenloop.core.loop.plan import Plan, PoolTerms
from greenloop.core.loop.recompute import recompute
from greenloop.core.loop.settlement import Cohort, PoolState

S = 10**12
NEVER = 1_000 * S

Answer = dict[str, Any]

POOL: dict[str, Any] = {
    "allot": [3, 5],
    "spend": [1, 1],
    "cycle_cap_fen": None,
    "dividend_threshold": NEVER,
    "dividend_share": [0, 1],
    "window": 1,
}
PLAN: dict[str, Any] = {
    "cycles": 36,
    "r0": S // 200,
    "cap": 5 * S,
    "coupling": "flat",
    "fixed_cycles": 0,
    "g_min": None,
    "g_max": None,
    "r_max": None,
}


def line(kind: str, **fields: Any) -> str:
    """One event as the journal writes it."""
    return json.dumps({"kind": kind, **fields}, ensure_ascii=False)


def run(*lines: str) -> list[Answer]:
    """Replay a whole journal."""
    return list(recompute(lines, warn=lambda _: None))


class Office:
    """One pool called "city" and one plan called "plan" are ready; cycles are counted for the test."""

    def __init__(self, pool: dict[str, Any] | None = None, plan: dict[str, Any] | None = None) -> None:
        self.warnings: list[str] = []
        self.lines: list[str] = []
        self._waiting: deque[str] = deque()
        self._answers = recompute(self._feed(), warn=self.warnings.append)
        self._cycle: dict[str, int] = {}
        self.pool(**(pool or {}))
        self.plan(**(plan or {}))

    def _feed(self) -> Iterator[str]:
        while self._waiting:
            yield self._waiting.popleft()

    def raw(self, text: str) -> Answer:
        """Hand in a line as it stands."""
        self.lines.append(text)
        self._waiting.append(text)
        return next(self._answers)

    def tell(self, kind: str, **fields: Any) -> Answer:
        return self.raw(line(kind, **fields))

    def accepted(self, kind: str, **fields: Any) -> Answer:
        answer = self.tell(kind, **fields)
        assert "error" not in answer, answer
        return answer

    def pool(self, name: str = "city", **terms: Any) -> None:
        assert self.accepted("pool", name=name, **(POOL | terms)) == {}
        self._cycle[name] = 1

    def plan(self, name: str = "plan", **terms: Any) -> None:
        assert self.accepted("plan", name=name, **(PLAN | terms)) == {}

    def sale(self, order: str, fen: int, *, member: str = "mei", merchant: str | None = None, **extra: Any) -> None:
        fields = {"pool": "city", "plan": "plan", "member": member, "merchant": merchant, "concession_fen": fen}
        assert self.accepted("concession", order=order, **(fields | extra)) == {}

    def settle(self, pool: str = "city") -> Answer:
        """Settle the pool's open cycle."""
        answer = self.accepted("settle", pool=pool, cycle=self._cycle[pool])
        self._cycle[pool] += 1
        return answer

    def settle_times(self, times: int, pool: str = "city") -> list[Answer]:
        return [self.settle(pool) for _ in range(times)]

    def draw(self, account: str = "mei", pool: str = "city", **amount: int) -> int:
        drawn: int = self.accepted("draw", account=account, pool=pool, **amount)["drawn_fen"]
        return drawn

    def spend(self, fen: int, account: str = "mei", pool: str = "city") -> None:
        assert self.accepted("spend", account=account, pool=pool, amount_fen=fen) == {}

    def expire(self, fen: int, account: str = "mei", pool: str = "city") -> None:
        assert self.accepted("expire", account=account, pool=pool, amount_fen=fen) == {}

    def give_back(self, fen: int, account: str = "mei", pool: str = "city") -> None:
        assert self.accepted("return", account=account, pool=pool, amount_fen=fen) == {}

    def refund(self, order: str, fen: int, **extra: Any) -> dict[str, dict[str, int]]:
        clawback: dict[str, dict[str, int]] = self.accepted("refund", order=order, points_fen=fen, **extra)["clawback"]
        return clawback

    def state(self) -> Answer:
        return self.accepted("state")

    def wallet(self, account: str = "mei", pool: str = "city") -> tuple[int, int, int]:
        """Accrued, claimed, unspent."""
        held = self.state()["accounts"][account][pool]
        return held["accrued_fen"], held["claimed_fen"], held["voucher_fen"]

    def accrued(self, account: str = "mei", pool: str = "city") -> int:
        return self.wallet(account, pool)[0]

    def money(self, pool: str = "city") -> tuple[int, int]:
        """Free, backing."""
        held = self.state()["pools"][pool]
        return held["free_fen"], held["backing_fen"]


def terms(**changes: Any) -> PoolTerms:
    """Ordinary terms of a pool, for calling core directly."""
    merged = POOL | changes
    return PoolTerms(
        allot=tuple(merged["allot"]),
        spend=tuple(merged["spend"]),
        cycle_cap_fen=merged["cycle_cap_fen"],
        dividend_threshold=merged["dividend_threshold"],
        dividend_share=tuple(merged["dividend_share"]),
        window=merged["window"],
    )


def plan(name: str = "plan", **changes: Any) -> Plan:
    """An ordinary plan, for calling core directly."""
    merged = PLAN | changes
    return Plan(
        name=name,
        cycles=merged["cycles"],
        r0=merged["r0"],
        cap=merged["cap"],
        coupling=merged["coupling"],
        fixed_cycles=merged["fixed_cycles"],
        g_min=-S if merged["g_min"] is None else merged["g_min"],
        g_max=merged["g_max"],
        r_max=merged["r_max"],
    )


def cohort(points: int, *, entry: int = 1, index: int = 0, age: int = 0, **more: Any) -> Cohort:
    """A cohort of the ordinary plan, for calling core directly."""
    fields: dict[str, Any] = {"plan": "plan", "rate": 0, "base": None} | more
    return Cohort(entry=entry, points=points, index=index, age=age, **fields)


def state_of_pool(*, inflow: list[int], free: int, backing: int = 0, cap: int | None = None, **more: Any) -> PoolState:
    """A pool in the cycle of its last inflow, for calling core directly."""
    return PoolState(
        terms=terms(**more),
        cycle=len(inflow),
        free_fen=free,
        backing_fen=backing,
        inflow_fen=inflow,
        cap_fen=cap,
    )
