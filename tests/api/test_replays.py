"""Every write that counts once by a number of its own says so when it is asked again: the same answer, and a header.

The table is held against the document: a new write has to say here how it is asked twice, or why it isn't.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.conf import settings

from greenloop.services.outbox.deliver import deliver_due
from tests.api.test_every_endpoint_says_no import operations
from tests.support.calling import Answer, Caller, partner_of, till_of
from tests.support.ledger import fetch
from tests.support.looking import Looker, staff_of
from tests.support.receiving import receiving
from tests.support.town import Town, plain_rules

Asking = Callable[[], Answer]
ANN = {"ref": "ann", "city": "Hangzhou", "enrolled_at": "2026-01-05T09:00:00+08:00", "phone": "13800138000"}
NOT_TWICE = {
    "takeOrders": "each sale is answered by itself: test_taking_orders",
    "quoteOrder": "nothing is written",
    "previewSettlement": "nothing is written",
    "draw": "draws again; an Idempotency-Key keeps it from that",
    "reconcile": "reconciles again, with the books as they are now",
    "rotateWebhookSecret": "draws another secret",
    "replayWebhook": "sends again what was given up since",
    "approveSettlement": "decided already: 409",
    "rejectSettlement": "decided already: 409",
    "approveProposal": "decided already: 409",
    "rejectProposal": "decided already: 409",
    "withdrawProposal": "decided already: 409",
    "revokeKey": "a key that is revoked is no live key: 404",
}
"""Writes that have no number of their own, with what they do when they are asked again."""


class Office:
    """Everybody whom the writes take, and what they ask."""

    def __init__(self, town: Town) -> None:
        self.town, self.till = town, till_of("grocer")
        self.operator, self.finance, self.marketing = (
            staff_of(role).fresh() for role in ("operator", "finance", "marketing")
        )

    def order(self, **facts: Any) -> int:
        return self.town.sell("mei", "grocer", 10_000, **facts)

    def post(self, caller: Caller | Looker, path: str, body: Any = None) -> Asking:
        return partial(caller.post, path, body)

    def sale(self) -> dict[str, Any]:
        paid_at = self.town.at.isoformat()
        return {"merchant": "grocer", "order_no": "x", "member": "mei", "paid_at": paid_at, "cash_fen": 10_000}

    def rate(self) -> dict[str, Any]:
        return {"rate_ppm": 120_000, "valid_from_at": (self.town.at + timedelta(days=9)).isoformat()}

    def rules(self) -> dict[str, Any]:
        effective_at = (self.town.at + timedelta(days=9)).isoformat()
        return {"document": plain_rules(refund_days=3), "effective_at": effective_at}

    def held(self) -> str:
        hold = {"account_id": str(self.town.ids["lin"]), "reason": "looks odd"}
        return str(self.operator.post("/v1/holds", hold).json["id"])

    def hook(self, *kinds: str, url: str = "http://127.0.0.1:8000/") -> Answer:
        return self.till.post("/v1/webhooks", {"url": url, "kinds": kinds or ["payout.paid"]})

    def delivered(self) -> str:
        """Return what was told of a payout, to who took it."""
        with receiving() as receiver:
            assert self.hook(url=receiver.url).status == 201
            self.order()
            self.town.later(days=1).pay_out()
            deliver_due(at=self.town.at)
        ((number, state),) = fetch("SELECT d.id, d.state FROM delivery d WHERE d.state <> 'waiting'")
        assert state == "done"
        return str(number)

    def granted(self) -> str:
        """Return a grant that the platform's bank can pay: the fee of 20 % on 100 yuan conceded."""
        self.town.sell("mei", "grocer", 100_000)
        self.town.close_all([1])
        self.town.transfer_fees(1)
        return str(self.marketing.post("/v1/grants", self.grant()).json["ref"])

    def grant(self) -> dict[str, Any]:
        return {"ref": "welcome", "amount_fen": 2_000, "rebate_fen": 500}

    def partner(self) -> str:
        """Return a partner that acts for the grocer."""
        body = {"name": "mall", "kind": "partner", "merchants": ["grocer"]}
        return str(self.operator.post("/v1/clients", body).json["id"])

    def client(self) -> str:
        return str(self.operator.post("/v1/clients", {"name": "mall", "kind": "partner"}).json["id"])


def confirmed(office: Office) -> Asking:
    return office.post(office.till, f"/v1/orders/{office.order(delivered=False)}/confirm")


def paying(office: Office) -> str:
    """Return where an order's payment is asked for."""
    return f"/v1/orders/{office.order(confirmed=False, delivered=False)}/payment"


def payment_ended(office: Office) -> Asking:
    path = paying(office)
    assert office.till.post(path, {}).status == 201
    return office.post(office.till, f"{path}/cancel")


def webhook_ended(office: Office) -> Asking:
    return office.post(office.till, f"/v1/webhooks/{office.hook().json['id']}/end")


def settled(office: Office) -> Asking:
    office.town.at = office.town.calendar.cutoff_at(1)
    return office.post(office.operator, "/v1/settlements/1/run")


def proposal(office: Office) -> Asking:
    body = {"kind": "rate.set", "content": {"merchant": "grocer", **office.rate()}, "reason": "agreed"}
    return office.post(office.operator, "/v1/proposals", body)


def paid_out(office: Office) -> Asking:
    office.order()
    day = office.town.later(days=1).today().isoformat()
    return office.post(office.finance, "/v1/payouts", {"business_date": day})


def cash(office: Office) -> Asking:
    told = {"statement": "icbc-1", "order_ids": [str(office.order(confirmed=False))]}
    return office.post(office.finance, "/v1/bank-statements", told)


MERCHANT = {"ref": "tea", "city": "Hangzhou", "enrolled_at": "2026-01-05T09:00:00+08:00", "rate_ppm": 80_000}
DEPOSIT = {"merchant": "grocer", "deposit_no": "d-1", "amount_fen": 700, "reason": "on icbc-1"}
KEY = {"scopes": ["orders:read"], "reason": "opens"}
TWICE: dict[str, Callable[[Office], Asking]] = {
    "takeOrder": lambda o: o.post(o.till, "/v1/orders", o.sale()),
    "confirmOrder": confirmed,
    "cancelOrder": lambda o: o.post(o.till, f"/v1/orders/{o.order(delivered=False)}/cancel"),
    "askPayment": lambda o: o.post(o.till, paying(o), {}),
    "endPayment": payment_ended,
    "refundOrder": lambda o: o.post(o.till, f"/v1/orders/{o.order()}/refunds", {"refund_no": "r", "amount_fen": 900}),
    "proposeRules": lambda o: o.post(o.operator, "/v1/rules", {**o.rules(), "reason": "longer"}),
    "runSettlement": settled,
    "placeHold": lambda o: o.post(o.operator, "/v1/holds", {"order_id": str(o.order()), "reason": "odd"}),
    "releaseHold": lambda o: o.post(o.operator, f"/v1/holds/{o.held()}/release"),
    "enrolMember": lambda o: o.post(o.till, "/v1/members", ANN),
    "enrolMembers": lambda o: o.post(o.till, "/v1/members/bulk", {"members": [ANN]}),
    "enrolMerchant": lambda o: o.post(o.operator, "/v1/merchants", MERCHANT),
    "addShop": lambda o: o.post(o.till, "/v1/merchants/grocer/shops", {"ref": "north"}),
    "proposeRate": lambda o: o.post(o.operator, "/v1/merchants/grocer/rates", {**o.rate(), "reason": "agreed"}),
    "registerClient": lambda o: o.post(o.operator, "/v1/clients", {"name": "mall", "kind": "partner"}),
    "withdrawMerchant": lambda o: o.post(o.operator, f"/v1/clients/{o.partner()}/merchants/grocer/withdraw"),
    "proposeKey": lambda o: o.post(o.operator, f"/v1/clients/{o.client()}/keys", KEY),
    "payOut": paid_out,
    "proposeDeposit": lambda o: o.post(o.finance, "/v1/deposits", DEPOSIT),
    "confirmCash": cash,
    "proposeGrant": lambda o: o.post(o.marketing, "/v1/grants", o.grant()),
    "approveGrant": lambda o: o.post(o.finance, f"/v1/grants/{o.granted()}/approve"),
    "propose": proposal,
    "endWebhook": webhook_ended,
}
"""Writes that count once, each with what sets the scene and then asks."""
ANSWERS_ANEW = {
    "confirmOrders": "counts the orders that are confirmed now: none the second time",
    "registerWebhook": "the secret is told the first time alone",
    "replayDelivery": "a delivery that is on its way again is not sent once more",
}
"""Writes that count once, but whose second answer isn't the first."""


@pytest.fixture(autouse=True)
def loopback_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "GREENLOOP_HOOKS_TO_LOOPBACK", True)
    # An institution at which nobody is: what it is told waits.
    monkeypatch.setattr(settings, "GREENLOOP_INSTITUTION", "sandbox+http://127.0.0.1:9")
    monkeypatch.setattr(settings, "GREENLOOP_INSTITUTION_SECRET", "known to nobody else")


def test_the_table_names_every_write() -> None:
    writes = {one.name for one in operations() if one.method != "GET"}
    assert writes == {*TWICE, *NOT_TWICE, *ANSWERS_ANEW}


@pytest.mark.parametrize("name", TWICE)
def test_what_is_asked_again_is_answered_again_and_marked(town: Town, clock: Any, name: str) -> None:
    clock(town.at)
    office = Office(town)
    ask = TWICE[name](office)
    clock(town.at)
    first, again = ask(), ask()
    assert first.status in {200, 201, 202}, first.body
    assert first.headers.get("idempotency-replayed") is None
    assert (again.status, again.body, again.headers.get("idempotency-replayed")) == (first.status, first.body, "true")


def test_a_second_answer_that_counts_anew_is_marked_too(town: Town, clock: Any) -> None:
    clock(town.at)
    office = Office(town)
    orders = {"orders": [str(office.order(delivered=False))]}
    first, again = (office.till.post("/v1/orders/confirm", orders) for _ in range(2))
    assert [each.json["confirmed"] for each in (first, again)] == [1, 0]
    hooks = [office.hook() for _ in range(2)]
    assert [each.json["secret"] is None for each in hooks] == [False, True]
    assert office.hook("refund.paid").headers.get("idempotency-replayed") is None
    path = f"/v1/deliveries/{office.delivered()}/replay"
    sent = [office.till.post(path) for _ in range(2)]
    for one, two in ((first, again), hooks, sent):
        assert one.headers.get("idempotency-replayed") is None
        assert two.headers.get("idempotency-replayed") == "true"


def test_a_first_phone_for_a_known_member_is_no_replay(town: Town, clock: Any) -> None:
    till, plain = till_of("grocer"), {key: value for key, value in ANN.items() if key != "phone"}
    asked = [till.post("/v1/members", body).headers.get("idempotency-replayed") for body in (plain, ANN, ANN, plain)]
    assert asked == [None, None, "true", "true"]
    # To whom she isn't known she is nobody's second time.
    assert partner_of("grocer").post("/v1/members", plain).headers.get("idempotency-replayed") is None
