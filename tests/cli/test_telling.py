"""Webhooks at the command line: registered, looked at, sent again, ended."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings

from tests.cli.conftest import Town
from tests.cli.test_speaking import CHINESE, needs_catalog
from tests.support.ledger import fetch
from tests.support.receiving import Receiver, genuine, receiving

TILLS = "the baker's tills"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setattr(settings, "GREENLOOP_HOOKS_TO_LOOPBACK", True)
    with receiving() as found:
        yield found


@pytest.fixture
def tills(town: Town) -> Town:
    town.call("client", TILLS, "--merchant", "baker")
    return town


def registered(town: Town, url: str, *more: str) -> dict[str, str]:
    found: dict[str, str] = town.call("webhook", TILLS, url, *more, "--json").json
    return found


def happen(town: Town, rate: str = "9") -> None:
    """Let the baker's rate change, of which its tills are told, and send what is due."""
    town.call("rate", "baker", rate)
    send()


def send(**later: float) -> None:
    from greenloop.services.outbox.deliver import deliver_due

    deliver_due(at=datetime.now(UTC) + timedelta(**later))


def test_an_address_is_registered_once_and_its_secret_proves_what_is_sent(tills: Town, receiver: Receiver) -> None:
    said = tills.call("webhook", TILLS, receiver.url, "--kind", "rate.set", "--by", "wu")
    secret = re.search(r"whsec_\S+", said.out)
    assert secret
    happen(tills)
    (got,) = receiver.got
    assert genuine(secret.group(), got.headers, got.body)
    assert registered(tills, receiver.url, "--kind", "rate.set")["secret"] is None
    renewed = registered(tills, receiver.url, "--new-secret")["secret"]
    happen(tills, "10")
    assert genuine(renewed, receiver.got[1].headers, receiver.got[1].body)
    assert genuine(secret.group(), receiver.got[1].headers, receiver.got[1].body)
    assert fetch("SELECT act FROM audit_entry WHERE act LIKE 'webhook.%%' ORDER BY id") == [
        ("webhook.register",),
        ("webhook.rotate",),
    ]


def test_endpoints_are_listed_with_how_they_do_and_one_with_what_was_sent(tills: Town, receiver: Receiver) -> None:
    receiver.answer = 503
    number = registered(tills, receiver.url)["webhook"]
    happen(tills)
    (line,) = tills.call("webhooks", "--json").lines
    assert (line["webhook"], line["client"], line["url"]) == (number, TILLS, receiver.url)
    assert (line["waiting"], line["given_up"], line["ended_at"]) == (1, 0, None)
    assert (line["last"]["kind"], line["last"]["status"]) == ("rate.set", 503)
    assert "503" in tills.call("webhooks").out
    whole = tills.call("webhooks", number, "--json").json
    (sent,) = whole["deliveries"]
    assert (sent["state"], sent["attempts"], sent["status"]) == ("waiting", 1, 503)
    assert tills.call("webhooks", number, "--given-up", "--json").json["deliveries"] == []
    one = tills.call("webhooks", "--delivery", sent["delivery"], "--json").json
    assert one["body"]["data"]["rate_ppm"] == 90_000
    assert [(each["number"], each["status"]) for each in one["tries"]] == [(1, 503)]
    shown = tills.call("webhooks", "--delivery", sent["delivery"]).out
    assert '"rate_ppm": 90000' in shown
    assert "arrived" not in tills.call("webhooks", number).out


def test_what_was_given_up_or_arrived_is_sent_again(tills: Town, receiver: Receiver) -> None:
    receiver.answer = 500
    number = registered(tills, receiver.url)["webhook"]
    happen(tills)
    for days in range(1, 11):
        send(days=days)
    (sent,) = tills.call("webhooks", number, "--given-up", "--json").json["deliveries"]
    receiver.answer, tried = 204, len(receiver.got)
    again = ("resend", number, "--since", "2026-01-01T00:00:00+08:00", "--json")
    assert tills.call(*again).json == {"deliveries": 1}
    assert tills.call(*again).json == {"deliveries": 0}
    send(days=12)
    assert tills.call("webhooks", "--delivery", sent["delivery"], "--json").json["state"] == "done"
    assert tills.call("resend", "--delivery", sent["delivery"], "--by", "wu", "--json").json == {"deliveries": 1}
    send(days=12)
    assert len(receiver.got) == tried + 2
    assert {got.id for got in receiver.got} == {sent["event_id"]}


def test_an_endpoint_that_was_ended_is_listed_no_more_unless_asked_for(tills: Town, receiver: Receiver) -> None:
    number = registered(tills, receiver.url)["webhook"]
    assert "any more" in tills.call("webhook", TILLS, receiver.url, "--end", "--by", "wu").out
    happen(tills)
    assert receiver.got == []
    assert tills.call("webhooks", "--json").lines == []
    (line,) = tills.call("webhooks", "--all", "--json").lines
    assert (line["webhook"], line["ended_why"]) == (number, "asked")
    assert tills.call("webhook", TILLS, receiver.url, "--end", "--json", code=1).json["code"] == "webhook.unknown"


REFUSED = [
    (("webhook", "nobody", "https://127.0.0.1/"), "client.unknown"),
    (("webhook", TILLS, "http://example.com/"), "webhook.address"),
    (("webhook", TILLS, "https://127.0.0.1/", "--kind", "everything"), "webhook.kind"),
    (("webhook", TILLS, "https://127.0.0.1/", "--end", "--new-secret"), "webhook.what"),
    (("webhook", TILLS, "https://127.0.0.1/", "--new-secret"), "webhook.unknown"),
    (("webhooks", "7"), "webhook.unknown"),
    (("webhooks", "seven"), "id.unreadable"),
    (("webhooks", "--delivery", "7"), "delivery.unknown"),
    (("resend",), "resend.what"),
    (("resend", "7"), "resend.what"),
    (("resend", "7", "--delivery", "8"), "resend.what"),
    (("resend", "--delivery", "8", "--since", "2026-01-01T00:00:00+08:00"), "resend.what"),
    (("resend", "7", "--since", "yesterday"), "time.unreadable"),
    (("resend", "7", "--since", "2026-01-01T00:00:00+08:00"), "webhook.unknown"),
    (("resend", "--delivery", "8"), "delivery.unknown"),
]


def test_what_can_t_be_done_is_refused(tills: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "GREENLOOP_HOOKS_TO_LOOPBACK", True)
    for args, code in REFUSED:
        assert tills.call(*args, "--json", code=1).json["code"] == code, args


@needs_catalog
def test_webhooks_are_told_of_in_chinese(tills: Town, receiver: Receiver) -> None:
    number = registered(tills, receiver.url)["webhook"]
    for args in (("webhooks",), ("webhooks", number)):
        said = tills.call(*args, "--lang", "zh").out
        assert CHINESE.search(said), args
