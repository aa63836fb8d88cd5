"""Every row of the table of edge cases in settlement.md."""

from .office import PLAN, Office, S


def test_an_empty_pool_releases_nothing_and_its_lots_grow_older() -> None:
    office = Office(plan={"cycles": 2})
    office.sale("o1", 1, points={"mei": 1000})  # 60 % of one fen is no fen
    assert [answer["need"] for answer in office.settle_times(2)] == [0, 5 * S]
    assert office.settle()["moved_fen"] == 0
    office.sale("rich", 10**6, points={})
    # Two cycles went by without money, so the lot is finished: later money doesn't wake it.
    assert office.settle()["need"] == 0
    assert office.accrued() == 0


def test_a_pool_without_points_settles() -> None:
    office = Office(pool={"dividend_threshold": -S, "dividend_share": [1, 1]})
    answer = office.settle()
    assert (answer["need"], answer["dividend"], answer["moved_fen"]) == (0, 0, 0)


def test_a_pool_whose_points_were_all_refunded_settles_and_keeps_its_money() -> None:
    office = Office(pool={"dividend_threshold": -S, "dividend_share": [1, 1]}, plan={"coupling": "share", "r0": 0})
    office.sale("o1", 1000)
    office.settle()
    office.refund("o1", 1000)
    office.sale("o2", 1000, points={})
    answer = office.settle()
    assert (answer["need"], answer["dividend"], answer["moved_fen"], answer["free_fen"]) == (0, 0, 0, 1200)


def test_in_the_first_cycle_growth_is_undefined() -> None:
    office = Office(pool={"dividend_threshold": -S, "dividend_share": [1, 1]})
    office.sale("o1", 1000)
    answer = office.settle()
    assert (answer["growth"], answer["dividend"]) == (None, 0)


def test_after_cycles_without_inflow_a_chain_keeps_its_rate() -> None:
    office = Office(plan={"coupling": "chain", "g_min": -S // 2})
    office.sale("o1", 10_000)
    # 50 fen, then halved once because inflow fell to nothing was clamped, then kept while growth is undefined.
    needs = [answer["need"] for answer in office.settle_times(5)]
    assert needs == [0, 50 * S, 50 * S, 50 * S, 50 * S]
    office.sale("o2", 10, points={})
    # From nothing to something is undefined as well; then inflow falls by 100 %, clamped to −50 %.
    assert [answer["need"] for answer in office.settle_times(2)] == [50 * S, 25 * S]


def test_negative_growth_takes_a_chain_down_to_its_clamp_and_never_below_zero() -> None:
    office = Office(plan={"coupling": "chain"})
    office.sale("o1", 10_000)
    office.sale("o2", 10_000, points={})
    office.settle()
    office.sale("o3", 10_000, points={})
    office.settle()
    office.sale("o4", 2_500, points={})
    assert office.settle()["need"] == 50 * S // 4  # 50 × (1 − 75 %)
    accrued = [office.accrued()]
    for _ in range(4):
        assert office.settle()["need"] == 0
        accrued.append(office.accrued())
    assert accrued == [62] * 5


def test_a_level_plan_follows_the_inflow_down_in_proportion() -> None:
    office = Office(plan={"coupling": "level"})
    office.sale("o1", 10_000)
    office.settle()
    needs = []
    for cycle, fen in enumerate((10_000, 5_000, 1_000, 10)):
        office.sale(f"later-{cycle}", fen, points={})
        needs.append(office.settle()["need"] // S)
    assert needs == [50, 25, 5, 0]


def test_a_cap_inside_a_cycle_cuts_the_release_and_the_cohort_still_counts() -> None:
    office = Office(plan={"r0": 2 * S // 10, "cap": 3 * S // 10})
    office.sale("o1", 1000)
    office.settle()
    moved = [office.settle()["moved_fen"] for _ in range(3)]
    assert moved == [200, 100, 0]
    assert office.money() == (300, 300)
    office.refund("o1", 500)
    assert office.money() == (450, 150)


def test_cycles_are_settled_strictly_in_order() -> None:
    office = Office()
    office.sale("o1", 1000)
    assert office.tell("settle", pool="city", cycle=2)["field"] == "cycle"
    assert office.tell("settle", pool="city", cycle=0)["field"] == "cycle"
    assert office.tell("settle", pool="city", cycle=-1)["field"] == "cycle"
    assert [answer["need"] for answer in office.settle_times(2)] == [0, 5 * S]


def test_a_settled_cycle_asked_again_gives_the_same_answer_and_changes_nothing() -> None:
    office = Office()
    office.sale("o1", 1000)
    first, second = office.settle_times(2)
    office.sale("o2", 500)
    before = office.state()
    assert office.tell("settle", pool="city", cycle=1) == first
    assert office.tell("settle", pool="city", cycle=2) == second
    assert office.state() == before


def test_a_new_plan_is_for_new_lots_and_running_lots_keep_theirs() -> None:
    office = Office()
    office.sale("o1", 1000, member="old")
    office.settle()
    office.plan("generous", **(PLAN | {"r0": S // 10}))
    office.sale("o2", 1000, member="new", plan="generous")
    office.settle_times(2)
    assert (office.accrued("old"), office.accrued("new")) == (10, 100)


def test_huge_amounts_stay_exact() -> None:
    office = Office(pool={"allot": [1, 1]}, plan={"r0": 5 * S - 1, "cap": 5 * S})
    points = 1_840_000_000_000
    office.sale("o1", points)
    office.sale("rich", 6 * points, points={})
    office.settle_times(2)
    # 1.84·10^12 × (5 − 10^-12) = 9.2·10^12 − 1.84: E has 63 bits of fen and 40 more behind the point
    assert office.accrued() == 5 * points - 2
    assert office.money() == (7 * points - 5 * points + 1, 5 * points - 1)


def test_the_same_account_on_both_sides_has_one_wallet() -> None:
    office = Office()
    office.sale("o1", 1000, member="mei", merchant="mei")
    office.settle_times(2)
    assert list(office.state()["accounts"]) == ["mei"]
    assert office.draw() == 10


def test_a_dormant_member_has_the_same_after_years_as_one_who_draws_every_cycle() -> None:
    office = Office()
    for who in ("dormant", "busy"):
        office.sale(f"order of {who}", 137_37, member=who)
    office.settle()
    drawn = 0
    for _ in range(100):
        office.settle()
        drawn += office.draw("busy")
    # 137.37 × 0.5 % × 36 = 24.7266
    assert drawn == office.draw("dormant") == 24_72
