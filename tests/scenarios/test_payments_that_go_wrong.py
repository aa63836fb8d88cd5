"""Hundreds of payments through the sandbox institution, and all that goes wrong on the way: nothing of it is silent."""

from collections import Counter
from collections.abc import Sequence

from greenloop.sim.institution.fates import Rates, fate_of
from greenloop.sim.institution.platform import Basket
from greenloop.sim.institution.trial import Trial, drawn_baskets, live
from tests.support.databases import Database
from tests.support.institution import institution, kept
from tests.support.ledger import balances, fetch
from tests.support.trusting import trust_book

RATES = Rates(repeated_ppm=50_000, late_ppm=50_000, lost_ppm=20_000, wrong_ppm=10_000, charged_back_ppm=10_000)
PAYMENTS = 600
FIRST_DAY = 400


def fates(baskets: Sequence[Basket]) -> Counter[str]:
    """Return how many payments are to have which fate."""
    drawn = [fate_of(RATES, 7, f"{basket.merchant}/{basket.order_no}") for basket in baskets]
    return Counter(fate.notice for fate in drawn) + Counter(back=sum(fate.is_charged_back for fate in drawn))


def test_books_equal_statements_after_all_that_can_go_wrong(database: Database) -> None:
    baskets = drawn_baskets(payments=PAYMENTS, seed=7)
    with trust_book(database), institution(RATES, seed=7) as found:
        trial = Trial(found.gateway, found.hours, baskets, keep=kept)
        live(trial)
        told, held_fen = found.account.fates(), found.account.balance_fen()
    drawn, early = fates(baskets), fates(baskets[:FIRST_DAY])
    assert told == drawn
    assert set(drawn) == {"once", "repeated", "late", "lost", "wrong", "back"}
    # On the first evening each payment that was said late, wrongly or never stands on the statement without an order.
    unsaid = early["late"] + early["lost"] + early["wrong"]
    first, second, third, fourth, booked, last, end = trial.evenings
    assert (first.lines, first.orders) == (FIRST_DAY, FIRST_DAY - unsaid)
    assert first.cases == {"timing": unsaid, "notice": early["wrong"]}
    # Once they are heard and asked about, they are orders too, and their cases close by themselves.
    assert (second.orders, second.cases) == (unsaid, {})
    assert (third.orders, third.cases) == (PAYMENTS - FIRST_DAY, {})
    # Each payment that went back is a case until its order is refunded.
    assert fourth.cases == {"chargeback": early["back"]}
    assert last.cases == {"chargeback": drawn["back"] - early["back"]}
    assert booked.cases == end.cases == {}
    # No evening leaves a fen that no case explains, and in the end there is nothing to explain.
    assert [each.tie.unexplained_fen for each in trial.evenings] == [0] * len(trial.evenings)
    assert held_fen == balances()["trust:bank"] == end.tie.listed_fen
    assert fetch("SELECT COUNT(*), SUM(cash_fen) FROM orders WHERE confirmed_at IS NOT NULL") == [
        (PAYMENTS, sum(basket.cash_fen for basket in baskets))
    ]
