"""The clockwork as a process of its own, and what it ran."""

from dataclasses import asdict
from importlib import import_module
from typing import Annotated

import typer

from greenloop.cli import database
from greenloop.cli.answer import DONE, REFUSED, Answer, count, moment, pairs, screen, table, text
from greenloop.cli.app import LOOK, YEAR, command
from greenloop.cli.reading import now
from greenloop.cli.words import gettext
from greenloop.core.faults import Refusal, say

ROWS = 40
STATES = {"running": say("running"), "done": say("done"), "failed": say("failed")}


@command("worker", panel=YEAR, help=say("Do what the clock asks for, until Ctrl-C; with SQLite the server does it."))
def worker() -> Answer:
    """Vest, settle, pay out, let expire, prove and deliver when it is time."""
    with database.writing():
        screen(stderr=True).print(gettext("The clockwork runs until Ctrl-C."))
        # The wiring lies above the doors: it is named, as the server names its application.
        import_module("greenloop.config.tasks").work()
    return Answer({"worked": True}, code=DONE)


@command("runs", panel=LOOK, help=say("List what the clock ran, what is late, and what comes next."))
def runs(
    task: Annotated[str, typer.Option("--task", metavar="TASK", help=say("Only this task, such as settle."))] = "",
    retry: Annotated[
        str | None, typer.Option("--retry", metavar="TASK/SLOT", help=say("Let a failed run be tried again at once."))
    ] = None,
) -> Answer:
    """List runs, newest first; exit code 1 if something is late."""
    if retry is not None:
        _retry(retry)
    database.reading()
    from greenloop.store.queries import clockwork

    at = now()
    found, late, ahead = clockwork.runs(limit=ROWS, task=task), clockwork.late(at), clockwork.next_cutoff_at(at)
    facts = {
        "runs": [asdict(run) | {"took_ms": run.took_ms} for run in found],
        "late": [asdict(slot) for slot in late],
        "next_cutoff_at": ahead,
    }
    columns = [
        *(gettext("task"), gettext("for"), gettext("due"), gettext("state"), gettext("tries")),
        *(gettext("began"), gettext("ms"), gettext("what came of it")),
    ]
    rows = [
        (
            *(run.task, run.slot, moment(run.due_at), gettext(STATES[run.state]), count(run.attempts)),
            *(moment(run.started_at), "–" if run.took_ms is None else count(run.took_ms), run.outcome),
        )
        for run in found
    ]
    shown = [table(gettext("What the clock ran"), columns, rows)]
    if late:
        named = ", ".join(f"{slot.task}/{slot.slot}" for slot in late)
        shown.append(text(gettext("Late: {slots}. Is a worker running?").format(slots=named), "bold red"))
    if ahead:
        shown.append(pairs(gettext("Ahead"), [(gettext("the open cycle is cut off"), moment(ahead))]))
    return Answer(facts, shown, REFUSED if late else DONE, lines=False)


def _retry(named: str) -> None:
    task, _, slot = named.partition("/")
    with database.writing():
        from greenloop.services.clockwork import try_again

        if not try_again(task=task, slot=slot):
            message = say("No run {run} has failed. Name one as greenloop runs lists it, such as settle/53.")
            raise Refusal("run.unknown", message, field="--retry", run=named)
