"""What a holder is shown of its wallet: the figures that a sale decides on, and how they came about."""

from datetime import timedelta

import pytest

from greenloop.core.loop import spending
from greenloop.core.money import SCALE
from greenloop.services.loop.hold import hold_account, hold_order
from greenloop.services.loop.rules import publish_rules
from greenloop.sim.town import build_town
from greenloop.store.queries import holdings, movements, purchases
from greenloop.store.queries.holdings import QuoteLine
from greenloop.store.queries.wallets import purses_of
from tests.support.databases import Database
from tests.support.ledger import fetch
from tests.support.town import Town, found_town, plain_rules


def rich(town: Town) -> Town:
    """Let Mei buy for 1 000 yuan at the grocer and two cycles pass: 100 fen to draw, and a coupon of 700."""
    town.sell("mei", "grocer", 100_000)
    town.close_all([1, 2])
    return town


def two_pools() -> Town:
    """Let Mei have 300 to draw in the older pool, and 30 drawn in the younger (test_spending has the arithmetic)."""
    town = rich(found_town())
    document = plain_rules()
    document["pools"]["annex"] = dict(document["pools"]["green"])
    document["routes"].insert(0, {"pool": "annex", "plan": "short", "cities": ["Village"]})
    publish_rules(document=document, effective_at=town.at, by="rules", at=town.at)
    town.merchant("farm", city="Village")
    town.sell("mei", "farm", 30_000)
    town.close_all([3, 4])
    town.draw("mei", pool="annex")
    return town


def test_the_points_of_a_cycle_say_what_they_have_released_so_far_and_how_far_that_is_from_the_cap(town: Town) -> None:
    rich(town).draw("mei", 40)
    found = holdings.holding(town.ids["mei"])
    # 10 % of 1 000 yuan is 100 points; one release of 1 % is 1 yuan, and the cap is 5 yuan a point.
    (row,) = found.cohorts
    assert (row.pool, row.is_red, row.cycle, row.points, row.age, row.cycles) == ("green", False, 1, 10_000, 1, 30)
    assert (row.release_index, row.released_fen, row.cap_permille) == (SCALE // 100, 100, 2)
    assert (found.points, found.released_fen, found.unspent_fen, found.drawable_fen) == (10_000, 100, 40, 60)
    assert (found.spendable_fen, found.spent_fen, found.expired_fen, found.debt_fen) == (100, 0, 0, 0)
    assert [(paper.left_fen, paper.expires_at) for paper in found.vouchers] == [(40, town.at + timedelta(days=365))]


def test_a_path_has_every_release_of_the_past_and_nothing_beyond(town: Town) -> None:
    rich(town).sell("mei", "grocer", 50_000)
    town.close(3)
    held = holdings.holding(town.ids["mei"])
    newest, oldest = held.cohorts
    found = holdings.paths(held.cohorts)
    assert found[oldest.id].indices == (0, SCALE // 100, SCALE // 50)
    assert found[newest.id].indices == (0,)
    # Cycle 1 ends with day 7, cycle 3 with day 21.
    last = timedelta(microseconds=1)
    assert found[oldest.id].entered_at == town.instant(8, 0) - last
    assert found[newest.id].entered_at == town.instant(22, 0) - last


def test_a_quote_takes_the_pools_by_age_and_unspent_vouchers_before_new_ones(database: Database) -> None:
    town = two_pools()
    held = holdings.holding(town.ids["mei"])
    found = holdings.quote(held, 310)
    assert (found.voucher_fen, found.rest_fen) == (310, 0)
    assert found.lines == (QuoteLine("green", 0, 300, 0), QuoteLine("annex", 10, 0, 0))
    # And that is what a sale then takes.
    town.sell("mei", "baker", voucher_fen=310)
    after = holdings.holding(town.ids["mei"])
    assert (after.spendable_fen, after.spent_fen) == (held.spendable_fen - 310, 310)
    assert fetch("SELECT kind, amount_fen FROM wallet_entry WHERE order_id IS NOT NULL ORDER BY line") == [
        ("draw", 300),
        ("spend", 300),
        ("spend", 10),
    ]


def test_a_quote_of_more_than_there_is_leaves_the_rest_to_cash(database: Database) -> None:
    found = holdings.quote(holdings.holding(two_pools().ids["mei"]), 1_000)
    assert (found.price_fen, found.voucher_fen, found.rest_fen) == (1_000, 330, 670)
    nobody = holdings.quote(holdings.holding(0), 1_000)
    assert (nobody.voucher_fen, nobody.rest_fen, nobody.lines) == (0, 1_000, ())


def test_a_quote_repays_a_debt_before_it_draws(database: Database) -> None:
    town = found_town()
    town.sell("bo", "grocer", 200_000, delivered=False)
    order = town.sell("lin", "grocer", 100_000)
    town.sell("mei", "grocer", 1_000)
    town.close_all([1, 2])
    town.sell("mei", "baker", voucher_fen=21)
    town.refund(order, 100_000)
    town.sell("mei", "grocer", 30_000)
    town.close_all([3, 4])
    # 32 are released since, and 20 of them are the reserve's (test_over_claims has the arithmetic).
    held = holdings.holding(town.ids["mei"])
    assert (held.debt_fen, held.spendable_fen) == (20, 12)
    assert holdings.quote(held, 12).lines == (QuoteLine("green", 0, 12, 20),)
    town.sell("mei", "baker", voucher_fen=12)
    assert holdings.holding(town.ids["mei"]).debt_fen == 0
    kinds = [(entry.kind, entry.sign, entry.amount_fen) for entry in movements.entries(town.ids["mei"], limit=3)]
    assert kinds == [("spend", "−", 12), ("draw", "+", 12), ("repay", "", 20)]


def test_every_holder_is_shown_the_purses_that_a_sale_decides_on(database: Database) -> None:
    build_town(seed=11, members=40, cycles=8)
    accounts = [account for (account,) in fetch("SELECT DISTINCT account_id FROM wallet")]
    assert accounts
    purses = purses_of(accounts)
    for account in accounts:
        found = holdings.holding(account)
        assert found.purses == spending.place_debt(purses[account])
        assert sum(row.released_fen for row in found.cohorts) <= found.released_fen
        taken = holdings.quote(found, found.spendable_fen)
        assert sum(line.unspent_fen + line.drawn_fen for line in taken.lines) == found.spendable_fen


def test_orders_say_what_they_wait_for_and_what_coupons_they_will_bring(town: Town) -> None:
    held = town.sell("mei", "grocer", 100_000)
    hold_order(order_id=held, reason="looks odd", by="risk", at=town.at)
    town.sell("mei", "grocer", 50_000, delivered=False)
    town.sell("mei", "grocer", 10_000, confirmed=False)
    town.sell("mei", "baker", 10_000)
    found = purchases.waiting(town.ids["mei"], limit=3)
    # 7 % of the concessions 10 000, 5 000, 1 000 and 2 000.
    assert (found.orders, found.coupons_fen) == (4, 700 + 350 + 70 + 140)
    assert [(each.merchant, each.waits_for, each.points) for each in found.newest] == [
        ("baker", "window", 2_000),
        ("grocer", "cash", 1_000),
        ("grocer", "delivery", 5_000),
    ]
    assert purchases.waiting(town.ids["mei"], limit=9).newest[3].waits_for == "hold"
    assert purchases.waiting(town.ids["lin"], limit=9) == purchases.Waiting(0, 0, ())
    assert purchases.vested(town.ids["mei"], limit=9) == []


def test_a_final_order_says_what_its_points_have_released_and_a_refund_lowers_both(town: Town) -> None:
    order = town.sell("mei", "grocer", 100_000)
    town.sell("mei", "baker", 40, voucher_fen=0)
    town.close_all([1, 2, 3])
    small, large = purchases.vested(town.ids["mei"], limit=9)
    # 20 % of 40 fen is below the least concession of 10 fen.
    assert (small.concession_fen, small.points, small.released_fen) == (8, 0, 0)
    assert (large.price_fen, large.points, large.released_fen) == (100_000, 10_000, 200)
    town.refund(order, 25_000)
    (less,) = [each for each in purchases.vested(town.ids["mei"], limit=9) if each.id == order]
    assert (less.refunded_fen, less.concession_fen, less.points, less.released_fen) == (25_000, 7_500, 7_500, 150)


def test_purchases_go_on_where_the_page_before_ended(town: Town) -> None:
    sold = [town.sell("mei", "grocer", 1_000 + number) for number in range(7)]
    town.close(1)
    found: list[int] = []
    before = purchases.NEWEST
    while rows := purchases.vested(town.ids["mei"], before=before, limit=3):
        found += [row.id for row in rows]
        before = rows[-1].id
    assert found == sorted(sold, reverse=True)


def test_red_points_are_shown_without_the_purchase_that_they_come_from(town: Town) -> None:
    town.sell("lin", "grocer", 100_000)
    town.close_all([1, 2])
    (found,) = purchases.red_earnings(town.ids["mei"], limit=9)
    # 8 % of the concession of 10 000, released at 2.5 % a cycle.
    assert (found.points, found.released_fen) == (800, 20)
    assert set(type(found).__dataclass_fields__) == {"id", "paid_at", "points", "release_index"}
    assert purchases.red_earnings(town.ids["lin"], limit=9) == []


def test_a_movement_names_the_holder_s_own_order_and_no_other_s(town: Town) -> None:
    town.sell("bo", "grocer", 100_000, delivered=False)
    order = town.sell("lin", "grocer", 100_000)
    town.close_all([1, 2])
    # Mei spends the 20 of her red points; the refund of Lin's order takes them back.
    town.sell("mei", "baker", voucher_fen=20, order_no="mine")
    town.refund(order, 100_000)
    found = [
        (each.kind, each.pool, each.amount_fen, each.order_no) for each in movements.entries(town.ids["mei"], limit=9)
    ]
    assert found == [("claw", "red", 20, None), ("spend", "red", 20, "mine"), ("draw", "red", 20, "mine")]
    # The shop, whose order it is, is told; it had drawn nothing that could be taken back.
    assert movements.entries(town.ids["grocer"], limit=9) == []


def test_what_a_refund_takes_back_leaves_the_unspent_vouchers_only_as_far_as_it_was_unspent(town: Town) -> None:
    order = town.sell("mei", "grocer", 100_000)
    town.sell("bo", "grocer", 100_000, delivered=False)
    town.close_all([1, 2])
    # Mei draws her 100 and spends 60; the refund takes back the 40 that are left, the other 60 are kept from its cash.
    town.draw("mei")
    town.sell("mei", "baker", voucher_fen=60)
    town.refund(order, 100_000)
    rows = movements.entries(town.ids["mei"], limit=9)
    assert [(each.kind, each.sign, each.amount_fen, each.unspent_fen) for each in rows] == [
        ("claw", "−", 100, 40),
        ("spend", "−", 60, 60),
        ("draw", "+", 100, 100),
    ]


@pytest.mark.parametrize("seed", [11, 12])
def test_the_movements_of_every_wallet_add_up_to_what_is_unspent(database: Database, seed: int) -> None:
    del database
    build_town(seed=seed)
    signs = {"+": 1, "−": -1, "": 0}
    taken_back = 0
    for (account,) in fetch("SELECT DISTINCT account_id FROM wallet"):
        rows = movements.entries(account, limit=10_000)
        assert sum(signs[each.sign] * each.unspent_fen for each in rows) == holdings.holding(account).unspent_fen
        taken_back += sum(each.kind == "claw" and 0 < each.unspent_fen < each.amount_fen for each in rows)
    assert taken_back


def test_movements_go_on_where_the_page_before_ended(town: Town) -> None:
    rich(town)
    for fen in (10, 20, 30):
        town.sell("mei", "baker", voucher_fen=fen)
    whole = movements.entries(town.ids["mei"], limit=99)
    assert [each.amount_fen for each in whole] == [30, 30, 20, 20, 10, 10]
    found: list[movements.Movement] = []
    before = movements.NEWEST
    while rows := movements.entries(town.ids["mei"], before=before, limit=1):
        found += rows
        before = rows[-1].journal_id, rows[-1].line
    assert found == whole


def test_a_coupon_s_life_is_told_whole(town: Town) -> None:
    town.sell("bo", "grocer", 100_000)
    town.close(1)
    town.transfer_fees(1)
    town.grant(2_000, 500)
    order = town.sell("mei", "grocer", 100_000, order_no="first")
    town.close(2)
    town.sell("mei", "baker", coupon_fen=600, order_no="paid")
    # Of the 700 of the order and the 500 of the grant, the earned one goes first; half the order comes back.
    town.refund(order, 50_000)
    grant, earned = movements.coupons(town.ids["mei"], limit=9)
    assert (earned.kind, earned.order_no, earned.face_fen, earned.used_fen) == ("earned", "first", 700, 600)
    assert (grant.kind, grant.face_fen, grant.used_fen, grant.left_fen) == ("grant", 500, 0, grant.left_fen)
    for each in (grant, earned):
        assert each.face_fen == each.used_fen + each.expired_fen + each.left_fen + each.taken_back_fen
    assert [(use.order_no, use.amount_fen) for use in earned.uses] == [("paid", 600)]
    first = movements.coupons(town.ids["mei"], limit=1)
    rest = movements.coupons(town.ids["mei"], before=(first[0].order_id, first[0].kind), limit=9)
    assert [*first, *rest] == [grant, earned]


def test_coupons_are_told_apart_by_their_day(town: Town) -> None:
    rich(town)
    # Usable from the end of day 7 for 90 days.
    assert holdings.coupons(town.ids["mei"], at=town.instant(98, 0) - timedelta(seconds=1)).usable_fen == 700
    late = holdings.coupons(town.ids["mei"], at=town.instant(98, 0))
    assert (late.usable_fen, late.past_fen) == (0, 700)
    early = holdings.coupons(town.ids["mei"], at=town.instant(7, 23))
    assert (early.usable_fen, early.past_fen) == (0, 0)


def test_a_hold_on_the_account_or_on_a_final_order_is_named_to_all_whom_it_blocks(town: Town) -> None:
    order = town.sell("lin", "grocer", 100_000, order_no="odd")
    town.close(1)
    hold_order(order_id=order, reason="looks odd", by="risk", at=town.at)
    hold_account(account_id=town.ids["lin"], reason="too many", by="risk", at=town.at)
    found = holdings.holds(town.ids["lin"])
    assert [(each.reason, each.merchant, each.order_no) for each in found] == [
        ("looks odd", "grocer", "odd"),
        ("too many", None, None),
    ]
    # The shop and Mei, who brought Lin, have points of that order; Bo hasn't.
    for ref in ("grocer", "mei"):
        assert [each.order_no for each in holdings.holds(town.ids[ref])] == ["odd"]
    assert holdings.holds(town.ids["bo"]) == ()
