"""See it run: a year of real shopping through the loop, with a report at its end."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greenloop.cli import database
from greenloop.cli.answer import DONE, Answer, count, money, pairs, screen, table, text
from greenloop.cli.app import YEAR, command
from greenloop.cli.progress import watched
from greenloop.cli.proving import prove, proved, write_report
from greenloop.cli.words import gettext
from greenloop.core.faults import say

if TYPE_CHECKING:
    from greenloop.sim.year import YearSummary

SEED_MAX = 1_000_000

Orders = Annotated[
    int | None, typer.Option("--orders", metavar="N", help=say("Replay N baskets, spread over the year, not all."))
]
Plan = Annotated[str, typer.Option("--plan", metavar="NAME", help=say("One of: steady, published, hybrid, short."))]
CycleDays = Annotated[int, typer.Option("--cycle-days", metavar="D", help=say("Days of a cycle, 1 to 30."))]
Seed = Annotated[int | None, typer.Option("--seed", metavar="S", help=say("Repeat a run: its seed was printed first."))]


@command("demo", panel=YEAR, help=say("Replay a year of real shopping in a database of its own, prove it, report it."))
def demo(
    orders: Orders = None,
    plan: Plan = "steady",
    cycle_days: CycleDays = 7,
    seed: Seed = None,
    home: Annotated[
        str, typer.Option("--home", metavar="DIR", help=say("Where its database and report are made."))
    ] = "var/demo",
) -> Answer:
    """Start fresh, replay, check, report; exit code 1 if a proof fails."""
    begun, folder = perf_counter(), Path(home)
    if "GREENLOOP_DATABASE_URL" not in os.environ:
        folder.mkdir(parents=True, exist_ok=True)
        path = (folder / "greenloop.sqlite3").absolute()
        database.start(f"sqlite:///{path.as_posix()}")
    else:
        database.start()
    with database.alone():
        database.clear()
        database.migrate()
        summary, seconds = _replay(orders=orders, plan=plan, cycle_days=cycle_days, seed=seed)
        stage = perf_counter()
        checked = proved(prove())
        seconds["check"] = perf_counter() - stage
        stage = perf_counter()
        report = write_report(folder / "report.html", seconds=seconds)
        seconds["report"] = perf_counter() - stage
    facts = _facts(summary, seconds) | {
        "proofs": checked.facts,
        "report": str(report),
        "seconds_in_all": round(perf_counter() - begun, 3),
    }
    shown = [*checked.shown, *_shown(summary, seconds)]
    shown.append(text(gettext("The report is in {path}").format(path=report), "bold green" if checked.code == DONE else "bold"))
    return Answer(facts, shown, checked.code)


@command("replay", panel=YEAR, help=say("Replay the year into the configured, empty database; no report."))
def replay(orders: Orders = None, plan: Plan = "steady", cycle_days: CycleDays = 7, seed: Seed = None) -> Answer:
    """Replay the year into the database in use."""
    with database.writing():
        summary, seconds = _replay(orders=orders, plan=plan, cycle_days=cycle_days, seed=seed)
    return Answer(_facts(summary, seconds), _shown(summary, seconds))


def _replay(
    *, orders: int | None, plan: str, cycle_days: int, seed: int | None
) -> "tuple[YearSummary, dict[str, float]]":
    from greenloop.sim.year import replay_year

    drawn = secrets.randbelow(SEED_MAX) if seed is None else seed
    screen(stderr=True).print(gettext("seed {seed}").format(seed=drawn))
    with watched() as progress:
        summary = replay_year(seed=drawn, plan=plan, cycle_days=cycle_days, orders=orders, progress=progress)
    return summary, dict(summary.seconds)
