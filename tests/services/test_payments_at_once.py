"""Notices, statements, payouts, refunds, tills and the clock at one moment: nobody deadlocks, nothing counts twice."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from random import Random
from threading import Lock

import pytest

from greenloop.core.faults import Refusal
from greenloop.services.books import payout
from greenloop.services.books.institution.asking import ask_payment, end_payment
from greenloop.services.books.institution.ending import cancel_unpaid, close_due
from greenloop.services.books.institution.gateway import Answer, Said, Told
from greenloop.services.books.institution.notices import ask_silent, take_notices
from greenloop.services.books.institution.sending import send_due
from greenloop.services.books.reconciling.lines import INSTITUTION, Line, Listed
from greenloop.services.books.reconciling.statement import compare_again, take_statement
from greenloop.services.loop.refund import RefundForm, refund
from tests.support.custody import unexplained
from tests.support.ledger import balances, execute, fetch
from tests.support.threads import at_once
from tests.support.town import Town

PAID, UNPAID, FEN = 80, 24, 10_000
ROUNDS = 6


class Bank:
    """An institution that takes what it is told, says it is done where it is asked, and closes what nobody paid."""

    def __init__(self, paid: Sequence[str], at: datetime) -> None:
        self.paid, self.at, self.lock, self.told = set(paid), at, Lock(), Counter[str]()

    def pay_out(self, told: Told) -> Answer:
        with self.lock:
            self.told[told.number] += 1
        return Answer(is_accepted=True)

    collect = split = refund = pay_out

    def end(self, told: Told) -> Answer:
        return Answer(is_accepted=told.number not in self.paid, fault="the payment is made")

    def query(self, told: Told) -> Said | None:
        if told.kind == "collect" and told.number not in self.paid:
            return None
        return self.said(told.number, told.amount_fen, "answer")

    def said(self, number: str, fen: int, notice: str) -> Said:
        digest = "0" * 64
        told = (f"{notice}-{number}", number, f"T{number}", "success")
        return Said(*told, fen, self.at, digest, is_answer=notice == "answer")


class Noon:
    """What everybody does at once, each a few times, in an order that a seed draws."""

    def __init__(self, town: Town, bank: Bank, orders: dict[int, str]) -> None:
        self.town, self.bank, self.orders, self.at = town, bank, orders, town.at
        self.paid = list(orders.values())[:PAID]
        self.unpaid = list(orders)[PAID:]

    def notices(self, chance: Random) -> None:
        """Hear of all payments, some by another amount first, in any order, in parts of any size."""
        said = [self.bank.said(number, FEN, "n") for number in self.paid]
        said += [self.bank.said(number, FEN + 1, "wrong") for number in self.paid[::9]]
        chance.shuffle(said)
        while said:
            count = chance.randint(1, 30)
            part, said = said[:count], said[count:]
            take_notices(said=part, at=self.at)

    def send(self, chance: Random) -> None:
        """Send what is due, and ask about what is silent."""
        del chance
        for _ in range(ROUNDS):
            send_due(gateway=self.bank, at=self.at)  # type: ignore[arg-type]
            ask_silent(gateway=self.bank, at=self.at + timedelta(minutes=11))  # type: ignore[arg-type]

    def end(self, chance: Random) -> None:
        """End what nobody pays, and try to end what somebody has paid."""
        for order in chance.sample(list(self.orders), len(self.orders)):
            if order in self.unpaid:
                end_payment(order_id=order, at=self.at)
            elif chance.random() < 0.1:
                with suppress(Refusal):
                    ask_payment(order_id=order, at=self.at)

    def clock(self, chance: Random) -> None:
        """Close what is over, cancel its orders, and pay merchants."""
        del chance
        for _ in range(ROUNDS):
            close_due(gateway=self.bank, at=self.at)  # type: ignore[arg-type]
            cancel_unpaid(at=self.at)
            payout.pay_out(business_date=self.town.today(), at=self.at)

    def statements(self, chance: Random) -> None:
        """Take what the institution lists, in parts that are the same for everybody, and compare again."""
        parts = list(range(0, PAID, 16))
        for first in chance.sample(parts, len(parts)):
            lines = tuple(
                Line("payment", number, f"S{number}", FEN, self.at) for number in self.paid[first : first + 16]
            )
            listed = Listed(INSTITUTION, lines)
            take_statement(listed=listed, name=f"part {first}", file_hash=f"{first:064}", by="lin", at=self.at)
            compare_again(at=self.at)

    def refunds(self, chance: Random) -> None:
        """Give back some of what was paid, by the same numbers as everybody."""
        for place in chance.sample(range(0, PAID, 8), PAID // 8):
            form = RefundForm(("grocer", "baker")[place % 2], f"o{place}", "r", 1_000)
            refund(forms=[form], at=self.at)


@pytest.mark.parametrize("seed", [1, 2])
def test_all_that_can_happen_to_payments_happens_at_once(town: Town, seed: int) -> None:
    made = [
        town.sell("mei", ("grocer", "baker")[place % 2], FEN, order_no=f"o{place}", confirmed=False)
        for place in range(PAID + UNPAID)
    ]
    orders = {order: ask_payment(order_id=order, minutes=120, at=town.at) for order in made}
    town.at = town.calendar.midnight_at(town.today() + timedelta(days=1)) + timedelta(minutes=5)
    execute("UPDATE payment_instruction SET expires_at = %s", town.at + timedelta(hours=1))
    bank = Bank(list(orders.values())[:PAID], town.at)
    noon = Noon(town, bank, orders)
    jobs = [noon.notices, noon.send, noon.end, noon.clock, noon.statements, noon.refunds] * 2
    calls: list[Callable[[], None]] = [partial(job, Random(seed * 100 + place)) for place, job in enumerate(jobs)]
    at_once(calls)
    # What was asked for or refunded under somebody's hands is brought to its end.
    for later in (noon.notices, noon.end, noon.refunds, noon.statements, noon.clock):
        later(Random(seed))
    assert fetch(
        "SELECT state, COUNT(*) FROM payment_instruction WHERE kind = 'collect' GROUP BY state ORDER BY 1"
    ) == [
        ("closed", UNPAID),
        ("done", PAID),
    ]
    # Each paid order is confirmed once, each unpaid one cancelled once, and each refund is made once.
    assert fetch("SELECT COUNT(*) FROM orders WHERE confirmed_at IS NOT NULL") == [(PAID,)]
    made_of = "SELECT COUNT(*), COALESCE(SUM(cash_fen), 0) FROM refund WHERE refund_no = %s AND state = %s"
    assert fetch(made_of, "cancel", "paid") == [(UNPAID, UNPAID * FEN)]
    ((paid, back_fen),), ((waiting, _),) = fetch(made_of, "r", "paid"), fetch(made_of, "r", "pending")
    assert (paid + waiting, back_fen) == (PAID // 8, paid * 1_000)
    # A tenth of what is left of each order is conceded and stays; what was paid out is in the bank no more.
    ((out_fen,),) = fetch("SELECT COALESCE(SUM(amount_fen), 0) FROM payout")
    assert fetch("SELECT COUNT(*), COUNT(DISTINCT merchant_id) FROM payout") in ([(0, 0)], [(1, 1)], [(2, 2)])
    # A shop that was paid out first has nothing to give back: its refunds wait until it has sold or deposited.
    assert out_fen or not waiting
    assert balances()["trust:bank"] == PAID * FEN - back_fen - out_fen
    assert balances().get("trust:in_transit", 0) == 0
    assert fetch("SELECT difference FROM reconciliation_case WHERE state = 'open' AND difference <> 'timing'") == []
    assert unexplained() == 0
    # A number may be sent more than once only where its lease was over: here none was.
    assert set(bank.told.values()) <= {1}
