"""What the platform advances so that a refund is paid at once: two people, its own money, and it comes back."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from greenloop.core.faults import Refusal
from greenloop.services.people.staff import appoint_staff
from greenloop.services.trust.proposals import Proposed, approve, propose
from greenloop.store.queries import trust
from tests.support.ledger import balances, execute, fetch, whole_database
from tests.support.town import OPENING_AT, Town, ledger_moves


@pytest.fixture
def waiting(town: Town) -> Town:
    """Give a town in which the grocer, paid out, owes Mei a refund of 20 000; the platform earned 22 000 in fees.

    Fang is in finance, Wu and Ren are an operator and of the risk department.
    """
    for name, role in (("Fang", "finance"), ("Wu", "operator"), ("Ren", "risk")):
        appoint_staff(name=name, roles=[role], at=OPENING_AT, password="a long first password")
    town.ids["order"] = town.sell("mei", "grocer", 100_000, order_no="A1")
    town.sell("lin", "baker", 500_000)
    town.close(1)
    # 20 % of the concessions of 10 000 and 100 000.
    assert town.transfer_fees(1) == 22_000
    assert town.pay_out() == {"grocer": 90_000, "baker": 400_000}
    assert town.refund(town.ids["order"], 20_000, "R1") == "pending"
    return town


def advance(town: Town, by: str = "Fang", **changes: object) -> Proposed:
    told = {"what": "advance", "merchant": "grocer", "order_no": "A1", "refund_no": "R1", "amount_fen": 20_000}
    return propose(kind="correction", content=told | changes, reason="Mei is waiting", by=by, at=town.at)


def agree(town: Town, made: Proposed, by: str = "Wu") -> str:
    return approve(proposal_id=made.id, seen_hash=made.content_hash, by=by, at=town.at).outcome


def refused(code: str, verb: Callable[[], Any]) -> Refusal:
    """Expect a refusal that writes nothing at all."""
    before = whole_database()
    with pytest.raises(Refusal) as caught:
        verb()
    assert caught.value.code == code
    assert whole_database() == before
    return caught.value


def receivable() -> int:
    return balances()["ops:receivable"]


def test_two_people_advance_what_a_refund_lacks_and_it_is_paid_in_the_same_moment(waiting: Town) -> None:
    made = advance(waiting)
    assert fetch("SELECT state FROM refund") == [("pending",)]
    with ledger_moves() as moved:
        assert agree(waiting, made) == "20000 fen advanced"
    # What comes into the trust bank goes to Mei; the grocer is owed nothing, and owes the platform.
    # Of the coupon of 700 that Mei's purchase gave her, a fifth is taken back.
    assert moved == {"ops:bank": -20_000, "ops:receivable": 20_000, "trust:coupon": -140, "trust:reserve": 140}
    assert fetch("SELECT state, dues_fen FROM refund") == [("paid", 20_000)]
    journals = fetch("SELECT book, kind FROM journal WHERE key LIKE 'advance/%%' ORDER BY book")
    assert journals == [("ops", "advance"), ("trust", "advance")]
    # The platform moves it at its bank: from now on a statement has to list it.
    expected = fetch("SELECT key, amount_fen, state FROM payment_instruction WHERE kind = 'bring'")
    assert [(key.partition("/")[0], fen, state) for key, fen, state in expected] == [("advance", 20_000, "done")]
    # The points of 20 % of the price are gone: 10 000 less 2 000.
    assert waiting.points("mei") == 8_000


def test_only_what_is_lacking_is_advanced(waiting: Town) -> None:
    waiting.sell("mei", "grocer", 10_000)
    # 9 000 of the 20 000 are there; more than is needed may be approved.
    assert agree(waiting, advance(waiting, amount_fen=15_000)) == "11000 fen advanced"
    assert receivable() == 11_000
    assert waiting.later(days=1).pay_out() == {}


def test_an_advance_comes_back_from_the_next_dues_before_they_are_paid_out(waiting: Town) -> None:
    agree(waiting, advance(waiting))
    waiting.sell("mei", "grocer", 10_000)
    waiting.sell("lin", "baker", 10_000)
    with ledger_moves() as moved:
        assert waiting.later(days=1).pay_out() == {"baker": 8_000}
    assert moved == {
        "trust:merchant_payable": -17_000,
        "trust:bank": -17_000,
        "ops:bank": 9_000,
        "ops:receivable": -9_000,
    }
    waiting.sell("mei", "grocer", 30_000)
    # 27 000 of dues less the 11 000 that are left of the advance.
    assert waiting.later(days=1).pay_out() == {"grocer": 16_000}
    assert receivable() == 0
    waiting.sell("mei", "grocer", 10_000)
    assert waiting.later(days=1).pay_out() == {"grocer": 9_000}


def test_several_advances_come_back_oldest_first(waiting: Town) -> None:
    agree(waiting, advance(waiting, amount_fen=20_000))
    assert waiting.refund(waiting.ids["order"], 1_000, "R2") == "pending"
    agree(waiting, advance(waiting, refund_no="R2", amount_fen=1_000))
    waiting.sell("mei", "grocer", 23_000)
    # 20 700 of dues: 20 000 for the first, 700 of the second.
    assert waiting.later(days=1).pay_out() == {}
    open_ = fetch(
        "SELECT r.refund_no, SUM(d.amount_fen) FROM deposit d JOIN refund r ON r.id = d.advance_of "
        "GROUP BY r.refund_no ORDER BY r.refund_no"
    )
    assert [(no, int(fen)) for no, fen in open_] == [("R1", 0), ("R2", 300)]


def test_a_payout_day_asked_again_gives_nothing_back_twice(waiting: Town) -> None:
    agree(waiting, advance(waiting))
    waiting.sell("mei", "grocer", 10_000)
    day = waiting.later(days=1).today()
    assert waiting.pay_out(day) == {}
    before = balances()
    assert waiting.pay_out(day) == {}
    assert balances() == before
    # What is confirmed later of the day before is given back too, on the same day.
    waiting.sell("mei", "grocer", 2_000, paid_at=waiting.at - timedelta(days=1))
    assert waiting.pay_out(day) == {}
    assert receivable() == 20_000 - 9_000 - 1_800


def test_what_can_not_be_advanced_is_refused_and_writes_nothing(waiting: Town) -> None:
    town = waiting
    for code, changes in (
        ("refund.merchant", {"merchant": "tailor"}),
        ("refund.order", {"order_no": "A9"}),
        ("advance.refund", {"refund_no": "R9"}),
        ("advance.short", {"amount_fen": 19_999}),
        ("document.value", {"amount_fen": 0}),
        ("document.value", {"what": "top_up"}),
        ("document.unknown_key", {"pool": "green"}),
    ):
        refused(code, lambda: advance(town, **changes))  # noqa: B023
    refused("proposal.role", lambda: advance(town, by="Wu"))
    made = advance(town)
    refused("proposal.two_people", lambda: agree(town, made, "Fang"))
    refused("proposal.role", lambda: agree(town, made, "Ren"))


def test_the_platform_advances_no_more_than_it_has_beside_its_grants(waiting: Town) -> None:
    made = advance(waiting)
    waiting.grant(2_001, 1)
    refusal = refused("advance.funds", lambda: agree(waiting, made))
    assert refusal.facts == {"bank": 22_000, "granted": 2_001, "amount": 20_000}
    assert trust.proposal(made.id, at=waiting.at).state == "open"


def test_an_advance_is_not_made_once_the_merchant_can_pay(waiting: Town) -> None:
    made = advance(waiting)
    waiting.deposit("grocer", 20_000)
    refused("advance.needless", lambda: agree(waiting, made))
    assert waiting.refund(waiting.ids["order"], 20_000, "R1") == "paid"
    refused("advance.refund", lambda: agree(waiting, made))
    assert receivable() == 0


def test_the_database_lets_nothing_go_back_that_was_not_advanced(waiting: Town) -> None:
    with pytest.raises(Exception, match="deposit_positive"):
        execute(
            "INSERT INTO deposit (id, merchant_id, deposit_no, amount_fen, journal_id) VALUES (1, %s, 'x', -1, 1)",
            waiting.ids["grocer"],
        )
