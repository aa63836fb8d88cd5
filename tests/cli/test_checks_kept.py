"""`greenloop check` keeps what it proved, so that pages can say when the books were last proved."""

import json
from pathlib import Path

import pytest
from filelock import FileLock

from greenloop.cli import database as opening
from tests.cli.conftest import Town
from tests.support.databases import Database
from tests.support.ledger import execute, fetch

KEPT = "SELECT by, replayed, statements, broken FROM book_check ORDER BY id"


def test_a_check_is_kept_with_who_asked_and_how_much_was_proved(town: Town) -> None:
    proofs = town.call("check", "--json").lines
    assert town.call("check", "--no-replay", "--by", "wu", "--json").lines
    (first, second) = fetch(KEPT)
    assert (first[0], bool(first[1]), first[2], first[3]) == ("scheduler", True, len(proofs), "[]")
    assert (second[0], bool(second[1]), second[2] < first[2]) == ("wu", False, True)
    assert all(took >= 0 for (took,) in fetch("SELECT took_ms FROM book_check"))


@pytest.mark.books_broken_on_purpose
def test_a_check_that_finds_the_books_broken_keeps_what_broke(town: Town) -> None:
    execute("UPDATE pool SET free_fen = free_fen + 5 WHERE NOT is_red")
    said = town.call("check", "--json", code=1)
    broken = [line for line in said.lines if not line["holds"]]
    kept = json.loads(fetch(KEPT)[0][3])
    assert broken
    assert [(name, off) for name, _, off in kept] == [(line["name"], line["difference"]) for line in broken]


def test_while_another_process_writes_the_books_are_proved_all_the_same_but_nothing_is_kept(
    town: Town, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database.engine != "sqlite":
        pytest.skip("PostgreSQL keeps its writers apart by itself")
    monkeypatch.setattr(opening, "PATIENCE_S", 0.1)
    path = Path(database.url.removeprefix("sqlite:///"))
    with FileLock(path.with_name(f"{path.name}-lock")):
        said = town.call("check", "--json")
    assert said.lines
    assert "not kept" in said.err
    assert fetch("SELECT COUNT(*) FROM book_check") == [(0,)]
