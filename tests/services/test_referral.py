"""Red points: for the direct referrer only, out of real purchases, within a month's limit and for a year."""

from tests.support.databases import Database
from tests.support.ledger import fetch
from tests.support.town import Town, found_town, ledger_moves, plain_rules


def red_parts() -> list[int]:
    return [int(row[0]) for row in fetch("SELECT red_part_fen FROM orders ORDER BY id")]


def test_the_referrer_of_a_shopper_gets_8_percent_of_the_concession_as_red_points(town: Town) -> None:
    town.sell("lin", "grocer", 123_456)
    with ledger_moves() as moved:
        town.vest(1)
    # Of 12 346: green 7 407, red 987, coupon 864, fee 2 469, the reserve 619.
    assert moved == {
        "trust:concession_pending": -12_346,
        "trust:pool:green": 7_407,
        "trust:pool:red": 987,
        "trust:coupon": 864,
        "trust:fee_payable": 2_469,
        "trust:reserve": 619,
    }
    assert town.points("mei", "red") == 987
    town.close_all([1, 2])
    # 2.5 % of 987 is 24.675: 25 fen back it, 24 can be drawn, once a fen is whole.
    assert town.wallet("mei", "red").claimable_fen == 24
    assert town.draw("mei", pool="red") == 24


def test_without_a_referrer_the_red_part_is_the_reserve_s_and_never_green(town: Town) -> None:
    town.sell("mei", "grocer", 123_456)
    with ledger_moves() as moved:
        town.vest(1)
    assert moved["trust:reserve"] == 619 + 987
    assert moved["trust:pool:green"] == 7_407
    assert "trust:pool:red" not in moved


def test_a_referral_pays_one_level_what_bo_buys_gives_lin_red_points_and_mei_nothing(town: Town) -> None:
    # Mei brought Lin, Lin brought Bo.
    order = town.sell("bo", "grocer", 100_000)
    town.close_all([1, 2])
    assert (town.points("lin", "red"), town.points("mei", "red")) == (800, 0)
    assert fetch("SELECT account_id FROM wallet w JOIN pool p ON p.id = w.pool_id WHERE p.is_red") == [
        (town.ids["lin"],)
    ]
    assert fetch("SELECT referrer_id FROM orders WHERE id = %s", order) == [(town.ids["lin"],)]


def test_an_order_row_has_room_for_one_referrer_and_nothing_above(town: Town) -> None:
    from greenloop.store.models import Member, Order

    assert [field.name for field in Order._meta.fields if "refer" in field.name] == ["referrer_id"]
    assert [field.name for field in Member._meta.fields if "refer" in field.name] == ["referrer_id"]


def test_a_referrer_s_red_points_stop_at_the_month_s_limit_and_start_anew_the_next_month(database: Database) -> None:
    town = found_town(plain_rules(referral_month_fen=1_000))
    # A concession of 10 000 has a red part of 800. The second finds room for 200, the third for nothing.
    for _ in range(3):
        town.sell("lin", "grocer", 100_000)
    # Bo's purchases count against Lin's limit, not Mei's.
    town.sell("bo", "grocer", 100_000)
    # The 27th day is 31 January, local time; the next day begins a month.
    town.day(27, 23).sell("lin", "grocer", 100_000)
    town.day(28, 0).sell("lin", "grocer", 100_000)
    assert red_parts() == [800, 200, 0, 800, 0, 800]
    with ledger_moves() as moved:
        town.close_all([1, 2, 3, 4])
    assert (town.points("mei", "red"), town.points("lin", "red")) == (1_800, 800)
    # What found no room is the reserve's: 500 of each order, and 600 + 800 + 800.
    assert moved["trust:reserve"] == 6 * 500 + 2_200


def test_the_month_s_limit_holds_within_one_batch_too(database: Database) -> None:
    town = found_town(plain_rules(referral_month_fen=1_000))
    town.take(*(town.sale("lin", "grocer", 100_000) for _ in range(3)))
    assert red_parts() == [800, 200, 0]
    assert fetch("SELECT red_fen FROM referral_month") == [(1_000,)]


def test_a_refused_sale_uses_up_nothing_of_the_limit(database: Database) -> None:
    town = found_town(plain_rules(referral_month_fen=1_000))
    taking = town.take(town.sale("lin", "grocer", 100_000, voucher_fen=5), town.sale("lin", "grocer", 100_000))
    assert set(taking.refusals) == {0}
    assert red_parts() == [800]


def test_red_points_come_for_365_days_from_the_shopper_s_enrolment(town: Town) -> None:
    # Lin enrolled as day 1 began: day 365 is the last, day 366 begins a year later.
    town.day(365, 23).sell("lin", "grocer", 100_000)
    town.day(366, 0).sell("lin", "grocer", 100_000)
    assert red_parts() == [800, 0]
    assert fetch("SELECT referrer_id FROM orders ORDER BY id") == [(town.ids["mei"],), (None,)]


def test_enrolling_and_referring_pays_nobody_anything(town: Town) -> None:
    with ledger_moves() as moved:
        town.member("ann", referrer="bo")
        town.close_all([1, 2])
    assert moved == {}
    assert fetch("SELECT COUNT(*) FROM position") == [(0,)]
