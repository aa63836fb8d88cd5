"""Exports checked at the command line without a database, and the role by which those who only read reach a server."""

import secrets
from pathlib import Path

import pytest
from django.db import connection

from greenloop.insight.public_log import exports
from tests.cli.conftest import Town, day
from tests.support.ledger import execute, fetch


@pytest.fixture
def taken(town: Town) -> Path:
    """Take the settlements away, with their proof beside them."""
    for cycle, number in ((1, 8), (2, 15)):
        town.call("settle", "--cycle", str(cycle), "--at", day(number, "02:00:00"))
    town.call("log", "publish", str(town.folder / "log"))
    newest = exports.newest()
    assert newest is not None
    made = exports.export("settlements", newest)
    assert made.rows > 0
    town.write("settlements-9.proof.json", made.proof)
    return Path(town.write("settlements-9.jsonl", made.text))


def test_an_export_is_checked_from_its_files_and_a_key(town: Town, taken: Path) -> None:
    key = town.call("log", "key").out.strip()
    said = town.call("verify", "export", str(taken), "--key", key)
    assert "are in the log" in said.out
    assert "own word" not in said.out
    found = town.call("verify", "export", str(taken), "--json").json
    assert (found["holds"], found["trusted"], found["rows"]) == (True, True, found["proved"])
    assert "own word" in town.call("verify", "export", str(taken)).out


def test_a_changed_export_is_found(town: Town, taken: Path) -> None:
    taken.write_text(taken.read_text("utf-8").replace("issued", "ISSUED", 1), "utf-8")
    assert "SHA-256 is another" in town.call("verify", "export", str(taken), code=1).out


def test_what_isn_t_there_or_can_t_be_read_is_refused(town: Town, taken: Path) -> None:
    beside = taken.with_name("settlements-9.proof.json")
    beside.write_text("{}\n", "utf-8")
    assert "isn't the proof of an export" in town.call("verify", "export", str(taken), code=1).err
    beside.unlink()
    assert "lie side by side" in town.call("verify", "export", str(taken), code=1).err


def test_the_reader_s_role_may_read_what_isn_t_masked_and_write_nothing(town: Town) -> None:
    named = f"reader_{secrets.token_hex(4)}"
    if connection.vendor == "sqlite":
        assert "A file has no roles" in town.call("reader", named, code=1).err
        return
    try:
        made = town.call("reader", named, "--json").json
        assert len(made["password"]) > 20
        assert town.call("reader", named, "--json").json["password"] is None
        may = fetch(
            "SELECT has_table_privilege(%s, 'orders', 'SELECT'), has_table_privilege(%s, 'orders', 'UPDATE, INSERT, "
            "DELETE, TRUNCATE'), has_column_privilege(%s, 'member', 'ref', 'SELECT'), "
            "has_column_privilege(%s, 'member', 'city', 'SELECT')",
            *[named] * 4,
        )
        assert may == [(True, False, False, True)]
    finally:
        execute(f"DROP OWNED BY {named}")
        execute(f"DROP ROLE {named}")


def test_a_regulator_is_appointed_and_has_no_other_role(town: Town) -> None:
    assert town.call("staff", "Shen", "--role", "regulator", "--json").json["roles"] == ["regulator"]
    assert "no other role" in town.call("staff", "Shen", "--role", "operator", code=1).err
