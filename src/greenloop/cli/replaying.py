"""The command of the auditor's replay; what it does is in `auditing`, which `console` calls at once where it can."""

from typing import Annotated

import typer

from greenloop.cli.answer import Answer
from greenloop.cli.app import LOOK, command
from greenloop.cli.auditing import NAME, replay_file
from greenloop.core.faults import say


@command(NAME, panel=LOOK, help=say("Replay a journal through the arithmetic alone; one answer for each event."))
def recompute(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help=say("A journal of JSON Lines, or - for what is piped in."))
    ] = "-",
) -> Answer:
    """Answer each line in JSON, whatever the language; warnings go to stderr, exit code 1 if a line failed."""
    return Answer([], code=replay_file(file), lines=True)
