"""May this installation go live: clean where everything is in order, and one finding for each thing that isn't."""

import json
import os
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings

from greenloop.core.faults import Refusal
from greenloop.insight.deploy import configured, database, declaration, running
from greenloop.insight.deploy.finding import Finding
from greenloop.services.trust.readers import grant_reader
from greenloop.store.queries import engines, people, vitals
from greenloop.store.queries.engines import PostgresqlFacts, SqliteFacts
from tests.faults.cluster import cluster_in, empty_folder, server_folder
from tests.support.databases import NOWHERE, Database, migrate, point_django_at
from tests.support.ledger import execute, fetch
from tests.support.serving import GREENLOOP, environment
from tests.support.signing import SECRET
from tests.support.trusting import read_at, trust_book

NOW = datetime(2026, 1, 6, tzinfo=UTC)
DECLARED = {
    "licence": "PBOC-Z2004031000010",
    "payment_contract": "2026-17",
    "opinion": "Zhou & Partners, 2026-01-02",
    "declared_by": "Lin Wei",
    "declared_on": "2026-01-03",
}
SENDER = "texts_of_the_city.Sender"


def sender_in(folder: Path) -> Path:
    """Write an operator's own sender of text messages into a folder of modules."""
    (folder / "texts_of_the_city.py").write_text(
        "class Sender:\n    def send(self, *, phone: str, text: str) -> None:\n        pass\n", "utf-8"
    )
    return folder


def codes(found: Iterator[Finding] | list[Finding]) -> list[str]:
    return [each.code for each in found]


# --- the whole command


def furnished(url: str, folder: Path) -> dict[str, str]:
    """Set the database that Django points at up as docs/production.md says, and return the service's environment."""
    from greenloop.services.people.staff import appoint_staff, set_up_second_factor
    from tests.support.town import found_town

    found_town()
    home = folder / "home"
    home.mkdir(mode=0o750)
    for name in ("Lin Wei", "Wu Jun"):
        number = appoint_staff(name=name, roles=["finance"], at=NOW, password="a long first password")
        set_up_second_factor(account_id=number, secret=SECRET, at=NOW)
    archive = folder / "archive" / "20260106T000000.000000Z"
    archive.mkdir(parents=True)
    declared = home / "declaration.json"
    declared.write_text(json.dumps(DECLARED), "utf-8")
    # The town opened long ago by the machine's clock: all its cycles count as settled, as the clockwork would do it.
    execute("UPDATE pool SET entry_cycle = 10001, settled_cycle = 10000 - first_cycle + 1")
    return environment(url, home) | {
        "GREENLOOP_SECRET_KEY": secrets.token_urlsafe(48),
        "GREENLOOP_IDENTITY_KEY": settings.GREENLOOP_IDENTITY_KEY,
        "GREENLOOP_LOG_KEY": settings.GREENLOOP_LOG_KEY,
        "GREENLOOP_HOSTS": "shops.example.org",
        "GREENLOOP_HTTPS": "yes",
        "GREENLOOP_TEXTS": SENDER,
        "PYTHONPATH": str(sender_in(folder)),
        "GREENLOOP_METRICS_TOKEN": "m" * 40,
        "GREENLOOP_DECLARATION": str(declared),
        "GREENLOOP_ARCHIVE": str(archive.parent),
    }


@pytest.fixture
def live(database: Database, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Set an installation up on the test's own database, with a trust book beside it, and yield its environment."""
    if database.engine == "sqlite":
        Path(database.url.removeprefix("sqlite:///")).chmod(0o600)
    with trust_book(database) as trust_url:
        yield furnished(database.url, tmp_path) | {"GREENLOOP_TRUST_URL": trust_url}


def look(env: dict[str, str], *args: str) -> tuple[int, Any]:
    command = [str(GREENLOOP), "check", "--deploy", "--json", *args]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


def lacking_of_the_test_server(engine: str) -> set[str]:
    """Return what the server that the tests are given lacks; on one with checksums and a plain role, nothing."""
    if engine == "sqlite":
        return set()
    lacks = {"postgresql.checksums"} if fetch("SHOW data_checksums") == [("off",)] else set()
    (role,) = fetch("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    return lacks | ({"postgresql.superuser"} if role[0] else set()) | {"trust.owner", "trust.open", "reader.none"}


@pytest.mark.books_broken_on_purpose
def test_an_installation_in_order_may_go_live(database: Database, live: dict[str, str]) -> None:
    lacking = lacking_of_the_test_server(database.engine)
    code, told = look(live)
    assert {each["code"] for each in told["findings"]} == lacking
    assert (code, told["ready"]) == ((1, False) if lacking else (0, True))
    assert told["declared"] == DECLARED


def test_a_server_with_checksums_and_a_plain_role_may_go_live_until_somebody_makes_it_forget(tmp_path: Path) -> None:
    with server_folder() as folder, cluster_in(folder, empty_folder(folder / "data")) as cluster:
        with psycopg.connect(cluster.url_of("postgres"), autocommit=True) as admin:
            admin.execute("CREATE ROLE shop LOGIN; CREATE ROLE eyes LOGIN")
            admin.execute("CREATE DATABASE books OWNER shop TEMPLATE template0 ENCODING 'UTF8'")
            trust_url = read_at(admin, cluster.url_of("trust"))
        url = cluster.url_of("books").replace("greenloop@", "shop@")
        migrate(url)
        point_django_at(url)
        try:
            env = furnished(url, tmp_path) | {"GREENLOOP_TRUST_URL": trust_url}
            env["GREENLOOP_READER_URL"] = url.replace("shop@", f"{grant_reader(role='eyes').role}@")
        finally:
            point_django_at(NOWHERE)
        code, told = look(env)
        assert (code, told["findings"]) == (0, [])
        cluster.stop()
        cluster.extra = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
        cluster.start()
        code, told = look(env)
    forgets = ["postgresql.fsync", "postgresql.full_page_writes", "postgresql.synchronous_commit"]
    assert (code, [each["code"] for each in told["findings"]]) == (1, forgets)


@pytest.mark.books_broken_on_purpose
def test_one_as_it_comes_out_of_the_box_may_not_and_is_told_everything_at_once(
    database: Database, live: dict[str, str]
) -> None:
    kept = ("GREENLOOP_DATABASE_URL", "GREENLOOP_HOME", "GREENLOOP_IDENTITY_KEY")
    bare = {name: text for name, text in live.items() if not name.startswith("GREENLOOP_") or name in kept}
    code, told = look(bare, "--lang", "en")
    assert code == 1
    expected = {"hosts.unnamed", "https.off", "texts.console", "metrics.token", "declaration.none", "keys.unkept"}
    found = {each["code"] for each in told["findings"]}
    assert found - lacking_of_the_test_server(database.engine) >= expected
    assert {"django.security.W012", "django.security.W016"} <= found  # cookies that are sent in the clear
    assert all(each["what"] and each["why"] and each["way_out"] for each in told["findings"])


# --- the settings


@pytest.fixture
def set_right(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    right = {
        "HOME": tmp_path,
        "SECRET_KEY": "s" * 64,
        "SECRET_KEY_KEPT": True,
        "ALLOWED_HOSTS": ["shops.example.org"],
        "HTTPS": True,
        "GREENLOOP_TEXTS": SENDER,
        "GREENLOOP_METRICS_TOKEN": "m" * 40,
    }
    monkeypatch.syspath_prepend(sender_in(tmp_path))
    for name, value in right.items():
        monkeypatch.setattr(settings, name, value)
    return monkeypatch


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("SECRET_KEY_KEPT", False, "keys.unkept"),
        ("SECRET_KEY", "short", "keys.short"),
        ("GREENLOOP_IDENTITY_KEY", "short", "keys.short"),
        ("GREENLOOP_LOG_KEY_KEPT", False, "keys.unkept"),
        ("DEBUG", True, "debug.on"),
        ("GREENLOOP_HOOKS_TO_LOOPBACK", True, "hooks.loopback"),
        ("ALLOWED_HOSTS", ["*"], "hosts.unnamed"),
        ("ALLOWED_HOSTS", [".example.org"], "hosts.unnamed"),
        ("ALLOWED_HOSTS", ["localhost", "127.0.0.1"], "hosts.unnamed"),
        ("HTTPS", False, "https.off"),
        ("GREENLOOP_TEXTS", configured.CONSOLE, "texts.console"),
        ("GREENLOOP_TEXTS", "", "texts.unusable"),
        ("GREENLOOP_TEXTS", "nowhere.Sender", "texts.unusable"),
        ("GREENLOOP_TEXTS", "texts_of_the_city.Receiver", "texts.unusable"),
        ("GREENLOOP_TEXTS", "datetime.datetime", "texts.unusable"),
        ("GREENLOOP_METRICS_TOKEN", "short", "metrics.token"),
    ],
)
def test_each_setting_that_would_open_a_door_is_found(
    name: str, value: object, code: str, set_right: pytest.MonkeyPatch
) -> None:
    def found() -> list[str]:
        return [*codes(configured.keys()), *codes(configured.door()), *codes(configured.senders())]

    assert found() == []
    set_right.setattr(settings, name, value)
    assert found() == [code]


def test_a_key_file_or_a_home_that_others_can_get_at_is_found(set_right: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "identity-key"
    file.write_text("k" * 64, "ascii")
    file.chmod(0o640)
    (found,) = configured.keys()
    assert (found.code, found.facts["mode"]) == ("keys.readable", "640")
    file.chmod(0o600)
    tmp_path.chmod(0o777)
    assert (codes(configured.keys()), codes(configured.door())) == ([], ["home.open"])


# --- the database

SERVER = PostgresqlFacts(
    version=150_004,
    fsync=True,
    full_page_writes=True,
    synchronous_commit="on",
    data_checksums=True,
    superuser=False,
    encrypted=None,
    now=NOW,
)
FILE = SqliteFacts(path=Path("books.sqlite3"), synchronous=2, journal_mode="wal", mode=0o600, filesystem="ext4")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"version": 140_009}, "postgresql.version"),
        ({"fsync": False}, "postgresql.fsync"),
        ({"full_page_writes": False}, "postgresql.full_page_writes"),
        ({"synchronous_commit": "off"}, "postgresql.synchronous_commit"),
        ({"data_checksums": False}, "postgresql.checksums"),
        ({"superuser": True}, "postgresql.superuser"),
        ({"encrypted": False}, "postgresql.plain"),
        ({"now": NOW + timedelta(seconds=6)}, "clock.apart"),
    ],
)
def test_a_server_that_could_lose_or_tell_what_it_holds_is_refused(changed: dict[str, Any], code: str) -> None:
    assert codes(database.of_postgresql(SERVER, NOW)) == []
    assert codes(database.of_postgresql(replace(SERVER, encrypted=True), NOW)) == []
    assert codes(database.of_postgresql(replace(SERVER, **changed), NOW)) == [code]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"synchronous": 1}, "sqlite.synchronous"),
        ({"journal_mode": "delete"}, "sqlite.journal"),
        ({"mode": 0o644}, "sqlite.readable"),
        ({"filesystem": "nfs4"}, "sqlite.network"),
        ({"filesystem": "fuse.sshfs"}, "sqlite.network"),
    ],
)
def test_a_file_that_could_lose_or_tell_what_it_holds_is_refused(changed: dict[str, Any], code: str) -> None:
    assert codes(database.of_sqlite(FILE)) == []
    assert codes(database.of_sqlite(replace(FILE, filesystem=None))) == []
    assert codes(database.of_sqlite(replace(FILE, **changed))) == [code]


def test_what_is_judged_is_what_the_database_in_use_says_of_itself(database: Database) -> None:
    if database.engine == "sqlite":
        found = engines.sqlite()
        assert (found.synchronous, found.journal_mode) == (2, "wal")
        assert found.path == Path(database.url.removeprefix("sqlite:///"))
        return
    assert engines.postgresql().synchronous_commit == "on"
    execute("SET synchronous_commit = off")
    told = engines.postgresql()
    assert told.synchronous_commit == "off"
    assert told.fsync == (fetch("SHOW fsync") == [("on",)])
    assert told.encrypted is None  # the tests' server is on this machine


def test_the_deepest_mount_above_a_file_tells_where_it_lies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/sda / ext4 rw 0 0\nfiler:/x /srv nfs4 rw 0 0\n/dev/sdb /srv/my\\040disk xfs rw 0 0\n", "utf-8"
    )
    monkeypatch.setattr(engines, "MOUNTS", mounts)
    lies_on = [engines._filesystem(Path(p)) for p in ("/data/a", "/srv/a", "/srv/my disk/a", "/srvx")]
    assert lies_on == ["ext4", "nfs4", "xfs", "ext4"]
    monkeypatch.setattr(engines, "MOUNTS", tmp_path / "none")
    assert engines._filesystem(Path("/")) is None


# --- who and what keeps it running


def test_an_empty_alliance_lacks_rules_and_people(database: Database) -> None:
    del database
    assert codes(running.findings(datetime.now(UTC))) == ["rules.none", "staff.few", "archive.none"]


def test_who_decides_has_to_be_two_people_with_second_factors(database: Database) -> None:
    from greenloop.services.people.staff import appoint_staff, set_up_second_factor

    del database
    lin, wu, _auditor = (
        appoint_staff(name=name, roles=[role], at=NOW, password="a long first password")
        for name, role in (("Lin Wei", "operator"), ("Wu Jun", "finance"), ("Hu Na", "auditor"))
    )
    set_up_second_factor(account_id=lin, secret=SECRET, at=NOW)
    found = list(running.staff())
    assert [(each.code, each.facts["name"]) for each in found] == [
        ("staff.factor", "Wu Jun"),
        ("staff.factor", "Hu Na"),
    ]
    set_up_second_factor(account_id=wu, secret=SECRET, at=NOW)
    execute("DELETE FROM staff_role WHERE account_id = %s", wu)
    assert codes(running.staff()) == ["staff.few", "staff.factor"]


def test_another_identity_key_is_found_before_anybody_fails_to_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    def sealed_with_another_key() -> None:
        raise Refusal("identity.key", "no")

    monkeypatch.setattr(people, "staff", sealed_with_another_key)
    assert codes(running.staff()) == ["keys.other"]


def test_a_cycle_that_is_cut_off_and_not_settled_is_late_after_ten_minutes(database: Database) -> None:
    from tests.support.town import found_town

    del database
    town = found_town()
    cutoff_at = town.calendar.cutoff_at(1)
    assert codes(running.clockwork(cutoff_at + timedelta(minutes=9))) == []
    assert codes(running.clockwork(cutoff_at + timedelta(minutes=11))) == ["settlement.overdue"]
    town.close(1)
    assert codes(running.clockwork(cutoff_at + timedelta(minutes=11))) == []


def test_a_full_disk_and_a_clock_that_is_behind_are_found(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    del database
    monkeypatch.setattr(running, "disk_free_bytes", lambda: 2**30)
    monkeypatch.setattr(vitals, "newest_journal_at", lambda: NOW + timedelta(seconds=6))
    assert set(codes(running.findings(NOW))) >= {"disk.small", "clock.behind"}


def test_an_archive_has_to_be_there_and_to_keep_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    booked_at = now - timedelta(minutes=11)

    def found() -> list[str]:
        return codes(running.archive(booked_at, now))

    assert found() == ["archive.none"]
    monkeypatch.setattr(settings, "GREENLOOP_ARCHIVE", str(tmp_path / "archive"))
    assert found() == ["archive.empty"]
    run = tmp_path / "archive" / "wal"
    run.mkdir(parents=True)
    assert found() == []
    os.utime(run, times=(0, booked_at.timestamp() - 1))
    assert found() == ["archive.behind"]
    assert codes(running.archive(now - timedelta(minutes=9), now)) == []  # it may still be on its way
    (run / "000000010000000000000007.partial").touch()  # PostgreSQL's log, received as it is written
    assert found() == []


# --- the declaration


def declare(monkeypatch: pytest.MonkeyPatch, file: Path, told: object) -> tuple[dict[str, str], list[str]]:
    file.write_text(told if isinstance(told, str) else json.dumps(told), "utf-8")
    monkeypatch.setattr(settings, "GREENLOOP_DECLARATION", str(file))
    found, missing = declaration.declared()
    return found, [f"{each.code} {each.facts.get('missing', '')}".strip() for each in missing]


def test_a_declaration_is_repeated_as_it_was_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert declare(monkeypatch, tmp_path / "d.json", DECLARED) == (DECLARED, [])


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("{", ["declaration.unreadable"]),
        (DECLARED | {"opinion": " "}, ["declaration.incomplete opinion"]),
        (DECLARED | {"licence": 7}, ["declaration.incomplete licence"]),
        (DECLARED | {"declared_on": "soon"}, ["declaration.incomplete declared_on"]),
        ([], [f"declaration.incomplete {name}" for name in DECLARED]),
    ],
)
def test_what_a_declaration_leaves_out_is_named(
    told: object, found: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert declare(monkeypatch, tmp_path / "d.json", told)[1] == found
