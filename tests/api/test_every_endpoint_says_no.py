"""Each operation of the OpenAPI document refuses who must not call it, what isn't one's own, and what it doesn't read.

The tests are built from the document itself. A new operation that takes a path parameter has to say in `OWNED` which of
its addresses are somebody else's, or in `FOR_ALL` why nobody's are: without that this module fails. So has a write that
names what belongs to somebody in its body, in `NAMED_IN_BODY`, and a list of what belongs to somebody, in `LISTED`.
The platform's people see what is anybody's: operations that let in nobody else are refused by role alone.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from greenloop.core.people.scopes import SCOPES
from greenloop.services.books.institution.asking import ask_payment
from greenloop.services.trust.log.keeping import sign_log
from greenloop.services.trust.roots import build, publish_root
from tests.support.calling import Caller, till_of
from tests.support.documented import document, example
from tests.support.ledger import fetch
from tests.support.looking import Looker, looker_of, staff_of
from tests.support.town import Town
from tests.support.visiting import PHONES

ROLES = ("operator", "finance", "risk", "marketing", "auditor", "regulator")
OWNERS = {"grocer": "owner", "baker": "other"}  # whose phone signs in for a merchant
OWNED = {
    "readOrder": "/v1/orders/{order}",
    "confirmOrder": "/v1/orders/{order}/confirm",
    "cancelOrder": "/v1/orders/{order}/cancel",
    "askPayment": "/v1/orders/{unpaid}/payment",
    "readPayment": "/v1/orders/{unpaid}/payment",
    "endPayment": "/v1/orders/{unpaid}/payment/cancel",
    "refundOrder": "/v1/orders/{order}/refunds",
    "listOrderRefunds": "/v1/orders/{order}/refunds",
    "readRefund": "/v1/refunds/{refund}",
    "readWallet": "/v1/wallets/{mei}",
    "readPositions": "/v1/wallets/{mei}/positions",
    "draw": "/v1/wallets/{mei}/draws",
    "listOwnClaims": "/v1/wallets/{mei}/claims",
    "listVouchers": "/v1/wallets/{mei}/vouchers",
    "listCoupons": "/v1/wallets/{mei}/coupons",
    "listMovements": "/v1/wallets/{mei}/movements",
    "traceOrder": "/v1/trace/orders/{order}",
    "traceVoucher": "/v1/trace/wallets/{mei}/vouchers/{voucher}",
    "readProof": "/v1/wallets/{mei}/proof",
    "readMember": "/v1/members/mei",
    "readMerchant": "/v1/merchants/baker",
    "listShops": "/v1/merchants/baker/shops",
    "addShop": "/v1/merchants/baker/shops",
    "listRates": "/v1/merchants/baker/rates",
    "readPayout": "/v1/payouts/{payout}",
    "readStatement": "/v1/merchants/baker/statement",
    "downloadStatementCsv": "/v1/merchants/baker/statement.csv",
    "downloadStatementXlsx": "/v1/merchants/baker/statement.xlsx",
    "readWebhook": "/v1/webhooks/{webhook}",
    "rotateWebhookSecret": "/v1/webhooks/{webhook}/secret",
    "endWebhook": "/v1/webhooks/{webhook}/end",
    "listDeliveries": "/v1/webhooks/{webhook}/deliveries",
    "replayWebhook": "/v1/webhooks/{webhook}/replay",
    "readDelivery": "/v1/deliveries/{delivery}",
    "replayDelivery": "/v1/deliveries/{delivery}/replay",
}
"""Operations on what belongs to somebody: the address of what is the baker's or Mei's, asked for by the grocer."""
FOR_ALL = {
    "readPool": "pools are published to everybody",
    "listPoolCycles": "pools are published to everybody",
    "readCycle": "the calendar is published to everybody",
    "readRoot": "what is owed to all is published to everybody",
}
"""Operations with a path parameter that are not about anybody's own."""
LISTED = {
    "listOrders": "?merchant=baker",
    "listRefunds": "?merchant=baker",
    "listPayouts": "?merchant=baker",
    "listDeposits": "?merchant=baker",
    "listMerchants": "",
    "listMembers": "",
    "listWebhooks": "",
    "readMe": "",
}
"""Operations without a path parameter on what belongs to somebody, and the query that asks for the baker's."""
LOG = ("readCheckpoint", "listLeaves", "proveInclusion", "proveConsistency")
PUBLISHED = (*LOG, "listPools", "listRoots", "listPlans", "listRules", "readRules", "readCalendar", "listKinds")
"""Operations without a path parameter that tell everybody the same."""
SALE = {"merchant": "baker", "order_no": "x", "member": "mei", "paid_at": "2026-01-05T12:00:00+08:00", "cash_fen": 100}
NAMED_IN_BODY: dict[str, tuple[Any, str]] = {
    "takeOrder": (SALE, "auth.merchant"),
    "quoteOrder": ({"merchant": "baker", "member": "mei", "price_fen": 100}, "merchant.unknown"),
    "confirmOrders": ({"orders": ["{order}"]}, "order.unknown"),
}
"""Writes that name a merchant or its orders in the body: the body that names another's, and the code of the no."""
ITEM_BY_ITEM = {
    "takeOrders": "test_taking_orders.test_a_key_takes_orders_of_its_own_merchant_only",
    "enrolMember": "test_members.test_a_client_sees_nobody_who_enrolled_elsewhere",
    "enrolMembers": "test_members.test_a_client_sees_nobody_who_enrolled_elsewhere",
    "registerWebhook": "test_webhooks.test_a_client_sees_and_changes_only_its_own",
}
"""Writes of keys whose no is not the answer as a whole, and where it is tried."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the document: who may call it (scopes of keys, roles of people), what it reads.

    `parameters` stand in its path, `asked` in its query.
    """

    name: str
    method: str
    path: str
    scopes: tuple[str, ...]
    roles: frozenset[str] | None
    has_session: bool
    body: str | None
    parameters: tuple[str, ...]
    asked: tuple[str, ...]

    @property
    def address(self) -> str:
        """Return an address of it at which there is nothing, with 7 for each parameter."""
        return re.sub(r"\{[^}]*\}", "7", self.path)


def _operation(path: str, method: str, told: dict[str, Any]) -> Operation:
    security = [item for each in told["security"] for item in each.items()]
    people = [needed for kind, needed in security if kind != "Keyed"]
    schema = told.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return Operation(
        name=told["operationId"],
        method=method.upper(),
        path=path,
        scopes=tuple(scope for kind, needed in security if kind == "Keyed" for scope in needed),
        roles=frozenset(people[0]) if people and people[0] else None,
        has_session=bool(people),
        body=schema.get("$ref", "").rpartition("/")[2] or None,
        parameters=tuple(each["name"] for each in told.get("parameters", ()) if each["in"] == "path"),
        asked=tuple(each["name"] for each in told.get("parameters", ()) if each["in"] == "query"),
    )


def operations() -> Iterator[Operation]:
    for path, methods in document()["paths"].items():
        for method, told in methods.items():
            # What the payment institution calls, signed, is tried in test_notices.
            if told["security"] != [{"Institution": []}]:
                yield _operation(path, method, told)


@pytest.fixture
def asker(town: Town) -> Any:
    """What asks an operation as somebody."""

    def ask(caller: Caller | Looker, one: Operation, path: str = "", body: Any = None, **headers: str) -> Any:
        if one.method == "GET":
            return caller.get(path or one.address)
        return caller.post(path or one.address, {} if body is None else body, **headers)

    return ask


def test_each_operation_says_who_may_call_it() -> None:
    for one in operations():
        assert one.scopes or one.has_session, f"{one.name} names nobody in auth="
        assert set(one.scopes) <= set(SCOPES), one.name
        assert one.roles is None or one.roles <= set(ROLES), one.name
        assert re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", one.name), f"{one.name} is no camelCase operation_id"
        told = document()["paths"][one.path][one.method.lower()]
        assert told.get("summary"), f"{one.name} has no summary"
        assert told.get("description"), f"{one.name} has no docstring, which is its documentation"


def test_each_operation_on_somebody_s_own_is_listed_here() -> None:
    wanting = [
        one.name
        for one in operations()
        if one.parameters and (one.scopes or one.roles is None) and one.name not in {**OWNED, **FOR_ALL}
    ]
    assert not wanting, (
        f"{wanting}: add each to OWNED with an address of the baker's or of Mei's, or to FOR_ALL with a why"
    )
    by_body = [
        one.name
        for one in operations()
        if one.body and one.scopes and not one.parameters and one.name not in {**NAMED_IN_BODY, **ITEM_BY_ITEM}
    ]
    assert not by_body, f"{by_body}: add each to NAMED_IN_BODY with a body that names what is another's"
    lists = [
        one.name
        for one in operations()
        if one.method == "GET" and not one.parameters and (one.scopes or one.roles is None)
    ]
    assert sorted(lists) == sorted([*LISTED, *PUBLISHED]), "add what is new to LISTED, or to PUBLISHED"
    known = {one.name for one in operations()}
    assert {*OWNED, *FOR_ALL, *NAMED_IN_BODY, *ITEM_BY_ITEM} <= known, "a table above names an operation that is gone"
    for told in ITEM_BY_ITEM.values():
        module, name = told.split(".")
        assert f"def {name}(" in Path(__file__).with_name(f"{module}.py").read_text(), told


def test_nobody_is_let_in_without_signing_in(town: Town, asker: Any) -> None:
    for one in operations():
        answer = asker(Caller(), one)
        assert (answer.status, answer.code) == (401, "auth.none"), one.name
        wrong = asker(Caller("glk_7_" + "x" * 43), one)
        assert (wrong.status, wrong.code) == (401, "auth.key"), one.name


def test_a_key_without_the_scope_is_refused(town: Town, asker: Any) -> None:
    for scope in SCOPES:
        wanted = [one for one in operations() if one.scopes == (scope,)]
        if not wanted:
            continue
        till = Caller(key_without(scope))
        for one in wanted:
            answer = asker(till, one)
            assert (answer.status, answer.code) == (403, "auth.scope"), one.name


def key_without(scope: str) -> str:
    from greenloop.services.people.clients import issue_key, register_client
    from tests.support.calling import NOW

    name = f"all but {scope}"
    register_client(name=name, kind="partner", merchants=["grocer"], at=NOW)
    others = [each for each in SCOPES if each != scope]
    return issue_key(client=name, scopes=others, by="console", at=NOW).token


def test_people_without_the_role_are_refused(town: Town, asker: Any) -> None:
    people = {role: staff_of(role).fresh() for role in ROLES}
    member, till = looker_of(town.ids["lin"]), till_of("grocer")
    for one in operations():
        if not one.has_session:
            # A session is not even looked at where only keys are let in.
            assert {asker(each, one).code for each in (*people.values(), member)} == {"auth.none"}, one.name
        if one.roles is None:
            # Whoever has signed in is let in: to the operations of keys, and to what it says of themselves.
            assert one.scopes or (one.name, asker(till, one).status) == ("readMe", 403), one.name
            continue
        for role in set(ROLES) - one.roles:
            answer = asker(people[role], one)
            assert (answer.status, answer.code) == (403, "auth.role"), (one.name, role)
        assert asker(member, one).code == "auth.role", one.name
        if not one.scopes:
            assert (asker(till, one).status, asker(till, one).code) == (403, "auth.person"), one.name


def test_an_auditor_changes_nothing(town: Town, asker: Any) -> None:
    writing = [one.name for one in operations() if one.method != "GET" and one.roles and "auditor" in one.roles]
    # A dry run writes nothing.
    assert writing == ["previewSettlement"]


def webhook_of(merchant: str) -> int:
    """Register where a merchant's tills are told of what is paid; return the endpoint's number."""
    from greenloop.services.outbox.endpoints import write_endpoint
    from tests.support.calling import NOW

    till_of(merchant)
    client, kinds = f"tills of {merchant}", ("payout.paid",)
    return write_endpoint(client=client, url="https://tills.example/", kinds=kinds, by="console", at=NOW).id


@pytest.fixture
def theirs(town: Town, clock: Any) -> dict[str, Any]:
    """What the baker and Mei have, by what stands for it in the tables above."""
    hook = webhook_of("baker")
    order = town.sell("mei", "baker", 10_000)
    town.refund(order, 1_000)
    town.deposit("baker", 5_000)
    town.later(days=1).pay_out()
    town.close(1)
    publish_root(built=build(cycle=1, at=town.at), at=town.at)
    sign_log(at=town.at)
    town.close(2)
    town.draw("mei")
    clock(town.at)
    unpaid = town.sell("mei", "baker", 10_000, confirmed=False)
    ask_payment(order_id=unpaid, at=town.at)
    return {
        "order": order,
        "unpaid": unpaid,
        "refund": fetch("SELECT id FROM refund")[0][0],
        "payout": fetch("SELECT id FROM payout")[0][0],
        "mei": town.ids["mei"],
        "voucher": fetch("SELECT id FROM voucher")[0][0],
        "webhook": hook,
        "delivery": fetch("SELECT id FROM delivery")[0][0],
    }


def owner_of(merchant: str, at: datetime) -> Looker:
    from greenloop.services.people.sign_in import seat

    return looker_of(seat(merchant=merchant, phone=PHONES[OWNERS[merchant]], relation="owner", at=at))


def test_what_is_another_s_is_as_if_it_were_not_there(town: Town, asker: Any, theirs: dict[str, Any]) -> None:
    strangers: dict[str, list[Caller | Looker]] = {
        "key": [till_of("grocer")],
        "people": [looker_of(town.ids["lin"]), owner_of("grocer", town.at)],
    }
    before = fetch("SELECT COUNT(*) FROM journal")
    for one in operations():
        if one.name not in OWNED:
            continue
        path, body = OWNED[one.name].format(**theirs), example(one.body) if one.body else None
        kinds = ["key"] * bool(one.scopes) + ["people"] * (one.has_session and one.roles is None)
        for stranger in (each for kind in kinds for each in strangers[kind]):
            answer = asker(stranger, one, path, body)
            assert (answer.status, answer.code.rpartition(".")[2]) == (404, "unknown"), (one.name, answer.body)
    for name, (told, code) in NAMED_IN_BODY.items():
        (one,) = (each for each in operations() if each.name == name)
        body = json.loads(json.dumps(told).replace("{order}", str(theirs["order"])))
        answer = asker(strangers["key"][0], one, "", body)
        assert (answer.status in {403, 404}, answer.code) == (True, code), (name, answer.body)
    assert fetch("SELECT COUNT(*) FROM journal") == before


def test_what_is_one_s_own_is_there(town: Town, asker: Any, theirs: dict[str, Any]) -> None:
    baker, owner, mei = till_of("baker"), owner_of("baker", town.at), looker_of(town.ids["mei"])
    # Whom a client has enrolled it sees.
    ann = {"ref": "ann", "city": "Hangzhou", "enrolled_at": town.at.isoformat()}
    assert baker.post("/v1/members", ann).status == 201
    for one in operations():
        if one.name not in OWNED:
            continue
        path = OWNED[one.name].format(**theirs).replace("members/mei", "members/ann")
        body = example(one.body) if one.body else None
        for each in owners(one, baker, owner, mei):
            answer = asker(each, one, path, body)
            # What is there may be refused for what is asked of it, and is not denied.
            assert answer.status == 200 if one.method == "GET" else answer.status != 404, (one.name, answer.body)


def owners(one: Operation, baker: Caller, owner: Looker, mei: Looker) -> list[Any]:
    """Return whose own the address is that the table names for an operation."""
    if "{mei}" in OWNED[one.name]:
        return [mei]
    return [baker] * bool(one.scopes) + [owner] * (one.has_session and one.roles is None)


def test_a_list_shows_what_is_one_s_own(town: Town, asker: Any, theirs: dict[str, Any]) -> None:
    baker, grocer = till_of("baker"), till_of("grocer")
    ann = {"ref": "ann of the baker", "city": "Hangzhou", "enrolled_at": town.at.isoformat()}
    assert baker.post("/v1/members", ann).status == 201
    people = [looker_of(town.ids["lin"]), owner_of("grocer", town.at)]
    marks = ("baker", str(theirs["webhook"]), str(theirs["mei"]))
    for one in operations():
        if one.name not in LISTED:
            continue
        asked = LISTED[one.name]
        for stranger in [grocer] * bool(one.scopes) + people * (one.has_session and one.roles is None):
            answer = asker(stranger, one, one.address + asked)
            if asked:
                assert (answer.status, answer.code) == (404, "merchant.unknown"), (one.name, answer.body)
                # Where nobody is named, all that is one's own is meant, or somebody has to be named.
                answer = asker(stranger, one)
                assert answer.status == 200 or answer.code.endswith(".merchant"), (one.name, answer.body)
            assert not [mark for mark in marks if mark.encode() in answer.body], (one.name, answer.body)
        if one.scopes:
            answer = asker(baker, one, one.address + asked)
            assert [mark for mark in marks if mark.encode() in answer.body], (one.name, answer.body)


def test_what_is_too_much_or_too_large_is_refused(town: Town, asker: Any) -> None:
    till, people = till_of("grocer"), {role: staff_of(role).fresh() for role in ROLES}
    for one in operations():
        caller = till if one.scopes else people[min(one.roles or {"operator"})]
        long = asker(caller, one, re.sub(r"\{[^}]*\}", "7" * 3_000, one.path), example(one.body) if one.body else None)
        assert not one.parameters or long.status in {404, 422}, (one.name, long.body)
        for name, much in (("cursor", "x" * 3_000), ("limit", "100000"), ("limit", "9" * 400)):
            if name in one.asked:
                answer = asker(caller, one, f"{one.address}?{name}={much}")
                assert (answer.status, answer.code) == (422, "body.invalid"), (one.name, name, answer.body)
        if one.method == "POST":
            large = asker(caller, one, "", {"surprise": "x" * 1_100_000})
            assert (large.status, large.code) == (413, "body.size"), one.name


def test_a_field_that_isn_t_known_is_refused(town: Town, asker: Any) -> None:
    till, people = till_of("grocer"), {role: staff_of(role).fresh() for role in ROLES}
    for one in operations():
        if one.body is None:
            assert "requestBody" not in document()["paths"][one.path][one.method.lower()], one.name
            continue
        caller = till if one.scopes else people[min(one.roles or {"operator"})]
        # The batch reads each of its items by itself.
        answer = asker(caller, one, "", example(one.body) | {"surprise": 1})
        assert (answer.status, answer.code) == (422, "body.invalid"), (one.name, answer.body)


def test_the_document_is_json(town: Town) -> None:
    assert json.loads(json.dumps(document()))["openapi"].startswith("3.1")
