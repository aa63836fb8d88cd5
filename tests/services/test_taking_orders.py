"""Orders as tills report them: what each concedes, how that is divided, and what is no order at all."""

from datetime import timedelta

from greenloop.services.loop.take import Sale
from greenloop.services.people.enrol import set_rate
from tests.support.ledger import fetch, whole_database
from tests.support.town import OPENING_AT, Town, ledger_moves

PARTS = "concession_fen, green_part_fen, red_part_fen, coupon_part_fen, fee_part_fen"


def parts(order: int) -> tuple[object, ...]:
    return fetch(f"SELECT {PARTS} FROM orders WHERE id = %s", order)[0]


def test_an_order_of_1234_56_at_10_percent_is_split_to_the_fen(town: Town) -> None:
    # 123 456 × 10 % = 12 345.6, half up 12 346. Green 60 % = 7 407.6; red 8 % = 987.68 for Mei, who brought Lin;
    # coupon 7 % = 864.22; fee 20 % = 2 469.2; each rounded down. The reserve has its 5 % = 617 and the 2 left over.
    with ledger_moves() as moved:
        order = town.sell("lin", "grocer", 123_456, confirmed=False)
    assert parts(order) == (12_346, 7_407, 987, 864, 2_469)
    # The merchant is owed the price less the concession: 123 456 − 12 346 = 111 110.
    assert moved == {
        "trust:in_transit": 123_456,
        "trust:merchant_payable": 111_110,
        "trust:concession_pending": 12_346,
    }
    with ledger_moves() as moved:
        assert town.confirm([order]) == 123_456
    assert moved == {"trust:bank": 123_456, "trust:in_transit": -123_456}


def test_a_concession_of_1_to_9_fen_goes_to_the_reserve_and_makes_no_points(town: Town) -> None:
    expected = {
        4: (0, 0, 0, 0, 0),  # 10 % of 4 fen is 0.4
        5: (1, 0, 0, 0, 0),  # 0.5 rounds up; all of it is the reserve's
        94: (9, 0, 0, 0, 0),  # 9.4
        95: (10, 6, 0, 0, 2),  # 9.5 → 10: green 6, red 0.8, coupon 0.7, fee 2, the reserve has 2
        1_000: (100, 60, 8, 7, 20),  # the reserve has its 5
    }
    assert {cash_fen: parts(town.sell("lin", "grocer", cash_fen)) for cash_fen in expected} == expected
    with ledger_moves() as moved:
        town.close(1)
    assert (town.points("lin"), town.points("grocer"), town.points("mei", "red")) == (110, 110, 8)
    assert moved["trust:reserve"] == 1 + 9 + 2 + 5


def test_a_cycle_of_tiny_orders_alone_closes_too(town: Town) -> None:
    town.sell("lin", "grocer", 50)
    with ledger_moves() as moved:
        town.close(1)
    assert moved == {"trust:concession_pending": -5, "trust:reserve": 5}


def test_an_order_paid_by_vouchers_alone_concedes_nothing_and_vests_all_the_same(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    town.close_all([1, 2])
    # Mei's 10 000 points have released 1 %: 100 fen.
    with ledger_moves() as moved:
        order = town.sell("mei", "baker", voucher_fen=100)
    assert parts(order) == (0, 0, 0, 0, 0)
    assert moved == {"trust:accrued:green": -100, "trust:merchant_payable": 100}
    assert town.close(3).issued_fen == 200
    assert fetch("SELECT entry_cycle, entered_fen FROM orders WHERE id = %s", order) == [(3, 0)]
    assert town.points("baker") == 0


def test_only_the_cash_of_a_price_makes_a_concession(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    town.close_all([1, 2])
    order = town.sell("mei", "baker", 5_000, voucher_fen=100, coupon_fen=700)
    # 20 % of 5 000, not of 5 800.
    assert parts(order)[0] == 1_000


def test_an_amount_that_is_no_whole_number_of_fen_from_0_to_10_billion_yuan_is_refused(town: Town) -> None:
    before = whole_database()
    wrongs: list[dict[str, object]] = [
        {"cash_fen": -1},
        {"voucher_fen": -1},
        {"coupon_fen": -1},
        {"cash_fen": 10**12 + 1},
        {"voucher_fen": 10**15},
        {"cash_fen": 2**63},
        {"cash_fen": True},
        {"cash_fen": 100.0},
        {"voucher_fen": 1.5},
        {"coupon_fen": "100"},
        {"cash_fen": None},
    ]
    for wrong in wrongs:
        taking = town.take(town.sale("mei", "grocer", 100)._replace(**wrong))  # type: ignore[arg-type]
        assert (taking.refusals[0].code, taking.refusals[0].field) == ("order.amount", *wrong)
        assert taking.order_ids == [None]
    assert whole_database() == before


def test_ten_billion_yuan_can_be_paid_in_one_sum_but_not_in_two(town: Town) -> None:
    town.sell("mei", "grocer", 10**12)
    taking = town.take(town.sale("mei", "grocer", 10**12, coupon_fen=1))
    assert taking.refusals[0].code == "order.amount"


def test_a_sale_that_can_t_be_is_refused_and_writes_nothing(town: Town) -> None:
    before = whole_database()
    wrongs: list[tuple[str, object, str]] = [
        ("cash_fen", 0, "order.zero"),
        ("merchant", "nobody", "order.merchant"),
        ("member", "nobody", "order.member"),
        ("shop", "north", "order.shop"),
        ("order_no", "", "order.no"),
        ("order_no", "n" * 65, "order.no"),
        ("order_no", "a\x00b", "order.no"),
        ("paid_at", town.at + timedelta(minutes=1), "order.paid_at"),
        ("paid_at", town.at + timedelta(days=400), "order.paid_at"),
    ]
    for field, value, code in wrongs:
        taking = town.take(town.sale("mei", "grocer", 100)._replace(**{field: value}))  # type: ignore[arg-type]
        assert (taking.refusals[0].code, taking.refusals[0].field) == (code, field)
        assert str(taking.refusals[0])
    assert whole_database() == before


def test_a_payment_before_the_member_the_merchant_or_the_rules_were_there_is_refused(town: Town) -> None:
    before_opening = OPENING_AT - timedelta(days=1)
    town.member("old", enrolled_at=before_opening - timedelta(days=1))
    town.member("new", enrolled_at=town.instant(3))
    town.merchant("late", enrolled_at=town.instant(3))
    town.merchant("early", enrolled_at=before_opening - timedelta(days=1))
    town.day(4)
    taking = town.take(
        town.sale("new", "early", 100, paid_at=town.instant(2)),
        town.sale("old", "late", 100, paid_at=town.instant(2)),
        town.sale("old", "early", 100, paid_at=before_opening),
        town.sale("new", "late", 100, paid_at=town.instant(3)),
    )
    codes = {place: (refusal.code, refusal.field) for place, refusal in taking.refusals.items()}
    assert codes == {
        0: ("order.paid_at", "paid_at"),
        1: ("order.rate", "merchant"),
        2: ("rules.none", "paid_at"),
    }
    assert taking.order_ids[3] is not None


def test_a_time_of_payment_without_a_time_zone_is_refused_and_the_rest_of_the_batch_is_taken(town: Town) -> None:
    naive = town.at.replace(tzinfo=None)
    taking = town.take(town.sale("mei", "grocer", 100, paid_at=naive), town.sale("mei", "grocer", 100))
    assert taking.refusals[0].field == "paid_at"
    assert taking.order_ids[1] is not None


def test_the_rate_is_the_card_at_the_time_of_payment_whenever_the_order_arrives(town: Town) -> None:
    set_rate(merchant="grocer", rate_ppm=50_000, valid_from_at=town.instant(5, 0), at=town.at)
    town.day(9)
    rates = [
        parts(town.sell("mei", "grocer", 10_000, paid_at=paid_at))[0]
        for paid_at in (town.instant(8), town.instant(4), town.instant(5, 0), town.instant(5, 0) - timedelta.resolution)
    ]
    # 10 % of 100 yuan until Friday begins, 5 % from then on.
    assert rates == [500, 1_000, 500, 1_000]


def test_a_batch_is_one_journal_and_each_order_in_it_stands_or_falls_alone(town: Town) -> None:
    sales = [
        town.sale("mei", "grocer", 1_000),
        town.sale("nobody", "grocer", 1_000),
        town.sale("lin", "baker", 0),
        town.sale("lin", "baker", 1_000),
        town.sale("bo", "baker", 500, voucher_fen=1),
    ]
    with ledger_moves() as moved:
        taking = town.take(*sales)
    codes = {place: refusal.code for place, refusal in taking.refusals.items()}
    assert codes == {1: "order.member", 2: "order.zero", 4: "spend.balance"}
    assert [order is not None for order in taking.order_ids] == [True, False, False, True, False]
    # 10 % and 20 % of 1 000: concessions of 100 and 200.
    assert moved == {
        "trust:in_transit": 2_000,
        "trust:concession_pending": 300,
        "trust:merchant_payable": 1_700,
    }
    assert fetch("SELECT COUNT(*) FROM journal") == [(1,)]
    assert fetch("SELECT COUNT(*) FROM orders") == [(2,)]


def test_a_batch_of_which_nothing_stands_writes_no_journal(town: Town) -> None:
    before = whole_database()
    assert set(town.take(town.sale("nobody", "grocer", 1), town.sale("mei", "nobody", 1)).refusals) == {0, 1}
    assert town.take().order_ids == []
    assert whole_database() == before


def test_an_order_of_a_store_remembers_the_store(town: Town) -> None:
    merchant = town.merchant("chain", shops=("east", "west"))
    order = town.sell("mei", "chain", 1_000, shop="west")
    store = fetch("SELECT s.ref, s.merchant_id FROM orders o JOIN shop s ON s.id = o.shop_id WHERE o.id = %s", order)
    assert store == [("west", merchant)]


def test_a_sale_has_the_defaults_of_a_till(town: Town) -> None:
    sale = Sale(merchant="grocer", order_no="1", member="mei", paid_at=town.at, cash_fen=5)
    assert (sale.voucher_fen, sale.coupon_fen, sale.shop, sale.delivered) == (0, 0, None, False)
