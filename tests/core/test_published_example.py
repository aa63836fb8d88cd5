"""The published example of settlement.md: 200 points, a first release of 1 voucher, a pool growing 15 % each cycle."""

import pytest

from greenloop.core.loop.settlement import Cohort, backing_fen, settle

from .office import PLAN, POOL, S, cohort, line, plan, run, state_of_pool

POINTS = 200_00
FIFTEEN = 15 * S // 100


def released(cap: int) -> list[int]:
    """The index after each of 36 releases, in a pool that grows by exactly 15 % and never lacks money.

    Inflow of 20**40 keeps 23/20 exact for 37 cycles: each cycle's inflow is 23/20 of the one before.
    """
    plans = {"plan": plan(coupling="chain", cap=cap)}
    lot: Cohort = cohort(POINTS)
    inflow = [20**40]
    indices = []
    for _ in range(36):
        inflow.append(inflow[-1] * 23 // 20)
        pool = state_of_pool(inflow=inflow, free=10**9, backing=backing_fen([lot]))
        result = settle(pool=pool, cohorts=[lot], plans=plans)
        assert result.growth == FIFTEEN
        lot = result.cohorts[0]
        indices.append(lot.index)
    return indices


def yuan(index: int) -> str:
    """What 200 points with this index have released, to the nearest fen."""
    fen = (2 * POINTS * index + S) // (2 * S)
    return f"{fen // 100}.{fen % 100:02}"


def test_without_a_cap_two_hundred_points_release_1014_35_in_36_cycles() -> None:
    # 1 + 1.15 + 1.15² + … + 1.15^35 = (1.15^36 − 1) / 0.15 = 1014.35
    assert yuan(released(cap=100 * S)[35]) == "1014.35"


def test_after_35_cycles_they_have_released_881_17() -> None:
    assert yuan(released(cap=5 * S)[34]) == "881.17"


def test_two_hundred_points_in_a_pool_growing_15_percent_exit_at_the_cap_in_cycle_36() -> None:
    indices = released(cap=5 * S)
    assert indices[35] == 5 * S
    assert yuan(indices[35]) == "1000.00"
    # The last release is 1000.00 − 881.17 = 118.83 of a nominal 1.15^35 = 133.18.
    assert yuan(indices[35] - indices[34]) == "118.83"
    uncapped = released(cap=100 * S)
    assert yuan(uncapped[35] - uncapped[34]) == "133.18"


def test_the_rate_starts_at_half_a_percent_and_each_release_is_the_last_times_1_15() -> None:
    indices = released(cap=100 * S)
    steps = [after - before for before, after in zip([0, *indices], indices, strict=False)]
    assert steps[:4] == [5_000_000_000, 5_750_000_000, 6_612_500_000, 7_604_375_000]


def test_what_the_cap_leaves_unused_stays_free_for_the_others() -> None:
    plans = {"plan": plan(coupling="chain")}
    last = cohort(POINTS, index=released(cap=5 * S)[34], age=35, rate=665_887_766_420)
    owed = -(-POINTS * last.index // S)
    result = settle(
        pool=state_of_pool(inflow=[0] * 35 + [20_000, 23_000], free=20_000, backing=owed), cohorts=[last], plans=plans
    )
    # 20 000 free − (100 000 − 88 118) moved; 881.17 is 88 117.02 fen exactly, so 88 118 were booked.
    assert result.moved_fen == 100_000 - owed
    assert result.free_fen == 20_000 - (100_000 - owed)
    assert owed == 88_118


@pytest.mark.parametrize("cap, fen", [(5 * S, 100_000), (100 * S, 101_434)])
def test_the_auditors_replay_gives_the_same_example_to_the_fen(cap: int, fen: int) -> None:
    lines = [
        line("pool", name="city", **(POOL | {"allot": [1, 1]})),
        line("plan", name="published", **(PLAN | {"coupling": "chain", "cap": cap})),
        line("plan", name="nothing", **(PLAN | {"r0": 0})),
    ]
    sale = {"pool": "city", "merchant": None, "member": "mei"}
    inflow = 20**37  # 23/20 of it is whole, 36 times over
    lines.append(line("concession", order="first", plan="published", concession_fen=POINTS, **sale))
    lines.append(line("concession", order="c1", plan="nothing", concession_fen=inflow - POINTS, **sale))
    lines.append(line("settle", pool="city", cycle=1))
    for cycle in range(2, 38):
        inflow = inflow * 23 // 20
        lines.append(line("concession", order=f"c{cycle}", plan="nothing", concession_fen=inflow, **sale))
        lines.append(line("settle", pool="city", cycle=cycle))
    lines.append(line("draw", account="mei", pool="city"))
    # One floor at the very end: of 1014.3457 the wallet gets 1014.34, which people write as 1014.35.
    assert run(*lines)[-1] == {"drawn_fen": fen}
