"""The clockwork as a process of its own, and what it ran."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from greenloop.cli import database
from greenloop.cli.answer import DONE, REFUSED, Answer, count, moment, pairs, screen, table, text
from greenloop.cli.app import LOOK, YEAR, command
from greenloop.cli.reading import now
from greenloop.cli.words import gettext
from greenloop.core.faults import Refusal, breach, say

if TYPE_CHECKING:
    from rich.console import RenderableType

    from greenloop.store.queries.clockwork import Beat, RunRow, Standing
    from greenloop.store.queries.soundness import BrokenRow

ROWS = 40
STATES = {"running": say("running"), "done": say("done"), "failed": say("failed")}


def _unwired() -> None:
    breach("nobody told the command line how to keep time")


tick: Callable[[], None] = _unwired
"""Does what is due until the process is told to end. The wiring lies above the doors: it sets this for `worker`."""


@command("worker", panel=YEAR, help=say("Do what the clock asks for, until Ctrl-C; with SQLite the server does it."))
def worker() -> Answer:
    """Vest, settle, pay out, let expire, prove and deliver when it is time."""
    database.reading()
    with database.alone():
        screen(stderr=True).print(gettext("The clockwork runs until Ctrl-C."))
        tick()
    return Answer({"worked": True}, code=DONE)


@command("runs", panel=LOOK, help=say("List what the clock ran, what is late, what waits, and what comes next."))
def runs(
    task: Annotated[str, typer.Option("--task", metavar="TASK", help=say("Only this task, such as settle."))] = "",
    only_late: Annotated[
        bool, typer.Option("--late", help=say("Only what is late, what waits and what stands still."))
    ] = False,
    retry: Annotated[
        str | None, typer.Option("--retry", metavar="TASK/SLOT", help=say("Let a failed run be tried again at once."))
    ] = None,
    go_on: Annotated[
        bool, typer.Option("--go-on", help=say("Let payouts and fees go on though the books were found broken."))
    ] = False,
    by: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help=say("Who has looked, and lets it go on."))
    ] = None,
) -> Answer:
    """List runs, newest first; exit code 1 if something is late or stands still."""
    at = now()
    if retry is not None:
        _retry(retry, by, at)
    if go_on:
        _vouch(by, at)
    database.reading()
    from greenloop.store.queries import clockwork

    standing, beat = clockwork.standing(at), clockwork.beat()
    found = [] if only_late else clockwork.runs(limit=ROWS, task=task)
    ahead = () if only_late else standing.ahead
    facts = {
        "runs": [asdict(run) | {"took_ms": run.took_ms} for run in found],
        "late": [asdict(slot) for slot in standing.late],
        "held": asdict(standing.held) if standing.held else None,
        "stopped": sorted(standing.stopped),
        "broken": asdict(standing.broken) if standing.broken else None,
        "ahead": [asdict(slot) for slot in ahead],
        "worker": asdict(beat) | {"away": beat.away(at)} if beat else None,
    }
    shown = [] if only_late else [_ran(found)]
    shown += [*_broken(standing.broken), *_alarming(standing), _seen(beat, at)]
    if ahead:
        coming = [(f"{slot.task}/{slot.slot}", moment(slot.due_at)) for slot in ahead]
        shown.append(pairs(gettext("What comes next"), coming))
    return Answer(facts, shown, REFUSED if standing.late or standing.stopped else DONE, lines=False)


def _ran(found: "Sequence[RunRow]") -> "RenderableType":
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
    return table(gettext("What the clock ran"), columns, rows)


def _alarming(standing: "Standing") -> "list[RenderableType]":
    """Return the lines about what people should look at."""
    shown = []
    if standing.late:
        named = ", ".join(f"{slot.task}/{slot.slot} ({moment(slot.due_at)})" for slot in standing.late)
        shown.append(text(gettext("Late: {slots}. Is a worker running?").format(slots=named), "bold red"))
    if held := standing.held:
        words = gettext(
            "The settlement of cycle {cycle} waits for a second person since {since}; {behind} cycles wait behind it."
        )
        told = words.format(cycle=held.cycle, since=moment(held.since_at), behind=count(held.behind))
        shown.append(text(told, "bold yellow"))
    if standing.stopped:
        words = gettext("These stand still until people have looked: {tasks}.")
        shown.append(text(words.format(tasks=", ".join(sorted(standing.stopped))), "bold red"))
    return shown or [text(gettext("Nothing is late."))]


def _seen(beat: "Beat | None", at: datetime) -> "RenderableType":
    """Return the line about whether somebody is at the clock."""
    if beat is None:
        return text(gettext("No worker has ever been at the clock here."), "yellow")
    told = gettext("A worker was last at the clock {moment}: {holder}.").format(
        moment=moment(beat.at), holder=beat.holder
    )
    return text(told, "bold red" if beat.away(at) else "dim")


def _broken(found: "BrokenRow | None") -> "list[RenderableType]":
    if found is None:
        return []
    words = gettext(
        "The books are broken since {since}, as {by} found: {what}. No payout and no fee leave trust until greenloop "
        "check holds."
    )
    return [text(words.format(since=moment(found.since_at), by=found.by, what=found.what), "bold red")]


def _looked(by: str | None) -> str:
    if by is None:
        message = say("Say who has looked and lets it go on: the audit log keeps it.")
        raise Refusal("run.by", message, field="--by")
    return by


def _vouch(by: str | None, at: datetime) -> None:
    who = _looked(by)
    with database.writing():
        from greenloop.services.books.checked import vouch

        if not vouch(by=who, at=at):
            raise Refusal("books.hold", say("Nothing says that the books are broken."), field="--go-on")


def _retry(named: str, by: str | None, at: datetime) -> None:
    who = _looked(by)
    task, _, slot = named.partition("/")
    with database.writing():
        from greenloop.services.clockwork import try_again

        if not try_again(task=task, slot=slot, by=who, at=at):
            message = say("No run {run} has failed. Name one as greenloop runs lists it, such as settle/53.")
            raise Refusal("run.unknown", message, field="--retry", run=named)
