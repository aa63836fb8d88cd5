"""`greenloop backup` and `greenloop restore` as a stranger runs them, on both databases."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from greenloop.insight import inclusion
from greenloop.services.trust.log.keeping import sign_log
from greenloop.services.trust.roots import build, publish_root
from greenloop.store.backup.folder import LOCK
from greenloop.store.queries import liabilities, trees
from greenloop.store.queries.liabilities import RootRow
from tests.faults.archived import Site, site
from tests.faults.cluster import Cluster, children, cluster_in, empty_folder, server_folder, with_luck
from tests.faults.tills import PATIENCE_S, django_at
from tests.faults.trade import TRADE_AT, found_alliance
from tests.support.databases import Sqlite
from tests.support.ledger import execute, fetch, whole_database
from tests.support.serving import GREENLOOP

ENGINES = ["sqlite", "postgresql"]


@contextmanager
def founded(engine: str, home: Path) -> Iterator[Site]:
    """Give a database of one kind with a small alliance in it."""
    with site(engine, home) as own:
        with django_at(own.url):
            found_alliance()
        yield own


def backup(own: Site, *words: str, code: int = 0) -> dict[str, object]:
    return own.run("backup", "--to", str(own.archive), *words, code=code)


@pytest.fixture(params=ENGINES)
def own(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    with founded(request.param, tmp_path) as found:
        yield found


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Site]:
    with founded("sqlite", tmp_path) as found:
        yield found


def test_a_backup_says_what_is_in_it_and_a_restore_is_the_same_database_again(own: Site) -> None:
    with django_at(own.url):
        before = whole_database()
    copied = backup(own)
    rows = {table: len(lines) for table, lines in before.items()}
    assert (copied["rows"], copied["broken"]) == (rows, [])
    restored = own.restore("again")
    assert (restored["rows"], restored["broken"], restored["proofs"]) == (rows, [], copied["proofs"])
    assert restored["proofs"] > 40
    with own.opened("again") as url, django_at(url):
        assert whole_database() == before


def test_what_is_copied_and_restored_is_its_owner_s_alone_whatever_the_folder_is(own: Site) -> None:
    own.archive.mkdir()
    own.archive.chmod(0o755)  # made by somebody who didn't think of it
    backup(own, "--no-prove")
    own.run("restore", "--from", str(own.archive), "--into", str(own.folder / "again"), "--no-prove")
    restored = own.folder / "again"
    made = [*own.archive.rglob("*"), restored, *restored.rglob("*")]
    assert len(made) > 4
    assert [path for path in made if path.name != LOCK and not is_closed(path, below=own.folder)] == []


def is_closed(path: Path, *, below: Path) -> bool:
    """Tell whether nobody else gets at a file: by its own mode, or by that of a folder around it."""
    around = [each for each in (path, *path.parents) if each.is_relative_to(below) and each != below]
    return any(not each.stat().st_mode & 0o077 for each in around)


def test_a_restore_never_overwrites_and_needs_a_copy_that_is_old_enough(own: Site) -> None:
    told = backup(own, "--no-prove")
    assert (told["proofs"], told["rows"]) == (0, {})
    words = ("restore", "--from", str(own.archive), "--into")
    early = own.run(*words, str(own.folder / "early"), "--until", "2020-01-01T00:00:00Z", code=1)
    assert (early["code"], early["field"]) == ("restore.nothing", "--until")
    kept = own.folder / "kept"
    kept.mkdir()
    (kept / "letter").write_text("not yours")
    assert own.run(*words, str(kept), code=1)["code"] == "restore.exists"
    assert (kept / "letter").read_text() == "not yours"


@pytest.mark.books_broken_on_purpose
def test_a_copy_whose_books_do_not_hold_is_kept_and_said_to_be_broken(own: Site) -> None:
    with django_at(own.url):
        execute("UPDATE pool SET free_fen = free_fen + 5 WHERE NOT is_red")
    copied = backup(own, code=1)
    assert copied["broken"]
    restored = own.run("restore", "--from", str(own.archive), "--into", str(own.folder / "broken"), code=1)
    assert restored["broken"] == copied["broken"]


def test_keys_are_never_part_of_a_backup_and_it_says_where_they_are(own: Site) -> None:
    keys = {name: own.home / name for name in ("secret-key", "identity-key", "log-key")}
    for path in keys.values():
        path.write_text("k" * 60 + path.name)
    told = backup(own, "--no-prove")
    assert told["keys"] == {
        "GREENLOOP_SECRET_KEY": str(keys["secret-key"]),
        "GREENLOOP_IDENTITY_KEY": str(keys["identity-key"]),
        "GREENLOOP_LOG_KEY": str(keys["log-key"]),
    }
    held = [path for path in own.archive.rglob("*") if path.is_file() and b"k" * 60 in path.read_bytes()]
    assert held == []


def test_an_archive_is_one_database_s_and_one_process_s(own: Site, tmp_path: Path) -> None:
    with own.followed() as follower:
        busy = backup(own, code=1)
        assert busy["code"] == "backup.busy"
        follower.send_signal(signal.SIGTERM)
        assert follower.wait(PATIENCE_S) == 0
    assert '"until"' in (own.home / "follower.log").read_text()
    (tmp_path / "other").mkdir()
    with Sqlite(tmp_path / "other").clone() as other:
        stranger = Site("sqlite", other.url, own.folder, tmp_path)
        assert backup(stranger, code=1)["code"] == "backup.other"
        stuff = own.folder / "stuff"
        stuff.mkdir()
        (stuff / "letter").write_text("not yours")
        assert stranger.run("backup", "--to", str(stuff), code=1)["code"] == "backup.folder"
        assert stranger.run("restore", "--from", str(stuff), "--into", "x", code=1)["code"] == "restore.folder"


def test_what_follows_a_copy_comes_back_too_once_the_follower_was_told_to_end(own: Site) -> None:
    with own.followed() as follower:
        with django_at(own.url):
            execute("INSERT INTO cache (cache_key, value, expires) VALUES ('a', 'b', '2030-01-01 00:00:00')")
            after = whole_database()
        follower.send_signal(signal.SIGTERM)
        assert follower.wait(PATIENCE_S) == 0
    own.restore("after")
    with own.opened("after") as url, django_at(url):
        assert whole_database() == after


def test_a_follower_that_can_not_go_on_ends_and_says_why(own: Site) -> None:
    with own.followed() as follower:
        if own.engine == "sqlite":
            path = Path(own.url.removeprefix("sqlite:///"))
            path.rename(path.with_name("moved.sqlite3"))
        else:
            for pid in children(follower.pid):
                with_luck(pid, signal.SIGKILL)
        assert follower.wait(PATIENCE_S) == 1
        assert '"backup.stopped"' in (own.home / "follower.log").read_text()
        if own.engine == "sqlite":
            path.with_name("moved.sqlite3").rename(path)


def test_old_base_backups_go_with_the_log_that_only_they_need(tmp_path: Path) -> None:
    from greenloop.store.backup import postgresql

    with founded("postgresql", tmp_path) as own:
        with own.followed() as follower:
            backups = own.archive / "base"
            wait(lambda: len(list(backups.glob("*Z"))) > 1)
            follower.send_signal(signal.SIGTERM)
            assert follower.wait(PATIENCE_S) == 0
        first, *_, last = postgresql.bases(own.archive)
        segments = len(list((own.archive / "wal").iterdir()))
        assert postgresql.prune(own.archive, before=first.at) == []
        assert first.path in postgresql.prune(own.archive, before=last.at)
        assert [base.path for base in postgresql.bases(own.archive)] == [last.path]
        assert 0 < len(list((own.archive / "wal").iterdir())) < segments
        assert own.restore("kept")["broken"] == []


def wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_people_are_told_in_sentences(small: Site) -> None:
    command = [str(GREENLOOP), "backup", "--to", str(small.archive)]
    done = subprocess.run(command, env=small.env(), capture_output=True, text=True, check=True)
    said = " ".join(done.stdout.split())
    assert "is the database as of" in said
    assert "statements hold." in said
    assert "keep a copy of the keys elsewhere" in said


def test_a_changed_base_backup_is_noticed_before_anything_is_restored(tmp_path: Path) -> None:
    with founded("postgresql", tmp_path) as own:
        backup(own, "--no-prove")
        (victim,) = own.archive.glob("base/*/PG_VERSION")
        victim.write_text("15 \n")
        refused = own.run("restore", "--from", str(own.archive), "--into", str(own.folder / "x"), code=1)
        assert refused["code"] == "backup.failed"
        assert "PG_VERSION" in refused["error"]
        assert not (own.folder / "x").exists()


@contextmanager
def server(tmp_path: Path, **settings: str) -> Iterator[tuple[Site, Cluster]]:
    with server_folder() as folder, cluster_in(folder, empty_folder(folder / "data"), extra=settings) as cluster:
        yield Site("postgresql", cluster.url, folder, tmp_path), cluster


def test_a_server_that_is_not_set_up_for_archiving_is_refused_with_the_settings_to_write(tmp_path: Path) -> None:
    with server(tmp_path, wal_level="minimal", max_wal_senders="0") as (own, _):
        refused = backup(own, code=1)
    assert refused["code"] == "backup.server"
    assert "wal_level = replica, max_wal_senders = 10" in str(refused["error"])


def test_a_role_that_may_not_read_the_log_is_refused_with_what_to_run(tmp_path: Path) -> None:
    with server(tmp_path) as (own, cluster):
        with psycopg.connect(cluster.url, autocommit=True) as admin:
            admin.execute("CREATE ROLE clerk LOGIN")
        clerk = Site(own.engine, own.url.replace("greenloop@", "clerk@"), own.folder, own.home)
        refused = backup(clerk, code=1)
    assert refused["code"] == "backup.role"
    assert "ALTER ROLE clerk REPLICATION" in str(refused["error"])


def test_missing_programs_are_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from greenloop.core.faults import Refusal
    from greenloop.store.backup import programs

    monkeypatch.setattr(programs, "PLACES", ("/nowhere/{major}",))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Refusal, match="apt-get install postgresql-15"):
        programs.folder(15)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_the_server_of_a_restore_never_runs_as_root() -> None:
    from greenloop.core.faults import Refusal
    from greenloop.store.backup import programs

    for name in ("root", "nobody-of-this-name"):
        with pytest.raises(Refusal, match="doesn't run as root"):
            programs.owner(name)
    assert programs.owner("nobody")["user"] != 0


def found_root() -> RootRow:
    """Publish and sign the root of the alliance's last settlement."""
    cycle = liabilities.last_settled()
    assert cycle is not None
    row = publish_root(built=build(cycle=cycle, at=TRADE_AT), at=TRADE_AT)
    sign_log(at=TRADE_AT)
    return row


def move_the_trees_away(own: Site) -> None:
    """Lose what lies beside the database, as with its disk."""
    with django_at(own.url):
        shutil.rmtree(trees.folder(), ignore_errors=True)


def test_trees_are_in_the_archive_and_a_restored_database_gives_out_proofs(
    own: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "HOME", str(own.home))
    with django_at(own.url):
        root = found_root()
        member = fetch("SELECT MIN(account_id) FROM wallet")[0][0]
    assert backup(own)["trees"] == 1
    kept = own.archive / "roots" / f"{root.cycle}-{root.root_hash[:16]}.tree"
    assert kept.stat().st_mode & 0o077 == 0
    move_the_trees_away(own)
    restored = own.restore("again")
    assert (restored["trees"], restored["trees_missing"], restored["broken"]) == (1, 0, [])
    with own.opened("again") as url, django_at(url):
        assert inclusion.document(root, member)["owed"]["amount_fen"] > 0


def test_a_tree_that_was_changed_in_the_archive_is_named_and_not_given_back(
    small: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "HOME", str(small.home))
    with django_at(small.url):
        root = found_root()
    backup(small, "--no-prove")
    kept = small.archive / "roots" / f"{root.cycle}-{root.root_hash[:16]}.tree"
    whole = kept.read_bytes()
    words = ("restore", "--from", str(small.archive), "--no-prove", "--into")
    for number, changed in enumerate((whole[:-1], whole[:87] + bytes([whole[87] ^ 1]) + whole[88:], b"")):
        kept.write_bytes(changed)
        told = small.run(*words, str(small.folder / f"changed{number}"), code=1)
        assert (told["code"], told["field"]) == ("restore.tree", "--from")
    kept.unlink()
    assert small.run(*words, str(small.folder / "without"))["trees_missing"] == 1
