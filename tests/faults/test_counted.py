"""The counting itself can fail: a tally that is off by anything isn't exact, and every row reaches the table."""

import shutil
from pathlib import Path

import pytest
from rich.console import Console

from tests.faults import cluster, profile
from tests.faults.power import power_of
from tests.faults.profile import Tally, tallied
from tests.faults.skipping import NOT_TRIED
from tests.faults.table import rows, table


@pytest.mark.parametrize("wrong", ["lost", "doubled", "double_spent", "residual_fen"])
def test_a_tally_with_anything_lost_or_there_twice_is_not_exact(wrong: str) -> None:
    tally = Tally("fault", "database", acknowledged=10)
    tally.assert_exact()
    setattr(tally, wrong, 1)
    with pytest.raises(AssertionError, match=f"{wrong}=1"):
        tally.assert_exact()


def test_a_tally_in_which_nothing_was_acknowledged_proves_nothing() -> None:
    with pytest.raises(AssertionError, match="nothing was acknowledged"):
        Tally("fault", "database").assert_exact()


def lose_something() -> None:
    with tallied("tried in vain", "sqlite") as tally:
        tally.acknowledged, tally.lost = 1_234, 5
        tally.counts["kills"] = 3
        raise ZeroDivisionError


def test_what_was_counted_is_kept_and_shown_though_the_test_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profile, "RECORDS", tmp_path)
    with pytest.raises(ZeroDivisionError):
        lose_something()
    console = Console(width=160)
    with console.capture() as said:
        console.print(table(rows(tmp_path)))
    row = next(line for line in said.get().splitlines() if "tried in vain" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")][:7] == ["tried in vain", "sqlite", "1,234", "5", *"000"]
    assert "kills 3" in row


@pytest.mark.parametrize("missing", ["compiler", "server"])
def test_a_fault_that_can_not_be_inflicted_here_is_left_out_by_a_name_that_the_last_lines_repeat(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(cluster, "DEBIAN", tmp_path)
    monkeypatch.delenv("GREENLOOP_TEST_REQUIRE_POSTGRES", raising=False)
    with pytest.raises(pytest.skip.Exception, match=NOT_TRIED):
        power_of(tmp_path) if missing == "compiler" else cluster.binaries()


def test_a_server_that_is_missing_is_no_excuse_where_it_is_required(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(cluster, "DEBIAN", tmp_path)
    monkeypatch.setenv("GREENLOOP_TEST_REQUIRE_POSTGRES", "1")
    with pytest.raises(pytest.fail.Exception, match="not found"):
        cluster.binaries()
