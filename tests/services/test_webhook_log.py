"""The log of webhooks is kept for 90 days; what still waits is kept for longer."""

from datetime import timedelta

import pytest
from django.conf import settings

from greenloop.services.outbox import forget, replay
from greenloop.services.outbox.deliver import deliver_due
from greenloop.services.outbox.endpoints import register
from greenloop.services.people.clients import register_client
from greenloop.services.people.enrol import set_rate
from tests.support.ledger import fetch
from tests.support.receiving import receiving
from tests.support.town import Town


def kept() -> list[tuple[int, ...]]:
    tables = ("outbox_event", "delivery", "delivery_attempt")
    return [fetch(f"SELECT COUNT(*) FROM {table}")[0] for table in tables]


def test_events_are_forgotten_after_ninety_days_unless_they_wait(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "GREENLOOP_HOOKS_TO_LOOPBACK", True)
    monkeypatch.setattr(forget, "EVENTS_MAX", 2)
    register_client(name="tills", kind="merchant", merchants=["grocer"], at=town.at)
    with receiving() as receiver:
        register(client="tills", url=receiver.url, kinds=["rate.set"], by="console", at=town.at)
        for number in range(4):
            since = town.at + timedelta(days=1)
            set_rate(merchant="grocer", rate_ppm=90_000 + number, valid_from_at=since, at=town.at)
            town.later(days=1)
        deliver_due(at=town.at)
    assert kept() == [(4,), (4,), (4,)]
    ((oldest,),) = fetch("SELECT MIN(id) FROM delivery")
    town.later(days=85)
    assert forget.forget(at=town.at) == 0
    town.later(days=4)
    replay.replay(delivery_id=oldest, by="console", at=town.at)
    # Three of the four are 90 days old, and one of them is to be sent again.
    assert [forget.forget(at=town.at) for _ in range(3)] == [1, 1, 0]
    assert kept() == [(2,), (2,), (2,)]
    assert fetch("SELECT MIN(id) FROM delivery") == [(oldest,)]
