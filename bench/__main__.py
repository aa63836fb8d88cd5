"""`make bench`: run every measurement in a process of its own and print one table."""

import argparse
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

NAMES = ("core", "take", "settle", "vest", "wallet", "load", "pages", "trace", "grow", "roots")


def measure(name: str, engine: str, server: str, stored: int) -> list[dict[str, object]]:
    """Run one measurement and return its figures."""
    command = [sys.executable, "-m", "bench.run", name, engine, server, str(stored)]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in told.splitlines()]


def main() -> None:
    """Measure what was asked for, show it, and keep it in `var/bench/figures.json`."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="which measurements; all by default")
    parser.add_argument("--stored", type=int, default=1_000_000, help="orders stored before taking is measured")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "greenloop.config.settings")
    # A bench keeps nothing, so its secrets are sealed with a key that ends with it.
    os.environ.setdefault("GREENLOOP_IDENTITY_KEY", secrets.token_urlsafe(40))
    server = os.environ.get("GREENLOOP_BENCH_SERVER", "postgresql:///postgres")
    console = Console()
    table = Table("where", "what", "figure", "unit", "goal", title="greenloop: make bench")
    for place in (1, 2):
        table.columns[place].justify = "left" if place == 1 else "right"
    found: list[dict[str, object]] = []
    for name in options.names or NAMES:
        for engine in ("core",) if name in {"core", "grow"} else ("sqlite", "postgresql"):
            console.print(f"measuring {name} on {engine} …", style="dim")
            found += measure(name, engine, server, options.stored)
    for figure in found:
        value = float(str(figure["value"]))
        shown = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
        table.add_row(str(figure["where"]), str(figure["what"]), shown, str(figure["unit"]), str(figure["goal"]))
    console.print(table)
    folder = Path(os.environ.get("GREENLOOP_HOME", "var")) / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "figures.json").write_text(json.dumps(found, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
