"""One purse, many tills: 32 callers pay with the same vouchers at the same moment, and what is there is spent once."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import pytest

from greenloop.api import callers, limits
from greenloop.api.loop import till as orders
from greenloop.services.loop import take
from tests.faults.profile import PROFILE, SEED, Tally, chance, tallied
from tests.support.calling import Caller, till_of
from tests.support.databases import Database
from tests.support.ledger import fetch
from tests.support.threads import at_once
from tests.support.town import Town, found_town

CALLERS = 32
ROUNDS = 28 if PROFILE.scale > 1 else 4
RELEASED_FEN = 1_000
TAKEN = "taken"


@pytest.fixture
def town(database: Database) -> Iterator[Town]:
    """Mei has bought for 10 000 yuan: each settlement from the second on releases 1 000 fen to her."""
    town = found_town()
    town.sell("mei", "grocer", 1_000_000)
    town.close(1)
    yield town
    orders.writer.rest()
    callers.forget()
    limits.forget()


@pytest.fixture
def till(town: Town, monkeypatch: pytest.MonkeyPatch) -> Caller:
    """The baker's till, by the lane that the server takes."""
    monkeypatch.setattr(limits, "count", lambda *_, **__: None)  # how often a key may call is not what is tried
    caller = till_of("baker")
    caller.ahead = True
    return caller


def order(town: Town, number: str, voucher_fen: int) -> dict[str, Any]:
    told = {"merchant": "baker", "order_no": number, "member": "mei", "paid_at": town.at.isoformat()}
    return told | {"cash_fen": 0, "voucher_fen": voucher_fen, "delivered": True}


def by_api(till: Caller, town: Town, number: str, voucher_fen: int) -> str:
    """Send an order; one writer gathers what all threads send."""
    answer = till.post("/v1/orders", order(town, number, voucher_fen))
    return TAKEN if answer.status == 201 else answer.code


def by_verb(till: Caller, town: Town, number: str, voucher_fen: int) -> str:
    """Take an order in a transaction of its own, as a server beside this one would."""
    del till
    sale = town.sale("mei", "baker", voucher_fen=voucher_fen, order_no=number)
    taking = take.take(sales=[sale], at=town.at)
    return taking.refusals[0].code if taking.refusals else TAKEN


def hold_against(tally: Tally, told: Mapping[str, int], had_fen: int) -> None:
    """Count what was acknowledged and isn't there, and what was spent beyond what there was."""
    found = dict(fetch("SELECT order_no, voucher_fen FROM orders WHERE voucher_fen > 0"))
    tally.lost = sum(found.get(number) != fen for number, fen in told.items())
    tally.doubled = len(found) - len(told)
    spent_fen = int(fetch("SELECT SUM(redeemed_fen) FROM wallet")[0][0])
    tally.double_spent = int(sum(found.values()) > had_fen) + int(spent_fen != sum(told.values()))
    tally.prove_books()


@pytest.mark.parametrize("door", [by_api, by_verb], ids=["api", "verbs"])
def test_one_purse_spent_by_32_callers_at_once_pays_for_exactly_what_it_can(
    town: Town, till: Caller, database: Database, door: Callable[[Caller, Town, str, int], str]
) -> None:
    left_fen, dice, told = 0, chance("double spend"), dict[str, int]()
    with tallied(f"one purse, 32 callers, {door.__name__[3:]}", database.engine) as tally:
        for turn in range(ROUNDS):
            town.close(2 + turn)
            left_fen += RELEASED_FEN
            # Everyone wants the same price; the purse is enough for one of them, or for some, but never for all.
            price_fen = max(left_fen // CALLERS + 1, left_fen // dice.randrange(1, CALLERS))
            numbers = [f"v{turn}-{place}" for place in range(CALLERS)]
            answers = at_once([partial(door, till, town, number, price_fen) for number in numbers])
            affordable = left_fen // price_fen
            assert Counter(answers) == {TAKEN: affordable, "spend.balance": CALLERS - affordable}, f"seed {SEED}"
            taken = [number for number, answer in zip(numbers, answers, strict=True) if answer == TAKEN]
            told |= dict.fromkeys(taken, price_fen)
            left_fen -= len(taken) * price_fen
            tally.acknowledged += len(taken)
            tally.counts["refused"] += CALLERS - affordable
        wallet = town.wallet("mei")
        assert wallet.claimable_fen + wallet.voucher_fen == left_fen
        hold_against(tally, told, ROUNDS * RELEASED_FEN)
        tally.assert_exact()


def test_one_order_sent_by_32_callers_at_once_is_taken_and_paid_once(
    town: Town, till: Caller, database: Database
) -> None:
    town.close_all([2])
    told: dict[str, int] = {}
    with tallied("one order, 32 callers, api", database.engine) as tally:
        for turn in range(ROUNDS):
            calls = [partial(till.post, "/v1/orders", order(town, f"s{turn}", 10))] * CALLERS
            answers = at_once(calls)
            assert {(answer.status, answer.body) for answer in answers} == {(201, answers[0].body)}
            assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
            told[f"s{turn}"] = 10
            tally.acknowledged += CALLERS
            tally.counts["orders"] += 1
        hold_against(tally, told, RELEASED_FEN)
        assert town.wallet("mei").redeemed_fen == 10 * ROUNDS
        tally.assert_exact()
