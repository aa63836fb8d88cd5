"""R10: refunds at every stage, and what is taken back from those who had drawn too much."""

from typing import Any

import pytest

from .office import PLAN, Office, S

BOTH = ("mei", "shop")


def released(**sale: Any) -> Office:
    """10.00 conceded by one order, 0.5 % released to each side: 0.05 each; 5.90 free, 0.10 backing."""
    office = Office()
    office.sale("o1", 1000, merchant="shop", **sale)
    office.settle_times(2)
    assert office.money() == (590, 10)
    return office


# In the entry cycle


def test_in_the_entry_cycle_the_allotment_is_recomputed_and_the_points_shrink() -> None:
    office = Office()
    office.sale("o1", 1000, merchant="shop")
    assert office.refund("o1", 400) == {}
    assert office.money() == (360, 0)  # 600 × 3 // 5
    assert office.settle()["driver"] == 360  # it never came in
    assert office.settle()["need"] == 6 * S  # (600 + 600) × 0.5 %


def test_the_allotment_is_recomputed_on_the_rest_and_not_on_the_part() -> None:
    office = Office()
    office.sale("o1", 11)
    assert office.money() == (6, 0)
    office.refund("o1", 1)
    assert office.money() == (6, 0)  # 10 × 3 // 5 is still 6
    office.refund("o1", 1)
    assert office.money() == (5, 0)  # 9 × 3 // 5


def test_a_whole_refund_in_the_entry_cycle_leaves_nothing_behind() -> None:
    office = Office()
    office.sale("o1", 1000, merchant="shop")
    office.refund("o1", 1000)
    assert office.money() == (0, 0)
    first, second = office.settle_times(2)
    assert (first["driver"], second["need"], second["moved_fen"]) == (0, 0, 0)


def test_repeated_refunds_end_where_one_of_their_sum_ends() -> None:
    once, often = Office(), Office()
    for office in (once, often):
        office.sale("o1", 997, merchant="shop", points={"mei": 1296, "shop": 498})
    once.refund("o1", 700)
    for part in (1, 299, 400):
        often.refund("o1", part)
    assert once.state() == often.state()
    assert once.settle() == often.settle()
    assert once.settle() == often.settle()


# Later


def test_later_the_allotment_stays_and_the_backing_of_the_lost_points_returns_to_free() -> None:
    office = released()
    assert office.refund("o1", 400) == {}
    # E = (600 + 600) × 0.5 % = 6: four fen return to free, and all 600 are still in the pool.
    assert office.money() == (594, 6)
    assert [office.accrued(who) for who in BOTH] == [3, 3]


def test_the_index_stays_and_the_rest_releases_on() -> None:
    office = released()
    office.refund("o1", 400)
    answer = office.settle()
    assert (answer["need"], answer["driver"]) == (6 * S, 0)
    assert office.accrued() == 6


def test_backing_released_by_a_refund_is_what_the_rounded_up_sum_falls_by() -> None:
    office = Office()
    office.sale("o1", 100, member="a")
    office.sale("o2", 100, member="b")
    office.settle_times(2)
    assert office.money() == (119, 1)  # 0.5 + 0.5
    office.refund("o1", 100)
    assert office.money() == (119, 1)  # 0.5 is still owed and needs its whole fen
    office.refund("o2", 100)
    assert office.money() == (120, 0)


def test_without_explicit_points_each_lot_keeps_its_multiple_of_the_rest() -> None:
    office = Office()
    office.sale("o1", 1000, merchant="shop", points={"mei": 1500, "shop": 333})
    office.refund("o1", 1)
    # 1500 × 999 // 1000 = 1498 and 333 × 999 // 1000 = 332
    office.settle()
    assert office.settle()["need"] == (1498 + 332) * S // 200


def test_a_journal_may_name_what_each_lot_keeps() -> None:
    office = Office()
    office.sale("o1", 1000, merchant="shop", points={"mei": 1500, "shop": 333})
    office.refund("o1", 1, points={"mei": 1499, "shop": 330})
    office.settle()
    assert office.settle()["need"] == (1499 + 330) * S // 200


def test_a_lot_may_keep_all_it_has() -> None:
    office = Office()
    office.sale("o1", 1000, merchant="shop")
    office.refund("o1", 500, points={"mei": 1000})  # the shop's lot isn't named: it keeps its part of the rest
    office.settle()
    assert office.settle()["need"] == (1000 + 500) * S // 200


@pytest.mark.parametrize("points", [{"mei": 1001}, {"mei": -1}, {"stranger": 1}, {"mei": True}, [1000]])
def test_a_lot_never_gains_points_by_a_refund(points: object) -> None:
    office = Office()
    office.sale("o1", 1000, merchant="shop")
    before = office.state()
    answer = office.tell("refund", order="o1", points_fen=1, points=points)
    assert str(answer["field"]).startswith("points")
    assert not str(answer["field"]).startswith("points_fen")
    assert office.state() == before
    assert office.refund("o1", 1000) == {}


# Over-claims


def test_what_was_drawn_too_much_comes_out_of_the_unspent_vouchers() -> None:
    office = released()
    office.draw()
    assert office.refund("o1", 400) == {"mei": {"voucher_fen": 2, "cash_fen": 0}}
    assert office.wallet() == (3, 3, 3)
    assert office.state()["dust_fen"] == 0


def test_what_was_spent_already_comes_back_in_cash() -> None:
    office = released()
    office.spend(5)
    assert office.refund("o1", 400) == {"mei": {"voucher_fen": 0, "cash_fen": 2}}
    assert office.wallet() == (3, 3, 0)
    # 600 in, 5 out to the shop that took the vouchers, 2 back from the refund.
    assert office.state()["trust_fen"] == 597


def test_vouchers_go_first_and_cash_pays_the_rest_of_an_over_claim() -> None:
    office = released()
    office.draw()
    office.spend(4)
    assert office.refund("o1", 1000) == {"mei": {"voucher_fen": 1, "cash_fen": 4}}
    assert office.wallet() == (0, 0, 0)
    assert office.money() == (600, 0)


def test_what_expired_unspent_is_given_up_before_any_cash() -> None:
    office = released()
    office.draw()
    office.expire(5)
    assert office.money() == (595, 10)
    assert office.refund("o1", 400) == {"mei": {"voucher_fen": 0, "cash_fen": 0}}
    # V falls to 6, free gets 4 and gives 2 for the expired vouchers that were no longer due.
    assert office.money() == (597, 6)
    assert office.wallet() == (3, 3, 0)
    assert office.state()["trust_fen"] == 600


def test_vouchers_then_expired_then_cash() -> None:
    office = released()
    office.draw()
    office.spend(2)
    office.expire(1)
    # Of 5 claimed: 2 spent, 1 expired, 2 unspent. All must come back: 2 vouchers, 1 expired, 2 cash.
    assert office.refund("o1", 1000) == {"mei": {"voucher_fen": 2, "cash_fen": 2}}
    assert office.wallet() == (0, 0, 0)
    assert office.state()["trust_fen"] == 600
    assert office.state()["liability_fen"] == 0


def test_both_sides_of_an_order_give_back_what_each_has_drawn() -> None:
    office = released()
    office.draw("mei")
    office.spend(5, "shop")
    assert office.refund("o1", 400) == {
        "mei": {"voucher_fen": 2, "cash_fen": 0},
        "shop": {"voucher_fen": 0, "cash_fen": 2},
    }


def test_an_account_on_both_sides_gives_back_once() -> None:
    office = Office()
    office.sale("o1", 1000, member="mei", merchant="mei")
    office.settle_times(2)
    assert office.draw() == 10
    assert office.refund("o1", 400) == {"mei": {"voucher_fen": 4, "cash_fen": 0}}
    assert office.wallet() == (6, 6, 6)


def test_nothing_is_taken_while_other_lots_of_the_wallet_cover_the_claim() -> None:
    office = Office()
    office.sale("o1", 1000)
    office.sale("o2", 1000)
    office.settle_times(2)
    office.draw(amount_fen=5)
    assert office.refund("o1", 1000) == {}
    assert office.wallet() == (5, 5, 5)
    assert office.refund("o2", 200) == {"mei": {"voucher_fen": 1, "cash_fen": 0}}


def test_after_a_clawback_the_next_refund_takes_only_what_is_new() -> None:
    office = released()
    office.spend(5)
    assert office.refund("o1", 400) == {"mei": {"voucher_fen": 0, "cash_fen": 2}}
    assert office.refund("o1", 0) == {}
    assert office.refund("o1", 600) == {"mei": {"voucher_fen": 0, "cash_fen": 3}}


def test_a_refund_after_the_last_cycle_still_takes_back() -> None:
    office = Office(plan={"cycles": 2})
    office.sale("o1", 1000)
    office.settle_times(6)
    office.spend(10)
    assert office.refund("o1", 500) == {"mei": {"voucher_fen": 0, "cash_fen": 5}}


def test_vouchers_returned_before_the_refund_pay_the_over_claim_first() -> None:
    office = released()
    office.spend(5)
    office.give_back(5)
    assert office.refund("o1", 400) == {"mei": {"voucher_fen": 2, "cash_fen": 0}}


def pool_without_free_money() -> Office:
    """Free is 0, and mei and the shop each let one voucher expire that half a fen of order A helped to make.

    Orders A and B gave 100 points and 2 fen each; 0.5 % once is 0.5 fen a lot, so 1 fen a wallet, 2 fen in all.
    Both were drawn and expired, so 2 + 2 fen were free again; then lin's lot took all of it.
    """
    office = Office(pool={"allot": [1, 50]}, plan={"cycles": 1})
    office.plan("all", **(PLAN | {"r0": S, "cycles": 1}))
    for order in ("A", "B"):
        office.sale(order, 100, merchant="shop")
    office.settle_times(2)
    for who in BOTH:
        assert office.draw(who) == 1
        office.expire(1, who)
    assert office.money() == (4, 2)
    office.sale("C", 1000, member="lin", plan="all")
    office.settle_times(2)
    assert office.money() == (0, 26)
    return office


def test_where_the_pool_has_no_free_money_an_expired_voucher_comes_back_in_cash() -> None:
    office = pool_without_free_money()
    # 2 × 0.5 fen of backing return: 1 fen for two expired vouchers. The first takes it, the second is paid in cash.
    assert office.refund("A", 100) == {
        "mei": {"voucher_fen": 0, "cash_fen": 0},
        "shop": {"voucher_fen": 0, "cash_fen": 1},
    }
    assert office.money() == (0, 25)
    assert office.state()["dust_fen"] >= 0


def test_free_money_never_falls_below_zero_when_an_order_is_refunded_in_its_entry_cycle() -> None:
    office = pool_without_free_money()
    office.sale("D", 100, member="hao")  # 2 fen come in
    office.refund("A", 100)  # 1 fen returns, 2 are given for expired vouchers
    assert office.money() == (1, 25)
    office.refund("D", 100)  # 2 should leave, 1 can
    assert office.money() == (0, 25)
    assert office.settle()["driver"] == 1  # what is missing stays as allotment


# What a refund can't do


@pytest.mark.parametrize("fen", [1001, -1, "1", 1.0, True, None])
def test_a_refund_is_never_more_than_the_concession(fen: object) -> None:
    office = released()
    before = office.state()
    assert office.tell("refund", order="o1", points_fen=fen)["field"] == "points_fen"
    assert office.state() == before


def test_the_same_fen_is_not_refunded_twice() -> None:
    office = released()
    office.refund("o1", 600)
    assert office.tell("refund", order="o1", points_fen=401)["field"] == "points_fen"
    office.refund("o1", 400)
    assert office.tell("refund", order="o1", points_fen=1)["field"] == "points_fen"


def test_pumping_a_pool_and_refunding_leaves_the_concession_in_the_pool() -> None:
    office = Office()
    office.sale("honest", 1000)
    office.sale("pump", 5_000_000, member="pumper", merchant="pumper")
    office.settle_times(2)
    office.spend(office.accrued("pumper"), "pumper")
    clawed = office.refund("pump", 5_000_000)
    # All 50 000 drawn are taken back in cash and the 3 000 000 that came in stay for the others.
    assert clawed == {"pumper": {"voucher_fen": 0, "cash_fen": 50_000}}
    assert office.money() == (3_000_600 - 5, 5)
