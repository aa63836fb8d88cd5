"""A till lets a payer pay through the institution: what it shows, what the institution says of it, and how it ends."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from typing import Any

import pytest
from django.conf import settings

from greenloop.services.books.institution import named, sending
from greenloop.services.books.institution.ending import close_due
from greenloop.services.books.institution.passing import pass_on
from greenloop.services.books.reconciling.profiles import read
from greenloop.services.books.reconciling.statement import take_statement
from greenloop.sim.institution.fates import Rates
from tests.support.calling import Answer, Caller, till_of
from tests.support.institution import SECRET, Set, institution
from tests.support.ledger import balances, fetch
from tests.support.looking import looker_of, staff_of
from tests.support.town import Town

NOBODY_PAYS = Rates(unpaid_ppm=1_000_000)


@pytest.fixture
def rates(request: pytest.FixtureRequest) -> Rates:
    found: Rates = getattr(request, "param", Rates())
    return found


@pytest.fixture
def bank(town: Town, clock: Callable[[datetime], None], rates: Rates, monkeypatch: pytest.MonkeyPatch) -> Iterator[Set]:
    """The sandbox institution, named in the environment, at noon of the town's first day."""
    with institution(rates) as found:
        monkeypatch.setattr(settings, "GREENLOOP_INSTITUTION", f"sandbox+http://{found.address}")
        monkeypatch.setattr(settings, "GREENLOOP_INSTITUTION_SECRET", SECRET)
        found.until(town.at)
        clock(town.at)
        gateway: Any = named.gateway()
        yield found
        gateway.close()


class Counter:
    """A till that sells, and what it hears of payments."""

    def __init__(self, town: Town, till: Caller, clock: Callable[[datetime], None], bank: Set) -> None:
        self.town, self.till, self.clock, self.bank = town, till, clock, bank

    def sell(self, order_no: str = "A-1", cash_fen: int = 10_000, **facts: Any) -> str:
        sale = {"merchant": "grocer", "order_no": order_no, "member": "mei", "paid_at": self.town.at.isoformat()}
        answer = self.till.post("/v1/orders", sale | {"cash_fen": cash_fen} | facts)
        assert answer.status == 201, answer.body
        return str(answer.json["id"])

    def ask(self, order: str, body: Any = None) -> Answer:
        return self.till.post(f"/v1/orders/{order}/payment", body or {})

    def payment(self, order: str) -> Any:
        return self.till.get(f"/v1/orders/{order}/payment").json

    def later(self, minutes: int) -> None:
        self.town.later(minutes=minutes)
        self.bank.until(self.town.at)
        self.clock(self.town.at)


@pytest.fixture
def counter(town: Town, till: Caller, clock: Callable[[datetime], None], bank: Set) -> Counter:
    return Counter(town, till, clock, bank)


def test_a_till_shows_what_the_payer_scans_and_hears_from_the_institution_that_it_is_paid(counter: Counter) -> None:
    order = counter.sell()
    first = counter.ask(order)
    number = first.json["number"]
    assert (first.status, first.json["state"], first.json["amount_fen"]) == (201, "asked", 10_000)
    assert first.json["show"] == f"sandbox:pay/{number}"
    assert counter.payment(order) == first.json
    again = counter.ask(order, {"minutes": 60})
    assert (again.json, again.headers["idempotency-replayed"]) == (first.json, "true")
    # The payer pays a minute later, and the institution says so after another 20 seconds: nobody else can.
    counter.later(minutes=2)
    assert (counter.payment(order)["state"], counter.payment(order)["show"]) == ("paid", None)
    assert counter.till.get(f"/v1/orders/{order}").json["cash_confirmed_at"] is None
    # What the notice said moves no money; what the statement lists confirms the order.
    data = counter.bank.gateway.statement(counter.town.today())
    counter.later(minutes=60)
    take_statement(listed=read(data, "sandbox"), name="day", file_hash="0" * 64, by="lin", at=counter.town.at)
    assert counter.payment(order)["state"] == "confirmed"
    assert counter.till.get(f"/v1/orders/{order}").json["cash_confirmed_at"] is not None
    assert fetch("SELECT difference FROM reconciliation_case") == []


@pytest.mark.parametrize("rates", [NOBODY_PAYS], indirect=True)
def test_a_payment_that_nobody_makes_in_time_ends_and_its_order_with_it(counter: Counter) -> None:
    order = counter.sell()
    before = balances()
    until = counter.ask(order, {"minutes": 5}).json["expires_at"]
    assert datetime.fromisoformat(until) > counter.town.at
    pass_on(at=counter.town.at)
    assert counter.payment(order)["state"] == "asked"
    counter.later(minutes=6)
    assert (counter.payment(order)["state"], counter.payment(order)["show"]) == ("closing", None)
    for _ in range(2):
        pass_on(at=counter.town.at)
    assert counter.payment(order)["state"] == "closed"
    found = counter.till.get(f"/v1/orders/{order}").json
    assert (found["left_fen"], found["refunded_fen"]) == (0, 10_000)
    assert before["trust:in_transit"] == 10_000
    assert balances().get("trust:in_transit", 0) == 0
    # Nobody has paid, so nobody is paid back, and no case is about it.
    assert fetch("SELECT kind, state FROM payment_instruction") == [("collect", "closed")]
    assert fetch("SELECT refund_no, state, cash_fen FROM refund") == [("cancel", "paid", 10_000)]
    assert fetch("SELECT difference FROM reconciliation_case") == []
    # Who asks once more is told how it ended.
    assert (counter.ask(order).status, counter.ask(order).json["state"]) == (201, "closed")


@pytest.mark.parametrize("rates", [NOBODY_PAYS], indirect=True)
def test_a_till_ends_a_payment_at_once(counter: Counter) -> None:
    order = counter.sell()
    counter.ask(order)
    path = f"/v1/orders/{order}/payment/cancel"
    # While it may be paid, nothing of the order can be given back: that would be for nothing.
    for refused in (
        counter.till.post(f"/v1/orders/{order}/cancel"),
        counter.till.post(f"/v1/orders/{order}/refunds", {"refund_no": "r", "amount_fen": 100}),
        counter.till.post(f"/v1/orders/{order}/refunds?dry_run=true", {"refund_no": "r", "amount_fen": 100}),
    ):
        assert (refused.status, refused.code) == (409, "refund.unpaid")
    ended = counter.till.post(path)
    assert (ended.status, ended.json["state"]) == (200, "closed")
    assert counter.till.get(f"/v1/orders/{order}").json["left_fen"] == 0
    again = counter.till.post(path)
    assert (again.json, again.headers["idempotency-replayed"]) == (ended.json, "true")


def test_a_payment_that_is_made_already_can_t_be_ended_but_refunded(counter: Counter) -> None:
    order = counter.sell()
    counter.ask(order)
    counter.later(minutes=2)
    ended = counter.till.post(f"/v1/orders/{order}/payment/cancel")
    assert (ended.status, ended.code) == (409, "payment.made")
    refunded = counter.till.post(f"/v1/orders/{order}/refunds", {"refund_no": "r", "amount_fen": 4_000})
    assert (refunded.status, refunded.json["state"]) == (201, "paid")
    assert fetch("SELECT kind, amount_fen FROM payment_instruction WHERE kind = 'refund'") == [("refund", 4_000)]


def test_a_payment_of_the_last_moment_is_paid_and_its_order_stays(counter: Counter) -> None:
    order = counter.sell()
    counter.ask(order, {"minutes": 1})
    # It is paid as its time ends, and the institution has not said so yet: it refuses to close it.
    counter.town.later(minutes=1)
    counter.bank.account.due(counter.town.at)
    counter.clock(counter.town.at)
    assert counter.payment(order)["state"] == "closing"
    pass_on(at=counter.town.at)
    assert counter.payment(order)["state"] == "paid"
    assert counter.till.get(f"/v1/orders/{order}").json["left_fen"] == 10_000


def test_what_vouchers_and_coupons_pay_of_an_order_is_not_asked_for_and_goes_back_with_it(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = counter.town
    town.sell("mei", "grocer", 100_000)
    town.close_all([1, 2])
    counter.bank.until(town.at)
    counter.clock(town.at)
    # 10 000 points have released 100 of vouchers, and the first sale gave a coupon of 7 % of its concession.
    order = counter.sell(cash_fen=9_000, voucher_fen=100, coupon_fen=700, order_no="B-1")
    assert town.wallet("mei").redeemed_fen == 100
    assert counter.ask(order).json["amount_fen"] == 9_000
    assert counter.till.post(f"/v1/orders/{order}/payment/cancel").json["state"] == "closed"
    assert (town.wallet("mei").redeemed_fen, town.wallet("mei").voucher_fen) == (0, 100)
    assert fetch("SELECT left_fen FROM coupon ORDER BY order_id LIMIT 1") == [(700,)]


def test_what_can_t_be_asked_for_is_refused(counter: Counter, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    for body in ({"minutes": 0}, {"minutes": 121}, {"minutes": True}, {"minutes": "5"}, {"hours": 1}):
        assert counter.ask(counter.sell(f"n-{body}"), body).code == "body.invalid"
    confirmed = town.sell("mei", "grocer", 10_000)
    assert (counter.ask(str(confirmed)).status, counter.ask(str(confirmed)).code) == (409, "payment.made")
    refunded = counter.sell("r")
    counter.till.post(f"/v1/orders/{refunded}/refunds", {"refund_no": "r", "amount_fen": 100})
    assert (counter.ask(refunded).status, counter.ask(refunded).code) == (409, "payment.refunded")
    # Who asked for none has none, and somebody else's order is as if it were not there.
    unasked = counter.sell("u")
    for answer in (
        counter.till.get(f"/v1/orders/{unasked}/payment"),
        counter.till.post(f"/v1/orders/{unasked}/payment/cancel"),
    ):
        assert (answer.status, answer.code) == (404, "payment.unknown")
    assert till_of("baker").post(f"/v1/orders/{unasked}/payment", {}).code == "order.unknown"
    monkeypatch.setattr(settings, "GREENLOOP_INSTITUTION", "")
    assert (counter.ask(unasked).status, counter.ask(unasked).code) == (409, "payment.closed")
    assert fetch("SELECT kind FROM payment_instruction") == []


def test_only_its_merchant_its_shopper_and_the_platform_s_people_see_a_payment(counter: Counter, town: Town) -> None:
    order = counter.sell()
    told = counter.ask(order).json
    for caller in (looker_of(town.ids["mei"]), staff_of("auditor")):
        assert caller.get(f"/v1/orders/{order}/payment").json == told
    assert looker_of(town.ids["lin"]).get(f"/v1/orders/{order}/payment").code == "order.unknown"


def test_while_the_institution_is_away_a_payment_waits_and_the_clock_asks_for_it(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = counter.sell()
    monkeypatch.setattr(settings, "GREENLOOP_INSTITUTION", "sandbox+http://127.0.0.1:9")
    first = counter.ask(order)
    assert (first.status, first.json["state"], first.json["show"]) == (201, "waiting", None)
    monkeypatch.setattr(settings, "GREENLOOP_INSTITUTION", f"sandbox+http://{counter.bank.address}")
    counter.later(minutes=1)
    pass_on(at=counter.town.at)
    assert counter.payment(order)["state"] == "asked"
    assert counter.payment(order)["show"] == f"sandbox:pay/{first.json['number']}"


def test_with_a_key_of_its_own_it_is_asked_for_once_and_answered_as_it_stands(counter: Counter) -> None:
    orders = [counter.sell("a"), counter.sell("b")]
    path = f"/v1/orders/{orders[0]}/payment"
    first = counter.till.post(path, {}, idempotency_key="k")
    counter.later(minutes=2)
    again = counter.till.post(path, {}, idempotency_key="k")
    assert [first.json["state"], again.json["state"]] == ["asked", "paid"]
    other = counter.till.post(f"/v1/orders/{orders[1]}/payment", {}, idempotency_key="k")
    assert (other.status, other.code) == (409, "idempotency.conflict")
    assert fetch("SELECT COUNT(*) FROM payment_instruction") == [(1,)]


@pytest.mark.parametrize("rates", [NOBODY_PAYS], indirect=True)
def test_a_till_that_ends_a_payment_cancels_no_order_but_its_own(counter: Counter) -> None:
    mine, other = counter.sell("mine"), counter.sell("other")
    counter.ask(mine)
    counter.ask(other, {"minutes": 5})
    counter.later(minutes=6)
    close_due(gateway=named.gateway(), at=counter.town.at)
    assert counter.payment(other)["state"] == "closed"
    assert counter.till.post(f"/v1/orders/{mine}/payment/cancel").json["state"] == "closed"
    left = [counter.till.get(f"/v1/orders/{order}").json["left_fen"] for order in (mine, other)]
    assert left == [0, 10_000]


def test_tills_that_end_payments_wait_for_the_institution_by_few_at_a_time(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = counter.sell()
    counter.ask(order)
    asked: list[str] = []
    monkeypatch.setattr(named.gateway(), "end", lambda told: asked.append(told.number))
    with ExitStack() as busy:
        for _ in range(sending.TILLS_AT_ONCE):
            assert busy.enter_context(sending.turn())
        ended = counter.till.post(f"/v1/orders/{order}/payment/cancel")
        # It is left to the clock, which closes it within seconds.
        assert (ended.status, ended.json["state"], asked) == (200, "closing", [])
    monkeypatch.undo()
