"""What holds for one settlement by itself, whatever the pool and its cohorts look like."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenloop.core.faults import Breach
from greenloop.core.loop.plan import Plan
from greenloop.core.loop.settlement import Cohort, PoolState, Settlement, backing_fen, settle
from tests.oracle import histories as strategies

from .office import S, cohort, plan, terms


@st.composite
def closings(draw: st.DrawFn) -> tuple[PoolState, list[Cohort], dict[str, Plan]]:
    """A pool at a cut-off with cohorts of every plan and age, its backing consistent with their indices."""
    plans = {}
    for name in ("p0", "p1", "p2"):
        drawn = draw(strategies.plans())
        plans[name] = plan(name, **drawn)
    cycle = draw(st.integers(1, 9))
    inflow = draw(st.lists(st.integers(0, 10_000), min_size=cycle, max_size=cycle))
    cohorts = []
    for name in draw(st.lists(st.sampled_from(sorted(plans)), max_size=6)):
        entry = draw(st.integers(1, cycle))
        age = min(cycle - entry, plans[name].cycles)
        index = draw(st.integers(0, plans[name].cap)) if age else 0
        rate = draw(st.integers(0, S)) if age else 0
        base = draw(st.none() | st.integers(1, 10_000)) if age else None
        cohorts.append(
            cohort(draw(st.integers(0, 10_000)), plan=name, entry=entry, index=index, age=age, rate=rate, base=base)
        )
    pool = PoolState(
        terms=terms(**draw(strategies.pools())),
        cycle=cycle,
        free_fen=draw(st.integers(0, 20_000)),
        backing_fen=backing_fen(cohorts),
        inflow_fen=inflow,
        cap_fen=draw(st.none() | st.integers(0, 5_000)),
    )
    return pool, cohorts, plans


@given(closing=closings())
def test_every_cycle_keeps_its_budget_its_caps_and_its_money(
    closing: tuple[PoolState, list[Cohort], dict[str, Plan]],
) -> None:
    pool, cohorts, plans = closing
    result: Settlement = settle(pool=pool, cohorts=cohorts, plans=plans)
    assert result.free_fen + result.backing_fen == pool.free_fen + pool.backing_fen
    assert 0 <= result.moved_fen <= result.budget_fen <= pool.free_fen
    assert result.backing_fen == backing_fen(result.cohorts)
    for before, after in zip(cohorts, result.cohorts, strict=True):
        assert before.index <= after.index <= plans[before.plan].cap
        running = before.entry < pool.cycle and before.age < plans[before.plan].cycles
        assert after.age == before.age + running
        assert after.index == before.index or running
        assert (after.plan, after.entry, after.points) == (before.plan, before.entry, before.points)
    released = sum(
        after.points * (after.index - before.index) for before, after in zip(cohorts, result.cohorts, strict=True)
    )
    assert released <= result.budget_fen * S
    assert result.dividend <= pool.inflow_fen[-1] * S


@given(closing=closings(), seed=st.integers(0, 10**6))
def test_the_order_of_cohorts_doesnt_matter_and_neither_does_cutting_one_in_two(
    closing: tuple[PoolState, list[Cohort], dict[str, Plan]], seed: int
) -> None:
    pool, cohorts, plans = closing
    rng = random.Random(seed)
    pieces = []
    for number, whole in enumerate(cohorts):
        cut = rng.randrange(whole.points + 1)
        for points in (cut, whole.points - cut):
            piece = cohort(
                points,
                plan=whole.plan,
                entry=whole.entry,
                index=whole.index,
                age=whole.age,
                rate=whole.rate,
                base=whole.base,
            )
            pieces.append((number, piece))
    rng.shuffle(pieces)
    whole_result = settle(pool=pool, cohorts=cohorts, plans=plans)
    cut_result = settle(pool=pool, cohorts=[piece for _, piece in pieces], plans=plans)
    assert cut_result.answer() == whole_result.answer()
    for (number, _), after in zip(pieces, cut_result.cohorts, strict=True):
        if after.points:
            assert after.index == whole_result.cohorts[number].index


def test_facts_that_contradict_each_other_stop_the_work() -> None:
    plans = {"plan": plan()}
    short = PoolState(terms=terms(), cycle=3, free_fen=10, backing_fen=0, inflow_fen=[10, 10], cap_fen=None)
    with pytest.raises(Breach):
        settle(pool=short, cohorts=[], plans=plans)
    above = PoolState(terms=terms(), cycle=2, free_fen=10, backing_fen=5000, inflow_fen=[10, 10], cap_fen=None)
    with pytest.raises(Breach):
        settle(pool=above, cohorts=[cohort(1000, index=5 * S + 1)], plans=plans)
    unbacked = PoolState(terms=terms(), cycle=2, free_fen=10, backing_fen=0, inflow_fen=[10, 10], cap_fen=None)
    with pytest.raises(Breach):
        settle(pool=unbacked, cohorts=[cohort(1000, index=S, age=1)], plans=plans)
