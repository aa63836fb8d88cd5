"""What was claimed above the lots that are left is taken back: vouchers, expired ones, cash, dues, the reserve."""

from typing import Any

from greenloop.store.queries import lookups
from tests.support.databases import Database
from tests.support.ledger import fetch
from tests.support.town import Town, found_town, ledger_moves, plain_rules


def released_town(**changes: Any) -> tuple[Town, int]:
    """Return a town where 100 fen each were released to Mei and the grocer, with other dues of the grocer's."""
    town = found_town(plain_rules(**changes))
    town.sell("bo", "grocer", 100_000, delivered=False)
    order = town.sell("mei", "grocer", 100_000)
    town.close_all([1, 2])
    return town, order


def clawback() -> list[tuple[object, ...]]:
    return fetch("SELECT voucher_fen, expired_fen, cash_fen, dues_fen, reserve_fen FROM clawback ORDER BY account_id")


COUPON_BACK = {"trust:coupon": -700, "trust:reserve": 700}


def test_unspent_vouchers_are_taken_back_first(database: Database) -> None:
    town, order = released_town()
    town.draw("mei")
    with ledger_moves() as moved:
        town.refund(order, 100_000)
    # Backing of 200 returns; Mei's 100 drawn vouchers go back into what was released.
    assert moved == COUPON_BACK | {
        "trust:bank": -100_000,
        "trust:merchant_payable": -100_000,
        "trust:accrued:green": -200 + 100,
        "trust:voucher:green": -100,
        "trust:pool:green": 200,
    }
    assert clawback() == [(100, 0, 0, 0, 0)]
    assert fetch("SELECT left_fen FROM voucher") == [(0,)]
    assert town.wallet("mei").claimed_fen == 0


def test_part_of_a_refund_takes_back_only_what_is_above_the_rest(database: Database) -> None:
    town, order = released_town()
    town.draw("mei")
    town.refund(order, 30_000)
    # 7 000 points are left: 70 were released to them, so 30 of the 100 go.
    wallet = town.wallet("mei")
    assert (wallet.accrued_fen, wallet.claimed_fen, wallet.voucher_fen) == (70, 70, 70)


def test_expired_vouchers_are_taken_next_and_no_money_moves_for_them(database: Database) -> None:
    town, order = released_town(voucher_days=1)
    town.draw("mei", 60)
    town.later(days=1).expire()
    town.draw("mei", 40)
    with ledger_moves() as moved:
        town.refund(order, 100_000)
    # The 60 went back to free money when they expired. They are un-expired out of it, and returned with the backing.
    assert moved == COUPON_BACK | {
        "trust:bank": -100_000,
        "trust:merchant_payable": -100_000,
        "trust:accrued:green": -200 + 40 + 60,
        "trust:voucher:green": -40,
        "trust:pool:green": 200 - 60,
    }
    assert clawback() == [(40, 60, 0, 0, 0)]
    assert fetch("SELECT free_fen, backing_fen, spent_fen FROM pool WHERE name = 'green'") == [(6_000, 0, 0)]


def test_what_the_shopper_has_spent_is_kept_back_from_the_refund_s_cash(database: Database) -> None:
    town, order = released_town()
    town.draw("mei", 30)
    town.sell("mei", "baker", voucher_fen=90)
    with ledger_moves() as moved:
        town.refund(order, 100_000)
    # 90 were spent, 10 never drawn: 90 are withheld.
    assert moved == COUPON_BACK | {
        "trust:bank": -100_000 + 90,
        "trust:merchant_payable": -100_000,
        "trust:accrued:green": -200 + 90,
        "trust:pool:green": 200,
    }
    assert clawback() == [(0, 0, 90, 0, 0)]
    assert fetch("SELECT cash_fen, withheld_fen FROM refund") == [(100_000, 90)]
    assert town.wallet("mei").debt_fen == 0


def test_vouchers_that_the_same_refund_returns_are_taken_before_cash(database: Database) -> None:
    town, _ = released_town()
    order = town.sell("mei", "grocer", 50_000, voucher_fen=100)
    town.close_all([3, 4])
    # Mei's 10 000 points have released 300, the 5 000 of the second order 50; she drew all 350 and spent them.
    town.sell("mei", "baker", voucher_fen=250)
    with ledger_moves() as moved:
        town.refund(order, 50_100)
    # 100 vouchers come back; 50 of them pay for the 50 that the second order's lot had released.
    assert moved["trust:voucher:green"] == 100 - 50
    assert moved["trust:bank"] == -50_000
    assert clawback() == [(50, 0, 0, 0, 0)]


def test_what_a_referrer_has_spent_falls_on_the_reserve_and_is_its_debt(database: Database) -> None:
    town = found_town()
    town.sell("bo", "grocer", 100_000, delivered=False)
    order = town.sell("lin", "grocer", 100_000)
    town.close_all([1, 2])
    # Mei's 800 red points released 2.5 %: 20, which she spends. Then Lin returns everything.
    town.sell("mei", "baker", voucher_fen=20)
    with ledger_moves() as moved:
        town.refund(order, 100_000)
    # What was accrued in the red pool is as before: 20 went back to free money, and the reserve put 20 in.
    assert moved == {
        "trust:bank": -100_000,
        "trust:merchant_payable": -100_000,
        "trust:accrued:green": -200,
        "trust:pool:green": 200,
        "trust:pool:red": 20,
        "trust:coupon": -700,
        "trust:reserve": 680,
    }
    assert clawback() == [(0, 0, 0, 0, 20)]
    assert town.wallet("mei", "red").debt_fen == 20
    # Her next red points repay it first: 800 points release 20 a cycle.
    town.sell("lin", "grocer", 100_000)
    town.close_all([3, 4, 5])
    with ledger_moves() as moved:
        assert town.draw("mei", pool="red") == 20
    assert moved == {"trust:accrued:red": -40, "trust:reserve": 20, "trust:voucher:red": 20}


def test_a_debt_is_repaid_by_the_holder_s_draws_from_any_pool(database: Database) -> None:
    town = found_town()
    town.sell("bo", "grocer", 200_000, delivered=False)
    order = town.sell("lin", "grocer", 100_000)
    town.sell("mei", "grocer", 1_000)
    town.close_all([1, 2])
    # Of red points 20, of green ones 1 % of 100. Mei spends all of it, pools by age: green first.
    town.sell("mei", "baker", voucher_fen=21)
    town.refund(order, 100_000)
    assert town.wallet("mei", "red").debt_fen == 20
    town.sell("mei", "grocer", 30_000)
    town.close_all([3, 4])
    # 1 % of 100 for two more cycles, 1 % of 3 000: 32, of which 20 are the reserve's.
    with ledger_moves() as moved:
        assert town.draw("mei") == 12
    assert moved == {"trust:accrued:green": -32, "trust:reserve": 20, "trust:voucher:green": 12}
    assert (town.wallet("mei").debt_fen, town.wallet("mei", "red").debt_fen) == (0, 0)


def test_what_the_merchant_has_spent_is_taken_from_its_dues(database: Database) -> None:
    town, order = released_town()
    town.sell("grocer", "baker", voucher_fen=100)
    with ledger_moves() as moved:
        town.refund(order, 100_000)
    # It is owed 180 000; the price is 100 000, and 100 fen more for the vouchers it should never have had.
    assert moved == COUPON_BACK | {
        "trust:bank": -100_000,
        "trust:merchant_payable": -100_000 - 100,
        "trust:accrued:green": -200 + 100,
        "trust:pool:green": 200,
    }
    assert clawback() == [(0, 0, 0, 100, 0)]
    assert town.later(days=1).pay_out() == {"grocer": 180_000 - 100_100, "baker": 100}


def test_where_the_merchant_s_dues_end_the_reserve_pays_and_the_merchant_owes_it(database: Database) -> None:
    town = found_town()
    # Dues of 90 000 and 10 080: what is left after the price is 80.
    order = town.sell("mei", "grocer", 100_000)
    town.sell("bo", "grocer", 11_200, delivered=False)
    town.close_all([1, 2])
    town.sell("grocer", "baker", voucher_fen=100)
    with ledger_moves() as moved:
        assert town.refund(order, 100_000) == "paid"
    assert clawback() == [(0, 0, 0, 80, 20)]
    assert (moved["trust:merchant_payable"], moved["trust:reserve"]) == (-100_080, 700 - 20)
    assert town.wallet("grocer").debt_fen == 20
    # Its next sale is of 30 000: 1 % of 3 000 points are released, of which it owes 20.
    town.sell("mei", "grocer", 30_000)
    town.close_all([3, 4])
    (purse,) = lookups.purses(town.ids["grocer"])
    assert (purse.claimable_fen, purse.debt_fen, purse.drawable_fen) == (30, 20, 10)
    assert town.draw("grocer") == 10


def test_a_shop_that_buys_from_itself_has_two_lots_and_one_wallet(database: Database) -> None:
    town = found_town()
    order = town.sell("grocer", "grocer", 100_000)
    town.sell("bo", "grocer", 100_000, delivered=False)
    town.close_all([1, 2])
    # Two lots of 10 000; its own vouchers are not taken in its own shop.
    assert (town.points("grocer"), town.wallet("grocer").claimable_fen) == (20_000, 200)
    assert town.take(town.sale("grocer", "grocer", voucher_fen=1)).refusals[0].code == "spend.own_shop"
    town.sell("grocer", "baker", voucher_fen=130)
    town.refund(order, 60_000)
    # 4 000 points are left on each side: 80 of the 130 it spent. The other 50 are kept from its cash as shopper.
    assert clawback() == [(0, 0, 50, 0, 0)]
    assert (town.points("grocer"), town.wallet("grocer").claimable_fen) == (8_000, 0)


def test_a_refund_that_the_reserve_can_t_cover_waits_until_it_can(database: Database) -> None:
    # A split without a reserve: only roundings go there.
    split = {"green_ppm": 600_000, "red_ppm": 80_000, "coupon_ppm": 0, "reserve_ppm": 0, "fee_ppm": 320_000}
    town = found_town(plain_rules(split=split))
    town.sell("bo", "grocer", 200_000, delivered=False)
    order = town.sell("lin", "grocer", 100_000)
    town.close_all([1, 2])
    town.sell("mei", "baker", voucher_fen=20)
    with ledger_moves() as moved:
        assert town.refund(order, 100_000, "r1") == "pending"
    assert moved == {}
    # A concession of 9 fen, and then another, and another, are all the reserve's.
    for _ in range(3):
        town.sell("bo", "grocer", 90)
    town.close(3)
    # By now Mei's points have released 40, of which she spent 20; the reserve holds 27.
    assert town.refund(order, 100_000, "r1") == "paid"
    assert clawback() == [(0, 0, 0, 0, 20)]


def test_pumping_a_pool_and_refunding_gains_nothing(database: Database) -> None:
    town, order = released_town()
    town.draw("mei", 50)
    town.sell("mei", "baker", voucher_fen=80)
    town.close(3)
    town.refund(order, 100_000)
    wallet = town.wallet("mei")
    assert (wallet.accrued_fen, wallet.claimed_fen, wallet.voucher_fen, wallet.debt_fen) == (0, 0, 0, 0)
    # She paid 100 000, got 99 920 and goods for 80.
    assert fetch("SELECT cash_fen - withheld_fen FROM refund") == [(99_920,)]
