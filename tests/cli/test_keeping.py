"""The trust book at the command line: made, kept, followed, compared, looked at before going live."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from greenloop.config import tasks
from greenloop.store.queries import keeping
from greenloop.store.trustbook import place
from tests.cli.conftest import Greenloop, Town, day, sale
from tests.support.databases import Database
from tests.support.ledger import execute, fetch
from tests.support.serving import GREENLOOP, environment
from tests.support.trusting import held, trust_book

PATIENCE_S = 60


@pytest.fixture
def beside(database: Database) -> Iterator[str]:
    """A trust book beside the database."""
    with trust_book(database) as url:
        yield url


def test_migrate_makes_the_file_beside_an_sqlite_file_once(
    database: Database, greenloop: Greenloop, tmp_path: Path
) -> None:
    if database.engine != "sqlite":
        return
    file = place.file()
    assert file is not None
    assert not file.exists()
    greenloop("migrate")
    made = file.stat().st_ino
    greenloop("migrate")
    assert file.stat().st_ino == made
    assert greenloop("keep", "--json").json == {"journals": 0, "pending": 0, "lag_seconds": 0, "number": 0}


def test_what_waits_is_handed_over_told_and_proved(town: Town, beside: str) -> None:
    town.orders(sale(1), sale(2), at=day(3))
    told = town.call("trust-book", "show", "--json").json
    assert (told["pending"], told["number"], told["behind"]) == (1, 0, False)
    found = town.call("keep", "--json").json
    assert found == {"journals": 1, "pending": 0, "lag_seconds": 0, "number": 1}
    assert list(held()) == [key for (key,) in fetch("SELECT key FROM journal")]
    proved = {each["name"]: each for each in town.call("check", "--no-replay", "--json").lines}
    assert proved["trust-holds"]["looked_at"] == 1
    assert "The newest number is 1." in town.call("keep").out


def test_everything_is_handed_over_again_only_by_somebody_named(town: Town, beside: str) -> None:
    town.orders(sale(1), at=day(3))
    town.call("keep")
    assert town.call("keep", "--again", "--json", code=1).json["code"] == "trust.by"
    assert town.call("keep", "--again", "--by", "wu", "--json").json["journals"] == 1


def test_where_none_is_named_or_made_the_command_says_so(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.orders(sale(1), at=day(3))
    with monkeypatch.context() as patched:
        patched.setattr(place, "address", lambda: None)
        assert town.call("keep", "--json", code=1).json["code"] == "trust.unnamed"
    if place.address() is not None:
        assert town.call("keep", "--json", code=1).json["code"] == "trust.none"
    assert town.call("trust-book", "burn", "--json", code=1).json["code"] == "trust.what"


def test_a_following_keeper_hands_over_what_comes_and_ends_at_sigterm(
    town: Town, beside: str, database: Database, tmp_path: Path
) -> None:
    town.orders(sale(1), at=day(3))
    known = environment(database.url, tmp_path) | {"GREENLOOP_TRUST_URL": beside}
    log = tmp_path / "keeper.log"
    with log.open("w") as stream:
        command = [str(GREENLOOP), "keep", "--follow", "--every", "0.2", "--json"]
        keeper = subprocess.Popen(command, env=known, stdout=subprocess.PIPE, stderr=stream)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and keeping.lag().pending:
            assert keeper.poll() is None, log.read_text()
            time.sleep(0.1)
        assert keeping.lag().number == 1, log.read_text()
    finally:
        keeper.send_signal(signal.SIGTERM)
        out, _ = keeper.communicate(timeout=PATIENCE_S)
    assert keeper.returncode == 0, log.read_text()
    assert json.loads(out)["journals"] == 1


def test_the_clock_s_prompt_tick_hands_over_too(town: Town, beside: str) -> None:
    town.orders(sale(1), at=day(3))
    assert tasks.keep in tasks.PROMPT
    tasks.promptly.call_local()
    assert keeping.lag().number == 1


def test_a_tick_without_a_trust_book_that_was_made_goes_on(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    town.orders(sale(1), at=day(3))
    tasks.promptly.call_local()
    assert keeping.lag().pending == 1
    assert ("nothing is handed over to the trust book: trust.none" in caplog.text) is (place.address() is not None)


@pytest.mark.books_broken_on_purpose
def test_a_following_keeper_that_finds_a_difference_stops_payouts(
    town: Town, beside: str, greenloop: Greenloop
) -> None:
    from greenloop.cli import keeping as command
    from greenloop.store.queries import soundness

    town.orders(sale(1), at=day(3))
    execute("DELETE FROM pending_journal")
    assert [proof.name for proof in command._compared()] == ["trust-holds", "trust-totals"]
    found = soundness.broken()
    assert found is not None
    assert (found.by, "trust-holds" in found.what) == ("keeper", True)


def test_going_live_wants_a_trust_book_apart_from_the_business(
    town: Town, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def codes() -> set[str]:
        found = town.call("check", "--deploy", "--json", code=1).json["findings"]
        return {each["code"] for each in found if each["code"].startswith("trust.")}

    with monkeypatch.context() as patched:
        patched.setattr(place, "address", lambda: None)
        assert codes() == {"trust.none"}
    with trust_book(database):
        # On the tests' server everybody is a superuser.
        assert codes() == ({"trust.owner", "trust.open"} if database.engine == "postgresql" else set())
    if database.engine == "postgresql":
        with monkeypatch.context() as patched:
            patched.setattr(place, "address", lambda: database.url)
            assert {"trust.version", "trust.same"} <= codes()
    town.orders(sale(1), at=day(3))
    monkeypatch.setattr(keeping, "BEHIND", keeping.BEHIND * 0)
    assert "trust.behind" in codes()
