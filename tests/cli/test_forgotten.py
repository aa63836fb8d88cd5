"""Who was forgotten stays so (G15): a restore of an older copy forgets them again, and says so; on both databases."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings

from greenloop.cli import forgetting
from greenloop.insight.deploy import running
from greenloop.services.people.forget import forget
from greenloop.services.people.sign_in import PhoneForm, give_phones
from greenloop.store.backup import forgotten
from tests.cli.test_backup import ENGINES, backup, founded
from tests.faults.archived import Site
from tests.faults.tills import PATIENCE_S, django_at
from tests.support.ledger import execute, fetch

MEI = "+8613800138000"


@pytest.fixture(params=ENGINES)
def own(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Give an alliance one of whose members has a phone."""
    with founded(request.param, tmp_path) as found:
        monkeypatch.setattr(settings, "HOME", str(found.home))
        with django_at(found.url):
            give_phones(forms=[PhoneForm(member_of(), MEI)], at=datetime.now(UTC))
        yield found


def member_of() -> int:
    return int(fetch("SELECT account_id FROM member ORDER BY ref LIMIT 1")[0][0])


def forgotten_now(own: Site) -> tuple[int, str]:
    """Forget the member, and return the account and what its key was kept as."""
    with django_at(own.url):
        member = member_of()
        (key,) = fetch("SELECT sealed_key FROM person_key WHERE account_id = %s", member)[0]
        assert forget(account_id=member, at=datetime.now(UTC))
    return member, str(key)


def listed(path: Path) -> list[str]:
    return [json.loads(line)["account"] for line in path.read_text("ascii").splitlines()]


def known(member: int) -> int:
    return len(fetch("SELECT 1 FROM person_key WHERE account_id = %s", member)) + len(
        fetch("SELECT 1 FROM identifier WHERE account_id = %s", member)
    )


def test_a_restore_of_an_older_copy_forgets_again_and_says_how_many(own: Site) -> None:
    backup(own, "--no-prove")
    member, key = forgotten_now(own)
    restored = own.restore("again")
    assert (restored["forgotten_again"], restored["forgotten_fault"], restored["broken"]) == (1, None, [])
    if own.engine == "sqlite":
        assert key.encode() in next(own.archive.glob("*/*.snapshot")).read_bytes(), "the search finds what is there"
        assert key.encode() not in (own.folder / "again").read_bytes()
    with own.opened("again") as url, django_at(url):
        assert known(member) == 0
        said = fetch("SELECT about, detail FROM audit_entry WHERE act = 'person.forget'")
        assert said == [(f"account/{member}", '{"again":true,"known":true}')]


def test_the_archive_names_them_when_all_else_is_lost_and_so_does_a_copy_of_it(own: Site) -> None:
    first = backup(own, "--no-prove")
    member, _ = forgotten_now(own)
    backup(own, "--no-prove")
    kept = own.archive / forgotten.FILE
    assert listed(kept) == [str(member)]
    assert kept.stat().st_mode & 0o777 == 0o600
    with django_at(own.url):
        forgotten.beside().unlink()
    own.archive.rename(own.folder / "elsewhere")
    words = ("restore", "--no-prove", "--from", str(own.folder / "elsewhere"), "--into")
    older = own.run(*words, str(own.folder / "older"), "--until", str(first["at"]))
    assert older["forgotten_again"] == 1
    assert own.run(*words, str(own.folder / "newest"))["forgotten_again"] == 0


def test_a_follower_takes_along_who_is_forgotten_meanwhile(own: Site) -> None:
    with own.followed():
        member, _ = forgotten_now(own)
        deadline = datetime.now(UTC) + timedelta(seconds=PATIENCE_S)
        while not (own.archive / forgotten.FILE).exists():
            assert datetime.now(UTC) < deadline
    assert listed(own.archive / forgotten.FILE) == [str(member)]


def test_the_archive_that_is_named_has_it_at_once_and_another_database_s_never(
    own: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "archive.json").write_text('{"engine": "sqlite", "database": "/nowhere", "system": "1"}')
    monkeypatch.setattr(settings, "GREENLOOP_ARCHIVE", str(other))
    backup(own, "--no-prove")
    member, _ = forgotten_now(own)
    assert not (other / forgotten.FILE).exists()
    monkeypatch.setattr(settings, "GREENLOOP_ARCHIVE", str(own.archive))
    with django_at(own.url):
        forget(account_id=member, at=datetime.now(UTC))
        assert forgotten.archived() == own.archive / forgotten.FILE
    assert listed(own.archive / forgotten.FILE) == [str(member)]


def test_a_restore_that_can_not_forget_is_whole_and_says_what_to_run(own: Site) -> None:
    with django_at(own.url):
        member = member_of()
        execute("ALTER TABLE person_key RENAME TO key_of_person")  # as in a database of another release
    backup(own, "--no-prove")
    forgotten.add(own.archive / forgotten.FILE, {member: datetime.now(UTC)})
    words = ("restore", "--no-prove", "--from", str(own.archive), "--into", str(own.folder / "again"))
    told = own.run(*words, code=1)
    assert "person_key" in str(told["forgotten_fault"])
    with own.opened("again") as url, django_at(url):
        execute("ALTER TABLE key_of_person RENAME TO person_key")
        assert known(member) == 2
        again = Site("sqlite", url, own.folder, own.home)  # its commands take no --as
        assert again.run("forget", "--again", "--from", str(own.archive)) == {"forgotten_again": 1, "named": 1}
        assert again.run("forget", "--again", "--from", str(own.archive))["forgotten_again"] == 0
        assert known(member) == 0


def test_a_check_before_going_live_finds_who_is_known_again(own: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with django_at(own.url):
        member = member_of()
        assert list(running.forgotten()) == []
        forgotten.add(forgotten.beside(), {member: datetime.now(UTC)})
        (found,) = running.forgotten()
        assert (found.code, found.facts) == ("forgotten.known", {"count": 1})
        plain = Site("sqlite", own.url, own.folder, own.home)  # its commands take no --as
        assert plain.run("forget", "--again") == {"forgotten_again": 1, "named": 1}
        assert list(running.forgotten()) == []
        monkeypatch.setattr(forgotten, "beside", lambda: own.home)  # a folder can't be read as a file
        (found,) = running.forgotten()
        assert found.code == "forgotten.unreadable"


def test_the_command_wants_one_person_or_the_list(own: Site) -> None:
    plain = Site("sqlite", own.url, own.folder, own.home)
    for words in ((), ("mei", "--again"), ("mei", "--from", "x")):
        assert plain.run("forget", *words, code=1)["code"] == "forget.who"


def test_people_are_told_how_many_or_the_command_that_is_left_to_run() -> None:
    facts = {"from": "/var/back ups", "forgotten_again": 2, "forgotten_fault": None}
    assert [str(each) for each in forgetting.shown(facts)] == [
        "2 people had been forgotten since, and were forgotten again."
    ]
    (told,) = forgetting.shown(facts | {"forgotten_again": 0, "forgotten_fault": "no such table: person_key"})
    assert "no such table: person_key" in str(told)
    assert str(told).endswith("run: greenloop forget --again --from '/var/back ups'")
    assert list(forgetting.shown(facts | {"forgotten_again": 0})) == []
