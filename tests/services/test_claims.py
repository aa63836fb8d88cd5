"""Large draws and spends wait for a second person: what is held stays the holder's, and nothing else takes it.

In the town of these tests a grocer's order of 1 000 yuan releases 1 yuan to Mei in each cycle, and no wallet draws or
spends more than 1.50 yuan a day without a second person.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from greenloop.core.faults import Refusal
from greenloop.insight.check import check
from greenloop.services.loop.claim import Decided, approve, lapse, reject, withdraw
from greenloop.services.loop.draw import Held
from greenloop.services.loop.hold import hold_account
from greenloop.services.loop.quote import quote
from greenloop.services.loop.rules import publish_rules
from greenloop.services.loop.take import Sale
from greenloop.services.people.forget import forget
from greenloop.services.people.staff import appoint_staff
from greenloop.store.queries import claims
from greenloop.store.queries.wallets import purses_of
from tests.support.databases import Database
from tests.support.ledger import execute, fetch, whole_database
from tests.support.threads import at_once
from tests.support.town import OPENING_AT, Town, found_town, ledger_moves, plain_rules

FENCE_FEN = 150
CROWD = 32


@pytest.fixture
def town(database: Database) -> Iterator[Town]:
    """Mei has 3 yuan to draw, out of one order and three settlements."""
    town = found_town(plain_rules(large_claim_fen=FENCE_FEN))
    town.sell("mei", "grocer", 100_000)
    town.close_all([1, 2, 3, 4])
    assert town.wallet("mei").claimable_fen == 300
    yield town
    proofs = {proof.name: proof for proof in check(replay=False)}
    assert all(proofs[name].holds for name in ("reserved", "covered", "claimed", "let through"))


@pytest.fixture
def ren() -> str:
    return str(appoint_staff(name="Ren", roles=["risk"], at=OPENING_AT, password="a long first password"))


def ask(town: Town, amount_fen: int | None = None, ref: str = "mei") -> int:
    """Ask for a draw that is held, and return its claim."""
    held = town.ask(ref, amount_fen)
    assert isinstance(held, Held)
    return held.claim_id


def seen(claim_id: int) -> str:
    return claims.claim(claim_id).content_hash


def yes(town: Town, claim_id: int, by: str = "Ren") -> Decided:
    return approve(claim_id=claim_id, seen=seen(claim_id), by=by, at=town.at)


def no(town: Town, claim_id: int, by: str = "Ren", reason: str = "a raid") -> Decided:
    return reject(claim_id=claim_id, seen=seen(claim_id), reason=reason, by=by, at=town.at)


def spend(town: Town, voucher_fen: int, order_no: str, **facts: Any) -> Sale:
    return town.sale("mei", "baker", voucher_fen=voucher_fen, order_no=order_no, **facts)


def refusal(town: Town, sale: Sale) -> Refusal:
    """Take a sale that is refused, and return why."""
    taking = town.take(sale)
    assert taking.order_ids == [None]
    return taking.refusals[0]


def held_spend(town: Town, voucher_fen: int = 200, order_no: str = "big") -> int:
    """Send an order that is held, and return its claim."""
    found = refusal(town, spend(town, voucher_fen, order_no))
    assert found.code == "claim.held"
    return int(str(found.facts["claim"]))


def reserved(town: Town, ref: str = "mei") -> tuple[int, int]:
    (purse,) = purses_of([town.ids[ref]])[town.ids[ref]]
    return purse.draw_held_fen, purse.spend_held_fen


def refused(code: str, verb: Callable[[], Any]) -> Refusal:
    """Expect a refusal that writes nothing at all."""
    before = whole_database()
    with pytest.raises(Refusal) as caught:
        verb()
    assert caught.value.code == code
    assert whole_database() == before
    return caught.value


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
    assert claims.waiting() == 2


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


# --- who decides


def test_who_asked_and_who_is_behind_the_wallet_or_the_shop_decides_nothing(town: Town, ren: str) -> None:
    claim_id = held_spend(town)
    wu = appoint_staff(name="Wu", roles=["operator"], at=OPENING_AT, password="a long first password")
    execute(
        "INSERT INTO merchant_link (merchant_id, account_id, relation) VALUES (%s, %s, 'linked')",
        town.merchants["baker"],
        wu,
    )
    for decide in (yes, no):
        refused("claim.two_people", lambda: decide(town, claim_id, str(wu)))  # noqa: B023  called at once
        refused("claim.two_people", lambda: decide(town, claim_id, "Wu"))  # noqa: B023
    yes(town, claim_id, ren)


def test_only_these_roles_decide(town: Town) -> None:
    claim_id = ask(town)
    for name, roles in {"Shen": ["auditor"], "Ma": ["marketing"]}.items():
        who = str(appoint_staff(name=name, roles=roles, at=OPENING_AT, password="a long first password"))
        refused("staff.may_not", lambda: yes(town, claim_id, who))  # noqa: B023  called at once
    for name, roles in {"Wu": ["operator"], "Fang": ["finance"]}.items():
        who = str(appoint_staff(name=name, roles=roles, at=OPENING_AT, password="a long first password"))
        assert no(town, claim_id, who).state == "rejected"
        claim_id = ask(town)


def test_what_was_seen_is_what_is_decided(town: Town, ren: str) -> None:
    claim_id = ask(town)
    refused("claim.changed", lambda: approve(claim_id=claim_id, seen="0" * 64, by=ren, at=town.at))
    refused("claim.unknown", lambda: approve(claim_id=1, seen="", by=ren, at=town.at))


# --- what happens meanwhile


def test_what_a_refund_takes_back_isn_t_drawn_on_approval(town: Town, ren: str) -> None:
    town.draw("mei", 100)
    town.later(days=1)
    claim_id = ask(town, 200)
    (order,) = fetch("SELECT id FROM orders WHERE merchant_id = %s", town.merchants["grocer"])[0]
    town.refund(order, 50_000)  # half of all that was ever released: 150, of which 100 are drawn
    found = refused("claim.short", lambda: yes(town, claim_id, ren))
    assert (found.facts["amount"], found.facts["left"]) == (200, 50)
    assert town.draw("mei") == 0  # what is left stays reserved until somebody says no
    no(town, claim_id, ren)
    assert town.draw("mei") == 50


def test_a_held_account_s_claims_are_not_let_through(town: Town, ren: str) -> None:
    claim_id = ask(town)
    hold_account(account_id=town.ids["mei"], reason="looks odd", by=ren, at=town.at)
    refused("claim.on_hold", lambda: yes(town, claim_id, ren))
    no(town, claim_id, ren)


def test_a_forgotten_person_s_claims_end(town: Town) -> None:
    claim_id = ask(town)
    forget(account_id=town.ids["mei"], at=town.at)
    assert (claims.claim(claim_id).state, reserved(town)) == ("withdrawn", (0, 0))


def test_rules_without_a_fence_hold_nothing_and_rules_with_one_do_from_their_instant_on(town: Town) -> None:
    publish_rules(document=plain_rules(), effective_at=town.at, by="rules", at=town.at)
    assert town.draw("mei") == 300


def test_the_database_keeps_claims_as_they_were_asked_and_decided(town: Town, ren: str) -> None:
    claim_id = ask(town)
    for statement in (
        "UPDATE claim SET amount_fen = amount_fen - 1",
        "UPDATE claim SET asked_by = 'account/1'",
        "DELETE FROM claim",
        "UPDATE claim_part SET amount_fen = 1",
        "DELETE FROM claim_part",
        "UPDATE claim SET state = 'approved', decided_by = asked_by, decided_at = asked_at",
    ):
        with pytest.raises(Exception, match=r"claim|append-only"):
            execute(statement)
    no(town, claim_id, ren)
    with pytest.raises(Exception, match="stays as it was"):
        execute("UPDATE claim SET state = 'held', ended_at = NULL")


# --- many at once


def test_a_crowd_around_a_held_claim_never_takes_what_is_reserved(town: Town, ren: str) -> None:
    """32 callers draw, spend, ask, withdraw and decide at once; the books are proved afterwards."""
    mei = town.ids["mei"]
    first = ask(town, 200)

    def quietly(verb: Callable[[], Any]) -> Callable[[], str]:
        def run() -> str:
            try:
                return type(verb()).__name__
            except Refusal as found:
                return found.code

        return run

    acts: list[Callable[[], Any]] = [
        lambda: town.ask("mei", 60),
        lambda: town.take(spend(town, 70, f"n{next(town.numbers)}")),
        lambda: town.take(spend(town, 90, "one of them")),
        lambda: town.ask("mei"),
        lambda: yes(town, first, ren),
        lambda: no(town, first, ren),
        lambda: withdraw(claim_id=first, account_id=mei, by=f"account/{mei}", at=town.at),
        lambda: town.take(spend(town, 200, "big")),
    ]
    at_once([quietly(acts[n % len(acts)]) for n in range(CROWD)])
    there = town.wallet("mei")
    assert sum(reserved(town)) <= there.claimable_fen + there.voucher_fen
    assert there.claimed_fen <= 300
    assert claims.claim(first).state != "held"


def test_one_approval_is_used_once_by_many_tills_at_once(town: Town, ren: str) -> None:
    yes(town, held_spend(town), ren)
    sale = spend(town, 200, "big")
    orders = {taking.order_ids[0] for taking in at_once([lambda: town.take(sale)] * CROWD)}
    assert len(orders) == 1
    assert None not in orders
    assert town.wallet("mei").redeemed_fen == 200


def test_one_claim_is_decided_once_by_many_at_once(town: Town, ren: str) -> None:
    claim_id = ask(town, 200)

    def decide() -> str:
        try:
            return yes(town, claim_id, ren).state
        except Refusal as found:
            return found.code

    assert sorted(set(at_once([decide] * CROWD))) == ["claim.closed", "done"]
    assert town.wallet("mei").voucher_fen == 200
