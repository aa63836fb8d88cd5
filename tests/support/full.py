"""A town in which there is something at every address of the API, and calls that name what is there.

What calls use up is made anew before each: an order to cancel, a settlement that is held, a proposal to decide on.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from schemathesis import Case, GenerationMode
from schemathesis.core.parameters import ParameterLocation

from greenloop.services.books.grants import propose_grant
from greenloop.services.books.institution.asking import ask_payment
from greenloop.services.books.reconcile import reconcile
from greenloop.services.books.reconciling.lines import INSTITUTION, Line, Listed
from greenloop.services.books.reconciling.statement import take_statement
from greenloop.services.loop import proposal
from greenloop.services.loop.hold import hold_account, hold_order
from greenloop.services.loop.settle import approve
from greenloop.services.outbox.endpoints import write_endpoint
from greenloop.services.people.clients import issue_key, revoke_key
from greenloop.services.people.staff import appoint_staff
from greenloop.services.trust.acting import SCHEDULER
from greenloop.services.trust.log.keeping import sign_log
from greenloop.services.trust.proposals import propose
from greenloop.services.trust.roots import build, publish_root
from greenloop.store.queries import lookups, settlements
from tests.support.calling import NOW, partner_of, till_of
from tests.support.ledger import fetch
from tests.support.signing import PASSWORD
from tests.support.town import OPENING_AT, Town, found_town, plain_rules

NEWEST = "ORDER BY id DESC LIMIT 1"
SPARE_KEYS = "SELECT k.id FROM api_key k JOIN api_client c ON c.id = k.client_id WHERE c.name = 'spare'"
ENDPOINTS = "SELECT e.id FROM webhook_endpoint e JOIN api_client c ON c.id = e.client_id WHERE c.name = %s"
DELIVERIES = f"SELECT d.id FROM delivery d WHERE d.endpoint_id IN ({ENDPOINTS})"
NUMBERED = {
    "order_id": "SELECT id FROM orders",
    "refund_id": "SELECT id FROM refund",
    "claim_id": "SELECT id FROM claim",
    "hold_id": "SELECT id FROM hold",
    "payout_id": "SELECT id FROM payout",
    "journal_id": "SELECT id FROM journal",
    "proposal_id": "SELECT id FROM proposal",
    "case_id": "SELECT id FROM reconciliation_case",
    "client_id": "SELECT id FROM api_client WHERE name = 'spare'",
    "key_id": SPARE_KEYS,
}
"""What is found by its number: the parameter's name, and where the numbers are."""
LAST_ORDER = {"order_id": f"SELECT id FROM orders {NEWEST}"}
LAST_HELD = {"cycle": "SELECT cycle FROM settlement_run WHERE state = 'held'"}
LAST_PROPOSED = {
    "proposal_id": f"SELECT id FROM proposal {NEWEST}",
    "sha256": f"SELECT content_hash FROM proposal {NEWEST}",
}
MADE: dict[str, Mapping[str, str | list[Any]]] = {
    "cancelOrder": LAST_ORDER,
    **dict.fromkeys(["askPayment", "readPayment", "endPayment"], LAST_ORDER),
    "refundOrder": LAST_ORDER,
    "placeHold": LAST_ORDER,
    "approveSettlement": LAST_HELD,
    "rejectSettlement": LAST_HELD,
    "approveProposal": LAST_PROPOSED,
    "rejectProposal": LAST_PROPOSED,
    "withdrawProposal": LAST_PROPOSED,
    "previewSettlement": {"cycle": "SELECT MAX(cycle) + 1 FROM settlement_run"},
    "readRoot": {"cycle": "SELECT cycle FROM liability_root"},
    "readProof": {"cycle": [None, 2]},
    "proveInclusion": {"leaf": [0], "size": [None, 1]},
    "proveConsistency": {"earlier": [1], "size": [None, 1]},
    "releaseHold": {"hold_id": f"SELECT id FROM hold {NEWEST}"},
    "revokeKey": {"key_id": f"SELECT id FROM api_key {NEWEST}"},
    "endWebhook": {"webhook_id": f"SELECT id FROM webhook_endpoint {NEWEST}"},
    "approveGrant": {"ref": f"SELECT ref FROM marketing_grant {NEWEST}"},
    "readMember": {"ref": "SELECT ref FROM member ORDER BY account_id DESC LIMIT 1"},
    "registerClient": {"kind": ["partner"], "name": ["a new mall"]},
    "draw": {"pool": ["green"], "amount_fen": [None, 1]},
}
"""What one operation names instead: mostly what was made for it just before, by a query."""
ONE_OF = {"placeHold": ("order_id", "account_id"), "confirmCash": ("order_ids", "paid_until_at")}
"""Operations whose body names one of two things: it names the first, and leaves the other out."""
WITH_QUERY = ("proveInclusion", "proveConsistency")
"""Operations that are always called with a query: they have to know what to prove."""
WHOSE = ("listOrders", "listRefunds")
"""Operations whose query most callers have to name the merchant in."""
OF_A_HOLDER = ("readProof", "traceVoucher")
"""Operations that say yes only where somebody holds something."""
VOUCHERS = "SELECT id FROM voucher WHERE account_id = %s"
ROOMS: dict[str, dict[str, list[Any]]] = {
    "members": {"ref": ["mei", "lin"]},
    "merchants": {"ref": ["grocer", "baker"]},
    "grants": {"ref": ["spring", "welcome"]},
}
"""What a name stands for in one room of the API, by the first part of the address."""
ALWAYS: dict[str, list[Any]] = {
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
    "cursor": [None],
    "after": [None],
    "cash_fen": [10_000, 5_000],
    "price_fen": [10_000],
    "voucher_fen": [0, 1],
    "coupon_fen": [0, 1],
    "amount_fen": [100, 1],
    "rebate_fen": [1],
    "rate_ppm": [100_000],
    "document": [plain_rules(daily_rebate_cap_fen=300), plain_rules()],
    "kinds": [["payout.paid"]],
    "url": ["http://127.0.0.1:1024/"],
    "scopes": [["orders:read"]],
    "caps_fen": [{"green": 100, "red": 0}],
}
"""What fields and parameters are given that always stand for something."""
Known = dict[str, list[Any]]


@dataclass(slots=True)
class Full:
    """The town, and `set_clock` for the API's clock; the keys of a till and of a partner; an operator beside.

    Whoever calls has a `client` or an `account`, and may have a `role` at the platform.
    """

    town: Town
    set_clock: Callable[[datetime], None]
    tokens: dict[str, str]
    somebody: str
    client: str = "tills of grocer"
    account: str = ""
    role: str | None = None
    turns: "count[int]" = field(default_factory=lambda: count(1))

    def named(self, case: Case[Any], turn: int) -> Case[Any]:
        """Return a call that names what is there, wherever it names something; `turn` says which of several.

        What was made up to be refused stays as it is.
        """
        name = str(case.operation.definition.raw["operationId"])
        if ready := READY.get(name):
            ready(self)
        known = self._known(name, case)
        if case.path_parameters and _good(case, ParameterLocation.PATH):
            case.path_parameters = {each: _one(known, each, turn, "7") for each in case.path_parameters}
        if isinstance(case.body, dict) and _good(case, ParameterLocation.BODY) and name != "takeOrders":
            wanted, other = ONE_OF.get(name, ("", ""))
            body = {each: value for each, value in case.body.items() if each != other}
            body |= {wanted: None} if wanted else {}
            case.body = {each: _one(known, each, turn, value) for each, value in body.items()}
        if case.query and _good(case, ParameterLocation.QUERY):
            # Every other one as it is most often called: without a query.
            asked = {each: _one(known, each, turn, value) for each, value in case.query.items()}
            case.query = asked if turn % 2 or name in WITH_QUERY else {}
        if name in WHOSE and _good(case, ParameterLocation.QUERY):
            case.query = (case.query or {}) | {"merchant": "grocer"}
        return case

    def _known(self, name: str, case: Case[Any]) -> Known:
        """Return what the town knows now, by the names of parameters and fields."""
        # Without a parameter in the address, what is enrolled there is new.
        room = ROOMS.get(case.operation.path.split("/")[2], {}) if case.path_parameters else {}
        found = {each: _column(f"{query} ORDER BY 1") for each, query in NUMBERED.items()}
        made = {each: _column(where) if isinstance(where, str) else where for each, where in MADE.get(name, {}).items()}
        if name == "readMember" and self.role in {"auditor", "regulator"}:  # they know members by number alone
            made |= {"ref": _column("SELECT account_id FROM member ORDER BY account_id DESC LIMIT 1")}
        if name in OF_A_HOLDER:
            made |= {"account_id": [str(holder := self._holder())], "voucher_id": _column(VOUCHERS, holder)}
        return ALWAYS | self._theirs() | self._instants() | found | room | made

    def _holder(self) -> int:
        """Return a holder whom whoever calls may look at: a member sees only themselves."""
        mine = self.town.ids["mei"]
        return mine if self.account == str(mine) else self.town.ids["grocer"]

    def _theirs(self) -> Known:
        accounts = [str(self.town.ids["grocer"]), str(self.town.ids["mei"]), "me"]
        orders = [_column(f"SELECT id FROM orders {NEWEST}")]
        kind, content = self._change()
        return {
            # Who signs in has what is their own: those at the platform nothing, but they see what is others'.
            "account_id": accounts[::-1] if self.account else accounts,
            "order_ids": orders,
            "orders": orders,
            "webhook_id": _column(f"{ENDPOINTS} AND e.url = 'https://tills.example/'", self.client),
            "delivery_id": _column(f"{DELIVERIES} ORDER BY 1", self.client),
            "kind": [kind],
            "content": [content],
            "sha256": [_seal()],
        }

    def _instants(self) -> Known:
        at = self.town.at
        now, today = [at.isoformat(), (at - timedelta(minutes=5)).isoformat()], [self.town.today().isoformat()]
        return {
            **dict.fromkeys(("paid_at", "since", "until", "at"), now),
            **dict.fromkeys(("from", "to", "business_date"), today),
            "valid_from_at": [(at + timedelta(days=9)).isoformat()],
            "effective_at": [(at + timedelta(days=30)).isoformat()],
        }

    def _change(self, role: str | None = None) -> tuple[str, dict[str, Any]]:
        """Return a kind of change that a role may propose, and a content: another each time."""
        turn = next(self.turns)
        if (role or self.role) == "finance":
            at = (self.town.at + timedelta(days=30, minutes=turn)).isoformat()
            return "rules.publish", {"document": plain_rules(daily_rebate_cap_fen=300), "effective_at": at}
        at = (self.town.at + timedelta(days=20, minutes=turn)).isoformat()
        return "rate.set", {"merchant": "baker", "rate_ppm": 150_000 + turn % 2, "valid_from_at": at}

    # --- what is made ready for a call

    def sell(self) -> None:
        """Sell what nobody has received yet."""
        self.town.sell("mei", "grocer", 10_000, delivered=False)

    def sell_unpaid(self) -> None:
        """Sell what nobody has paid for yet."""
        self.town.sell("mei", "grocer", 10_000, delivered=False, confirmed=False)

    def ask(self) -> None:
        """Sell, and ask for the payment."""
        self.sell_unpaid()
        ask_payment(order_id=int(_column(f"SELECT id FROM orders {NEWEST}")[0]), at=self.town.at)

    def propose_beside(self) -> None:
        """Let somebody else propose a change."""
        kind, content = self._change("operator")
        propose(kind=kind, content=content, reason="agreed", by=self.somebody, at=self.town.at)

    def propose_oneself(self) -> None:
        """Let whoever calls propose a change."""
        kind, content = self._change()
        propose(kind=kind, content=content, reason="agreed", by=self.account, at=self.town.at)

    def hold_settlement(self) -> None:
        """See to it that a settlement is held which nobody has proposed who calls."""
        if fetch("SELECT proposed_by FROM settlement_run WHERE state = 'held'") != [(SCHEDULER,)]:
            self.decide()
            self.town.close(lookups.open_cycle())
            self.set_clock(self.town.at)

    def decide(self) -> None:
        """See to it that no settlement is held."""
        if held := lookups.held_cycle():
            approve(cycle=held, by=self.somebody, at=self.town.at)

    def hold(self) -> None:
        """Hold an order."""
        self.sell()
        order = int(_column(f"SELECT id FROM orders {NEWEST}")[0])
        hold_order(order_id=order, reason="mispriced", by="risk", at=self.town.at)

    def grant(self) -> None:
        """Propose one more grant, as small as can be."""
        ref = f"grant {next(self.turns)}"
        propose_grant(ref=ref, amount_fen=1, rebate_fen=1, by="marketing", at=self.town.at)

    def key(self) -> None:
        """Give the spare client a new key, its only one."""
        for key in _column(f"{SPARE_KEYS} AND k.revoked_at IS NULL"):
            revoke_key(key_id=int(key), by="console", at=self.town.at)
        issue_key(client="spare", scopes=["orders:read"], by="console", at=self.town.at)

    def endpoint(self) -> None:
        """See to it that the client has an endpoint to spare."""
        kinds = ("rate.set",)
        write_endpoint(client=self.client, url="https://spare.example/", kinds=kinds, by="console", at=self.town.at)


READY: dict[str, Callable[[Full], None]] = {
    **dict.fromkeys(("confirmOrders", "cancelOrder", "refundOrder", "confirmCash", "placeHold"), Full.sell),
    "askPayment": Full.sell_unpaid,
    **dict.fromkeys(("readPayment", "endPayment"), Full.ask),
    **dict.fromkeys(("approveSettlement", "rejectSettlement"), Full.hold_settlement),
    **dict.fromkeys(("approveProposal", "rejectProposal"), Full.propose_beside),
    "withdrawProposal": Full.propose_oneself,
    "previewSettlement": Full.decide,
    "releaseHold": Full.hold,
    "approveGrant": Full.grant,
    "revokeKey": Full.key,
    "endWebhook": Full.endpoint,
}
"""What is made for an operation before each call that names something."""


def full_town(set_clock: Callable[[datetime], None]) -> Full:
    """Let a lot happen: sales, refunds, a settlement that is held, payouts, holds, grants, proposals, webhooks."""
    town = found_town(plain_rules(daily_rebate_cap_fen=250, large_claim_fen=60))
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
    publish_root(built=build(cycle=2, at=town.at), at=town.at)
    sign_log(at=town.at)
    town.draw("mei", 50)
    town.ask("mei", 11)  # with the 50 it is more than the fence: held
    town.draw("grocer", 10)
    # Twice as many points release in the third cycle as in the second, which is more than the cap.
    town.close(3)
    town.later(hours=2)
    town.sell("mei", "grocer", 20_000)
    ordered = town.sell("mei", "baker", 30_000, delivered=False, confirmed=False)
    town.pay_out()
    somebody = str(appoint_staff(name="Somebody else", roles=["operator"], at=NOW, password=PASSWORD))
    found = Full(town, set_clock, tokens, somebody)
    _decisions(found, ordered)
    listed = Listed(INSTITUTION, (Line("other", "?", "T1", 700, town.at, "nobody knows what for"),))
    take_statement(listed=listed, name="2026-01-26 a.m.", file_hash="0" * 64, by="Lin", at=town.at)
    set_clock(town.at)
    assert all(_column(query) for query in NUMBERED.values())
    return found


def _decisions(full: Full, order: int) -> None:
    """Hold an order and an account, grant, reconcile, and propose two rate cards."""
    town = full.town
    hold_order(order_id=order, reason="mispriced", by="risk", at=town.at)
    hold_account(account_id=town.ids["bo"], reason="looks odd", by="risk", at=town.at)
    town.transfer_fees(1)
    town.grant(100, 10, ref="welcome")
    propose_grant(ref="spring", amount_fen=100, rebate_fen=10, by="marketing", at=town.at)
    reconcile(by="finance", at=town.at)
    full.propose_beside()
    full.propose_beside()


def _good(case: Case[Any], where: ParameterLocation) -> bool:
    """Tell whether a part of a call was made up to be accepted."""
    told = case.meta.components.get(where) if case.meta else None
    return told is None or told.mode is GenerationMode.POSITIVE


def _column(query: str, *params: Any) -> list[str]:
    return [str(row[0]) for row in fetch(query, *params)]


def _one(known: Known, name: str, turn: int, otherwise: Any) -> Any:
    values = known.get(name)
    return values[turn % len(values)] if values else otherwise


def _seal() -> str | None:
    """Return what whoever decides on the settlement that is held sends back, if one is."""
    row = next((row for row in settlements.runs(before=settlements.LATEST, limit=9) if row.state == "held"), None)
    if row is None:
        return None
    return proposal.seal(
        cycle=row.cycle, issued_fen=row.issued_fen, proposed_by=row.proposed_by, proposed_at=row.proposed_at
    )
