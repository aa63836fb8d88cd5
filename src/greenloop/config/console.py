"""The `greenloop` command: names the settings, loads the commands and hands over."""

import os
import sys
from importlib import import_module

COMMANDS = (
    "trying",
    "serving",
    "working",
    "rules",
    "people",
    "calling",
    "telling",
    "proposing",
    "ending",
    "signing",
    "counter",
    "cycle",
    "money",
    "claiming",
    "paying",
    "statements",
    "taxing",
    "looking",
    "tracing",
    "proving",
    "supervising",
    "public_log",
    "exporting",
    "rooting",
    "backing_up",
    "keeping",
    "replaying",
)
"""The modules of the command line, in the order in which help lists them."""


def main() -> None:
    """Run one command line and exit with its code."""
    sys.exit(run(sys.argv[1:]))


def _tick() -> None:
    from greenloop.config import tasks

    tasks.work()


def run(args: list[str]) -> int:
    """Run one command line and return its exit code. The framework starts only for a command that needs it."""
    from greenloop.cli import auditing

    if (code := auditing.straight(args)) is not None:
        return code
    if not os.environ.get("GREENLOOP_DATABASE_URL", "unset"):
        del os.environ["GREENLOOP_DATABASE_URL"]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "greenloop.config.settings")
    for name in COMMANDS:
        import_module(f"greenloop.cli.{name}")
    from greenloop.cli import working

    working.tick = _tick
    from greenloop.cli.door import run as answer

    return answer(args)
