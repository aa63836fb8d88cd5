"""What the log says: enough to find a fault, and nothing of any person."""

import logging
import time
from collections.abc import Iterator
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from greenloop.config import logs
from greenloop.config.requests import followed
from greenloop.core.faults import Breach, Refusal
from greenloop.services import measures, trail
from tests.support.asking import ask
from tests.support.logged import Log, logged
from tests.support.signing import MEI, PASSWORD, at_work, code_of, totp

if TYPE_CHECKING:
    from tests.support.town import Town


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    """Keep what is logged, as programs read it."""
    with logged(monkeypatch) as kept:
        yield kept


def answering(status: str, *, fault: Exception | None = None, note: bool = True) -> Any:
    def application(_environ: Any, start_response: Any) -> list[bytes]:
        if fault:
            raise fault
        if note:
            trail.route("/v1/orders/<order>")
            trail.caller("client", 1573965337353781249)
        start_response(status, [])
        return [b"{}"]

    return application


def test_a_request_leaves_one_line_with_its_route_and_never_its_address(log: Log) -> None:
    ask(followed(answering("201 Created")), "/v1/orders/1573965337353781250?member=M-2041", method="POST")
    (line,) = log.lines
    assert line | {"at": "", "request_id": "", "ms": 0} == {
        "at": "",
        "level": "info",
        "log": "greenloop.requests",
        "event": "request",
        "request_id": "",
        "method": "POST",
        "route": "/v1/orders/<order>",
        "status": 201,
        "ms": 0,
        "caller": "client",
        "client": "1573965337353781249",
    }


def test_an_address_that_nobody_knows_is_not_written_either(log: Log) -> None:
    ask(followed(answering("404 Not Found", note=False)), "/holders/M-2041/", method="M-2041")
    assert (log.lines[0]["route"], log.lines[0]["method"]) == ("none", "other")
    assert "M-2041" not in log.text


def test_the_id_that_a_caller_gave_its_request_is_answered_and_logged(log: Log) -> None:
    answer = ask(followed(answering("200 OK")), "/", HTTP_X_REQUEST_ID="till-7.2041")
    assert answer.headers["x-request-id"] == "till-7.2041"
    assert log.lines[0]["request_id"] == "till-7.2041"


def test_an_id_that_would_write_lines_of_its_own_is_replaced(log: Log) -> None:
    answer = ask(followed(answering("200 OK")), "/", HTTP_X_REQUEST_ID='x"}\n{"level":"error')
    assert len(log.lines) == 1
    assert answer.headers["x-request-id"] == log.lines[0]["request_id"]


def test_what_is_logged_while_a_request_is_answered_carries_its_id(log: Log) -> None:
    def application(_environ: Any, start_response: Any) -> list[bytes]:
        logging.getLogger("greenloop.web").warning("something odd, %d times", 3)
        measures.refused("order.zero")
        start_response("422 Unprocessable Entity", [])
        return []

    ask(followed(application), "/", HTTP_X_REQUEST_ID="till-8")
    odd, request = log.lines
    assert (odd["event"], odd["request_id"]) == ("something odd, 3 times", "till-8")
    assert (request["refusal"], request["request_id"]) == ("order.zero", "till-8")
    logging.getLogger("greenloop.web").warning("afterwards")
    assert "request_id" not in log.lines[-1]


def test_an_answer_in_parts_is_logged_when_its_last_part_is_sent(log: Log) -> None:
    closed = []

    class Parts:
        def __iter__(self) -> Iterator[bytes]:
            assert log.text == ""
            return iter([b"a", b"b"])

        def close(self) -> None:
            closed.append(True)

    def application(_environ: Any, start_response: Any) -> Parts:
        start_response("200 OK", [])
        return Parts()

    assert ask(followed(application), "/").body == b"ab"
    assert (len(log.lines), closed) == (1, [True])


def test_what_machines_ask_all_the_time_leaves_no_line_while_all_is_well(log: Log) -> None:
    def application(environ: Any, start_response: Any) -> list[bytes]:
        trail.route("/readyz")
        start_response(environ["status"], [])
        return []

    ask(followed(application), "/readyz", status="200 OK")
    assert log.text == ""
    ask(followed(application), "/readyz", status="503 Service Unavailable")
    assert log.lines[0]["level"] == "error"


def test_a_quiet_log_still_tells_what_failed(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREENLOOP_LOG_LEVEL", "warning")
    ask(followed(answering("201 Created")), "/")
    assert log.text == ""
    with pytest.raises(ZeroDivisionError):
        ask(followed(answering("", fault=ZeroDivisionError())), "/")
    assert log.lines[0]["status"] == 500


def test_a_fault_is_told_by_kind_and_place_without_what_somebody_typed(log: Log) -> None:
    try:
        try:
            message = "duplicate key (phone)=(+8613800138000)"
            raise ValueError(message)
        except ValueError as fault:
            raise Refusal("phone.taken", "{phone} is taken", phone="+8613800138000") from fault
    except Refusal:
        logging.getLogger("greenloop.api").exception("an order was not taken")
    told, behind = log.lines[0]["fault"]
    assert (told["kind"], told["code"], behind["kind"]) == ("Refusal", "phone.taken", "ValueError")
    assert told["where"][-1].startswith("test_logs:")
    assert "13800138000" not in log.text


def test_a_broken_invariant_is_told_in_full(log: Log) -> None:
    try:
        raise Breach("P1: a cycle moved more than its budget")
    except Breach:
        logging.getLogger("greenloop.clock").critical("ALARM", exc_info=True)
    assert log.lines[0]["level"] == "critical"
    assert log.lines[0]["fault"][0]["what"] == "P1: a cycle moved more than its budget"


def test_what_a_library_says_of_a_request_loses_its_address(log: Log) -> None:
    logging.getLogger("django.request").error("%s: %s", "Internal Server Error", "/holders/M-2041/")
    logging.getLogger("django.security").error("Session of %s corrupted", "Lin Wei")
    assert [line["event"] for line in log.lines] == ["request failed", "Session of"]


def test_a_host_that_is_not_ours_leaves_no_fault_in_the_log(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    assert Client().get("/sign-in/", headers={"host": "somebody.example"}).status_code == 400
    assert (log.text, capsys.readouterr().err) == ("", "")


def browser() -> Client:
    """Return a browser whose requests are followed as the server's are."""
    walker = Client(raise_request_exception=False)
    inner: Any = walker.handler

    def outer(environ: dict[str, Any]) -> Any:
        answers = []

        def application(told: dict[str, Any], start_response: Any) -> list[bytes]:
            answers.append(inner(told))
            start_response(f"{answers[0].status_code} .", [])
            return []

        followed(application)(environ, lambda *_said: None)
        return answers[0]

    walker.handler = outer  # type: ignore[assignment]
    return walker


def test_a_walk_through_the_pages_leaves_no_person_in_the_log(
    town: "Town", sent: list[tuple[str, str]], operator: int, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = town.sell("mei", "grocer", 100_000, order_no="till-7/2041")
    member = browser()
    member.post("/sign-in/", {"phone": MEI})
    code = code_of(sent)
    assert member.post("/sign-in/code/", {"code": code}).status_code == 302
    for path in ("/wallet/", "/orders/grocer/till-7/2041/", "/wallet/?amount=20.00", "/holders/mei/", "/overview/"):
        member.get(path)
    worker = browser()
    at_work(worker, "Lin Wei", "a wrong password")
    at_work(worker)
    worker.post("/sign-in/second-factor/", {"code": totp()})
    for path in ("/search/?q=mei", "/holders/mei/", "/holders/nobody/"):
        assert worker.get(path).status_code in {200, 404}

    def broken(*_given: object, **_more: object) -> None:
        message = f"no wallet of mei, {MEI}"
        raise ValueError(message)

    monkeypatch.setattr("greenloop.web.loop.places.of_holder", broken)
    assert worker.get("/holders/mei/").status_code == 500
    assert {line["caller"] for line in log.lines if "caller" in line} == {"member", "staff"}
    assert "/holders/<text:ref>/" in {line.get("route") for line in log.lines}
    private = (MEI, MEI[3:], code, "Lin", PASSWORD, "mei", "grocer", "2041", str(order), str(operator), str(town.ids))
    assert [word for word in private if word in log.text] == []


def test_a_line_that_can_t_be_written_ends_nothing(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, _: str) -> None:
            tried.set()
            raise OSError(28, "no space left")

    tried = Event()
    with monkeypatch.context() as patch:
        patch.setattr(logs, "_stream", Full)
        ask(followed(answering("201 Created")), "/")
        assert tried.wait(20)
    monkeypatch.setattr(logs, "_stream", lambda: log.stream)
    ask(followed(answering("202 Accepted")), "/")
    deadline = time.monotonic() + 20
    while '"status":202' not in log.stream.getvalue() and time.monotonic() < deadline:  # written by itself, not flushed
        time.sleep(0.01)
    assert '"status":202' in log.stream.getvalue()
