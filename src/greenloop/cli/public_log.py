"""The public log: what it tells, its key, publishing it, and checking what is published without a database."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from greenloop.cli import database
from greenloop.cli.answer import DONE, REFUSED, Answer, count, moment, screen, table, text
from greenloop.cli.app import LOOK, command
from greenloop.cli.exporting import verified
from greenloop.cli.progress import watched
from greenloop.cli.reading import now
from greenloop.cli.supervising import checked_report
from greenloop.cli.words import gettext, told
from greenloop.core.faults import Refusal, say

if TYPE_CHECKING:
    from datetime import datetime

    from greenloop.insight.public_log.checking import Checked, Seen
    from greenloop.store.queries.log import CheckpointRow

ROWS = 20
PUBLISH, KEY, LOG, EXPORT, REPORT = "publish", "key", "log", "export", "report"


@command("log", panel=LOOK, help=say("Show the public log, print its key, or publish it as files."))
def log(
    what: Annotated[
        str | None, typer.Argument(metavar="publish|key", help=say("Without it, the newest leaves are shown."))
    ] = None,
    folder: Annotated[
        str | None, typer.Argument(metavar="FOLDER", help=say("Where it is published to, for any web server."))
    ] = None,
) -> Answer:
    """Show, print or publish."""
    if what == PUBLISH and folder is not None:
        return _published(Path(folder))
    if what == KEY and folder is None:
        return _key()
    if what is not None:
        message = say("Say greenloop log, greenloop log key, or greenloop log publish and a folder.")
        raise Refusal("log.what", message, field="publish|key")
    database.reading()
    from greenloop.store.queries import log as rows

    leaves, newest = rows.last_leaves(limit=ROWS), rows.newest_checkpoint()
    facts = {"size": rows.size(), "checkpoint": _checkpoint(newest), "leaves": [asdict(row) for row in leaves]}
    columns = [gettext("leaf"), gettext("kind"), gettext("about"), gettext("when"), gettext("hash")]
    lines = [(row.number, row.kind, row.about, moment(row.at), row.leaf_hash[:12]) for row in leaves]
    shown = [table(gettext("The public log, newest first"), columns, lines), text(_signed(newest))]
    return Answer(facts, shown)


def sign_and_publish(*, at: "datetime") -> "CheckpointRow | None":
    """Seal the journals, sign the log, and publish it where a folder is set, as the clock does; None without a leaf."""
    from django.conf import settings

    from greenloop.insight.public_log.files import publish
    from greenloop.services.trust.log.keeping import sign_log
    from greenloop.services.trust.log.sealing import seal_journals

    seal_journals(at=at)
    signed = sign_log(at=at)
    if signed and settings.GREENLOOP_LOG_FOLDER:
        publish(Path(settings.GREENLOOP_LOG_FOLDER))
    return signed


def _checkpoint(row: "CheckpointRow | None") -> dict[str, object] | None:
    if row is None:
        return None
    found = row.checkpoint
    return {"origin": found.origin, "size": found.size, "root": found.root.hex(), "key": row.key.text, "at": row.at}


def _signed(row: "CheckpointRow | None") -> str:
    if row is None:
        return gettext("Nothing is signed yet.")
    sentence = gettext("{count} leaves are signed, {moment}: {root}")
    return sentence.format(count=count(row.checkpoint.size), moment=moment(row.at), root=row.checkpoint.root.hex())


def _key() -> Answer:
    database.reading()
    from greenloop.services.trust.log.keeping import origin_of
    from greenloop.store import signer

    found = signer.key(origin_of())
    return Answer({"key": found.text}, [text(found.text)])


def _published(folder: Path) -> Answer:
    _sign()
    from greenloop.insight.public_log.files import publish

    with watched() as progress:
        found = publish(folder, progress=progress)
    sentence = gettext("{count} leaves are published in {folder}. Check them with: greenloop verify log {folder}")
    facts = {"folder": str(folder), "size": found.size, "files": found.tiles}
    return Answer(facts, [text(sentence.format(count=count(found.size), folder=folder))])


def _sign() -> None:
    """Seal and sign what there is, unless another process writes: a server on SQLite signs by its own clock."""
    try:
        with database.writing():
            from greenloop.services.trust.log.keeping import sign_log
            from greenloop.services.trust.log.sealing import seal_journals

            seal_journals(at=now())
            sign_log(at=now())
    except Refusal as refusal:
        if refusal.code != "database.busy":
            raise
        sentence = gettext("Nothing is signed anew. {why}")
        screen(stderr=True).print(text(sentence.format(why=told(refusal)), "yellow"))


@command(
    "verify",
    panel=LOOK,
    help=say("Check a published log, an export or a report from files alone; no database is needed."),
)
def verify(
    what: Annotated[
        str, typer.Argument(metavar="log|export|report", help=say("What is checked: log, export or report."))
    ],
    folder: Annotated[
        str, typer.Argument(metavar="FOLDER|URL|FILE", help=say("Where it is published; an export's file."))
    ],
    seen: Annotated[
        str | None,
        typer.Option("--seen", metavar="FILE", help=say("What you keep: the checkpoint that you saw last, and keys.")),
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option("--key", metavar="KEY", help=say("The key to go by, as greenloop log key prints it; repeatable.")),
    ] = None,
) -> Answer:
    """Check signatures, every leaf, and growth since what was seen; exit code 1 if something is wrong."""
    if what == EXPORT:
        return verified(Path(folder), key or [])
    if what == REPORT:
        return checked_report(Path(folder), key or [])
    if what != LOG:
        raise Refusal(
            "verify.what", say("What can be checked here is: log, export or report."), field="log|export|report"
        )
    from greenloop.core.trust.checkpoint import read_key
    from greenloop.insight.public_log.checking import Seen, check
    from greenloop.insight.public_log.kept import read_seen, write_seen
    from greenloop.insight.public_log.source import source

    before = read_seen(Path(seen)) if seen else Seen()
    added = tuple(map(read_key, key or ()))
    before = Seen((*before.keys, *(each for each in added if each not in before.keys)), before.note)
    found = check(source(folder), seen=before)
    if seen and not found.findings:
        write_seen(Path(seen), found.seen)
    return _verified(found, before)


def _verified(found: "Checked", before: "Seen") -> Answer:
    now_at, was = found.note.checkpoint, before.note.checkpoint if before.note else None
    facts = {
        "origin": now_at.origin,
        "size": now_at.size,
        "root": now_at.root.hex(),
        "seen": was.size if was else None,
        "leaves": found.leaves,
        "checkpoints": found.checkpoints,
        "holds": not found.findings,
        "findings": [{"code": each.code, "what": str(each), **each.facts} for each in found.findings],
    }
    if found.findings:
        shown = [text(gettext(each.message).format(**each.facts), "bold red") for each in found.findings]
        return Answer(facts, shown, REFUSED)
    sentence = gettext("The log {origin} holds: {count} leaves hash to {root}.")
    said = {"origin": now_at.origin, "count": count(now_at.size), "root": now_at.root.hex()}
    return Answer(facts, [text(sentence.format(**said), "green"), *map(text, _caveats(found, before))], DONE)


def _caveats(found: "Checked", before: "Seen") -> list[str]:
    """Return what the check leans on."""
    said = []
    if before.note:
        sentence = gettext("It only grew since the checkpoint of {count} leaves that you saw.")
        said.append(sentence.format(count=count(before.note.checkpoint.size)))
    else:
        said.append(gettext("You have seen no checkpoint before: keep this one with --seen FILE."))
    if found.trusted:
        sentence = gettext("The key is the log's own word: {keys}. Compare it with one that you have from elsewhere.")
        said.append(sentence.format(keys=", ".join(each.text for each in found.keys)))
    return said
