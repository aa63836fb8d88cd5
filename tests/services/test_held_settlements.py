"""A settlement above the daily rebate cap is held whole until a second person approves it or rejects it with caps."""

import pytest

from greenloop.core.faults import Refusal
from greenloop.services.loop.settle import Run, approve, reject, settle
from tests.support.databases import Database
from tests.support.ledger import fetch, whole_database
from tests.support.town import Town, found_town, ledger_moves, plain_rules


def held_town(daily_cap_fen: int = 150) -> Town:
    """Return a town whose cycle 2 would release 200 fen: 100 each to Mei and the grocer."""
    town = found_town(plain_rules(daily_rebate_cap_fen=daily_cap_fen))
    town.sell("mei", "grocer", 100_000)
    town.close(1)
    return town


def free_and_backing() -> tuple[object, ...]:
    return fetch("SELECT free_fen, backing_fen FROM pool WHERE name = 'green'")[0]


def test_a_release_above_the_daily_cap_moves_nothing_until_another_person_approves_it(database: Database) -> None:
    town = held_town()
    with ledger_moves() as moved:
        assert town.close(2) == Run(2, "held", 200, 150)
    assert moved == {}
    assert (town.wallet("mei").claimable_fen, free_and_backing()) == (0, (6_000, 0))
    with ledger_moves() as moved:
        assert approve(cycle=2, by="finance", at=town.at) == Run(2, "posted", 200, 150)
    assert moved == {"trust:pool:green": -200, "trust:accrued:green": 200}
    assert (town.wallet("mei").claimable_fen, free_and_backing()) == (100, (5_800, 200))
    assert fetch("SELECT proposed_by, decided_by, state FROM settlement_run WHERE cycle = 2") == [
        ("scheduler", "finance", "posted")
    ]


def test_a_release_of_exactly_the_cap_is_posted_at_once(database: Database) -> None:
    assert held_town(200).close(2) == Run(2, "posted", 200, 200)


def test_who_proposed_a_settlement_can_t_approve_or_reject_it(database: Database) -> None:
    town = held_town()
    town.vest(2)
    settle(cycle=2, at=town.at, by="finance")
    before = whole_database()
    with pytest.raises(Refusal) as refused:
        approve(cycle=2, by="finance", at=town.at)
    assert (refused.value.code, refused.value.field) == ("settle.two_people", "by")
    with pytest.raises(Refusal, match="another person"):
        reject(cycle=2, caps_fen={"green": 0}, by="finance", at=town.at)
    assert whole_database() == before


def test_only_what_is_held_can_be_approved_or_rejected(database: Database) -> None:
    town = held_town(200)
    town.close(2)
    for cycle in (1, 2, 3):
        with pytest.raises(Refusal) as refused:
            approve(cycle=cycle, by="finance", at=town.at)
        assert (refused.value.code, refused.value.field) == ("settle.not_held", "cycle")
        with pytest.raises(Refusal, match="held"):
            reject(cycle=cycle, caps_fen={}, by="finance", at=town.at)


def test_rejecting_caps_the_pool_and_proposes_anew_for_yet_another_person(database: Database) -> None:
    town = held_town()
    town.close(2)
    assert reject(cycle=2, caps_fen={"green": 120}, by="finance", at=town.at) == Run(2, "held", 120, 150)
    with pytest.raises(Refusal, match="another person"):
        approve(cycle=2, by="finance", at=town.at)
    with ledger_moves() as moved:
        assert approve(cycle=2, by="director", at=town.at) == Run(2, "posted", 120, 150)
    # 120 instead of 200: 0.6 % each.
    assert moved == {"trust:pool:green": -120, "trust:accrued:green": 120}
    assert (town.wallet("mei").claimable_fen, town.wallet("grocer").claimable_fen) == (60, 60)
    # The cap was for that cycle alone: the next would release 200 again, and is held.
    assert town.close(3) == Run(3, "held", 200, 150)


def test_rejecting_with_a_cap_of_0_releases_nothing_and_the_cycle_still_counts(database: Database) -> None:
    town = held_town()
    town.close(2)
    assert reject(cycle=2, caps_fen={"green": 0, "red": 0}, by="finance", at=town.at).issued_fen == 0
    with ledger_moves() as moved:
        assert approve(cycle=2, by="director", at=town.at) == Run(2, "posted", 0, 150)
    assert moved == {}
    assert fetch("SELECT age, release_index FROM cohort") == [(1, 0)]
    assert free_and_backing() == (6_000, 0)


def test_a_cap_below_0_or_for_no_pool_is_refused_and_changes_nothing(database: Database) -> None:
    town = held_town()
    town.close(2)
    before = whole_database()
    wrongs: list[dict[str, object]] = [
        {"green": -1},
        {"blue": 5},
        {"green": 5, "blue": 5},
        {"green": 1.5},
        {"green": True},
    ]
    for wrong in wrongs:
        with pytest.raises(Refusal) as refused:
            reject(cycle=2, caps_fen=wrong, by="finance", at=town.at)  # type: ignore[arg-type]
        assert (refused.value.code, refused.value.field) == ("settle.cap", "caps_fen")
    assert whole_database() == before


def test_the_next_cycle_vests_but_does_not_settle_while_one_is_held(database: Database) -> None:
    town = held_town()
    town.close(2)
    order = town.sell("lin", "baker", 100_000)
    town.vest(3)
    assert fetch("SELECT entry_cycle FROM orders WHERE id = %s", order) == [(3,)]
    with pytest.raises(Refusal) as refused:
        settle(cycle=3, at=town.at)
    assert (refused.value.code, refused.value.facts["held"]) == ("settle.held", 2)
    # What came meanwhile changes nothing of what was computed at the cut-off.
    assert settle(cycle=2, at=town.at).state == "held"
    assert approve(cycle=2, by="finance", at=town.at).issued_fen == 200
    # Cycle 3: 200 for the first lots; Lin's lots of 20 000 release from cycle 4 on.
    assert settle(cycle=3, at=town.at).issued_fen == 200


def test_the_daily_cap_is_a_sum_over_the_settlements_of_a_local_day(database: Database) -> None:
    town = held_town(300)
    # Cycles 2 and 3 are settled late, on one day: 200 pass, and 200 more would make 400.
    town.day(22)
    assert [town.close(cycle).state for cycle in (2, 3)] == ["posted", "held"]
    approve(cycle=3, by="finance", at=town.at)
    # Tomorrow is another day.
    town.day(29)
    assert town.close(4).state == "posted"


def refund_while_held(database: Database) -> Town:
    """Let Mei spend what her order of 1 000 yuan released, then refund it while the settlement of cycle 4 is held."""
    town = held_town(250)
    order = int(fetch("SELECT id FROM orders")[0][0])
    town.member("ann")
    town.close(2)
    # 200 fen were released in cycle 2. Mei spends her 100; in cycle 3 Ann's two lots of 20 000 come in.
    town.sell("mei", "baker", voucher_fen=100)
    town.sell("ann", "baker", 100_000)
    town.close(3)
    # 1 % of 20 000 and of 40 000.
    assert town.close(4) == Run(4, "held", 600, 250)
    # The grocer sells on; its dues can pay for the refund of Mei's order.
    town.sell("lin", "grocer", 50_000, delivered=False)
    with ledger_moves() as moved:
        assert town.refund(order, 100_000) == "paid"
    # Its entry cycle is long closed: the merchant bears the price; the earned coupon of 700 goes to the reserve.
    assert moved == {
        "trust:bank": -100_000,
        "trust:merchant_payable": -100_000,
        "trust:coupon": -700,
        "trust:reserve": 700,
    }
    assert (town.points("mei"), fetch("SELECT effect FROM refund")) == (10_000, [("waiting",)])
    return town


def test_a_refund_while_a_settlement_is_held_pays_at_once_and_its_points_follow_after_it(database: Database) -> None:
    town = refund_while_held(database)
    with ledger_moves() as moved:
        approve(cycle=4, by="finance", at=town.at)
    # The settlement releases 600. Then the lots of 10 000, which by now released 3 % = 600 together, are gone: 600
    # return. Mei had spent 100 of hers, and the refund's cash is paid: the reserve pays that 100.
    assert moved == {"trust:accrued:green": 100, "trust:reserve": -100}
    wallet = town.wallet("mei")
    assert (town.points("mei"), wallet.accrued_fen, wallet.claimed_fen, wallet.debt_fen) == (0, 0, 0, 100)
    assert (town.points("grocer"), fetch("SELECT effect FROM refund")) == (0, [("applied",)])
    assert free_and_backing() == (6_000 + 12_000 - 400, 400)


def test_a_debt_to_the_reserve_is_repaid_by_the_next_draws_before_anything_else(database: Database) -> None:
    town = refund_while_held(database)
    approve(cycle=4, by="finance", at=town.at)
    town.sell("mei", "baker", 35_000)
    for cycle in (5, 6, 7):
        assert town.close(cycle).state == "held"
        approve(cycle=cycle, by="finance", at=town.at)
    # 20 % of 35 000 are 7 000 points: 70 fen in cycle 6 and 70 in cycle 7. Of these 140 she owes 100.
    taking = town.take(town.sale("mei", "grocer", 1, voucher_fen=41))
    assert taking.refusals[0].code == "spend.balance"
    with pytest.raises(Refusal, match="40"):
        town.draw("mei", 41)
    with ledger_moves() as moved:
        assert town.draw("mei") == 40
    assert moved == {"trust:accrued:green": -140, "trust:reserve": 100, "trust:voucher:green": 40}
    wallet = town.wallet("mei")
    assert (wallet.debt_fen, wallet.voucher_fen, wallet.claimable_fen) == (0, 40, 0)


def test_a_spend_repays_the_debt_before_it_draws(database: Database) -> None:
    town = refund_while_held(database)
    approve(cycle=4, by="finance", at=town.at)
    town.sell("mei", "baker", 60_000)
    for cycle in (5, 6):
        assert town.close(cycle).state == "held"
        approve(cycle=cycle, by="finance", at=town.at)
    # 12 000 points released 120: 100 for the reserve, 20 to spend.
    with ledger_moves() as moved:
        town.sell("mei", "baker", voucher_fen=15)
    assert moved == {"trust:accrued:green": -115, "trust:reserve": 100, "trust:merchant_payable": 15}
    assert town.wallet("mei").claimable_fen == 5


def test_a_waiting_effect_that_the_reserve_can_t_cover_follows_once_it_can(database: Database) -> None:
    # Nothing but roundings and tiny concessions goes to this reserve.
    split = {"green_ppm": 600_000, "red_ppm": 0, "coupon_ppm": 0, "reserve_ppm": 0, "fee_ppm": 400_000}
    town = found_town(plain_rules(daily_rebate_cap_fen=250, split=split))
    order = town.sell("mei", "grocer", 100_000)
    town.close_all([1, 2])
    town.sell("mei", "baker", voucher_fen=100)
    town.sell("lin", "baker", 100_000)
    assert [town.close(cycle).state for cycle in (3, 4)] == ["posted", "held"]
    town.sell("lin", "grocer", 50_000, delivered=False)
    assert town.refund(order, 100_000) == "paid"
    approve(cycle=4, by="finance", at=town.at)
    assert (fetch("SELECT effect FROM refund"), town.points("mei")) == ([("waiting",)], 10_000)
    # Twelve concessions of 9 fen bring 108; at the end of cycle 5 the 100 that Mei spent can be covered.
    for _ in range(12):
        town.sell("bo", "grocer", 90)
    assert town.close(5).state == "held"
    with ledger_moves() as moved:
        approve(cycle=5, by="finance", at=town.at)
    # 600 are released; the lots of 10 000 had released 4 %, and 800 return.
    assert moved == {"trust:pool:green": 200, "trust:accrued:green": -100, "trust:reserve": -100}
    assert (fetch("SELECT effect FROM refund"), town.points("mei")) == ([("applied",)], 0)
    assert town.wallet("mei").debt_fen == 100


def test_what_a_merchant_spent_falls_on_the_reserve_when_its_refund_had_to_wait(database: Database) -> None:
    town = held_town(250)
    order = int(fetch("SELECT id FROM orders")[0][0])
    town.close(2)
    town.sell("grocer", "baker", voucher_fen=100)
    town.sell("lin", "baker", 100_000)
    assert [town.close(cycle).state for cycle in (3, 4)] == ["posted", "held"]
    town.sell("lin", "grocer", 50_000, delivered=False)
    town.refund(order, 100_000)
    # The grocer is paid out before the settlement is decided: its dues are gone.
    assert town.later(days=1).pay_out()["grocer"] == 90_000 + 45_000 - 100_000
    with ledger_moves() as moved:
        approve(cycle=4, by="finance", at=town.at)
    assert moved["trust:reserve"] == -100
    assert "trust:merchant_payable" not in moved
    assert town.wallet("grocer").debt_fen == 100


def test_the_effects_of_one_order_s_refunds_follow_in_their_order(database: Database) -> None:
    split = {"green_ppm": 600_000, "red_ppm": 0, "coupon_ppm": 0, "reserve_ppm": 0, "fee_ppm": 400_000}
    document = plain_rules(daily_rebate_cap_fen=250, split=split)
    document["routes"][0] |= {"merchant_multiple_ppm": 900_000}
    town = found_town(document)
    order = town.sell("mei", "grocer", 100_000)
    town.close_all([1, 2])
    town.sell("mei", "baker", voucher_fen=100)
    town.sell("lin", "baker", 100_000)
    assert [town.close(cycle).state for cycle in (3, 4)] == ["posted", "held"]
    town.sell("lin", "grocer", 50_000, delivered=False)
    # 90 % of the order come back while cycle 4 is held; of the 100 that Mei spent, 30 are left to 1 000 points, and
    # the empty reserve can't pay the other 70.
    town.refund(order, 90_000)
    approve(cycle=4, by="finance", at=town.at)
    # A second refund could be applied by itself, but comes after the first.
    town.refund(order, 5_000)
    assert fetch("SELECT effect FROM refund ORDER BY id") == [("waiting",), ("waiting",)]
    for _ in range(12):
        town.sell("bo", "grocer", 90)
    assert town.close(5).state == "held"
    approve(cycle=5, by="finance", at=town.at)
    assert fetch("SELECT effect FROM refund ORDER BY id") == [("applied",), ("applied",)]
    # 500 points are left on her side, 450 on the grocer's; they have released 4 %.
    assert (town.points("mei"), town.points("grocer"), town.wallet("mei").accrued_fen) == (500, 450, 20)
    assert town.wallet("mei").debt_fen == 80
