"""R1: what enters a pool, and which points it gives."""

import pytest

from .office import PLAN, Office, S


def test_a_concession_of_ten_yuan_puts_six_into_the_pool_and_gives_each_side_ten_points() -> None:
    office = Office()
    office.sale("o1", 1000, merchant="shop")
    assert office.money() == (600, 0)  # 60 % of 10.00
    office.settle()
    office.settle()  # the first release comes in the cycle after entry: 0.5 % of 10 points each
    assert office.accrued("mei") == 5
    assert office.accrued("shop") == 5
    assert office.money() == (590, 10)


def test_the_payout_ratio_is_rounded_down_to_whole_fen() -> None:
    office = Office()
    office.sale("o1", 11)
    assert office.money() == (6, 0)  # 11 × 3 // 5 = 33 // 5


def test_points_of_a_lot_release_nothing_in_the_cycle_they_entered() -> None:
    office = Office()
    office.sale("o1", 1000)
    assert office.settle()["need"] == 0
    assert office.settle()["need"] == 5 * S


def test_a_late_lot_goes_to_the_open_cycle_and_releases_one_cycle_later() -> None:
    office = Office()
    office.sale("o1", 1000, member="early")
    office.settle()
    office.sale("o2", 1000, member="late")
    office.settle()
    assert (office.accrued("early"), office.accrued("late")) == (5, 0)
    office.settle()
    assert (office.accrued("early"), office.accrued("late")) == (10, 5)


def test_a_red_entry_brings_its_whole_amount_and_one_lot_for_the_referrer() -> None:
    office = Office()
    office.pool("red", allot=[1, 1])
    office.sale("o1:red", 80, pool="red", points={"referrer": 80})
    assert office.money("red") == (80, 0)
    assert list(office.state()["accounts"]) == ["referrer"]


def test_multiples_give_each_side_its_own_points_from_the_same_allotment() -> None:
    office = Office()
    office.sale("o1", 1000, merchant="shop", points={"mei": 1500, "shop": 400})
    assert office.money() == (600, 0)
    office.settle()
    assert office.settle()["need"] == 19 * S // 2  # (1500 + 400) × 0.5 % = 9.5


def test_an_account_on_both_sides_of_an_order_holds_two_lots_in_one_wallet() -> None:
    office = Office()
    office.sale("o1", 101, member="mei", merchant="mei")
    office.settle_times(2)
    # Two lots of 0.505 fen: one floor over both gives 1, a floor per lot would give nothing.
    assert office.accrued("mei") == 1


def test_an_order_without_a_merchant_gives_one_lot() -> None:
    office = Office()
    office.sale("o1", 1000)
    assert list(office.state()["accounts"]) == ["mei"]


@pytest.mark.parametrize("fen, taken", [(9, False), (10, True)])
def test_a_concession_below_ten_fen_does_not_enter(fen: int, taken: bool) -> None:
    office = Office()
    answer = office.tell(
        "concession", order="o1", pool="city", plan="plan", member="mei", merchant=None, concession_fen=fen
    )
    assert (answer == {}) is taken
    assert answer.get("field") == (None if taken else "concession_fen")


@pytest.mark.parametrize("fen, taken", [(0, False), (1, True)])
def test_a_red_entry_may_be_as_small_as_one_fen(fen: int, taken: bool) -> None:
    office = Office()
    fields = {"pool": "city", "plan": "plan", "member": "mei", "merchant": None, "points": {"ref": fen}}
    answer = office.tell("concession", order="o1", concession_fen=fen, **fields)
    assert (answer == {}) is taken


def test_lots_of_one_cycle_and_plan_release_alike_and_other_plans_beside_them_do_not() -> None:
    office = Office()
    office.plan("fast", **(PLAN | {"r0": S // 10}))
    office.sale("o1", 1000, member="mei")
    office.sale("o2", 2000, member="lin")
    office.sale("o3", 1000, member="hao", plan="fast")
    office.settle_times(2)
    assert [office.accrued(who) for who in ("mei", "lin", "hao")] == [5, 10, 100]
