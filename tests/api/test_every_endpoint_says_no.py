"""Each operation of the OpenAPI document refuses who must not call it, what isn't one's own, and what it doesn't read.

The tests are built from the document itself. A new operation that takes a path parameter has to say in `OWNED` which of
its addresses are somebody else's, or in `FOR_ALL` why nobody's are: without that this module fails. So has a write that
names what belongs to somebody in its body, in `NAMED_IN_BODY`.
"""

import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from greenloop.core.people.scopes import SCOPES
from tests.support.calling import Caller, till_of
from tests.support.ledger import fetch
from tests.support.looking import Looker, looker_of, staff_of
from tests.support.town import Town

ROLES = ("operator", "finance", "risk", "marketing", "auditor")
OWNED = {
    "readOrder": "/v1/orders/{order}",
    "confirmOrder": "/v1/orders/{order}/confirm",
    "cancelOrder": "/v1/orders/{order}/cancel",
    "refundOrder": "/v1/orders/{order}/refunds",
    "listOrderRefunds": "/v1/orders/{order}/refunds",
    "readRefund": "/v1/refunds/{refund}",
    "readWallet": "/v1/wallets/{mei}",
    "readPositions": "/v1/wallets/{mei}/positions",
    "draw": "/v1/wallets/{mei}/draws",
    "listVouchers": "/v1/wallets/{mei}/vouchers",
    "listCoupons": "/v1/wallets/{mei}/coupons",
    "listMovements": "/v1/wallets/{mei}/movements",
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
}
"""Operations with a path parameter that are not about anybody's own."""
SALE = {"merchant": "baker", "order_no": "x", "member": "mei", "paid_at": "2026-01-05T12:00:00+08:00", "cash_fen": 100}
NAMED_IN_BODY: dict[str, tuple[Any, str]] = {
    "takeOrder": (SALE, "auth.merchant"),
    "quoteOrder": ({"merchant": "baker", "member": "mei", "price_fen": 100}, "merchant.unknown"),
    "confirmOrders": ({"orders": ["{order}"]}, "order.unknown"),
}
"""Writes that name a merchant or its orders in the body: the body that names another's, and the code of the no."""
ITEM_BY_ITEM = {
    "takeOrders": "each sale is refused by itself: test_taking_orders",
    "enrolMember": "who is enrolled elsewhere stays another's: test_members",
    "enrolMembers": "who is enrolled elsewhere stays another's: test_members",
    "registerWebhook": "an endpoint is always the caller's own: test_webhooks",
}
"""Writes of keys whose no is not the answer as a whole, and where it is tried."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the document: who may call it (scopes of keys, roles of people), what it reads."""

    name: str
    method: str
    path: str
    scopes: tuple[str, ...]
    roles: frozenset[str] | None
    has_session: bool
    body: str | None
    parameters: tuple[str, ...]

    @property
    def address(self) -> str:
        """Return an address of it at which there is nothing, with 7 for each parameter."""
        return re.sub(r"\{[^}]*\}", "7", self.path)


@functools.cache
def document() -> dict[str, Any]:
    from greenloop.api.routes import api

    return dict(api.get_openapi_schema(path_prefix="/v1"))


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
    )


def operations() -> Iterator[Operation]:
    for path, methods in document()["paths"].items():
        for method, told in methods.items():
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
    known = {one.name for one in operations()}
    assert {*OWNED, *FOR_ALL, *NAMED_IN_BODY, *ITEM_BY_ITEM} <= known, "a table above names an operation that is gone"


def test_nobody_is_let_in_without_signing_in(town: Town, asker: Any) -> None:
    for one in operations():
        answer = asker(Caller(), one)
        assert (answer.status, answer.code) == (401, "auth.none"), one.name
        wrong = asker(Caller("glk_7_" + "x" * 43), one)
        # Where only people are let in, a key is not even looked at.
        assert (wrong.status, wrong.code) == (401, "auth.key" if one.scopes else "auth.none"), one.name


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
        if one.roles is None:
            continue
        for role in set(ROLES) - one.roles:
            answer = asker(people[role], one)
            assert (answer.status, answer.code) == (403, "auth.role"), (one.name, role)
        assert asker(member, one).code == "auth.role", one.name
        if not one.scopes:
            assert asker(till, one).status == 401, one.name


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


def test_what_is_another_s_is_as_if_it_were_not_there(town: Town, asker: Any, clock: Any) -> None:
    hook = webhook_of("baker")
    order = town.sell("mei", "baker", 10_000)
    town.refund(order, 1_000)
    town.later(days=1).pay_out()
    clock(town.at)
    facts = {
        "order": order,
        "refund": fetch("SELECT id FROM refund")[0][0],
        "payout": fetch("SELECT id FROM payout")[0][0],
        "mei": town.ids["mei"],
        "webhook": hook,
        "delivery": fetch("SELECT id FROM delivery")[0][0],
    }
    grocer, lin = till_of("grocer"), looker_of(town.ids["lin"])
    baker, before = till_of("baker"), fetch("SELECT COUNT(*) FROM journal")
    for one in operations():
        if one.name not in OWNED:
            continue
        path = OWNED[one.name].format(**facts)
        body = example(one.body) if one.body else None
        if one.scopes:
            answer = asker(grocer, one, path, body)
            assert answer.status == 404, (one.name, answer.body)
        if one.has_session and one.roles is None:
            answer = asker(lin, one, path, body)
            assert answer.status == 404, (one.name, answer.body)
        if one.method == "GET" and one.scopes and "{mei}" not in OWNED[one.name] and one.name != "readMember":
            # The table is right: to its owner the same address shows something.
            assert asker(baker, one, path).status == 200, one.name
    for name, (told, code) in NAMED_IN_BODY.items():
        (one,) = (each for each in operations() if each.name == name)
        body = json.loads(json.dumps(told).replace("{order}", str(order)))
        answer = asker(grocer, one, "", body)
        assert (answer.status in {403, 404}, answer.code) == (True, code), (name, answer.body)
    assert fetch("SELECT COUNT(*) FROM journal") == before


def test_a_body_with_a_field_too_many_or_too_large_is_refused(town: Town, asker: Any) -> None:
    till, people = till_of("grocer"), {role: staff_of(role).fresh() for role in ROLES}
    for one in operations():
        if one.body is None:
            continue
        caller = till if one.scopes else people[min(one.roles or {"operator"})]
        answer = asker(caller, one, "", example(one.body) | {"surprise": 1})
        # The batch reads each of its items by itself.
        assert (answer.status, answer.code) == (422, "body.invalid"), (one.name, answer.body)
        large = asker(caller, one, "", {"surprise": "x" * 1_100_000})
        assert (large.status, large.code) == (413, "body.size"), one.name


def example(name: str | None) -> Any:
    """Return a body that fits a schema of the document."""
    return _fitting({"$ref": f"#/components/schemas/{name}"})


def _fitting(schema: dict[str, Any]) -> Any:
    if "$ref" in schema:
        return _fitting(document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return _fitting(schema["anyOf"][0])
    if schema.get("type") == "object":
        return {key: _fitting(schema["properties"][key]) for key in schema.get("required", ())} or {"green": 1}
    if schema.get("type") == "array":
        return [_fitting(schema["items"])] * schema.get("minItems", 0)
    return _plain(schema)


def _plain(schema: dict[str, Any]) -> Any:
    if "enum" in schema or "const" in schema:
        return schema.get("const") or schema["enum"][0]
    whole = {"integer": max(1, schema.get("minimum", 1)), "boolean": True}
    dated = {"date-time": "2026-01-05T12:00:00+08:00", "date": "2026-01-05"}
    text = "0" * 64 if "0-9a-f" in schema.get("pattern", "") else "7"
    return whole.get(schema.get("type", ""), dated.get(schema.get("format", ""), text))


def test_the_document_is_json(town: Town) -> None:
    assert json.loads(json.dumps(document()))["openapi"].startswith("3.1")
