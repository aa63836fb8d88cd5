"""Who decides on large draws and spends, what happens to them meanwhile, and many who ask and decide at once."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from greenloop.core.faults import Refusal
from greenloop.insight.check import check
from greenloop.services.loop.claim import approve, withdraw
from greenloop.services.loop.hold import hold_account
from greenloop.services.loop.rules import publish_rules
from greenloop.services.people.forget import forget
from greenloop.store.queries import claims
from tests.support.claiming import ask, fenced_town, held_spend, no, prove_claims, refused, reserved, spend, staff, yes
from tests.support.databases import Database
from tests.support.ledger import execute, fetch
from tests.support.threads import at_once
from tests.support.town import Town, plain_rules

CROWD = 32


@pytest.fixture
def town(database: Database) -> Iterator[Town]:
    del database
    yield fenced_town()
    prove_claims()


@pytest.fixture
def ren() -> str:
    return staff("Ren", "risk")


# --- who decides


def test_who_asked_and_who_is_behind_the_wallet_or_the_shop_decides_nothing(town: Town, ren: str) -> None:
    claim_id = held_spend(town)
    wu = staff("Wu", "operator")
    execute(
        "INSERT INTO merchant_link (merchant_id, account_id, relation) VALUES (%s, %s, 'linked')",
        town.merchants["baker"],
        int(wu),
    )
    for decide in (yes, no):
        refused("claim.two_people", lambda: decide(town, claim_id, wu))  # noqa: B023  called at once
        refused("claim.two_people", lambda: decide(town, claim_id, "Wu"))  # noqa: B023
    yes(town, claim_id, ren)


def test_only_these_roles_decide(town: Town) -> None:
    claim_id = ask(town)
    for name, roles in {"Shen": ["auditor"], "Ma": ["marketing"]}.items():
        who = staff(name, *roles)
        refused("staff.may_not", lambda: yes(town, claim_id, who))  # noqa: B023  called at once
    for name, roles in {"Wu": ["operator"], "Fang": ["finance"]}.items():
        who = staff(name, *roles)
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


def test_a_refund_of_what_was_never_drawn_leaves_the_proofs_as_they_are(town: Town, ren: str) -> None:
    claim_id = ask(town, 200)
    (order,) = fetch("SELECT id FROM orders WHERE merchant_id = %s", town.merchants["grocer"])[0]
    town.refund(order, 50_000)  # 150 of 300 are left, and nothing was there to be taken back
    prove_claims()
    refused("claim.short", lambda: yes(town, claim_id, ren))
    assert town.draw("mei") == 0


def test_what_was_reserved_without_being_there_is_found(town: Town) -> None:
    claim_id = ask(town, 200)
    execute("UPDATE wallet SET draw_held_fen = 400 WHERE draw_held_fen = 200")
    proofs = {proof.name: proof.holds for proof in check(replay=False)}
    assert (proofs["reserved"], proofs["covered"]) == (False, False)
    execute("UPDATE wallet SET draw_held_fen = 200 WHERE draw_held_fen = 400")
    assert claims.claim(claim_id).state == "held"


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
