"""Whatever is sent, good or bad, the service answers as its OpenAPI document says: schemathesis makes up the calls.

The calls go through the WSGI application as a server's do, the fast lane and all middleware in it. The callers are a
merchant's till, a partner, and people of the platform; the town has something at every address, so that the routes are
entered. GREENLOOP_SCHEMA_EXAMPLES=100 tries each operation longer than a working day's tests can.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
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

from tests.support.calling import Caller
from tests.support.full import Full, full_town
from tests.support.looking import Looker, staff_of

EXAMPLES = int(os.environ.get("GREENLOOP_SCHEMA_EXAMPLES") or 1)
YES = {200, 201, 202}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
LOOSE: dict[str, list[Any]] = {"POST /v1/orders/bulk": [negative_data_rejection]}
"""A till's backlog is answered item by item: what is wrong with one is said in its place, under a 200."""
TOKEN = "x" * 32
"""What a page of the site would have given to a browser, as a cookie and to be sent back."""


@dataclass(frozen=True, slots=True)
class As:
    """Somebody who calls: what a request of theirs carries, and their role."""

    headers: dict[str, str]
    cookies: dict[str, str] = field(default_factory=dict)
    role: str | None = None

    def may(self, told: dict[str, Any]) -> bool:
        """Tell whether an operation of the document is for them."""
        asked = [item for each in told["security"] for item in each.items()]
        if self.role is None:
            return any(kind == "Keyed" for kind, _ in asked)
        return any(kind != "Keyed" and self.role in (roles or [self.role]) for kind, roles in asked)


def by_key(caller: Caller) -> As:
    return As({"Authorization": f"Bearer {caller.token}"})


def by_session(looker: Looker, role: str) -> As:
    cookies = {"greenloop": looker.client.cookies["greenloop"].value, "csrftoken": TOKEN}
    return As({"X-CSRFToken": TOKEN}, cookies, role)


@pytest.fixture
def full(database: Any, clock: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch) -> Full:
    """A town in which there is something at every address."""
    monkeypatch.setattr(configured, "GREENLOOP_HOOKS_TO_LOOPBACK", True)
    found = full_town()
    clock(found.town.at)
    return found


def cases(operation: Any, full: Full) -> st.SearchStrategy[Case[Any]]:
    """Draw calls of an operation, good and bad; half of the good ones name what the town knows."""
    good = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    bad = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    return st.one_of(st.builds(full.named, good, st.integers(0, 11)), bad, good)


def answers_of(operation: Any, who: As, full: Full) -> tuple[set[int], list[str]]:
    """Ask one operation many times. Return what the statuses were, and each fault once."""
    statuses: set[int] = set()
    faults: dict[type, str] = {}

    @settings(
        max_examples=3 * EXAMPLES, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=cases(operation, full))
    def ask(case: Case[Any]) -> None:
        answer = case.call(headers={"Accept-Encoding": "identity"} | who.headers, cookies=who.cookies)
        statuses.add(answer.status_code)
        try:
            case.validate_response(answer, checks=CHECKS, excluded_checks=LOOSE.get(operation.label))
        except FailureGroup as failures:
            for each in failures.exceptions:
                told = f"{operation.label}: {each}\n{case.as_curl_command()}\n{answer.content[:500]!r}"
                faults.setdefault(type(each), told)

    ask()
    return statuses, list(faults.values())


def assert_answers_as_documented(who: As, full: Full, *, least: int) -> None:
    """Ask each operation that is for somebody; at least so many of them must have been answered with a yes."""
    from greenloop.config.wsgi import application

    document = schemathesis.openapi.from_wsgi("/v1/openapi.json", application)
    # Who calls is said once, by the test.
    document.config.generation.with_security_parameters = False
    said_yes, faults = 0, []
    for each in document.get_all_operations():
        assert isinstance(each, Ok), each
        operation = each.ok()
        if who.may(operation.definition.raw):
            statuses, found = answers_of(operation, who, full)
            assert 401 not in statuses, f"{operation.label} doesn't know who calls: the test is at fault"
            said_yes += bool(statuses & YES)
            faults += found
    assert not faults, "\n\n".join([f"{len(faults)} faults", *faults])
    assert said_yes >= least


def test_a_till_is_answered_as_documented(full: Full) -> None:
    assert_answers_as_documented(by_key(Caller(full.tokens["till"])), full, least=15)


def test_a_partner_is_answered_as_documented(full: Full) -> None:
    assert_answers_as_documented(by_key(Caller(full.tokens["partner"])), full, least=15)


@pytest.mark.parametrize("role", ["operator", "finance", "auditor"])
def test_the_platform_s_people_are_answered_as_documented(full: Full, role: str) -> None:
    assert_answers_as_documented(by_session(staff_of(role).fresh(), role), full, least=25)


def test_an_operation_documents_the_yes_that_it_says_and_no_other() -> None:
    from greenloop.api.routes import api

    for methods in api.get_openapi_schema()["paths"].values():
        for told in methods.values():
            yes = {int(status): said for status, said in told["responses"].items() if str(status)[0] == "2"}
            # A refund that is only tried is the one that has two.
            assert len(yes) == 1 + (told["operationId"] == "refundOrder"), told["operationId"]
            assert all(said["content"] for said in yes.values()), told["operationId"]


def test_a_backlog_is_answered_in_a_documented_type_of_content(full: Full) -> None:
    from greenloop.api.routes import api

    told = api.get_openapi_schema()["paths"]["/v1/orders/bulk"]["post"]
    documented = told["responses"][200]["content"]
    assert list(documented) == list(told["requestBody"]["content"])
    for kind in documented:
        line = b'{"merchant": "grocer"}'
        body = b'{"orders": [' + line + b"]}" if kind == "application/json" else line
        answer = Caller(full.tokens["till"]).post("/v1/orders/bulk", body, content_type=kind)
        assert (answer.status, answer.headers["content-type"]) == (200, kind)
