"""A town in which there is something at every address of the API, and calls that name what is there."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from schemathesis import Case

from greenloop.services.books.grants import propose_grant
from greenloop.services.books.reconcile import reconcile
from greenloop.services.loop import proposal
from greenloop.services.loop.hold import hold_account, hold_order
from greenloop.services.outbox.endpoints import write_endpoint
from greenloop.services.people.staff import appoint_staff
from greenloop.services.trust.proposals import propose
from greenloop.store.queries import settlements
from tests.support.calling import NOW, partner_of, till_of
from tests.support.ledger import fetch
from tests.support.signing import PASSWORD
from tests.support.town import OPENING_AT, Town, found_town, plain_rules

NUMBERED = {
    "refund_id": "SELECT id FROM refund",
    "hold_id": "SELECT id FROM hold",
    "payout_id": "SELECT id FROM payout",
    "journal_id": "SELECT id FROM journal",
    "proposal_id": "SELECT id FROM proposal",
    "webhook_id": "SELECT id FROM webhook_endpoint",
    "delivery_id": "SELECT id FROM delivery",
    "client_id": "SELECT id FROM api_client WHERE name = 'spare'",
    "key_id": "SELECT k.id FROM api_key k JOIN api_client c ON c.id = k.client_id WHERE c.name = 'spare'",
    "sha256": "SELECT content_hash FROM proposal",
}
"""What is found by its number: the parameter's name, and where the numbers are."""
ROOMS: dict[str, dict[str, list[Any]]] = {
    "members": {"ref": ["mei", "lin"]},
    "merchants": {"ref": ["grocer", "baker"]},
    "grants": {"ref": ["spring", "welcome"]},
    "proposals": {"kind": ["rate.set"]},
}
"""What a name stands for in one room of the API, by the first part of the address."""


@dataclass(frozen=True, slots=True)
class Full:
    """The town; by names of parameters and fields what it knows; the keys of a till and of a partner."""

    town: Town
    known: dict[str, list[Any]]
    tokens: dict[str, str]

    def named(self, case: Case[Any], turn: int) -> Case[Any]:
        """Return a call that names what is there, wherever it names something; `turn` says which of several."""
        room = case.operation.path.split("/")[2]
        known = self.known | ROOMS.get(room, {})
        if case.path_parameters:
            case.path_parameters = {name: self._one(known, name, turn) for name in case.path_parameters}
        else:
            # What is enrolled here is new.
            known.pop("ref", None)
        if isinstance(case.body, dict) and case.operation.path != "/v1/orders/bulk":
            case.body = {name: self._one(known, name, turn, value) for name, value in case.body.items()}
        if case.query:
            # Every other one as it is most often called: without a query.
            asked = {name: self._one(known, name, turn, value) for name, value in case.query.items()}
            case.query = asked if turn % 2 else {}
        return case

    @staticmethod
    def _one(known: dict[str, list[Any]], name: str, turn: int, otherwise: Any = "7") -> Any:
        values = known.get(name)
        return values[turn % len(values)] if values else otherwise


def full_town() -> Full:
    """Let a lot happen: sales, refunds, a settlement that is held, payouts, holds, grants, proposals, webhooks."""
    town = found_town(plain_rules(daily_rebate_cap_fen=250))
    tokens = {"till": till_of("grocer").token, "partner": partner_of("grocer", "baker").token}
    partner_of("baker", name="spare")
    for client in ("tills of grocer", "mall"):
        kinds = ("payout.paid", "refund.paid", "rate.set")
        write_endpoint(client=client, url="https://tills.example/", kinds=kinds, by="console", at=NOW)
    first = town.sell("mei", "grocer", 100_000)
    town.refund(first, 1_000)
    town.deposit("grocer", 5_000)
    town.close(1)
    town.sell("lin", "grocer", 100_000)
    town.pay_out()
    town.close(2)
    town.draw("mei", 50)
    # Twice as many points release in the third cycle as in the second, which is more than the cap.
    town.close(3)
    town.later(hours=2)
    orders = [town.sell("mei", "grocer", 20_000), town.sell("mei", "baker", 30_000, delivered=False, confirmed=False)]
    town.pay_out()
    _decisions(town, orders[1])
    return Full(town, _numbers() | _known(town, [first, *orders]), tokens)


def _decisions(town: Town, order: int) -> None:
    """Hold an order and an account, grant, reconcile, and propose two rate cards."""
    hold_order(order_id=order, reason="mispriced", by="risk", at=town.at)
    hold_account(account_id=town.ids["bo"], reason="looks odd", by="risk", at=town.at)
    town.transfer_fees(1)
    town.grant(100, 10, ref="welcome")
    propose_grant(ref="spring", amount_fen=100, rebate_fen=10, by="marketing", at=town.at)
    reconcile(by="finance", at=town.at)
    by = str(appoint_staff(name="Somebody else", roles=["operator"], at=NOW, password=PASSWORD))
    for days, rate_ppm in ((9, 120_000), (10, 130_000)):
        at = (town.at + timedelta(days=days)).isoformat()
        content = {"merchant": "grocer", "rate_ppm": rate_ppm, "valid_from_at": at}
        propose(kind="rate.set", content=content, reason="agreed", by=by, at=town.at)


def _numbers() -> dict[str, list[Any]]:
    found = {name: [str(row[0]) for row in fetch(f"{query} ORDER BY 1")] for name, query in NUMBERED.items()}
    assert all(found.values()), found
    return found


def _known(town: Town, orders: list[int]) -> dict[str, list[Any]]:
    # The first call that is made up is the simplest, with the first of each of these: it should be entered.
    ids = [str(each) for each in orders]
    now = [town.at.isoformat(), (town.at - timedelta(minutes=5)).isoformat()]
    later = (town.at + timedelta(days=9)).isoformat()
    return {
        "order_id": ids,
        "order_ids": [ids[1:]],
        "orders": [ids[1:]],
        "account_id": [str(town.ids["grocer"]), str(town.ids["mei"]), "me"],
        "name": ["green", "red"],
        "pool": ["green", "red"],
        "cycle": ["3", "1", "2", "4"],
        "table": ["orders", "coupons", "journals", "voucher_entries"],
        "merchant": ["grocer", "baker"],
        "merchants": [["grocer"]],
        "member": ["mei", "lin"],
        "referrer": ["mei"],
        "shop": [None],
        "shops": [["corner"]],
        "linked": [["lin"], []],
        "enrolled_at": [OPENING_AT.isoformat()],
        "phone": [None, "+8613900139009"],
        "revokes": [None],
        "content": [{"merchant": "baker", "rate_ppm": 150_000, "valid_from_at": later}],
        "seal": [_seal()],
        "paid_at": now,
        "since": now,
        "until": now,
        "at": now,
        "from": [town.today().isoformat()],
        "to": [town.today().isoformat()],
        "cursor": [None],
        "after": [None],
        "valid_from_at": [later],
        "effective_at": [(town.at + timedelta(days=30)).isoformat()],
        "business_date": [town.today().isoformat()],
        "cash_fen": [10_000, 5_000],
        "price_fen": [10_000],
        "voucher_fen": [0, 1],
        "coupon_fen": [0, 1],
        "amount_fen": [100, 1],
        "rebate_fen": [1],
        "rate_ppm": [100_000],
        "document": [plain_rules(daily_rebate_cap_fen=300), plain_rules()],
        "kinds": [["payout.paid"]],
        "url": ["http://127.0.0.1:9/"],
        "scopes": [["orders:read"]],
        "caps_fen": [{"green": 100, "red": 0}],
    }


def _seal() -> str:
    """Return what whoever decides on the settlement that is held sends back."""
    row = next(row for row in settlements.runs(before=settlements.LATEST, limit=9) if row.state == "held")
    return proposal.seal(
        cycle=row.cycle, issued_fen=row.issued_fen, proposed_by=row.proposed_by, proposed_at=row.proposed_at
    )
