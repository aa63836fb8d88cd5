"""What machines ask: is it alive, may requests be sent here, what does it measure."""

import shutil
import time
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any, NamedTuple

import pytest
from django.db import OperationalError

from greenloop.config.operations import beside
from greenloop.config.requests import followed
from greenloop.insight import readiness
from greenloop.services import clockwork
from greenloop.store.queries import vitals
from tests.support.asking import Answer, ask
from tests.support.databases import NOWHERE, Database, point_django_at
from tests.support.ledger import execute


class Usage(NamedTuple):
    """What a disk says of itself, in bytes."""

    total: int
    used: int
    free: int


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let both keys be kept, as `greenloop migrate` leaves them."""
    from django.conf import settings

    monkeypatch.setattr(settings, "SECRET_KEY_KEPT", True)


def nobody(_environ: Any, start_response: Any) -> list[bytes]:
    start_response("404 Not Found", [])
    return [b"the application"]


SERVED = followed(beside(nobody))


def get(path: str, **environ: Any) -> Answer:
    return ask(SERVED, path, **environ)


def test_a_process_without_a_database_lives_and_is_not_ready() -> None:
    point_django_at(NOWHERE)
    assert get("/healthz").json == {"alive": True}
    answer = get("/readyz")
    assert (answer.status, answer.json["reasons"]) == (503, ["database.unreachable"])


def test_a_service_in_order_is_ready_and_says_nothing_more(database: Database) -> None:
    del database
    answer = get("/readyz", HTTP_HOST="a-probe-s-own-name")
    assert answer.status == 200
    assert answer.json == {"ready": True, "reasons": [], "notices": []}
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers


def test_a_database_of_an_older_release_is_not_served(database: Database) -> None:
    del database
    assert vitals.missing_migrations() == []
    execute("DELETE FROM django_migrations WHERE app = 'store' AND name LIKE '0007%%'")
    assert vitals.missing_migrations() == ["store.0007_calling"]
    assert get("/readyz").json["reasons"] == ["database.migrations"]


def test_a_database_that_does_not_answer_in_time_is_given_up_on(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    del database
    monkeypatch.setattr(readiness, "PATIENCE_S", 0.1)
    monkeypatch.setattr(vitals, "alive", lambda: time.sleep(0.5))
    begun = time.monotonic()
    assert [get("/readyz").json["reasons"] for _ in range(3)] == [["database.slow"]] * 3
    assert time.monotonic() - begun < 0.4
    monkeypatch.setattr(vitals, "alive", lambda: None)
    time.sleep(0.6)
    assert get("/readyz").status == 200


def test_all_who_ask_at_once_are_given_the_one_answer(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    del database
    asked, may_answer = Event(), Event()

    def alive() -> None:
        asked.set()
        may_answer.wait(10)

    monkeypatch.setattr(vitals, "alive", alive)
    monkeypatch.setattr(readiness, "PATIENCE_S", 10)
    with ThreadPoolExecutor(3) as pool:
        told = [pool.submit(lambda: get("/readyz").json) for _ in range(3)]
        assert asked.wait(10)
        assert not wait(told, timeout=0.3).done, "nobody is told anything before the database has answered"
        may_answer.set()
        assert [each.result()["ready"] for each in told] == [True] * 3


def test_keys_that_are_lost_with_the_process_make_it_not_ready(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.conf import settings

    del database
    monkeypatch.setattr(settings, "GREENLOOP_IDENTITY_KEY_KEPT", False)
    assert get("/readyz").json["reasons"] == ["keys.unkept"]


def test_a_disk_that_is_nearly_full_makes_it_not_ready(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    del database
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Usage(10**12, 10**12, 2**20))
    assert get("/readyz").json["reasons"] == ["disk.full"]


def test_a_clock_behind_the_newest_journal_makes_it_not_ready(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    del database
    monkeypatch.setattr(vitals, "newest_journal_at", lambda: datetime.now(UTC) + timedelta(minutes=1))
    assert get("/readyz").json["reasons"] == ["clock.behind"]


def test_work_that_nobody_began_is_told_and_orders_are_taken_all_the_same(database: Database) -> None:
    from tests.support.town import found_town

    del database
    found_town()  # its first cycle was cut off in January 2026, and no worker has run
    answer = get("/readyz")
    assert answer.status == 200
    assert answer.json["notices"] == ["clockwork.late"]


def test_a_worker_that_has_gone_silent_is_told_and_one_that_lives_is_not(database: Database) -> None:
    del database
    now = datetime.now(UTC)
    assert "greenloop_worker_seen_seconds" not in lines(get("/metrics"))
    clockwork.beat(holder="here/1", at=now - timedelta(minutes=2))
    assert get("/readyz").json["notices"] == []
    clockwork.beat(holder="here/2", at=now - timedelta(minutes=4))
    answer = get("/readyz")
    assert (answer.status, answer.json["notices"]) == (200, ["worker.away"])
    assert lines(get("/metrics"))["greenloop_worker_seen_seconds"] == int((now - timedelta(minutes=4)).timestamp())


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_what_machines_ask_is_only_ever_read(path: str) -> None:
    assert ask(SERVED, path, method="POST").status == 405


def test_what_is_asked_for_beside_it_goes_on_to_the_application() -> None:
    assert get("/healthz/more").body == b"the application"


def test_a_prober_that_asks_for_the_head_alone_gets_no_body(database: Database) -> None:
    del database
    answer = ask(SERVED, "/readyz", method="HEAD")
    assert (answer.status, answer.body) == (200, b"")


# --- metrics


@pytest.mark.parametrize(
    "environ",
    [
        {"REMOTE_ADDR": "10.0.0.7"},
        {"REMOTE_ADDR": ""},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "10.0.0.7"},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_FORWARDED": "for=10.0.0.7"},
    ],
)
def test_strangers_and_whom_a_proxy_speaks_for_see_no_metrics(environ: dict[str, str]) -> None:
    assert get("/metrics", **environ).status == 403


@pytest.mark.parametrize("said", ["", "Bearer", "Bearer wrong", "Bearer the-token-of-a-test-x", "the-token-of-a-test"])
def test_a_token_once_set_is_asked_of_everybody(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.conf import settings

    monkeypatch.setattr(settings, "GREENLOOP_METRICS_TOKEN", "the-token-of-a-test")
    assert get("/metrics", HTTP_AUTHORIZATION=said).status == 403
    point_django_at(NOWHERE)
    assert get("/metrics", HTTP_AUTHORIZATION="Bearer the-token-of-a-test", REMOTE_ADDR="10.0.0.7").status == 200


def test_metrics_tell_of_a_database_that_is_down_instead_of_failing() -> None:
    point_django_at(NOWHERE)
    assert b"\ngreenloop_database_up 0.0\n" in get("/metrics", REMOTE_ADDR="::ffff:127.0.0.1").body


def lines(answer: Answer) -> dict[str, float]:
    told = [line.rpartition(" ") for line in answer.body.decode().splitlines() if not line.startswith("#")]
    return {name: float(number) for name, _, number in told}


def test_metrics_tell_each_pool_s_coverage_and_what_is_left_to_settle(database: Database) -> None:
    from tests.support.town import found_town

    del database
    town = found_town()
    for _ in range(3):
        town.sell("mei", "grocer", 100_000)
    town.close_all([1, 2])
    found = lines(get("/metrics"))
    # By hand: 3 × 1 000 yuan at the grocer's 10 % is 300 yuan; 60 % of it, 180 yuan, is green. 600 points in all,
    # of which each releases a hundredth in its first cycle: 6 yuan owed, 174 yuan free, and 180 / 6 is 30.
    assert found['greenloop_pool_owed_fen{pool="green"}'] == 600
    assert found['greenloop_pool_free_fen{pool="green"}'] == 17_400
    assert found['greenloop_pool_coverage{pool="green"}'] == 30
    # The town opened long before today, and only two cycles are settled.
    assert found['greenloop_pool_unsettled_cycles{pool="green"}'] > 10
    assert found["greenloop_database_up"] == 1
    assert found["greenloop_settlements_held"] == 0
    assert found['greenloop_verb_seconds_count{verb="settle"}'] >= 1


def test_a_database_that_breaks_off_in_a_scrape_is_a_gauge(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise OperationalError

    del database
    monkeypatch.setattr(vitals, "pools", broken)
    assert lines(get("/metrics"))["greenloop_database_up"] == 0
