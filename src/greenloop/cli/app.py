"""The list of commands: how one is declared, and what all of them have in common."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from greenloop.cli.answer import Answer
from greenloop.core.faults import say

YEAR = say("See it run")
RULES = say("Rules and people")
COUNTER = say("At the counter")
CYCLE = say("Each cycle")
MONEY = say("Money")
LOOK = say("Look and prove")
KEEP = say("Keep it safe")

HELP = ["--help", "-h"]

app = typer.Typer(
    help=say("Greenloop: a rebate alliance whose vouchers are always covered, and whose books anyone can check."),
    epilog=say("Exit codes: 0 done, 1 refused or a check failed, 2 wrong command line, 3 an invariant is broken."),
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": HELP},
)

COMMON = (
    inspect.Parameter(
        "as_json",
        inspect.Parameter.KEYWORD_ONLY,
        default=False,
        annotation=Annotated[bool, typer.Option("--json", help=say("Answer in JSON, for programs."))],
    ),
    inspect.Parameter(
        "lang",
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[
            str | None, typer.Option("--lang", metavar="en|zh", help=say("The language of the answer."))
        ],
    ),
)
"""Options of every command. `door` reads them before a command line is parsed: help has a language too."""


@app.callback()
def _greenloop() -> None:
    """Keep the commands apart from each other, even if there were only one."""


def command(name: str, *, panel: str, help: str) -> Callable[[Callable[..., Answer]], Callable[..., Answer]]:  # noqa: A002
    """Declare a command; `help` and `panel` are marked sentences."""

    def declare(verb: Callable[..., Answer]) -> Callable[..., Answer]:
        @wraps(verb)
        def run(*, as_json: bool = False, lang: str | None = None, **given: Any) -> Answer:  # noqa: ARG001
            return verb(**given)

        own = inspect.signature(verb)
        run.__signature__ = own.replace(parameters=[*own.parameters.values(), *COMMON])  # type: ignore[attr-defined]
        app.command(name, help=help, rich_help_panel=panel)(run)
        return verb

    return declare
