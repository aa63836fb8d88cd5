"""Backing up while the server writes, and restoring to an instant; both prove what they made, and say so."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greenloop.cli import database, forgetting
from greenloop.cli.answer import DONE, REFUSED, Answer, count, pairs, screen, table, text
from greenloop.cli.app import KEEP, command
from greenloop.cli.progress import watched
from greenloop.cli.proofs import prove
from greenloop.cli.reading import instant, now
from greenloop.cli.stopping import until_told
from greenloop.cli.words import gettext
from greenloop.core.faults import Refusal, say

if TYPE_CHECKING:
    from greenloop.cli.archives import Archive
    from greenloop.insight.proof import Proof

SQLITE_URL = "sqlite:///"
LOOK_S = 0.2
TREES_S = 5
"""So often a follower looks for trees of liabilities that the archive lacks: there is one after each settlement."""

Prove = Annotated[
    bool, typer.Option("--prove/--no-prove", help=say("Prove the books of the copy, the journal's replay included."))
]
As = Annotated[
    str | None,
    typer.Option(
        "--as", metavar="USER", help=say("Whom PostgreSQL's server runs as when this is started by root: postgres.")
    ),
]


@command("backup", panel=KEEP, help=say("Copy the database while others write, prove the copy, and follow the log."))
def backup(
    *,
    to: Annotated[str, typer.Option("--to", metavar="FOLDER", help=say("The archive's folder, on another disk."))],
    follow: Annotated[
        bool, typer.Option("--follow/--once", help=say("Go on archiving the log, until Ctrl-C or SIGTERM."))
    ] = False,
    every: Annotated[
        float, typer.Option("--every", metavar="SECONDS", help=say("How often SQLite's log is archived."), min=0.05)
    ] = 1.0,
    hours: Annotated[
        float,
        typer.Option("--copy-every", metavar="HOURS", help=say("Following, make a new copy so often."), min=0.001),
    ] = 24.0,
    days: Annotated[
        int,
        typer.Option("--keep", metavar="DAYS", help=say("Remove what only restores to before that need; 0: nothing.")),
    ] = 0,
    proving: Prove = True,
    owner: As = None,
) -> Answer:
    """Back up once, or keep on; exit code 1 if the books of a copy don't hold."""
    database.reading()
    from greenloop.cli.archives import archive

    with archive(Path(to).absolute(), owner=owner) as kept:
        if not follow:
            return _told(_copied(kept, days=days, proving=proving))
        with until_told() as stop:
            return _followed(kept, stop, every_s=every, hours=hours, days=days, proving=proving)


def _followed(kept: "Archive", stop: Event, *, every_s: float, hours: float, days: int, proving: bool) -> Answer:
    copies: list[Mapping[str, Any]] = []
    from greenloop.store.backup import trees

    kept.follow(stop, every_s)
    due = look = perf_counter()
    while not stop.wait(max(0.0, min(LOOK_S, due - perf_counter()))):
        if kept.fault():
            break
        if perf_counter() >= look:
            look = perf_counter() + TREES_S
            trees.take(kept.folder)
            _list_taken(kept.folder)
        if perf_counter() >= due:
            due += hours * 3600
            copies.append(_copied(kept, days=days, proving=proving))
            screen(stderr=True).print(_sentence(copies[-1]))
    if fault := kept.fault():
        message = say("The log can't be followed any more: {reason}. Start this again; it begins with a new copy.")
        raise Refusal("backup.stopped", message, reason=fault)
    broken = any(copy["broken"] for copy in copies)
    sentence = gettext("Archived until {at}, with {count} copies.").format(
        at=now().isoformat(" ", "seconds"), count=len(copies)
    )
    return Answer({"until": now(), "copies": copies}, [text(sentence)], REFUSED if broken else DONE)


def _copied(kept: "Archive", *, days: int, proving: bool) -> Mapping[str, Any]:
    from greenloop.store.backup import trees

    begun = perf_counter()
    with watched() as progress:
        copy = kept.copy(progress)
    taken = trees.take(kept.folder)
    _list_taken(kept.folder)
    made = perf_counter() - begun
    with watched() as progress:
        looked_into = kept.opened(copy, progress) if proving else nullcontext()
        with looked_into:
            found = _looked(proving=proving) if proving else {"rows": {}, "proofs": 0, "broken": []}
    before = now() - timedelta(days=days)
    removed = kept.prune(before) + trees.prune(kept.folder, before=before) if days else 0
    took = {"seconds": round(made, 3), "proved_seconds": round(perf_counter() - begun - made, 3)}
    return {"copy": str(copy.path), "at": copy.at, **found, **took, "trees": taken, "removed": removed, "keys": _keys()}


def _list_taken(folder: Path) -> None:
    """Take along who was forgotten. Archiving goes on where that can't be read, and says so."""
    from greenloop.store.backup import forgotten

    try:
        forgotten.take(folder)
    except OSError as fault:
        sentence = gettext("The archive lacks who was forgotten: {reason}.")
        screen(stderr=True).print(text(sentence.format(reason=fault), "bold red"))


def _looked(*, proving: bool) -> Mapping[str, Any]:
    """Count the rows of the database that is read now, and prove its books."""
    from greenloop.store.backup.counting import rows

    counted = rows()
    proofs: Sequence[Proof] = prove() if proving else []
    broken = [proof.name for proof in proofs if not proof.holds]
    return {"rows": dict(counted), "proofs": len(proofs), "broken": broken}


def _keys() -> Mapping[str, str]:
    """Return where the keys are: they are no part of a database, and never of a backup."""
    import os

    from django.conf import settings

    files = {"SECRET_KEY": "secret-key", "IDENTITY_KEY": "identity-key", "LOG_KEY": "log-key"}
    named = {f"GREENLOOP_{key}": file for key, file in files.items()}
    home = Path(settings.HOME).absolute()
    return {name: "environment" if os.environ.get(name) else str(home / file) for name, file in named.items()}


def _told(facts: Mapping[str, Any]) -> Answer:
    shown = [text(_sentence(facts)), *_shown(facts)]
    places = [(name, place) for name, place in facts["keys"].items()]
    shown.append(pairs(gettext("Not in the backup, and needed beside it: keep a copy of the keys elsewhere"), places))
    return Answer(facts, shown, REFUSED if facts["broken"] else DONE)


def _sentence(facts: Mapping[str, Any]) -> str:
    sentence = gettext("{path} is the database as of {at}; copied in {seconds} s.")
    return sentence.format(path=facts["copy"], at=_exactly(facts["at"]), seconds=facts["seconds"])


def _shown(facts: Mapping[str, Any]) -> list[Any]:
    """Return the rows by table and whether the books hold, for people."""
    if not facts["proofs"]:
        return [text(gettext("The books of this copy were not proved."), "yellow")]
    rows = [(name, count(number)) for name, number in facts["rows"].items() if number]
    shown: list[Any] = [table(gettext("Rows"), [gettext("table"), gettext("rows")], rows)]
    if facts["broken"]:
        sentence = gettext("{broken} of {count} statements do NOT hold. Stop payouts and find out why:")
        shown.append(text(sentence.format(broken=len(facts["broken"]), count=facts["proofs"]), "bold red"))
        return [*shown, text(", ".join(facts["broken"]), "red")]
    return [*shown, text(gettext("All {count} statements hold.").format(count=facts["proofs"]), "green")]


def _exactly(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S.%f} UTC"


@command("restore", panel=KEEP, help=say("Make a new database from an archive, as of an instant, and prove its books."))
def restore(
    *,
    source: Annotated[str, typer.Option("--from", metavar="FOLDER", help=say("The archive that backup wrote."))],
    into: Annotated[
        str, typer.Option("--into", metavar="PATH", help=say("The new SQLite file, or PostgreSQL's new data folder."))
    ],
    until: Annotated[
        str | None, typer.Option("--until", metavar="INSTANT", help=say("Nothing after it; all there is, without."))
    ] = None,
    proving: Prove = True,
    owner: As = None,
) -> Answer:
    """Restore into a place that isn't there yet; exit code 1 if its books don't hold or a person may be known again."""
    from greenloop.store.backup.folder import read

    database.start()
    note = read(Path(source))
    stop = instant(until, "--until") if until else None
    place = Path(into.removeprefix(SQLITE_URL)).absolute()
    begun = perf_counter()
    made = _sqlite if note["engine"] == "sqlite" else _postgresql
    folder = Path(source).absolute()
    named = forgetting.named_in(folder)
    facts = dict(made(folder, place, stop, note, named, proving=proving, owner=owner))
    facts |= {"from": str(folder), "until": stop, "seconds": round(perf_counter() - begun, 3), "keys": _keys()}
    return _restored(facts)


def _sqlite(
    folder: Path,
    into: Path,
    until: datetime | None,
    note: Mapping[str, str],
    named: forgetting.Named,
    *,
    proving: bool,
    owner: str | None,
) -> Mapping[str, Any]:
    del note, owner
    from greenloop.store.backup import sqlite

    begun = perf_counter()
    with watched() as progress:
        made = sqlite.restore(folder, into=into, until=until, progress=progress)
    restored_s = round(perf_counter() - begun, 3)
    with database.elsewhere(f"sqlite:///{into.as_posix()}"):
        found = _settled_in(folder, named, proving=proving)
    facts = {"into": str(into), "at": made.at, "copy_at": made.snapshot_at, "frames": made.frames}
    return {**facts, "ended_early": made.ended_early, "restored_seconds": restored_s, **found}


def _postgresql(
    folder: Path,
    into: Path,
    until: datetime | None,
    note: Mapping[str, str],
    named: forgetting.Named,
    *,
    proving: bool,
    owner: str | None,
) -> Mapping[str, Any]:
    from greenloop.cli.archives import standing
    from greenloop.store.backup import programs

    begun = perf_counter()
    to = programs.owner(owner)
    with (
        watched() as progress,
        standing(folder, into=into, until=until, owner=to, note=note, progress=progress) as server,
    ):
        restored_s = round(perf_counter() - begun, 3)
        found = _settled_in(folder, named, proving=proving)
        facts = {"into": str(into), "at": server.at, "copy_at": server.base.at, "segments": server.segments}
        return {**facts, "ended_early": server.ended_early, "restored_seconds": restored_s, **found}


def _settled_in(folder: Path, named: forgetting.Named, *, proving: bool) -> Mapping[str, Any]:
    """Give the restored database that is read now its trees back, prove its books, and forget again whom lists name."""
    from greenloop.store.backup import trees

    back = trees.give_back(folder)
    return {**back.told, **_looked(proving=proving), **forgetting.in_restored(named)}


def _restored(facts: Mapping[str, Any]) -> Answer:
    sentence = gettext(
        "{path} is the database as of {at}, restored in {seconds} s from the copy of {copy} and the log since."
    )
    told = sentence.format(
        path=facts["into"], at=_exactly(facts["at"]), seconds=facts["restored_seconds"], copy=_exactly(facts["copy_at"])
    )
    shown = [text(told)]
    if facts["ended_early"]:
        shown.append(text(gettext("The archived log ends there: no later transaction is in it."), "yellow"))
    if facts["trees_missing"]:
        sentence = gettext(
            "{count} of the kept roots have no tree in the archive: proofs of those cycles can't be given out."
        )
        shown.append(text(sentence.format(count=facts["trees_missing"]), "yellow"))
    shown += [*_shown(facts), *forgetting.shown(facts)]
    places = list(facts["keys"].items())
    shown.append(pairs(gettext("The restored database wants the keys it was written with; here they are"), places))
    return Answer(facts, shown, REFUSED if facts["broken"] or facts["forgotten_fault"] else DONE)
