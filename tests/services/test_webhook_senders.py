"""Senders of webhooks among themselves: clocks that differ, an endpoint that ends meanwhile, a secret that is lost."""

from collections.abc import Iterator
from datetime import timedelta
from threading import Event
from time import monotonic, sleep

import pytest
from django.conf import settings
from django.db import transaction

from greenloop.services.outbox import claims, deliver, sending
from greenloop.services.outbox.deliver import Delivered, deliver_due
from greenloop.services.outbox.endpoints import rotate
from greenloop.store import locks, sql
from tests.services.test_webhooks import happen, states, subscribe
from tests.support.ledger import execute, fetch
from tests.support.receiving import Receiver, genuine, receiving
from tests.support.threads import at_once
from tests.support.town import Town


@pytest.fixture(autouse=True)
def loopback_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "GREENLOOP_HOOKS_TO_LOOPBACK", True)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.mark.parametrize("answer", [500, None])
def test_a_sender_whose_clock_ran_a_month_ahead_silences_nobody(
    town: Town, receiver: Receiver, answer: int | None
) -> None:
    subscribe(town, receiver.url)
    happen(town)
    ahead = town.at + timedelta(days=30)
    if answer is None:
        assert len(deliver.claim(endpoints_max=8, at=ahead)) == 1  # and dies
    else:
        receiver.answer = answer
        assert deliver_due(at=ahead) == Delivered(0, 1)
        receiver.answer = 204
    assert deliver_due(at=town.at) == Delivered(1, 0)
    assert len({got.id for got in receiver.got}) == 1


def test_an_event_written_by_a_clock_that_ran_ahead_is_sent_at_once(town: Town, receiver: Receiver) -> None:
    subscribe(town, receiver.url)
    happen(town)
    assert deliver_due(at=town.at - timedelta(days=30)) == Delivered(1, 0)


def test_a_sender_whose_clock_is_behind_another_s_leaves_that_one_s_endpoints_alone(
    town: Town, receiver: Receiver
) -> None:
    subscribe(town, receiver.url)
    happen(town)
    assert len(deliver.claim(endpoints_max=8, at=town.at + timedelta(minutes=2))) == 1
    assert deliver.claim(endpoints_max=8, at=town.at) == []


def test_an_endpoint_whose_secret_can_t_be_opened_fails_alone(town: Town, receiver: Receiver) -> None:
    lost = subscribe(town, receiver.url)
    subscribe(town, f"{receiver.url}/baker", merchant="baker")
    happen(town, times=2)
    happen(town, merchant="baker")
    execute("UPDATE webhook_endpoint SET sealed_secret = 'AAAA' WHERE id = %s", lost.id)
    assert deliver_due(at=town.at) == Delivered(1, 1)
    assert [got.path for got in receiver.got] == ["/hooks/baker"]
    ((fault,),) = fetch("SELECT fault FROM delivery_attempt WHERE status IS NULL")
    assert "Draw a new secret" in fault
    assert sorted(states()) == [("done", 1, 1), ("waiting", 0, 0), ("waiting", 1, 1)]
    new = rotate(endpoint_id=lost.id, by="console", at=town.at)
    receiver.got.clear()
    assert deliver_due(at=town.at + timedelta(minutes=1)) == Delivered(2, 0)
    assert new.secret is not None
    assert all(genuine(new.secret, got.headers, got.body) for got in receiver.got)


def test_an_endpoint_that_is_ended_while_its_deliveries_are_written_down_waits_and_isn_t_locked_for_ever(
    town: Town, receiver: Receiver
) -> None:
    made = subscribe(town, receiver.url)
    happen(town, times=3)
    (batch,) = deliver.claim(endpoints_max=8, at=town.at)
    first, *left = batch.parcels
    arrived = claims.Tried(first, sending.Outcome(204, 1), town.at)
    is_held = Event()

    def ending() -> int:
        with transaction.atomic():
            locks.endpoints([made.id])
            is_held.set()
            await_another()
            return claims.close([made.id], why="asked", at=town.at)

    def recording() -> int:
        is_held.wait()
        deliver.record(batch=batch, tried=[arrived], left=left, at=town.at)
        return 0

    assert at_once([ending, recording]) == [1, 0]
    assert [state for state, *_ in states()] == ["done", "given_up", "given_up"]


def await_another() -> None:
    """Wait until somebody waits for what this transaction has locked; a file's writer is alone already."""
    end = monotonic() + 10
    while sql.is_postgresql() and not sql.value(
        "SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    ):
        assert monotonic() < end
        sleep(0.01)
