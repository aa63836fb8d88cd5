"""Large draws and spends wait for a second person: what is held stays the holder's, and nothing else takes it.

In the town of these tests a grocer's order of 1 000 yuan releases 1 yuan to Mei in each cycle, and no wallet draws or
spends more than 1.50 yuan a day without a second person.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from greenloop.services.loop.claim import Decided, lapse, withdraw
from greenloop.services.loop.draw import Held
from greenloop.services.loop.quote import quote
from greenloop.services.loop.rules import publish_rules
from greenloop.store.queries import claims
from tests.support.claiming import (
    ask,
    fenced_town,
    held_spend,
    no,
    prove_claims,
    refusal,
    refused,
    reserved,
    spend,
    staff,
    yes,
)
from tests.support.databases import Database
from tests.support.ledger import execute, whole_database
from tests.support.town import Town, ledger_moves, plain_rules


@pytest.fixture
def town(database: Database) -> Iterator[Town]:
    del database
    yield fenced_town()
    prove_claims()


@pytest.fixture
def ren() -> str:
    return staff("Ren", "risk")


# --- draws


def test_a_draw_up_to_the_fence_is_drawn_and_one_above_it_is_held(town: Town) -> None:
    assert town.draw("mei", 149) == 149
    town.later(days=1)
    with ledger_moves() as moved:
        claim_id = ask(town, 151)
    assert moved == {}
    row = claims.claim(claim_id)
    assert (row.kind, row.state, row.pool, row.amount_fen, row.most_fen) == ("draw", "held", "green", 151, 150)
    assert row.asked_by == "console"
    assert reserved(town) == (151, 0)


def test_a_large_draw_cut_into_slices_is_held_where_the_day_s_sum_passes_the_fence(town: Town) -> None:
    assert town.draw("mei", 100) == 100
    assert claims.claim(ask(town, 51)).day_fen == 100
    assert town.draw("mei", 50) == 50  # up to the fence, to the fen
    assert reserved(town) == (51, 0)


def test_a_day_is_a_local_day(town: Town) -> None:
    town.day(29, hour=23)
    assert town.draw("mei", 150) == 150
    assert isinstance(town.ask("mei", 1), Held)
    town.later(hours=1)
    assert town.draw("mei", 149) == 149


def test_what_is_held_can_be_drawn_and_spent_by_nothing_else(town: Town) -> None:
    ask(town, 200)
    refused("wallet.short", lambda: town.draw("mei", 101))
    found = refusal(town, spend(town, 101, "more than is left"))
    assert found.code == "spend.balance"
    assert town.sell("mei", "baker", voucher_fen=60)
    assert town.draw("mei") == 40
    assert town.draw("mei") == 0
    assert (town.wallet("mei").claimable_fen, town.wallet("mei").voucher_fen) == (200, 40)


def test_one_large_draw_of_a_pool_waits_at_a_time(town: Town) -> None:
    claim_id = ask(town, 151)
    town.close_all([5, 6])  # 349 are free beside it
    found = refused("claim.open", lambda: town.ask("mei"))
    assert found.facts["claim"] == str(claim_id)
    assert town.draw("mei", 150) == 150


def test_a_draw_is_drawn_once_when_a_second_person_lets_it_through(town: Town, ren: str) -> None:
    claim_id = ask(town, 250)
    with ledger_moves() as moved:
        assert yes(town, claim_id, ren) == Decided(claim_id, "done", 250)
    assert moved == {"trust:accrued:green": -250, "trust:voucher:green": 250}
    assert (town.wallet("mei").claimable_fen, town.wallet("mei").voucher_fen) == (50, 250)
    assert reserved(town) == (0, 0)
    refused("claim.closed", lambda: yes(town, claim_id, ren))
    refused("claim.closed", lambda: no(town, claim_id, ren))
    assert town.draw("mei", 50) == 50  # what somebody looked at isn't counted in the day's sum


def test_a_draw_that_is_turned_down_frees_the_amount_and_may_be_asked_for_again(town: Town, ren: str) -> None:
    claim_id = ask(town, 250)
    refused("claim.reason", lambda: no(town, claim_id, ren, reason="  "))
    assert no(town, claim_id, ren).state == "rejected"
    row = claims.claim(claim_id)
    assert (row.state, row.reason, row.decided_by) == ("rejected", "a raid", f"account/{ren}")
    assert (reserved(town), town.wallet("mei").claimable_fen) == ((0, 0), 300)
    assert town.draw("mei", 150) == 150
    assert ask(town, 150) != claim_id


def test_a_holder_takes_a_claim_back_and_nobody_else_s(town: Town) -> None:
    claim_id = ask(town)
    mei, bo = town.ids["mei"], town.ids["bo"]
    refused("claim.unknown", lambda: withdraw(claim_id=claim_id, account_id=bo, by=f"account/{bo}", at=town.at))
    withdraw(claim_id=claim_id, account_id=mei, by=f"account/{mei}", at=town.at)
    assert (claims.claim(claim_id).state, reserved(town)) == ("withdrawn", (0, 0))
    refused("claim.closed", lambda: withdraw(claim_id=claim_id, account_id=mei, by=f"account/{mei}", at=town.at))


def test_what_can_be_taken_back_is_shown_before_what_has_ended(town: Town) -> None:
    claim_id, mei = ask(town, 200), town.ids["mei"]
    town.close_all([5, 6, 7, 8])
    for n in range(3):
        newer = held_spend(town, 160, f"n{n}")
        withdraw(claim_id=newer, account_id=mei, by=f"account/{mei}", at=town.at)
    _, own = claims.in_the_way(mei, limit=2)
    assert [each.id for each in own] == [claim_id, newer]


# --- spends


def test_a_spend_above_the_fence_is_held_and_taken_when_the_same_order_comes_again(town: Town, ren: str) -> None:
    with ledger_moves() as moved:
        claim_id = held_spend(town)
    assert moved == {}
    assert reserved(town) == (0, 200)
    assert held_spend(town) == claim_id  # asked again, the answer is the same
    assert refusal(town, spend(town, 101, "another")).code == "spend.balance"
    assert yes(town, claim_id, ren) == Decided(claim_id, "approved", 200, town.at + timedelta(hours=72))
    assert reserved(town) == (0, 200)
    with ledger_moves() as moved:
        town.later(hours=1)
        assert town.sell("mei", "baker", voucher_fen=200, order_no="big", confirmed=False)
    assert moved["trust:merchant_payable"] == 200
    assert (claims.claim(claim_id).state, reserved(town)) == ("done", (0, 0))
    town.later(hours=1)
    assert town.take(spend(town, 200, "big")).refusals[0].code == "order.conflict"  # then it is another sale


def test_a_spend_cut_into_many_orders_is_held_where_the_day_s_sum_passes_the_fence(town: Town) -> None:
    taking = town.take(*(spend(town, 50, f"slice {n}") for n in range(5)))
    assert [order is not None for order in taking.order_ids] == [True, True, True, False, False]
    assert [refusal.code for refusal in taking.refusals.values()] == ["claim.held"] * 2
    assert reserved(town) == (0, 100)
    assert len(claims.claims(limit=10)) == 2


def test_a_till_s_own_clock_moves_no_spend_to_another_day(town: Town) -> None:
    for days in range(3):
        sale = spend(town, 50, f"day {days}", paid_at=town.at - timedelta(days=days))
        assert town.take(sale).order_ids != [None]
    assert refusal(town, spend(town, 50, "once more", paid_at=town.at - timedelta(days=5))).code == "claim.held"


def test_a_fen_that_is_drawn_and_then_spent_is_counted_once_by_each(town: Town) -> None:
    assert town.draw("mei", 150) == 150
    assert town.sell("mei", "baker", voucher_fen=150)


def test_the_others_of_a_batch_are_taken_beside_one_that_is_held(town: Town) -> None:
    taking = town.take(spend(town, 200, "big"), spend(town, 100, "small"), spend(town, 0, "cash", cash_fen=500))
    assert [order is not None for order in taking.order_ids] == [False, True, True]
    assert reserved(town) == (0, 200)
    assert claims.claim(int(str(taking.refusals[0].facts["claim"]))).amount_fen == 200


def test_only_the_sale_that_was_looked_at_uses_its_approval(town: Town, ren: str) -> None:
    claim_id = held_spend(town)
    yes(town, claim_id, ren)
    assert refusal(town, spend(town, 199, "big")).code == "spend.balance"  # the other 100 alone are free
    assert refusal(town, spend(town, 200, "big", cash_fen=1)).code == "spend.balance"
    bo = town.sale("bo", "baker", voucher_fen=200, order_no="big")
    assert refusal(town, bo).code == "spend.balance"
    assert town.sell("mei", "baker", voucher_fen=200, order_no="big")


def test_an_order_number_that_is_held_is_no_other_sale_s(town: Town) -> None:
    held_spend(town, 160)
    execute("UPDATE claim SET state = 'held'")
    town.sell("mei", "grocer", 200_000)
    town.close_all([5, 6])
    assert refusal(town, spend(town, 170, "big")).code == "claim.conflict"


def test_a_spend_that_was_turned_down_stays_so_and_a_smaller_one_is_taken(town: Town, ren: str) -> None:
    no(town, held_spend(town), ren)
    assert reserved(town) == (0, 0)
    assert refusal(town, spend(town, 200, "big")).code == "claim.rejected"
    assert town.sell("mei", "baker", voucher_fen=150, cash_fen=50, order_no="big")


def test_an_approval_that_nobody_uses_ends_after_three_days(town: Town, ren: str) -> None:
    claim_id = held_spend(town)
    yes(town, claim_id, ren)
    town.later(hours=71)
    assert lapse(at=town.at).claims == 0
    town.later(hours=1)
    assert refusal(town, spend(town, 200, "big")).code == "claim.expired"
    assert lapse(at=town.at).claims == 1
    assert (claims.claim(claim_id).state, reserved(town)) == ("lapsed", (0, 0))
    assert held_spend(town) != claim_id  # who asks again is looked at again


def test_an_approval_of_a_slice_is_used_on_a_day_on_which_it_would_not_have_been_held(town: Town, ren: str) -> None:
    town.sell("mei", "baker", voucher_fen=100)
    claim_id = held_spend(town, 60)
    town.later(days=1)
    assert held_spend(town, 60) == claim_id  # nothing passes because nobody has looked
    yes(town, claim_id, ren)
    assert town.sell("mei", "baker", voucher_fen=60, order_no="big")
    assert (claims.claim(claim_id).state, reserved(town)) == ("done", (0, 0))


def test_a_quote_of_who_has_a_spend_held_is_answered_as_any(town: Town) -> None:
    held_spend(town, 200)
    sale = town.sale("mei", "baker", order_no="quoted")
    found = quote(sale=sale, price_fen=500, use_vouchers=True, use_coupons=False, at=town.at)
    assert (found.sale.voucher_fen, found.sale.cash_fen, found.held) == (100, 400, False)


def test_a_claim_ends_where_its_sale_was_paid_otherwise(town: Town, ren: str) -> None:
    claim_id = held_spend(town)
    town.sell("mei", "baker", 200, order_no="big")
    refused("claim.past", lambda: yes(town, claim_id, ren))
    assert lapse(at=town.at).claims == 1
    assert (claims.claim(claim_id).state, reserved(town)) == ("lapsed", (0, 0))


def test_vouchers_that_are_to_pay_a_held_spend_don_t_expire_meanwhile(town: Town, ren: str) -> None:
    town.draw("mei", 150)
    claim_id = held_spend(town, 250)
    town.later(days=400)
    assert town.expire().voucher_fen == 0
    no(town, claim_id, ren)
    assert town.expire().voucher_fen == 150


def test_a_quote_says_that_a_spend_would_be_held_and_writes_nothing(town: Town) -> None:
    before = whole_database()

    def quoted(price_fen: int) -> Any:
        sale = town.sale("mei", "baker", order_no="quoted")
        return quote(sale=sale, price_fen=price_fen, use_vouchers=True, use_coupons=False, at=town.at)

    assert [quoted(price).held for price in (150, 151)] == [False, True]
    assert whole_database() == before


def test_the_fence_asks_the_database_nothing_where_no_spend_is_large(town: Town) -> None:
    def questions(order_no: str) -> int:
        with CaptureQueriesContext(connection) as asked:
            assert town.take(spend(town, 10, order_no)).order_ids != [None]
        return len(asked)

    questions("the first of a process")
    with_fence = questions("fenced")
    publish_rules(document=plain_rules(), effective_at=town.at, by="rules", at=town.at)
    assert questions("open") == with_fence
