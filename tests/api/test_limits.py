"""Keys that are not good are counted by the address that they come from; good ones are never held up by them."""

from typing import Any

import pytest
from django.conf import settings

from greenloop.api import callers, limits
from tests.api.test_taking_orders import LANES, order
from tests.support.calling import Answer, Caller, by_django, past_django, till_of
from tests.support.town import Town

MOST = 5
WRONG = "glk_7_" + "x" * 43


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture(autouse=True)
def stopped(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Allow five wrong keys a minute, at a time that stands still."""
    clock = Clock()
    monkeypatch.setattr(limits, "FAILURES_PER_MINUTE", MOST)
    monkeypatch.setattr(limits, "time", clock)
    return clock


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.code


def wrong(number: int = 7) -> Caller:
    return Caller(f"glk_{number}_" + "x" * 43)


@LANES
def test_whoever_is_wrong_too_often_has_to_wait(town: Town, stopped: Clock, ahead: bool) -> None:
    callers_of = [wrong(number) for number in range(MOST + 1)]
    for each in callers_of:
        each.ahead = ahead
    told = [each.post("/v1/orders", order(town)) for each in callers_of]
    assert [code(answer) for answer in told] == [(401, "auth.key")] * MOST + [(429, "limit.failures")]
    assert told[-1].headers["retry-after"] == "1"
    # Of five a minute, the next may be wrong after 12 s.
    stopped.now_s += limits.MINUTE_S / MOST
    again = [callers_of[0].post("/v1/orders", order(town)) for _ in range(2)]
    assert [code(answer) for answer in again] == [(401, "auth.key"), (429, "limit.failures")]


@LANES
def test_a_good_key_calls_on_from_where_others_are_wrong(town: Town, till: Caller, ahead: bool) -> None:
    till.ahead = ahead
    assert till.post("/v1/orders", order(town)).status == 201
    lost = Caller(till.token[:-1] + ("a" if till.token[-1] != "a" else "b"), ahead=ahead)
    told = [lost.post("/v1/orders", order(town, f"B-{number}")) for number in range(MOST + 1)]
    assert [answer.status for answer in told] == [401] * MOST + [429]
    assert till.post("/v1/orders", order(town, "A-2")).status == 201


def test_no_database_is_asked_for_keys_of_somebody_who_was_wrong_too_often(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    ask = callers._keys.ask

    def counted(number: int) -> Any:
        asked.append(number)
        return ask(number)

    monkeypatch.setattr(callers._keys, "ask", counted)
    statuses = [wrong(number).get("/v1/merchants").status for number in range(1, MOST + 4)]
    assert statuses == [401] * MOST + [429] * 3
    assert asked == list(range(1, MOST + 1))


def test_signatures_and_headers_that_can_t_be_read_count_too(town: Town, till: Caller) -> None:
    headers = [
        {"signature-input": "sig=()", "signature": "sig=:x:"},
        {"authorization": "Basic eDp5"},
        {"authorization": "Bearer glk_x"},
        {"authorization": f"Bearer {WRONG}"},
    ]
    told = [by_django("GET", "/v1/merchants", b"", each) for each in (*headers, headers[0], headers[1])]
    assert [answer.status for answer in told] == [401] * MOST + [429]


@LANES
def test_each_address_is_counted_by_itself(town: Town, monkeypatch: pytest.MonkeyPatch, ahead: bool) -> None:
    ask = past_django if ahead else by_django

    def statuses(address: str, times: int) -> list[int]:
        headers = {"authorization": f"Bearer {WRONG}", "x-forwarded-for": address}
        return [ask("POST", "/v1/orders", b"{}", headers).status for _ in range(times)]

    # Without a trusted proxy nobody says for themselves where they call from.
    assert statuses("192.0.2.1", 3) + statuses("192.0.2.2", 3) == [401] * MOST + [429]
    monkeypatch.setattr(settings, "ALLAUTH_TRUSTED_PROXY_COUNT", 1)
    assert statuses("192.0.2.1", MOST + 1) == [401] * MOST + [429]
    assert statuses("192.0.2.2", 1) == [401]
    # What stands before the proxy's own word is the caller's, and may be made up; of IPv6 one has a whole /64.
    assert statuses("192.0.2.9, 192.0.2.1", 1) == [429]
    assert statuses("2001:db8::1", 3) + statuses("2001:db8::ffff", 3) == [401] * MOST + [429]
    assert statuses("2001:db8:0:1::1", 1) == [401]


def test_signing_in_right_is_not_counted(town: Town) -> None:
    till = till_of("grocer", scopes=("orders:read",))
    assert [till.get("/v1/merchants").status for _ in range(MOST + 2)] == [403] * (MOST + 2)
    assert till.get("/v1/orders?merchant=grocer").status == 200
