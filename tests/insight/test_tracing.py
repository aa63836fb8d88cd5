"""An order explained: its parts add up to the fen, and the shares of all orders add up to the journals."""

from collections import Counter
from collections.abc import Iterator

import pytest

from greenloop.insight.tracing import picture, shares
from greenloop.insight.tracing.shares import Share
from greenloop.services.loop.settle import approve
from greenloop.store.queries import journeys, traces
from greenloop.store.queries.journeys import Journey
from greenloop.store.queries.traces import RefundRow
from tests.support.databases import Database
from tests.support.ledger import fetch
from tests.support.life import Life
from tests.support.town import Town, found_town, plain_rules

Pair = tuple[str, str]
SEEDS = (11, 12)


@pytest.fixture
def town(database: Database) -> Town:
    del database
    return found_town()


@pytest.fixture(params=SEEDS)
def life(request: pytest.FixtureRequest, database: Database) -> Life:
    """A life in which merchants buy too, with refunds at every stage, grants, holds and held settlements."""
    del database
    lived = Life(request.param, daily_cap_fen=20_000)
    lived.live(10, errands=16)
    return lived


def told(merchant: str, order_no: str) -> tuple[Journey, list[RefundRow], list[Share]]:
    order = traces.order(merchant, order_no)
    journey, refunds = journeys.journey(order), traces.refunds(order.id)
    vouchers = journeys.vouchers(order, journey.shopper_account_id)
    journals = traces.journals_of(*shares.needed(journey, refunds))
    return journey, refunds, shares.shares(journey, refunds, vouchers, journals)


def every_order() -> Iterator[tuple[Journey, list[RefundRow], list[Share]]]:
    keys = fetch("SELECT m.ref, o.order_no FROM orders o JOIN merchant m ON m.id = o.merchant_id ORDER BY o.id")
    yield from (told(merchant, order_no) for merchant, order_no in keys)


def posted(kind: str) -> Counter[Pair]:
    """Return the postings of all journals of a kind, as a clerk adds them up."""
    found = fetch(
        "SELECT d.name, c.name, SUM(p.amount_fen) FROM posting p JOIN journal j ON j.id = p.journal_id "
        "JOIN ledger_account d ON d.id = p.debit_id JOIN ledger_account c ON c.id = p.credit_id "
        "WHERE j.kind = %s GROUP BY d.name, c.name",
        kind,
    )
    return Counter({(debit, credit): int(fen) for debit, credit, fen in found})


def test_of_every_order_each_fen_of_price_and_concession_has_one_place(life: Life) -> None:
    seen = 0
    for journey, _refunds, _shares in every_order():
        price, concession = picture.price_pieces(journey), picture.concession_pieces(journey)
        assert sum(piece.fen for piece in price) == journey.price_fen
        assert sum(piece.fen for piece in concession) == journey.order.concession_fen
        assert min(piece.fen for piece in (*price, *concession)) >= 0
        seen += 1
    assert seen == len(life.orders)


def test_the_shares_of_all_orders_add_up_to_the_journals(life: Life) -> None:
    own: dict[str, Counter[Pair]] = {kind: Counter() for kind in ("take", "confirm", "vest", "fee", "payout", "refund")}
    rebates: Counter[Pair] = Counter()
    for _journey, _refunds, found in every_order():
        for share in found:
            own.get(share.kind, rebates).update({(debit, credit): fen for debit, credit, fen in share.own})
    for kind in ("take", "confirm", "vest", "refund"):
        assert own[kind] == posted(kind), kind
    trust_fee = {pair: fen for pair, fen in posted("fee").items() if pair[0].startswith("trust:")}
    assert own["fee"] == trust_fee
    # Money that merchants brought back is paid out too, and is no order's.
    brought = fetch("SELECT COALESCE(SUM(amount_fen), 0) FROM deposit WHERE payout_id IS NOT NULL")[0][0]
    pair = ("trust:merchant_payable", "trust:bank")
    assert own["payout"][pair] + int(brought) == posted("payout")[pair]
    assert all(life.done[each] for each in ("buy", "paid", "close"))


def test_an_order_s_way_by_hand(town: Town) -> None:
    # Lin, whom Mei brought, pays 100 yuan at 20 %. Of 2 000 fen 60 % green, 8 % red, 7 % coupon, 5 % reserve, 20 % fee.
    order = town.sell("lin", "baker", 10_000, order_no="B/1")
    town.close_all([1, 2])
    town.transfer_fees(1)
    town.pay_out()
    journey, refunds, found = told("baker", "B/1")
    assert order == journey.order.id
    assert [piece.fen for piece in picture.concession_pieces(journey)] == [1_200, 160, 140, 100, 400]
    # 20 points each, of which 1 % is released; red points release 2.5 %.
    assert (journey.shopper.points, journey.shopper.released_fen) == (2_000, 20)
    assert (journey.merchant.points, journey.merchant.released_fen) == (2_000, 20)
    assert (journey.referrer.points, journey.referrer.released_fen) == (160, 4)
    assert (journey.releases, journey.rounding_fen, refunds) == (1, 0, [])
    assert [(share.kind, [posting[2] for posting in share.own]) for share in found] == [
        ("take", [8_000, 2_000]),
        ("confirm", [10_000]),
        ("vest", [1_200, 160, 140, 100, 400]),
        ("fee", [400]),
        ("payout", [8_000]),
    ]


def test_what_rounding_leaves_is_the_reserve_s(town: Town) -> None:
    # 10 % of 9.99 yuan is 100 fen, half up; of 99 fen: 59.4, 7.92 (nobody brought Mei), 6.93, 4.95 and 19.8.
    town.sell("mei", "grocer", 990, order_no="G1")
    journey, _refunds, _shares = told("grocer", "G1")
    assert journey.order.concession_fen == 99
    # 59 + 7 + 6 + 4 + 19 are 95.
    assert journey.rounding_fen == 4
    assert [piece.fen for piece in picture.concession_pieces(journey)] == [59, 0, 6, 15, 19]


def test_a_refund_in_the_cycle_of_entry_changes_the_parts_and_not_what_entered(town: Town) -> None:
    order = town.sell("lin", "baker", 10_000, order_no="B1")
    town.sell("bo", "baker", 50_000)
    town.close(1)
    town.refund(order, 5_000)
    journey, refunds, found = told("baker", "B1")
    vested = next(share for share in found if share.kind == "vest")
    assert [posting[2] for posting in vested.own] == [1_200, 160, 140, 100, 400]
    assert [refund.concession_lost_fen for refund in refunds] == [1_000]
    assert sum(piece.fen for piece in picture.concession_pieces(journey)) == 2_000
    assert journey.shopper.points == 1_000


def test_a_refund_after_the_payout_is_netted_in_the_next_one(town: Town) -> None:
    order = town.sell("mei", "baker", 10_000, order_no="B1")
    town.sell("bo", "baker", 50_000)
    # 20 % of 100 yuan: 80 yuan are paid out on the next day. Later 30 yuan of the price go back, at the shop's cost.
    town.later(days=1).pay_out()
    town.close_all([1, 2])
    town.sell("bo", "baker", 50_000)
    assert town.refund(order, 3_000) == "paid"
    town.later(days=1).pay_out()
    _journey, _refunds, found = told("baker", "B1")
    payable = "trust:merchant_payable", "trust:bank"
    assert [share.own for share in found if share.kind == "payout"] == [((*payable, 8_000),), ((*payable, -3_000),)]


def test_a_refund_that_waited_shows_no_other_refund_s_journal_as_its_own(database: Database) -> None:
    town = found_town(plain_rules(daily_rebate_cap_fen=150))
    town.sell("mei", "grocer", 100_000, order_no="old")
    town.close(1)
    town.sell("bo", "grocer", 50_000, order_no="new")
    assert town.close(2).state == "held"
    town.sell("lin", "grocer", 500_000)
    orders = dict(fetch("SELECT order_no, id FROM orders"))
    for order_no, fen in (("old", 100_000), ("new", 50_000)):
        town.refund(orders[order_no], fen)
    approve(cycle=2, by="finance", at=town.at)
    # Of the old order 200 fen had been released and return; the points of the new one had released nothing.
    assert fetch("SELECT COUNT(DISTINCT effect_journal_id) FROM refund") == [(1,)]
    told_of = {number: [share.key for share in told("grocer", number)[2]] for number in ("old", "new")}
    assert sum(str(key).startswith("refund-effect/") for key in told_of["old"]) == 1
    assert not any(str(key).startswith("refund-effect/") for key in told_of["new"])


def test_settlements_since_end_with_the_plan(town: Town) -> None:
    town.sell("mei", "grocer", 10_000, order_no="G1")
    town.close_all(range(1, 34))
    journey, _refunds, _shares = told("grocer", "G1")
    # It entered in cycle 1 and released 30 times, in cycles 2 to 31, of which the last ends with day 217.
    assert (journey.releases, journey.released_at) == (30, town.instant(218, 0))


def test_a_merchant_that_buys_is_found_as_the_shopper(town: Town) -> None:
    town.sell("grocer", "baker", 10_000, order_no="B1")
    journey, _refunds, _shares = told("baker", "B1")
    assert journey.shop_bought
    assert (journey.order.member, journey.shopper_account_id) == ("grocer", town_account("grocer"))


def town_account(merchant: str) -> int:
    return int(fetch("SELECT account_id FROM merchant WHERE ref = %s", merchant)[0][0])


def test_a_first_order_s_rebate_is_traced_to_its_grant(town: Town) -> None:
    town.sell("mei", "grocer", 1_000_000)
    town.close_all([1, 2])
    town.transfer_fees(1)
    town.grant(2_000, 500)
    town.member("new", enrolled_at=town.at)
    town.sell("new", "baker", 10_000, order_no="B1")
    town.close(3)
    journey, _refunds, found = told("baker", "B1")
    assert journey.rebate
    assert (journey.rebate.face_fen, journey.rebate.left_fen) == (500, 500)
    granted = [share.own for share in found if share.kind == "grant"]
    assert sorted(granted) == [(("ops:marketing", "ops:bank", 500),), (("trust:bank", "trust:coupon", 500),)]


def test_a_concession_too_small_for_points_is_the_reserve_s(town: Town) -> None:
    town.sell("mei", "grocer", 90, order_no="G1")
    town.close(1)
    journey, _refunds, _shares = told("grocer", "G1")
    assert journey.without_points
    assert (journey.shopper.points, journey.shopper.released_fen) == (0, 0)
    assert [(piece.label, piece.fen) for piece in picture.concession_pieces(journey)] == [("Reserve", 9)]


def test_the_delivery_is_the_refund_window_s_beginning(town: Town) -> None:
    town.sell("mei", "grocer", 1_000, order_no="G1", delivered=False)
    assert told("grocer", "G1")[0].delivered_at is None
    town.later(days=1)
    town.deliver(told("grocer", "G1")[0].order.id)
    assert told("grocer", "G1")[0].delivered_at == town.at
