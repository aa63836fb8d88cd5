"""Whatever is sent, good or bad, the service answers as its OpenAPI document says: schemathesis makes up the calls.

The calls go through the WSGI application as a server's do, the fast lane and all middleware in it. The callers are a
merchant's till, a partner, the platform's people in each role, a member, and the owner of a merchant. The town has
something at every address and makes anew what calls use up, so that each operation says yes to each of its callers.

GREENLOOP_SCHEMA_SECONDS=60 goes on for so long with each caller: the bounds of each field, values at large, chains of
calls.
"""

import os
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from django.conf import settings as configured
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from greenloop.api import limits
from greenloop.services.people.sign_in import seat
from tests.support.calling import Caller
from tests.support.documented import documented
from tests.support.full import Full, full_town
from tests.support.looking import Looker, looker_of, staff_of
from tests.support.phases import Heard, ask_all, settled
from tests.support.visiting import PHONES

SECONDS = int(os.environ.get("GREENLOOP_SCHEMA_SECONDS") or 0)
EXAMPLES = 3
YES = {200, 201, 202}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
LOOSE = {"takeOrders": {"negative_data_rejection": {"enabled": False}}}
"""A till's backlog is answered item by item: what is wrong with one is said in its place, under a 200."""
TOKEN = "x" * 32
"""What a page of the site would have given to a browser, as a cookie and to be sent back."""
CALLERS = ("till", "partner", "operator", "finance", "risk", "marketing", "auditor", "regulator", "member", "owner")
CLIENTS = {"till": "tills of grocer", "partner": "mall"}
ONLY_READS = "who only reads has no wallet of their own to draw from"
NEVER: dict[str, dict[str, str]] = {
    "auditor": {"draw": ONLY_READS},
    "regulator": {"draw": ONLY_READS},
    "member": dict.fromkeys(
        (
            *("listOrders", "listRefunds", "readMerchant", "listShops", "listRates", "readPayout"),
            *("readStatement", "downloadStatementCsv", "downloadStatementXlsx"),
        ),
        "it is a merchant's, and a member acts for none",
    ),
}
"""Operations that let somebody in and never say yes to them, and why."""


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let callers change things as fast as calls can be made up."""
    monkeypatch.setattr(limits, "CHANGES_PER_SECOND", 1_000_000)


def operations_for(caller: str) -> set[str]:
    """Return the names of the operations that let somebody in."""
    return {name for name, told in documented().items() if may(caller, told)}


def may(caller: str, told: dict[str, Any]) -> bool:
    """Tell whether an operation of the document lets somebody in."""
    asked = [item for each in told["security"] for item in each.items()]
    if caller in CLIENTS:
        return any(kind == "Keyed" for kind, _ in asked)
    return any(kind not in {"Keyed", "Institution"} and caller in (roles or [caller]) for kind, roles in asked)


@pytest.fixture
def full(database: Any, clock: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch) -> Full:
    """A town in which there is something at every address."""
    monkeypatch.setattr(configured, "GREENLOOP_HOOKS_TO_LOOPBACK", True)
    monkeypatch.setattr(configured, "GREENLOOP_INSTITUTION", "sandbox+http://127.0.0.1:9")
    monkeypatch.setattr(configured, "GREENLOOP_INSTITUTION_SECRET", "known to nobody else")
    return full_town(clock)


def calling(caller: str, full: Full) -> dict[str, str]:
    """Let somebody call: the town names what is theirs. Return what their requests carry, as a server hands it on."""
    if caller in CLIENTS:
        full.client = CLIENTS[caller]
        return {"HTTP_AUTHORIZATION": f"Bearer {full.tokens[caller]}"}
    looker = signed_in(caller, full)
    full.account = str(looker.account_id)
    full.role = caller if caller not in {"member", "owner"} else None
    session = looker.client.cookies["greenloop"].value
    return {"HTTP_X_CSRFTOKEN": TOKEN, "HTTP_COOKIE": f"greenloop={session}; csrftoken={TOKEN}"}


def signed_in(caller: str, full: Full) -> Looker:
    if caller == "member":
        return looker_of(full.town.ids["mei"])
    if caller == "owner":
        return looker_of(seat(merchant="grocer", phone=PHONES["owner"], relation="owner", at=full.town.at))
    return staff_of(caller).fresh()


@pytest.fixture
def document(full: Full, caller: str) -> Any:
    """The document of the application, called by somebody, with the operations that let them in."""
    from greenloop.config.wsgi import application

    carried = {"HTTP_ACCEPT_ENCODING": "identity"} | calling(caller, full)

    def called(environ: dict[str, Any], begin: Any) -> Any:
        return application(environ | carried, begin)

    own: list[dict[str, Any]] = [{"include-operation-id": each, "checks": checks} for each, checks in LOOSE.items()]
    own += [{"include-operation-id": name, "enabled": False} for name in documented().keys() - operations_for(caller)]
    config = settled(seconds=SECONDS, checks=[check.__name__ for check in CHECKS], own=own)
    return schemathesis.openapi.from_wsgi("/v1/openapi.json", called, config=config)


def cases(operation: Any, full: Full) -> st.SearchStrategy[Case[Any]]:
    """Draw calls of an operation, good and bad; half of the good ones name what the town knows."""
    good = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    bad = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    # The first that is drawn is the simplest of the first kind.
    return st.one_of(st.builds(full.named, good, st.integers(0, 11)), bad, good)


def ask_some(operation: Any, full: Full, heard: Heard) -> None:
    """Ask one operation a few times."""
    loose = LOOSE.get(operation.definition.raw["operationId"], ())
    checks = [check for check in CHECKS if check.__name__ not in loose]

    @settings(max_examples=EXAMPLES, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=cases(operation, full))
    def ask(case: Case[Any]) -> None:
        answer = case.call()
        heard.answered(None, case, answer)
        try:
            case.validate_response(answer, checks=checks)
        except FailureGroup as failures:
            for each in failures.exceptions:
                told = f"{each}\n{case.as_curl_command()}\n{answer.content[:500]!r}"
                heard.fault(operation.label, type(each).__name__, told)

    ask()


@pytest.mark.parametrize("caller", CALLERS)
def test_somebody_is_answered_as_documented_and_hears_a_yes_everywhere(full: Full, document: Any, caller: str) -> None:
    heard = Heard()
    for each in document.get_all_operations():
        assert isinstance(each, Ok), each
        ask_some(each.ok(), full, heard)
    if SECONDS:
        ask_all(document, full, heard)
        print(f"{caller}: {dict(heard.calls)} calls")
    heard.assert_no_fault()
    assert set(heard.statuses) == operations_for(caller)
    strangers = [name for name, said in heard.statuses.items() if 401 in said]
    assert not strangers, f"{strangers} don't know who calls: the test is at fault"
    assert {name for name, said in heard.statuses.items() if not said & YES} == set(NEVER.get(caller, ()))


def test_each_operation_says_yes_to_somebody() -> None:
    asked = {caller: operations_for(caller) for caller in CALLERS}
    for caller, never in NEVER.items():
        assert set(never) <= asked[caller], "the table names an operation that doesn't let them in, or is gone"
    said_yes = [asked[caller] - set(NEVER.get(caller, ())) for caller in CALLERS]
    # The payment institution's own, which nobody else can sign, is tried in test_notices.
    assert set(documented()) - {"takeNotice"} == set().union(*said_yes)


def test_an_operation_documents_the_yes_that_it_says_and_no_other() -> None:
    for name, told in documented().items():
        yes = {int(status): said for status, said in told["responses"].items() if str(status)[0] == "2"}
        # A refund that is only tried has two, and so has a draw, which may have to wait for a second person.
        assert len(yes) == 1 + (name in {"refundOrder", "draw"}), name
        assert all(said["content"] for said in yes.values()), name


def test_a_backlog_is_answered_in_a_documented_type_of_content(full: Full) -> None:
    told = documented()["takeOrders"]
    kinds = told["responses"][200]["content"]
    assert list(kinds) == list(told["requestBody"]["content"])
    for kind in kinds:
        line = b'{"merchant": "grocer"}'
        body = b'{"orders": [' + line + b"]}" if kind == "application/json" else line
        answer = Caller(full.tokens["till"]).post("/v1/orders/bulk", body, content_type=kind)
        assert (answer.status, answer.headers["content-type"]) == (200, kind)
