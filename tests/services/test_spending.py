"""Vouchers and coupons at the till: which are taken first, where they are refused, and what the ledger says."""

import pytest

from greenloop.core.faults import Refusal
from greenloop.services.loop.hold import hold_account, hold_order, release
from greenloop.services.loop.rules import publish_rules
from tests.support.databases import Database
from tests.support.ledger import fetch, last_postings, whole_database
from tests.support.town import Town, found_town, ledger_moves, plain_rules


def rich(town: Town) -> Town:
    """Let Mei buy for 1 000 yuan at the grocer and two cycles pass: 100 fen to draw, and a coupon of 700."""
    town.sell("mei", "grocer", 100_000)
    town.close_all([1, 2])
    return town


def test_unspent_vouchers_go_first_and_only_what_is_missing_is_drawn(town: Town) -> None:
    rich(town).draw("mei", 40)
    with ledger_moves() as moved:
        town.sell("mei", "baker", 1_000, voucher_fen=70, confirmed=False)
    # 40 were drawn, 30 more are; 20 % of the cash of 1 000 is conceded.
    assert moved == {
        "trust:in_transit": 1_000,
        "trust:accrued:green": -30,
        "trust:voucher:green": -40,
        "trust:concession_pending": 200,
        "trust:merchant_payable": 800 + 70,
    }
    postings = last_postings()
    assert postings["trust:accrued:green", "trust:voucher:green"] == 30
    assert postings["trust:voucher:green", "trust:merchant_payable"] == 70
    wallet = town.wallet("mei")
    assert (wallet.claimed_fen, wallet.voucher_fen, wallet.redeemed_fen, wallet.claimable_fen) == (70, 0, 70, 30)


def test_the_vouchers_that_expire_first_are_spent_first(town: Town) -> None:
    rich(town).draw("mei", 30)
    town.later(days=1).draw("mei", 50)
    town.sell("mei", "baker", voucher_fen=45)
    assert fetch("SELECT face_fen, left_fen FROM voucher ORDER BY expires_at") == [(30, 0), (50, 35)]


def test_a_spend_takes_the_pools_by_age(database: Database) -> None:
    town = rich(found_town())
    document = plain_rules()
    document["pools"]["annex"] = dict(document["pools"]["green"])
    document["routes"].insert(0, {"pool": "annex", "plan": "short", "cities": ["Village"]})
    publish_rules(document=document, effective_at=town.at, by="rules", at=town.at)
    town.merchant("farm", city="Village")
    town.sell("mei", "farm", 30_000)
    town.close_all([3, 4])
    # 1 % a cycle: of 10 000 points three times, of 3 000 once.
    assert (town.wallet("mei").claimable_fen, town.wallet("mei", "annex").claimable_fen) == (300, 30)
    town.draw("mei", pool="annex")
    with ledger_moves() as moved:
        town.sell("mei", "baker", voucher_fen=310)
    # All of the older pool, though it has to be drawn first; 10 of the younger one.
    assert moved == {
        "trust:accrued:green": -300,
        "trust:voucher:annex": -10,
        "trust:merchant_payable": 310,
    }
    assert fetch("SELECT amount_fen FROM voucher_use ORDER BY line") == [(300,), (10,)]


def test_more_than_there_is_can_t_be_spent_and_nothing_is_half_written(town: Town) -> None:
    rich(town).draw("mei", 40)
    before = whole_database()
    over: list[tuple[int, int, str]] = [(101, 0, "voucher_fen"), (0, 701, "coupon_fen"), (100, 701, "coupon_fen")]
    for voucher_fen, coupon_fen, field in over:
        taking = town.take(town.sale("mei", "baker", 5, voucher_fen=voucher_fen, coupon_fen=coupon_fen))
        assert (taking.refusals[0].code, taking.refusals[0].field) == ("spend.balance", field)
    assert whole_database() == before


def test_two_sales_of_one_batch_can_t_spend_the_same_voucher(town: Town) -> None:
    rich(town)
    sales = [town.sale("mei", "baker", voucher_fen=fen) for fen in (60, 60, 40, 1)]
    taking = town.take(*sales)
    assert {place: refusal.code for place, refusal in taking.refusals.items()} == {
        1: "spend.balance",
        3: "spend.balance",
    }
    assert town.wallet("mei").redeemed_fen == 100


def test_vouchers_and_coupons_are_refused_at_a_shop_of_the_same_owner_its_staff_or_linked_accounts(town: Town) -> None:
    rich(town).merchant("cousin", linked=("mei",))
    for part in ("voucher_fen", "coupon_fen"):
        taking = town.take(town.sale("mei", "cousin", 100, **{part: 5}))
        assert (taking.refusals[0].code, taking.refusals[0].field) == ("spend.own_shop", "member")
    # Cash is welcome, and at another shop so are the vouchers.
    town.sell("mei", "cousin", 100)
    town.sell("mei", "baker", 100, voucher_fen=5, coupon_fen=5)


def test_a_held_account_can_t_spend_until_it_is_released(town: Town) -> None:
    rich(town)
    hold = hold_account(account_id=town.ids["mei"], reason="looks odd", by="risk", at=town.at)
    assert hold_account(account_id=town.ids["mei"], reason="again", by="risk", at=town.at) == hold
    taking = town.take(town.sale("mei", "baker", 100, voucher_fen=5), town.sale("mei", "baker", 100))
    assert {place: refusal.code for place, refusal in taking.refusals.items()} == {0: "spend.held"}
    release(hold_id=hold, by="risk", at=town.at)
    release(hold_id=hold, by="risk", at=town.at)
    town.sell("mei", "baker", 100, voucher_fen=5)


def test_a_hold_on_a_vested_order_blocks_all_it_gave_points_to_and_its_release_frees_them(town: Town) -> None:
    order = town.sell("lin", "grocer", 100_000)
    town.sell("bo", "baker", 100_000)
    town.close_all([1, 2])
    index = fetch("SELECT release_index FROM cohort ORDER BY id")
    hold = hold_order(order_id=order, reason="looks odd", by="risk", at=town.at)
    assert town.take(town.sale("lin", "baker", voucher_fen=5)).refusals[0].code == "spend.held"
    for ref, pool in (("lin", "green"), ("grocer", "green"), ("mei", "red")):
        with pytest.raises(Refusal, match="hold"):
            town.draw(ref, pool=pool)
    # The index is as it was, and who has nothing to do with the order draws as ever.
    assert fetch("SELECT release_index FROM cohort ORDER BY id") == index
    assert town.draw("baker") == 200
    release(hold_id=hold, by="risk", at=town.at)
    assert (town.draw("lin"), town.draw("grocer"), town.draw("mei", pool="red")) == (100, 100, 20)


def test_a_coupon_is_pending_until_its_order_vests_and_then_pays_in_full(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    early = town.take(town.sale("mei", "baker", 100, coupon_fen=1))
    assert early.refusals[0].code == "spend.balance"
    town.vest(1)
    with ledger_moves() as moved:
        town.sell("mei", "baker", 100, coupon_fen=700, confirmed=False)
    assert moved == {
        "trust:in_transit": 100,
        "trust:coupon": -700,
        "trust:concession_pending": 20,
        "trust:merchant_payable": 80 + 700,
    }
    assert town.coupons("mei") == 0


def test_the_coupon_that_expires_first_is_used_first(town: Town) -> None:
    rich(town)
    town.sell("mei", "grocer", 10_000)
    town.close(3)
    town.sell("mei", "baker", coupon_fen=710)
    # 7 % of 10 000, then 10 of the 7 % of 1 000.
    assert fetch("SELECT face_fen, left_fen FROM coupon ORDER BY expires_at") == [(700, 0), (70, 60)]


def test_a_coupon_is_refused_where_the_merchant_takes_none(town: Town) -> None:
    rich(town).merchant("tailor", accepts_coupons=False)
    taking = town.take(town.sale("mei", "tailor", 100, coupon_fen=1), town.sale("mei", "tailor", 100, voucher_fen=1))
    assert {place: refusal.code for place, refusal in taking.refusals.items()} == {0: "spend.coupon"}


def test_an_expired_coupon_pays_nothing_and_becomes_the_reserve_s(town: Town) -> None:
    rich(town)
    # The coupon is good for 90 days from the end of day 7.
    town.day(97, 23)
    assert town.expire().coupon_fen == 0
    town.sell("mei", "baker", 100, coupon_fen=100)
    town.day(98, 0)
    assert town.take(town.sale("mei", "baker", 100, coupon_fen=1)).refusals[0].code == "spend.balance"
    with ledger_moves() as moved:
        assert town.expire().coupon_fen == 600
    assert moved == {"trust:coupon": -600, "trust:reserve": 600}
    with ledger_moves() as moved:
        assert town.expire() == town.expire()
    assert moved == {}


def test_a_merchant_spends_what_its_sales_have_earned_it_at_another_shop(town: Town) -> None:
    rich(town)
    with ledger_moves() as moved:
        order = town.sell("grocer", "baker", 1_000, voucher_fen=100)
    assert moved["trust:accrued:green"] == -100
    # It is a buyer like any other: 20 % of its cash earn it points, but nobody a red point or a rebate.
    assert fetch("SELECT concession_fen, referrer_id, rebate_fen FROM orders WHERE id = %s", order) == [(200, None, 0)]
    town.close(3)
    assert town.points("grocer") == 10_000 + 200
