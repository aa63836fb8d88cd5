"""Forgetting again: whom an older copy of the database has brought back, at a restore and by hand."""

import shlex
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from greenloop.cli import database
from greenloop.cli.answer import Answer, count, text
from greenloop.cli.reading import now
from greenloop.cli.words import gettext
from greenloop.core.faults import Breach, Refusal, say

Named = Mapping[int, datetime]


def named_in(archive: Path | None) -> Named:
    """Return whom the lists at hand name: for the database in use, and for an archive if one is given.

    :raises Refusal: a list can't be read, or the folder is no archive.
    """
    from greenloop.store.backup import forgotten

    try:
        return forgotten.here() if archive is None else forgotten.of_archive(archive)
    except OSError as fault:
        message = say("The list of who was forgotten can't be read: {reason}. Run this as a user that may read it.")
        raise Refusal("forgotten.unreadable", message, reason=fault) from fault


def by_hand(archive: str | None) -> Answer:
    """Forget again in the database in use; asked once more, it finds nobody."""
    with database.writing():
        from greenloop.services.people.forget import forget_again

        named = dict(named_in(None))
        if archive is not None:
            for number, at in named_in(Path(archive).absolute()).items():
                named[number] = max(at, named.get(number, at))
        again = forget_again(named=named, at=now())
    sentence = gettext("{count} people were forgotten again; the lists at hand name {named}.")
    return Answer({"forgotten_again": again, "named": len(named)}, [text(_said(sentence, again, named=len(named)))])


def in_restored(named: Named) -> Mapping[str, Any]:
    """Forget again in the restored database that is looked into now, and return what came of it.

    A restore that is needed never fails by this: what couldn't be done is told, with the command that does it.
    """
    if not named:
        return {"forgotten_again": 0, "forgotten_fault": None}
    from django.db import Error

    from greenloop.services.people.forget import forget_again
    from greenloop.store.backup import forgotten

    try:
        forgotten.write_over()
        return {"forgotten_again": forget_again(named=named, at=now()), "forgotten_fault": None}
    except (Error, Refusal, Breach) as fault:
        return {"forgotten_again": 0, "forgotten_fault": str(fault).split("\n", maxsplit=1)[0]}


def shown(facts: Mapping[str, Any]) -> Iterator[Any]:
    """Yield for people what came of it."""
    if facts["forgotten_fault"]:
        sentence = gettext(
            "People who were forgotten since may be known in it: {reason}. "
            "Once it is in its place, and before anybody uses it, run: {command}"
        )
        command = f"greenloop forget --again --from {shlex.quote(facts['from'])}"
        yield text(sentence.format(reason=facts["forgotten_fault"], command=command), "bold red")
    elif facts["forgotten_again"]:
        sentence = gettext("{count} people had been forgotten since, and were forgotten again.")
        yield text(_said(sentence, facts["forgotten_again"]))


def _said(sentence: str, number: int, **more: int) -> str:
    return sentence.format(count=count(number), **{name: count(value) for name, value in more.items()})
