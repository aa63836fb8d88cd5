"""The list of who was forgotten: written after the database has it, caught up with, and never taken for more."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings

from greenloop.config.clock import WORK
from greenloop.services.people.forget import forget, forget_again
from greenloop.services.people.sign_in import PhoneForm, give_phones
from greenloop.store.backup import forgotten as lists
from greenloop.store.queries import forgotten
from tests.support.databases import Database
from tests.support.ledger import execute, fetch
from tests.support.signing import NOW
from tests.support.town import Town

MEI = "+8613800138000"
LATER = NOW + timedelta(days=1)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, town: Town) -> Path:
    """Give the town a list of its own."""
    del town
    monkeypatch.setattr(settings, "HOME", tmp_path)
    lists.beside().unlink(missing_ok=True)
    return tmp_path


def enrol(town: Town, ref: str, at: datetime = NOW) -> int:
    give_phones(forms=[PhoneForm(town.ids[ref], MEI)], at=at)
    return town.ids[ref]


def test_a_list_holds_the_account_and_the_instant_and_only_its_owner_reads_it(town: Town) -> None:
    mei = enrol(town, "mei")
    forget(account_id=mei, at=NOW)
    assert lists.beside().read_text("ascii") == f'{{"account": "{mei}", "at": "{NOW.isoformat()}"}}\n'
    assert lists.beside().stat().st_mode & 0o777 == 0o600


def test_what_a_process_that_died_left_out_is_written_by_the_clock(
    town: Town, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    mei = enrol(town, "mei")
    with monkeypatch.context() as patched:
        patched.setattr(lists, "add", full)
        assert forget(account_id=mei, at=NOW), "forgotten is forgotten, whatever becomes of the list"
    assert "ALARM" in caplog.text
    assert lists.here() == {}
    WORK["prune"]("2026-01-06T11", LATER)
    WORK["prune"]("2026-01-06T12", LATER)
    assert lists.here() == {mei: NOW}
    assert len(lists.beside().read_text("ascii").splitlines()) == 1


def full(*_: object) -> int:
    raise OSError(28, "No space left on device")


def test_who_has_enrolled_again_since_is_left_alone(town: Town) -> None:
    mei = enrol(town, "mei")
    forget(account_id=mei, at=NOW)
    enrol(town, "mei", LATER)
    assert forget_again(named=lists.here(), at=LATER) == 0
    assert fetch("SELECT 1 FROM person_key WHERE account_id = %s", mei)
    assert forgotten.brought_back({mei: LATER}) == [mei], "forgotten once more, in what this database doesn't have"


def test_forgetting_again_is_done_once_and_adds_nothing_to_the_list(town: Town) -> None:
    mei = enrol(town, "mei")
    named = {mei: NOW, town.ids["lin"]: NOW, 17: NOW}
    assert (forget_again(named=named, at=LATER), forget_again(named=named, at=LATER)) == (1, 0)
    assert lists.here() == {}


def test_a_line_that_is_older_than_its_account_is_another_database_s(town: Town) -> None:
    mei = enrol(town, "mei")
    assert forget_again(named={mei: datetime.fromisoformat("2001-01-01T00:00:00Z")}, at=LATER) == 0


def test_a_line_that_was_cut_off_is_passed_over_and_spoils_none_after_it(home: Path) -> None:
    path = home / "list"
    path.write_text(f'{{"account": "1", "at": "{NOW.isoformat()}"}}\n{{"account": "2", "a')
    assert lists.read(path, home / "none") == {1: NOW}
    assert lists.add(path, {1: NOW, 2: LATER}) == 1
    assert lists.add(path, {1: LATER}) == 1
    assert lists.read(path) == {1: LATER, 2: LATER}


def test_a_file_that_was_opened_plainly_is_written_over_all_the_same(database: Database) -> None:
    if database.engine == "sqlite":
        execute("PRAGMA secure_delete = OFF")
        lists.write_over()
        assert fetch("PRAGMA secure_delete") == [(1,)]
    else:
        lists.write_over()  # a server has no such setting, and isn't asked for it
