"""The trust book's file is archived and restored like any other, and a keeper that is killed loses nothing."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from greenloop.insight import trust_proofs
from greenloop.store.queries import keeping
from greenloop.store.trustbook import place
from tests.cli.conftest import Town, day, sale
from tests.support.databases import Database
from tests.support.ledger import execute, fetch
from tests.support.serving import GREENLOOP, environment
from tests.support.trusting import held, trust_book

KILLED = """
import os, signal
import django
django.setup()
from datetime import UTC, datetime
from functools import partial
from greenloop.services.books import keeper
from greenloop.store.trustbook import book

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

{where} = die
keeper.keep_all(holder="killed", now=partial(datetime.now, UTC))
"""
BEFORE, AFTER = "book.negative", "keeper._take_off"
"""Where it is killed: before the trust book commits, and between that and the other database's commit."""


@pytest.fixture
def beside(database: Database) -> Iterator[str]:
    """A trust book beside the database."""
    with trust_book(database) as url:
        yield url


@pytest.mark.parametrize(("where", "there"), [(BEFORE, 0), (AFTER, 1)])
def test_a_killed_keeper_loses_nothing_and_hands_nothing_over_twice(
    town: Town, beside: str, database: Database, tmp_path: Path, where: str, there: int
) -> None:
    town.orders(sale(1), at=day(3))
    known = environment(database.url, tmp_path) | {
        "GREENLOOP_TRUST_URL": beside,
        "DJANGO_SETTINGS_MODULE": "greenloop.config.settings",
    }
    killed = subprocess.run(
        [sys.executable, "-c", KILLED.format(where=where)], env=known, capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert (len(held()), keeping.lag().pending) == (there, 1)
    town.orders(sale(2), at=day(4))

    execute("UPDATE trust_head SET leased_until_at = NULL")
    assert town.call("keep", "--json").json["number"] == 2
    assert sorted(held()) == sorted(key for (key,) in fetch("SELECT key FROM journal"))
    assert all(proof.holds for proof in trust_proofs.agreement())


def test_the_file_of_the_trust_book_is_archived_and_restored_and_agrees_again(
    town: Town, beside: str, database: Database, tmp_path: Path
) -> None:
    if database.engine != "sqlite":
        return  # PostgreSQL's archive is of a whole server: tests/faults/test_restore.py
    town.orders(sale(1), at=day(3))
    town.call("keep")
    file = place.file()
    assert file is not None
    known = environment(f"sqlite:///{file}", tmp_path)

    def run(*words: str) -> None:
        done = subprocess.run([str(GREENLOOP), *words], env=known, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    run("backup", "--to", str(tmp_path / "archive"), "--no-prove")
    town.orders(sale(2), at=day(4))
    town.call("keep")
    before = held()
    run("restore", "--from", str(tmp_path / "archive"), "--into", str(tmp_path / "restored.sqlite3"), "--no-prove")
    for beside_it in file.parent.glob(f"{file.name}*"):
        beside_it.unlink()
    (tmp_path / "restored.sqlite3").rename(file)
    assert len(held()) == 1
    broken = {proof.name for proof in trust_proofs.agreement() if not proof.holds}
    assert broken == {"trust-head", "trust-holds", "trust-totals"}
    town.call("keep", "--again", "--by", "wu")
    assert held() == before
    assert all(proof.holds for proof in trust_proofs.agreement())


def test_a_copy_of_the_business_is_proved_without_the_trust_book_that_has_gone_on(
    town: Town, beside: str, database: Database, tmp_path: Path
) -> None:
    if database.engine != "sqlite":
        return
    town.orders(sale(1), at=day(3))
    town.call("keep")
    found = town.call("backup", "--to", str(tmp_path / "archive"), "--json").json
    assert (found["broken"], found["proofs"] > 10) == ([], True)
    town.orders(sale(2), at=day(4))
    town.call("keep")
    back = town.call(
        "restore", "--from", str(tmp_path / "archive"), "--into", str(tmp_path / "restored.sqlite3"), "--json"
    ).json
    assert back["broken"] == []
