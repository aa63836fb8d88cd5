"""Large draws and spends at the console: what waits, one in full, and the decision of a second person."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.cli.conftest import Greenloop
from tests.support.databases import Database
from tests.support.town import Town, found_town, plain_rules


@pytest.fixture
def town(database: Database) -> Town:
    """Mei has 1 yuan to draw, and any draw waits for a second person."""
    del database
    town = found_town(plain_rules(large_claim_fen=0))
    town.sell("mei", "grocer", 100_000)
    town.close_all([1, 2])
    return town


def at(town: Town) -> str:
    return town.at.astimezone(UTC).isoformat()


def asked(greenloop: Greenloop, town: Town) -> Any:
    return greenloop("draw", "mei", "green", "--at", at(town), "--json").json


def test_a_large_draw_is_held_shown_and_let_through_by_its_hash(town: Town, greenloop: Greenloop) -> None:
    said = asked(greenloop, town)
    assert (said["reserved_fen"], said["account"]) == (100, str(town.ids["mei"]))
    assert "Large draws and spends" in greenloop("claims").out
    (row,) = greenloop("claims", "--json").lines
    assert (row["claim"], row["state"], row["amount_fen"], row["asked_by"]) == (said["claim"], "held", 100, "console")
    assert row["sha256"] in greenloop("claims", said["claim"]).out.replace("\n", "")
    decide = ("claim", said["claim"], "--by", "Ren", "--at", at(town))
    assert "claim.changed" in greenloop(*decide, "--approve", "0" * 12, "--json", code=1).out
    done = greenloop(*decide, "--approve", row["sha256"][:12], "--json").json
    assert (done["state"], done["amount_fen"], town.wallet("mei").voucher_fen) == ("done", 100, 100)
    assert greenloop("claims", "--json").out == ""
    assert [each["state"] for each in greenloop("claims", "--all", "--json").lines] == ["done"]


def test_a_large_draw_is_turned_down_with_a_reason(town: Town, greenloop: Greenloop) -> None:
    claim = asked(greenloop, town)["claim"]
    decide = ("claim", claim, "--by", "Ren", "--at", at(town))
    assert "claim.what" in greenloop(*decide, "--json", code=1).out
    assert "turned down" in greenloop(*decide, "--reject", "a raid").out
    assert "a raid" in greenloop("claims", claim).out
    assert datetime.fromisoformat(greenloop("claims", claim, "--json").json["decided_at"]) == town.at
