"""The counting itself can fail: a tally that is off by anything isn't exact, and every row reaches the table."""

from pathlib import Path

import pytest
from rich.console import Console

from tests.faults import profile
from tests.faults.profile import Tally, tallied
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


def test_what_was_counted_is_kept_and_shown_though_the_test_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profile, "RECORDS", tmp_path)
    with pytest.raises(ZeroDivisionError), tallied("tried in vain", "sqlite") as tally:
        tally.acknowledged, tally.lost = 1_234, 5
        tally.counts["kills"] = 3
        raise ZeroDivisionError
    console = Console(width=160)
    with console.capture() as said:
        console.print(table(rows(tmp_path)))
    row = next(line for line in said.get().splitlines() if "tried in vain" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")][:7] == ["tried in vain", "sqlite", "1,234", "5", *"000"]
    assert "kills 3" in row
