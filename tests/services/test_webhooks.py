"""Webhooks: signed, at least once, tried again for days, one endpoint's trouble its own."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from typing import Any

import pytest
from django.conf import settings

from greenloop.core.faults import Refusal
from greenloop.services.outbox import claims, deliver, replay, sending, waits
from greenloop.services.outbox.deliver import Delivered, deliver_due
from greenloop.services.outbox.endpoints import Registered, end, register, rotate
from greenloop.services.outbox.kinds import KINDS
from greenloop.services.people.clients import register_client
from greenloop.services.people.enrol import set_rate
from greenloop.store import sql
from tests.support.ledger import fetch
from tests.support.receiving import Receiver, genuine, receiving, trickle
from tests.support.threads import at_once
from tests.support.town import Town


@pytest.fixture(autouse=True)
def loopback_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "GREENLOOP_HOOKS_TO_LOOPBACK", True)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def subscribe(town: Town, url: str, *kinds: str, merchant: str = "grocer") -> Registered:
    """Let the tills of a merchant be told, of everything unless kinds are named."""
    name = f"tills of {merchant}"
    register_client(name=name, kind="merchant", merchants=[merchant], at=town.at)
    return register(client=name, url=url, kinds=kinds or tuple(KINDS), by="console", at=town.at)


def happen(town: Town, times: int = 1, merchant: str = "grocer") -> None:
    """Let a merchant's rate change, which is the smallest thing that its clients are told of."""
    for number in range(times):
        since = town.at + timedelta(days=1, seconds=number)
        set_rate(merchant=merchant, rate_ppm=90_000 + number, valid_from_at=since, at=town.at)
    town.later(minutes=1)


def states() -> list[tuple[Any, ...]]:
    return fetch("SELECT state, attempts, retries FROM delivery ORDER BY id")


def attempts() -> list[tuple[Any, ...]]:
    return fetch("SELECT number, status, fault FROM delivery_attempt ORDER BY delivery_id, number")


# --- what is sent


def test_an_event_arrives_signed_with_the_endpoint_s_secret(town: Town, receiver: Receiver) -> None:
    made = subscribe(town, receiver.url, "rate.set")
    happen(town)
    assert deliver_due(at=town.at) == Delivered(1, 0)
    (got,) = receiver.got
    assert made.secret is not None
    assert got.path == "/hooks"
    assert genuine(made.secret, got.headers, got.body)
    assert not genuine(made.secret, got.headers, got.body.replace(b"90000", b"90001"))
    assert int(got.headers["webhook-timestamp"]) == int(town.at.timestamp())
    assert got.json["type"] == "rate.set"
    assert got.json["data"]["rate_ppm"] == 90_000
    assert fetch("SELECT id FROM outbox_event") == [(int(got.id),)]
    assert (states(), attempts()) == ([("done", 1, 1)], [(1, 204, "")])
    assert deliver_due(at=town.at) == Delivered(0, 0)


def test_a_secret_is_shown_once_and_can_t_be_read_in_the_database(town: Town, receiver: Receiver) -> None:
    made = subscribe(town, receiver.url)
    again = subscribe(town, receiver.url)
    assert made.secret is not None
    assert made.secret.startswith("whsec_")
    assert (again.id, again.secret) == (made.id, None)
    assert made.secret not in str(fetch("SELECT * FROM webhook_endpoint"))


def test_while_a_secret_is_changed_both_sign(town: Town, receiver: Receiver) -> None:
    old = subscribe(town, receiver.url)
    new = rotate(endpoint_id=old.id, by="console", at=town.at)
    happen(town)
    deliver_due(at=town.at)
    town.later(days=1)
    happen(town)
    deliver_due(at=town.at)
    first, second = receiver.got
    assert old.secret is not None
    assert new.secret is not None
    assert [genuine(each, first.headers, first.body) for each in (old.secret, new.secret)] == [True, True]
    assert [genuine(each, second.headers, second.body) for each in (old.secret, new.secret)] == [False, True]


def test_nobody_is_told_of_what_they_did_not_ask_for_nor_of_another_merchant_s(town: Town, receiver: Receiver) -> None:
    subscribe(town, receiver.url, "payout.paid")
    subscribe(town, f"{receiver.url}/baker", "rate.set", merchant="baker")
    happen(town)
    assert fetch("SELECT COUNT(*) FROM outbox_event") == [(0,)]
    happen(town, merchant="baker")
    deliver_due(at=town.at)
    assert [(got.path, got.json["data"]["merchant"]) for got in receiver.got] == [("/hooks/baker", "baker")]


def test_an_endpoint_that_was_ended_is_sent_nothing(town: Town, receiver: Receiver) -> None:
    made = subscribe(town, receiver.url)
    happen(town)
    assert end(endpoint_id=made.id, by="console", at=town.at)
    assert not end(endpoint_id=made.id, by="console", at=town.at)
    happen(town)
    assert deliver_due(at=town.at) == Delivered(0, 0)
    assert (receiver.got, states()) == ([], [("given_up", 0, 0)])


# --- what goes wrong


def test_a_failed_delivery_is_tried_for_days_then_given_up(
    town: Town, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A pass tries again what falls due meanwhile; here time stands still, however slow the machine is.
    monkeypatch.setattr(deliver, "monotonic", lambda: 0.0)
    subscribe(town, receiver.url)
    receiver.answer = 500
    happen(town)
    tried_at = []
    while states()[0][0] == "waiting":
        assert deliver_due(at=town.at) == Delivered(0, 1)
        tried_at.append(town.at)
        town.at = due_at()
    # 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h, each up to a tenth more, and the second that a pass takes.
    waits = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]
    assert len(tried_at) == 10
    for (before, after), wait in zip(pairwise(tried_at), waits, strict=True):
        assert timedelta(seconds=wait) <= after - before <= timedelta(seconds=wait * 1.1 + 2)
    assert len({got.id for got in receiver.got}) == 1
    assert (states(), len(receiver.got)) == ([("given_up", 10, 10)], 10)
    assert attempts() == [(number, 500, "") for number in range(1, 11)]
    assert deliver_due(at=town.at + timedelta(days=9)) == Delivered(0, 0)


def due_at() -> datetime:
    return sql.moment(fetch("SELECT next_at FROM delivery")[0][0])


def busy(status: int, retry_after: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """Answer that the receiver has too much to do, and when to come again."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Retry-After", retry_after)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("written", ["600", "a date"])
def test_a_receiver_that_says_when_to_come_again_is_left_alone_until_then(
    town: Town, receiver: Receiver, status: int, written: str
) -> None:
    # Ten minutes instead of the schedule's five seconds: neither what failed nor what stands behind it is sent before.
    until = format_datetime((town.at + timedelta(minutes=11)).astimezone(UTC), usegmt=True)
    subscribe(town, receiver.url)
    receiver.answer = busy(status, until if written == "a date" else written)
    happen(town, times=3)
    assert deliver_due(at=town.at) == Delivered(0, 1)
    assert timedelta(minutes=10) <= due_at() - town.at <= timedelta(minutes=11, seconds=2)
    receiver.answer = 204
    assert deliver_due(at=town.at + timedelta(minutes=9, seconds=50)) == Delivered(0, 0)
    assert states() == [("waiting", 1, 1), *[("waiting", 0, 0)] * 2]
    assert deliver_due(at=town.at + timedelta(minutes=11, seconds=5)) == Delivered(3, 0)


AN_HOUR_AND_MORE = "Mon, 05 Jan 2026 05:00:01 GMT"


@pytest.mark.parametrize(
    ("status", "written", "seconds"),
    [
        (503, "7", 7),
        (429, " 120 ", 120),
        (429, "3", 3),
        (503, "0", 0),
        (503, AN_HOUR_AND_MORE, 3_601),
        (503, "Sun, 04 Jan 2026 04:00:00 GMT", 0),
        (503, "Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
        (503, "999999999999999999999", 86_400),
        (503, "-5", 0),
        (503, "1.5", 0),
        (503, "²", 0),
        (503, "soon", 0),
        (503, "", 0),
        (500, "600", 0),
        (404, AN_HOUR_AND_MORE, 0),
    ],
)
def test_what_a_receiver_asks_for_is_seconds_or_a_date_and_at_most_a_day(
    status: int, written: str, seconds: int
) -> None:
    at = datetime(2026, 1, 5, 4, tzinfo=UTC)
    asked = waits.asked(sending.Outcome(status, 1, retry_after=written), at)
    assert asked == timedelta(seconds=seconds)


def test_the_schedule_waits_longer_where_the_receiver_asks_for_less() -> None:
    at = datetime(2026, 1, 5, 4, tzinfo=UTC)
    outcome = sending.Outcome(503, 1, retry_after="60")
    for retries, wait in enumerate(waits.WAITS, 1):
        again = waits.again_at(retries=retries, outcome=outcome, at=at)
        assert again is not None
        expected = max(wait, timedelta(seconds=60))
        assert expected <= again - at <= expected * 1.1
    assert waits.again_at(retries=len(waits.WAITS) + 1, outcome=outcome, at=at) is None


def test_what_was_given_up_can_be_sent_again_under_the_same_id(town: Town, receiver: Receiver) -> None:
    made = subscribe(town, receiver.url)
    receiver.answer = 500
    happen(town, times=2)
    while any(state == "waiting" for state, *_ in states()):
        deliver_due(at=town.at)
        town.later(hours=27)
    receiver.answer, first = 204, receiver.got[0].id
    receiver.got.clear()
    (number,) = fetch("SELECT id FROM delivery ORDER BY id")[0]
    assert replay.replay(delivery_id=number, by="console", at=town.at)
    assert not replay.replay(delivery_id=number, by="console", at=town.at)
    assert deliver_due(at=town.at) == Delivered(1, 0)
    assert [got.id for got in receiver.got] == [first]
    town.later(minutes=1)
    since_at = town.at - timedelta(days=60)
    assert replay.replay_given_up(endpoint_id=made.id, since_at=since_at, by="console", at=town.at) == 1
    assert deliver_due(at=town.at) == Delivered(1, 0)
    assert [state for state, *_ in states()] == ["done", "done"]


def test_an_endpoint_that_says_it_is_gone_is_ended(town: Town, receiver: Receiver) -> None:
    made = subscribe(town, receiver.url)
    receiver.answer = 410
    happen(town, times=3)
    assert deliver_due(at=town.at) == Delivered(0, 1)
    assert fetch("SELECT ended_why FROM webhook_endpoint") == [("gone",)]
    assert {state for state, *_ in states()} == {"given_up"}
    with pytest.raises(Refusal, match="ended"):
        rotate(endpoint_id=made.id, by="console", at=town.at)
    with pytest.raises(Refusal, match="ended"):
        replay.replay(delivery_id=fetch("SELECT id FROM delivery")[0][0], by="console", at=town.at)


@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_redirect_is_not_followed(town: Town, receiver: Receiver, status: int) -> None:
    subscribe(town, receiver.url)
    receiver.answer = status
    happen(town)
    assert deliver_due(at=town.at) == Delivered(0, 1)
    assert [got.path for got in receiver.got] == ["/hooks"]
    assert attempts() == [(1, status, "")]


def test_an_answer_that_trickles_for_ever_is_cut_off(
    town: Town, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "TIMEOUT_S", 1)
    subscribe(town, receiver.url)
    receiver.answer = trickle
    happen(town)
    assert deliver_due(at=town.at) == Delivered(0, 1)
    ((_, status, fault),) = attempts()
    assert (status, fault) == (None, "no answer within 1 s")
    ((took_ms,),) = fetch("SELECT took_ms FROM delivery_attempt")
    assert 1_000 <= took_ms < 3_000


def test_what_stands_behind_a_failure_waits_without_counting_as_tried(town: Town, receiver: Receiver) -> None:
    subscribe(town, receiver.url)
    receiver.answer = 503
    happen(town, times=6)
    assert deliver_due(at=town.at) == Delivered(0, 1)
    assert states() == [("waiting", 1, 1), *[("waiting", 0, 0)] * 5]
    receiver.answer = 204
    receiver.got.clear()
    assert deliver_due(at=town.at + timedelta(minutes=1)) == Delivered(6, 0)
    assert len({got.id for got in receiver.got}) == 6


def test_an_endpoint_that_is_down_holds_up_no_other(town: Town, receiver: Receiver) -> None:
    with receiving() as lost:
        subscribe(town, lost.url, merchant="baker")
    subscribe(town, receiver.url)
    happen(town, times=3, merchant="baker")
    happen(town, times=3)
    assert deliver_due(at=town.at) == Delivered(3, 1)
    assert len(receiver.got) == 3
    assert fetch("SELECT status, fault FROM delivery_attempt WHERE status IS NULL") == [
        (None, "ConnectionRefusedError")
    ]


def test_a_crash_between_sending_and_recording_sends_again_under_the_same_id(
    town: Town, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(town, receiver.url)
    happen(town)

    def crash(**_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(claims, "record", crash)
        with pytest.raises(SystemExit):
            deliver_due(at=town.at)
    # Whoever comes next can't know that the crashed one isn't still at it, and waits until its time is over.
    assert deliver_due(at=town.at + timedelta(minutes=1)) == Delivered(0, 0)
    assert deliver_due(at=town.at + claims.LEASE + timedelta(seconds=5)) == Delivered(1, 0)
    first, second = receiver.got
    assert first.id == second.id
    assert (states(), attempts()) == ([("done", 2, 2)], [(2, 204, "")])


def test_a_sender_that_was_held_up_undoes_nothing_of_the_one_after_it(town: Town, receiver: Receiver) -> None:
    subscribe(town, receiver.url)
    happen(town)
    (slow,) = deliver.claim(endpoints_max=8, at=town.at)
    later = town.at + claims.LEASE
    assert deliver_due(at=later) == Delivered(1, 0)
    failed = claims.Tried(slow.parcels[0], sending.Outcome(None, 15_000, "no answer within 15 s"), later)
    deliver.record(batch=slow, tried=[failed], left=[], at=later)
    assert states() == [("done", 2, 2)]


def test_several_senders_at_once_send_each_event_once(town: Town, receiver: Receiver) -> None:
    for merchant in ("grocer", "baker"):
        for place in range(4):
            subscribe(town, f"{receiver.url}/{merchant}/{place}", merchant=merchant)
        happen(town, times=10, merchant=merchant)
    passes = at_once([lambda: deliver_due(at=town.at)] * 4)
    assert sum(each.arrived for each in passes) == 80
    assert len({(got.path, got.id) for got in receiver.got}) == len(receiver.got) == 80
    assert fetch("SELECT state, attempts, COUNT(*) FROM delivery GROUP BY state, attempts") == [("done", 1, 80)]


def test_a_pass_ends_though_endpoints_have_more(
    town: Town, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "PASS_S", 0)
    subscribe(town, receiver.url)
    happen(town)
    assert deliver_due(at=town.at) == Delivered(0, 0)
    assert states() == [("waiting", 0, 0)]
