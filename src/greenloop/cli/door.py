"""From a command line to an exit code: language, command, answer, and what is said when something is in the way."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import typer
from typer.main import get_command

from greenloop.cli import answer as answers
from greenloop.cli import words
from greenloop.cli.answer import BROKEN, DONE, REFUSED, USAGE, Answer
from greenloop.cli.app import HELP, app
from greenloop.core.faults import Breach, Refusal, say

__all__ = ["run"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A command line without the options that all commands share."""

    args: list[str]
    as_json: bool
    lang: str | None


def run(args: Sequence[str]) -> int:
    """Do what a command line asks and return the exit code; bad input never ends in a traceback."""
    asked = _common(args)
    words.choose(asked.lang)
    if asked.lang and asked.lang not in words.LANGUAGES:
        message = words.gettext("The language {lang} is not spoken here; choose en or zh.").format(lang=asked.lang)
        return answers.complain(message, code=USAGE, name="usage", field_name="--lang", as_json=asked.as_json)
    try:
        return _answered(_called(asked.args or ["--help"]), as_json=asked.as_json)
    except Refusal as refusal:
        message = words.told(refusal)
        return answers.complain(
            message, code=REFUSED, name=refusal.code, field_name=refusal.field, as_json=asked.as_json
        )
    except Breach as breach:
        message = words.gettext("ALARM: an invariant is broken, nothing was recorded: {what}").format(what=breach)
        return answers.complain(message, code=BROKEN, name="breach", field_name=None, as_json=asked.as_json)
    except typer.TyperException as fault:
        message = words.gettext("The command line can't be read: {reason} See greenloop --help.")
        reason = message.format(reason=fault.format_message())
        return answers.complain(reason, code=USAGE, name="usage", field_name=None, as_json=asked.as_json)


def _common(args: Sequence[str]) -> Asked:
    left: list[str] = []
    as_json, lang = False, None
    waiting = list(args)
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            left += [word, *waiting]
            break
        if word == "--json":
            as_json = True
        elif word == "--lang" and waiting:
            lang = waiting.pop(0)
        elif word.startswith("--lang="):
            lang = word.removeprefix("--lang=")
        else:
            left.append(word)
    return Asked(left, as_json, lang)


def _called(args: list[str]) -> object:
    """Call the command and return its answer, or an exit code.

    :raises Refusal: the command refuses, or the database can't be used.
    """
    command = get_command(app)
    _translate(command)
    try:
        return command.main(args, prog_name="greenloop", standalone_mode=False)
    except typer.Abort:
        return answers.STOPPED
    except OSError as fault:
        if fault.filename is None:
            raise
        message = say("{path} can't be used: {reason}.")
        raise Refusal("file.unusable", message, field="file", path=fault.filename, reason=fault.strerror) from fault
    except Exception as fault:
        if refusal := _database_refusal(fault):
            raise refusal from fault
        raise


def _answered(found: object, *, as_json: bool) -> int:
    if isinstance(found, Answer):
        return answers.give(found, as_json=as_json)
    return found if isinstance(found, int) else DONE


def _translate(command: Any) -> None:
    """Put the help of a command and of all below it into the language in use."""
    if words.spoken() == "en" and "typer.rich_utils" not in sys.modules:
        return
    from typer import rich_utils

    rich_utils.ARGUMENTS_PANEL_TITLE = words.gettext("Arguments")
    rich_utils.OPTIONS_PANEL_TITLE = words.gettext("Options")
    for each in [command, *getattr(command, "commands", {}).values()]:
        for name in ("help", "epilog", "rich_help_panel"):
            if isinstance(text := getattr(each, name, None), str):
                setattr(each, name, words.gettext(text))
        for param in each.params:
            if param.help:
                param.help = words.gettext(param.help)
        if option := each.get_help_option(typer.Context(each, help_option_names=HELP)):
            option.help = words.gettext("Show this help and exit.")


def _database_refusal(fault: Exception) -> Refusal | None:
    """Return what to tell people when a database can't be reached or has no tables, None for any other fault."""
    if "django" not in sys.modules:
        return None
    from django.db import DataError, OperationalError, ProgrammingError

    reason = " ".join(str(fault).split())
    if isinstance(fault, DataError):
        message = say("A value is too long or too large for the database: {reason}. Shorten it.")
        return Refusal("database.value", message, reason=reason)
    missing = "no such " in reason or "does not exist" in reason
    if isinstance(fault, OperationalError) or (isinstance(fault, ProgrammingError) and missing):
        if missing:
            message = say("The database has not been set up: {reason}. Bring it up to date with: greenloop migrate")
        else:
            message = say("The database can't be used: {reason}. Check GREENLOOP_DATABASE_URL and that it is running.")
        return Refusal("database.unusable", message, field="GREENLOOP_DATABASE_URL", reason=reason)
    return None
