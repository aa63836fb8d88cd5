"""The table of what faults did: `python -m tests.faults.table FOLDER`, where the tests have put their rows."""

import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

COUNTED = ("acknowledged", "lost", "doubled", "double_spent", "residual_fen")


def rows(folder: Path) -> list[dict[str, Any]]:
    """Return the rows in a folder, by fault and database."""
    found = [json.loads(line) for path in folder.glob("*.jsonl") for line in path.read_text("utf-8").splitlines()]
    return sorted(found, key=lambda row: (row["fault"], row["database"]))


def table(found: list[dict[str, Any]]) -> Table:
    """Lay the rows out: the five counts that each fault has, then whatever else was counted."""
    ran = sorted({f"{row['profile']} profile, GREENLOOP_FAULTS_SEED={row['seed']}" for row in found})
    shown = Table(title=f"Faults: {'; '.join(ran) or 'none'}")
    for heading in ("fault", "database"):
        shown.add_column(heading)
    for heading in (*COUNTED, "seconds"):
        shown.add_column(heading.replace("_", " "), justify="right")
    shown.add_column("also counted")
    for row in found:
        also = ", ".join(
            f"{name.replace('_', ' ')} {count:,}" for name, count in sorted(row["counts"].items()) if count
        )
        figures = [f"{row[name]:,}" for name in COUNTED]
        shown.add_row(row["fault"], row["database"], *figures, f"{row['seconds']:.1f}", also)
    return shown


if __name__ == "__main__":
    Console(width=None if sys.stdout.isatty() else 180).print(table(rows(Path(sys.argv[1]))))
