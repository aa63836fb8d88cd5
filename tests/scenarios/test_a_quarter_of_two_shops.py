"""Thirteen weeks of two shops and five members, each fen worked out beside the line that checks it.

The plain rules with weekly cycles: 1 % a cycle, red points 2.5 %; a refund window of 7 days; drawn vouchers are good
for 14 days. Day 1 is a Monday; cycle n ends as day 7n + 1 begins. The grocer concedes 10 %, the baker 20 %. Ann
brought Ben, Ben brought Cai; Dan and Eve came by themselves.
"""

from tests.support.databases import Database
from tests.support.ledger import balances, fetch
from tests.support.town import Town, found_town, ledger_moves, plain_rules

Orders = dict[str, int]


def test_a_quarter_of_two_shops_and_five_members_ties_out_to_the_fen(database: Database) -> None:
    town = found_town(plain_rules(refund_days=7, voucher_days=14))
    for ref, referrer in (("ann", None), ("ben", "ann"), ("cai", "ben"), ("dan", None), ("eve", None)):
        town.member(ref, referrer=referrer)
    orders: Orders = {}
    first_purchases(town, orders)
    second_week_brings_a_return(town, orders)
    third_week_releases_the_first_vouchers(town, orders)
    fourth_week_spends_them(town, orders)
    fifth_week_takes_half_an_order_back(town, orders)
    sixth_week_takes_a_first_order_back(town, orders)
    quiet_weeks(town)
    everybody_spends_what_there_is(town)
    the_bank_holds_exactly_what_is_owed(town)


def first_purchases(town: Town, orders: Orders) -> None:
    orders["ann"] = town.day(1).sell("ann", "grocer", 200_000)  # concession 20 000
    orders["ben"] = town.sell("ben", "baker", 50_000)  # 10 000
    # T+1: 200 000 − 20 000 and 50 000 − 10 000.
    assert town.day(2).pay_out() == {"grocer": 180_000, "baker": 40_000}
    orders["cai"] = town.day(3).sell("cai", "grocer", 30_000)  # 3 000
    assert town.day(4).pay_out() == {"grocer": 27_000}
    # No refund window has passed: nothing vests in cycle 1.
    assert (town.vest(1).orders, town.close(1).issued_fen) == (0, 0)


def second_week_brings_a_return(town: Town, orders: Orders) -> None:
    # Cai brings back 100 of 300 yuan. The grocer has been paid and is owed nothing: it has to wait.
    assert town.day(9).refund(orders["cai"], 10_000, "r1") == "pending"
    orders["dan"] = town.sell("dan", "grocer", 100_000)  # concession 10 000, dues 90 000
    assert town.refund(orders["cai"], 10_000, "r1") == "paid"
    # 90 000 less the 10 000 that went back, of which 1 000 had been conceded.
    assert town.day(10).pay_out() == {"grocer": 81_000}
    with ledger_moves() as moved:
        town.vest(2)
    # 20 000 + 10 000 + 2 000 = 32 000 are final. Green 60 %: 12 000 + 6 000 + 1 200. Red 8 %: 800 for Ann, of Ben's,
    # and 160 for Ben, of Cai's; the 1 600 of Ann's own order are the reserve's, beside 5 % = 1 600.
    assert moved == {
        "trust:concession_pending": -32_000,
        "trust:pool:green": 19_200,
        "trust:pool:red": 960,
        "trust:coupon": 2_240,
        "trust:fee_payable": 6_400,
        "trust:reserve": 3_200,
    }
    assert town.close(2).issued_fen == 0
    points = {ref: town.points(ref) for ref in ("ann", "ben", "cai", "grocer", "baker")}
    assert points == {"ann": 20_000, "ben": 10_000, "cai": 2_000, "grocer": 22_000, "baker": 10_000}
    assert (town.points("ann", "red"), town.points("ben", "red")) == (800, 160)
    assert town.transfer_fees(2) == 6_400


def third_week_releases_the_first_vouchers(town: Town, orders: Orders) -> None:
    # The platform gives 4 yuan to each new member's first order, 10 yuan in all.
    town.day(15).grant(1_000, 400)
    orders["eve"] = town.day(16).sell("eve", "baker", 25_000)  # concession 5 000
    assert town.day(17).pay_out() == {"baker": 20_000}
    # 1 % of 64 000 points, 2.5 % of 960. Dan's order of day 9 vests.
    assert town.close(3).issued_fen == 640 + 24
    claimable = {ref: town.wallet(ref).claimable_fen for ref in ("ann", "ben", "cai", "dan", "grocer", "baker")}
    assert claimable == {"ann": 200, "ben": 100, "cai": 20, "dan": 0, "grocer": 220, "baker": 100}
    assert (town.wallet("ann", "red").claimable_fen, town.wallet("ben", "red").claimable_fen) == (20, 4)
    assert town.transfer_fees(3) == 2_000


def fourth_week_spends_them(town: Town, orders: Orders) -> None:
    orders["ann2"] = town.day(22).sell("ann", "baker", 10_000, voucher_fen=150)  # 20 % of the cash: 2 000
    assert town.draw("ben") == 100
    assert town.day(23).pay_out() == {"baker": 8_000 + 150}
    with ledger_moves() as moved:
        # 64 000 points of cycle 2 and Dan's two lots of 10 000: 1 % of 84 000.
        assert town.close(4).issued_fen == 840 + 24
    # Eve's 5 000 vest: coupon 350, and the first-order rebate of 400 comes from the platform's bank.
    assert moved["ops:bank"] == -400
    assert (moved["trust:bank"], moved["trust:coupon"], town.coupons("eve")) == (400, 750, 750)
    assert town.transfer_fees(4) == 1_000


def fifth_week_takes_half_an_order_back(town: Town, orders: Orders) -> None:
    town.day(29).sell("dan", "grocer", 150_000)  # concession 15 000, dues 135 000
    town.day(30).sell("eve", "grocer", 1_000, coupon_fen=300)  # concession 100, dues 900 + 300
    with ledger_moves() as moved:
        assert town.refund(orders["ann"], 100_000) == "paid"
    # Long after its entry cycle: the grocer bears all of it. Ann's coupon falls from 1 400 to 700. Her lot and the
    # grocer's lose 10 000 points each, which had released 2 %: 400 return to the pool. She has claimed 150 of the
    # 200 that are left to her: nothing is taken back.
    assert moved == {
        "trust:bank": -100_000,
        "trust:merchant_payable": -100_000,
        "trust:coupon": -700,
        "trust:reserve": 700,
        "trust:accrued:green": -400,
        "trust:pool:green": 400,
    }
    assert town.wallet("ann").claimable_fen == 50
    assert town.day(31).pay_out() == {"grocer": 135_000 + 1_200 - 100_000}
    # 1 % of 44 000, of 20 000 and of Eve's 10 000. Ann's order of day 22 vests.
    assert town.close(5).issued_fen == 740 + 24
    assert town.transfer_fees(5) == 400


def sixth_week_takes_a_first_order_back(town: Town, orders: Orders) -> None:
    # Eve returns her whole first order. The baker has been paid, and has to bring the 250 yuan.
    assert town.day(36).refund(orders["eve"], 25_000, "r1") == "pending"
    town.deposit("baker", 25_000)
    with ledger_moves() as moved:
        assert town.refund(orders["eve"], 25_000, "r1") == "paid"
    # Of her coupons 50 + 400 are left: 350 earned by the order are taken first, then 100 of the rebate; the 300 that
    # are missing are kept back from her cash. Both lots of 5 000 had released 1 %.
    assert moved == {
        "trust:bank": -25_000 + 300,
        "trust:merchant_payable": -25_000,
        "trust:coupon": -450,
        "trust:reserve": 350,
        "trust:grant_unused": 400,
        "trust:accrued:green": -100,
        "trust:pool:green": 100,
    }
    # Ben never spent what he drew on day 22, and its 14 days are over.
    assert town.day(37).expire().voucher_fen == 100
    assert town.pay_out() == {}
    # 1 % of 44 000, 20 000 and 4 000. Dan's 15 000 and Eve's 100 vest.
    assert town.close(6).issued_fen == 680 + 24
    assert town.transfer_fees(6) == 3_000 + 20


def quiet_weeks(town: Town) -> None:
    # 1 % of 44 000, 20 000, 4 000 and 30 200 points; 2.5 % of 960.
    assert [town.close(cycle).issued_fen for cycle in range(7, 14)] == [982 + 24] * 7
    # Cohorts: cycle 2 has released 11 times, cycle 3 ten times, cycle 5 eight times, cycle 6 seven times.
    accrued = {ref: town.wallet(ref).accrued_fen for ref in ("ann", "ben", "cai", "dan", "eve", "grocer", "baker")}
    assert accrued == {
        "ann": 1_100 + 160,  # 10 000 × 11 % + 2 000 × 8 %
        "ben": 1_100,  # 10 000 × 11 %
        "cai": 220,  # 2 000 × 11 %
        "dan": 1_000 + 1_050,  # 10 000 × 10 % + 15 000 × 7 %
        "eve": 7,  # 100 × 7 %
        "grocer": 1_320 + 1_000 + 1_057,  # 12 000 × 11 % + 10 000 × 10 % + 15 100 × 7 %
        "baker": 1_100 + 160,  # 10 000 × 11 % + 2 000 × 8 %
    }
    # Paid in: 19 200 + 6 000 + 3 000 + 1 200 + 9 060 = 38 460. Backing: 4 840 + 2 000 + 320 + 2 114 = 9 274.
    # Free: what was paid in, less the backing, and the 100 that expired.
    pools = fetch("SELECT name, free_fen, backing_fen FROM pool ORDER BY name")
    assert pools == [("green", 29_286, 9_274), ("red", 960 - 264, 264)]


def everybody_spends_what_there_is(town: Town) -> None:
    # Red: 11 times 20 for Ann and 4 for Ben. Ann spent 150 before, 100 of Ben's expired.
    spend = {"ann": 1_260 - 150 + 220, "ben": 1_100 - 100 + 44, "cai": 220, "dan": 2_050, "eve": 7}
    town.day(92)
    for ref, fen in spend.items():
        over = town.take(town.sale(ref, "baker", voucher_fen=fen + 1))
        assert over.refusals[0].code == "spend.balance"
        town.sell(ref, "baker", voucher_fen=fen)
    assert sum(spend.values()) == 4_651
    assert town.day(93).pay_out() == {"baker": 4_651}


def the_bank_holds_exactly_what_is_owed(town: Town) -> None:
    # In: 566 000 of cash from five members, a deposit of 25 000 and a rebate of 400. Out: refunds of 10 000, 100 000
    # and 24 700; payouts of 397 001; fees of 12 820.
    payouts = 180_000 + 40_000 + 27_000 + 81_000 + 20_000 + 8_150 + 36_200 + 4_651
    bank_fen = 566_000 + 25_000 + 400 - 134_700 - payouts - 12_820
    assert (payouts, bank_fen) == (397_001, 46_879)
    assert {name: fen for name, fen in balances().items() if fen} == {
        "trust:bank": bank_fen,
        "trust:pool:green": 29_286,
        "trust:pool:red": 696,
        "trust:accrued:green": 3_377 + 1_260,  # the grocer's and the baker's, never drawn
        "trust:coupon": 840 + 700 + 140 + 1_750 + 7,
        "trust:grant_unused": 400,
        "trust:reserve": 3_200 + 1_300 + 650 + 260 + 1_963 + 700 + 350,
        "ops:bank": 12_820 - 400,
        "ops:fee_income": 12_820,
        "ops:marketing": 400,
    }
    # Settlements moved 9 538 that still back what was released, and 500 that came back with refunds. Paid in were
    # 38 460 and 960.
    issued, paid_in = fetch("SELECT SUM(issued_fen), (SELECT SUM(inflow_fen) FROM pool_cycle) FROM settled_cycle")[0]
    assert (int(issued), int(paid_in)) == (9_538 + 500, 39_420)
