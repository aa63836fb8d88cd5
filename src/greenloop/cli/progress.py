"""Progress on stderr while something long runs: bars for a person, nothing for a program."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from greenloop.cli.answer import screen
from greenloop.cli.words import gettext
from greenloop.core.faults import say

Progress = Callable[[str, int, int], None]
STAGES = {
    "load": say("Reading the baskets"),
    "take": say("Taking orders"),
    "settle": say("Settling cycles"),
    "town": say("Days in the town"),
    "ledger": say("Proving the ledger"),
    "subledgers": say("Proving the subledgers"),
    "loop": say("Proving the loop"),
    "lines": say("Proving the lines of fen"),
    "trust": say("Proving the trust book"),
    "log": say("Proving the public log"),
    "roots": say("Proving the newest root of what is owed"),
    "replay": say("Replaying the journal"),
    "export": say("Exporting tables"),
    "log files": say("Publishing the log"),
    "supervision": say("Writing the supervision report"),
    "backup": say("Copying the database"),
    "restore": say("Restoring the database"),
}
"""What is shown for a stage that reports; one that is not here isn't shown."""


@contextmanager
def watched() -> Iterator[Progress]:
    """Show how far the stages of a long work are; on anything but a terminal, a line when a stage is done."""
    out = screen(stderr=True)
    if not out.is_terminal:
        told: set[str] = set()

        def tell(stage: str, done: int, total: int) -> None:
            if stage in STAGES and done >= total and stage not in told:
                told.add(stage)
                out.print(f"{gettext(STAGES[stage])}: {done:,}")

        yield tell
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=out) as bars:
        tasks = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in STAGES:
                return
            if stage not in tasks:
                tasks[stage] = bars.add_task(gettext(STAGES[stage]), total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield show
