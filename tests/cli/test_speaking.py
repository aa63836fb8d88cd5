"""How it speaks: English and Chinese, tables and JSON, alarms, and who is writing the database."""

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from filelock import FileLock

from greenloop.cli import database as opening
from greenloop.cli import words
from greenloop.cli.app import app
from greenloop.config.console import COMMANDS
from greenloop.core.faults import Breach
from tests.cli.conftest import Greenloop, Town, day, sale
from tests.support.databases import Database

GREENLOOP = Path(sys.executable).parent / "greenloop"
COMPILED = (words.CATALOGS / "zh_Hans" / "LC_MESSAGES" / "django.mo").is_file()
CHINESE = re.compile(r"[\u4e00-\u9fff]")
needs_catalog = pytest.mark.skipif(not COMPILED, reason="the translations are not compiled: make setup")


def command_names() -> list[str]:
    for name in COMMANDS:
        import_module(f"greenloop.cli.{name}")
    return [each.name for each in app.registered_commands if each.name]


def test_every_command_answers_in_json_and_in_both_languages(greenloop: Greenloop) -> None:
    assert len(command_names()) > 25
    for name in command_names():
        told = greenloop(name, "--help").out
        assert "--json" in told, name
        assert "--lang" in told, name


@needs_catalog
def test_help_is_in_chinese_where_the_language_is(greenloop: Greenloop) -> None:
    for args in (("--help",), *((name, "--help") for name in command_names())):
        told = greenloop(*args, "--lang", "zh").out
        assert CHINESE.search(told), args
    assert not CHINESE.search(greenloop("--help").out)


@needs_catalog
@pytest.mark.parametrize("place", ["option", "GREENLOOP_LANG", "LANG"])
def test_a_refusal_is_told_in_the_language_that_was_asked_for(
    town: Town, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    if place == "option":
        said = town.call("--lang", "zh", "wallet", "nobody", code=1)
    else:
        monkeypatch.setenv("GREENLOOP_LANG", "zh" if place == "GREENLOOP_LANG" else "")
        monkeypatch.setenv("LC_ALL", "")
        monkeypatch.setenv("LC_MESSAGES", "")
        monkeypatch.setenv("LANG", "zh_CN.UTF-8" if place == "LANG" else "C")
        said = town.call("wallet", "nobody", code=1)
    assert CHINESE.search(said.err)
    assert "nobody" in said.err


@needs_catalog
def test_answers_and_faults_of_files_are_told_in_chinese(town: Town) -> None:
    town.orders(sale(1), at=day(2))
    for args in (("wallet", "bo"), ("trace", "baker", "B1"), ("status",), ("check",), ("reconcile", "--by", "lin")):
        said = town.call(*args, "--lang", "zh").out
        assert CHINESE.search(said), args
        assert "{" not in said, args
    name = town.write("bad.jsonl", "x\n")
    assert CHINESE.search(town.call("take", name, "--lang", "zh", "--json", code=1).lines[0]["error"])


def test_json_answers_are_the_same_in_every_language(town: Town) -> None:
    town.orders(sale(1), at=day(2))
    for args in (("wallet", "bo"), ("trace", "baker", "B1")):
        assert town.call(*args, "--json").out == town.call(*args, "--json", "--lang", "zh").out


def test_numbers_of_records_are_texts_in_json(town: Town) -> None:
    taken = town.orders(sale(1), at=day(2))[0]
    traced = town.call("trace", "baker", "B1", "--json").json
    assert taken["order_id"] == traced["id"]
    assert isinstance(traced["journal_id"], str)
    assert traced["paid_at"] == "2024-01-02T04:00:00Z"


def test_a_broken_invariant_is_an_alarm(greenloop: Greenloop, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_() -> None:
        what = "the books don't balance"
        raise Breach(what)

    monkeypatch.setattr(opening, "reading", break_)
    said = greenloop("status", code=3)
    assert "ALARM" in said.err
    assert "don't balance" in said.err
    assert greenloop("status", "--json", code=3).json["code"] == "breach"


def test_another_writer_of_an_sqlite_file_is_named(
    town: Town, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = opening.file()
    if path is None:
        assert database.engine == "postgresql"
        return
    monkeypatch.setattr(opening, "PATIENCE_S", 0.05)
    with FileLock(path.with_name(f"{path.name}-lock")):
        path.with_name(f"{path.name}-writer").write_text("greenloop settle (process 7)", "utf-8")
        assert "greenloop settle (process 7)" in town.call("expire", code=1).err
        assert town.call("expire", "--json", code=1).json["code"] == "database.busy"
        town.call("status")  # reading needs no lock
    town.call("expire")


def started(*args: str, env: dict[str, str], code: int) -> str:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GREENLOOP_")}
    command = [str(GREENLOOP), *args]
    done = subprocess.run(command, env={**plain, **env}, capture_output=True, text=True, check=False)
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def test_a_database_that_is_not_there_is_made_only_when_asked(tmp_path: Path) -> None:
    env = {"GREENLOOP_HOME": str(tmp_path / "home"), "GREENLOOP_LANG": "en"}
    assert "greenloop migrate" in started("status", env=env, code=1)
    assert not list(tmp_path.rglob("*.sqlite3"))
    started("migrate", env=env, code=0)
    assert "Where it stands" in started("status", env=env, code=0)
    (tmp_path / "home" / "greenloop.sqlite3").write_bytes(b"")
    assert "greenloop migrate" in started("status", env=env, code=1)


@pytest.mark.parametrize("url", ["nonsense", "oracle://somewhere/x"])
def test_an_address_that_names_no_database_is_an_answer_and_no_traceback(url: str) -> None:
    assert "names no database" in started("status", env={"GREENLOOP_DATABASE_URL": url, "GREENLOOP_LANG": "en"}, code=1)


def test_a_value_that_is_too_long_for_the_database_is_an_answer(town: Town, database: Database) -> None:
    args = ("hold", "--holder", "bo", "--reason", "odd", "--by", "w" * 99)
    if database.engine == "postgresql":
        assert "too long" in town.call(*args, code=1).err


def test_a_server_that_is_not_there_is_an_answer_and_no_traceback() -> None:
    env = {"GREENLOOP_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "GREENLOOP_LANG": "en"}
    assert "GREENLOOP_DATABASE_URL" in started("status", env=env, code=1)
