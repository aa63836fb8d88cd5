"""Members' money and the platform's never mix: only the fee and a funded grant cross, as two journals with one key."""

import pytest

from greenloop.core.faults import Refusal
from greenloop.services.books.fees import transfer_fees
from greenloop.services.books.grants import approve_grant, propose_grant
from greenloop.services.loop.settle import approve
from tests.support.databases import Database
from tests.support.ledger import fetch, whole_database
from tests.support.town import Town, found_town, ledger_moves, plain_rules


def funded(town: Town) -> Town:
    """Let Mei buy for 1 000 yuan and the fee of its concession, 2 000 fen, reach the platform."""
    town.sell("mei", "grocer", 100_000)
    town.close(1)
    town.transfer_fees(1)
    return town


def journals(key: str) -> list[tuple[object, ...]]:
    return fetch(
        "SELECT j.book, d.name, c.name, p.amount_fen FROM journal j JOIN posting p ON p.journal_id = j.id "
        "JOIN ledger_account d ON d.id = p.debit_id JOIN ledger_account c ON c.id = p.credit_id "
        "WHERE j.key = %s ORDER BY j.book",
        key,
    )


def rebates() -> list[object]:
    return [row[0] for row in fetch("SELECT rebate_fen FROM orders ORDER BY id")]


def test_the_fee_of_a_cycle_moves_once_the_cycle_is_settled(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    town.vest(1)
    with pytest.raises(Refusal) as refused:
        town.transfer_fees(1)
    assert (refused.value.code, refused.value.field) == ("fee.cycle", "cycle")
    town.close(1)
    with ledger_moves() as moved:
        assert town.transfer_fees(1) == 2_000
    assert moved == {"trust:fee_payable": -2_000, "trust:bank": -2_000, "ops:bank": 2_000, "ops:fee_income": 2_000}
    assert journals("fee/1") == [
        ("ops", "ops:bank", "ops:fee_income", 2_000),
        ("trust", "trust:fee_payable", "trust:bank", 2_000),
    ]
    before = whole_database()
    assert transfer_fees(cycle=1, at=town.later(days=9).at) == 2_000
    assert whole_database() == before


def test_a_cycle_without_fees_transfers_nothing(town: Town) -> None:
    town.close(1)
    before = whole_database()
    assert town.transfer_fees(1) == 0
    assert whole_database() == before


def test_the_fee_of_a_held_cycle_waits(database: Database) -> None:
    town = found_town(plain_rules(daily_rebate_cap_fen=150))
    town.sell("mei", "grocer", 100_000)
    town.close(1)
    town.sell("mei", "grocer", 100_000)
    assert town.close(2).state == "held"
    with pytest.raises(Refusal, match="not settled"):
        town.transfer_fees(2)
    approve(cycle=2, by="finance", at=town.at)
    assert (town.transfer_fees(2), town.transfer_fees(1)) == (2_000, 2_000)


def test_a_grant_needs_two_people_and_money_that_is_there(town: Town) -> None:
    funded(town)
    propose_grant(ref="g", amount_fen=1_500, rebate_fen=500, by="ann", at=town.at)
    with pytest.raises(Refusal) as refused:
        approve_grant(ref="g", by="ann", at=town.at)
    assert (refused.value.code, refused.value.field) == ("grant.two_people", "by")
    approve_grant(ref="g", by="ben", at=town.at)
    before = whole_database()
    approve_grant(ref="g", by="cid", at=town.at)
    assert propose_grant(ref="g", amount_fen=1_500, rebate_fen=500, by="dan", at=town.at)
    with pytest.raises(Refusal) as refused:
        propose_grant(ref="g", amount_fen=1_501, rebate_fen=500, by="ann", at=town.at)
    assert (refused.value.code, refused.value.field) == ("grant.conflict", "ref")
    with pytest.raises(Refusal) as refused:
        approve_grant(ref="h", by="ben", at=town.at)
    assert refused.value.code == "grant.unknown"
    assert whole_database() == before
    # 1 500 of the 2 000 are granted already.
    propose_grant(ref="h", amount_fen=501, rebate_fen=501, by="ann", at=town.at)
    with pytest.raises(Refusal) as refused:
        approve_grant(ref="h", by="ben", at=town.at)
    assert (refused.value.code, refused.value.field) == ("grant.funds", "amount_fen")


def test_a_grant_of_nothing_is_refused(town: Town) -> None:
    wrongs: list[tuple[object, object]] = [(0, 0), (100, 0), (100, 101), (100, -1), (1.5, 1), (True, True), (100, 1.0)]
    for amount, rebate in wrongs:
        with pytest.raises(Refusal) as refused:
            propose_grant(ref="g", amount_fen=amount, rebate_fen=rebate, by="ann", at=town.at)  # type: ignore[arg-type]
        assert refused.value.code == "grant.amount"
    assert fetch("SELECT COUNT(*) FROM marketing_grant") == [(0,)]


def test_the_first_order_of_a_new_member_earns_the_rebate_until_the_budget_is_exhausted(town: Town) -> None:
    funded(town).grant(1_400, 500)
    for ref in ("n1", "n2", "n3"):
        town.member(ref)
    # Mei has bought before. Two rebates of 500 fit into 1 400; what is left is less than a third one.
    for ref in ("mei", "n1", "n1", "n2", "n3"):
        town.sell(ref, "grocer", 1_000)
    assert rebates() == [0, 0, 500, 0, 500, 0]
    with ledger_moves() as moved:
        town.vest(2)
    # Five concessions of 100: green 60 each, coupon 7, fee 20, the reserve 5 + the red 8 of nobody.
    assert moved == {
        "trust:concession_pending": -500,
        "trust:pool:green": 300,
        "trust:coupon": 35 + 1_000,
        "trust:fee_payable": 100,
        "trust:reserve": 65,
        "trust:bank": 1_000,
        "ops:bank": -1_000,
        "ops:marketing": 1_000,
    }
    assert journals("grant/2") == [
        ("ops", "ops:marketing", "ops:bank", 1_000),
        ("trust", "trust:bank", "trust:coupon", 1_000),
    ]
    assert [town.coupons(ref) for ref in ("n1", "n2", "n3")] == [500 + 14, 500 + 7, 7]
    town.sell("n1", "baker", coupon_fen=514)


def test_a_grant_that_nobody_approved_pays_nothing(town: Town) -> None:
    propose_grant(ref="g", amount_fen=1_500, rebate_fen=500, by="ann", at=town.at)
    town.sell("mei", "grocer", 1_000)
    assert rebates() == [0]


def test_two_grants_are_used_up_one_after_the_other_within_one_batch(town: Town) -> None:
    funded(town).grant(600, 600, "g1")
    town.grant(500, 250, "g2")
    for ref in ("n1", "n2", "n3", "n4"):
        town.member(ref)
    town.take(*(town.sale(ref, "grocer", 1_000) for ref in ("n1", "n2", "n3", "n4")))
    assert rebates() == [0, 600, 250, 250, 0]


def test_a_first_order_refunded_before_it_vests_gives_its_rebate_back_to_the_grant(town: Town) -> None:
    funded(town).grant(500, 500)
    for ref in ("n1", "n2", "n3"):
        town.member(ref)
    first = town.sell("n1", "grocer", 1_000)
    town.sell("n2", "grocer", 1_000)
    town.refund(first, 999)
    town.refund(first, 1)
    town.sell("n3", "grocer", 1_000)
    assert rebates() == [0, 0, 0, 500]
    town.close(2)
    assert [town.coupons(ref) for ref in ("n1", "n2", "n3")] == [0, 7, 507]


def test_a_vested_first_order_refunded_whole_gives_the_rebate_back_and_another_member_gets_it(town: Town) -> None:
    funded(town).grant(500, 500)
    for ref in ("n1", "n2"):
        town.member(ref)
    first = town.sell("n1", "grocer", 1_000)
    town.sell("mei", "grocer", 100_000)
    town.close(2)
    with ledger_moves() as moved:
        town.refund(first, 1_000)
    assert moved == {
        "trust:bank": -1_000,
        "trust:merchant_payable": -1_000,
        "trust:coupon": -507,
        "trust:grant_unused": 500,
        "trust:reserve": 7,
    }
    town.sell("n2", "grocer", 1_000)
    with ledger_moves() as moved:
        town.vest(3)
    # The 500 are used again, out of the trust book; the platform pays nothing more.
    assert moved["trust:grant_unused"] == -500
    assert "ops:bank" not in moved
    assert town.coupons("n2") == 507


def test_a_rebate_that_is_spent_is_withheld_from_the_refund_s_cash(town: Town) -> None:
    funded(town).grant(500, 500)
    town.member("n1")
    first = town.sell("n1", "grocer", 10_000)
    town.sell("mei", "grocer", 100_000)
    town.close(2)
    # A coupon of 70 and the rebate of 500; 400 of them buy bread.
    town.sell("n1", "baker", coupon_fen=400)
    with ledger_moves() as moved:
        town.refund(first, 10_000)
    assert moved == {
        "trust:bank": -10_000 + 400,
        "trust:merchant_payable": -10_000,
        "trust:coupon": -170,
        "trust:grant_unused": 500,
        "trust:reserve": 70,
    }
