"""Checking an export that a regulator took away, and the role by which those who only read reach a server."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from greenloop.cli import database
from greenloop.cli.answer import DONE, REFUSED, Answer, count, text
from greenloop.cli.app import RULES, command
from greenloop.cli.words import gettext
from greenloop.core.faults import Refusal, say

if TYPE_CHECKING:
    from greenloop.insight.public_log.export_checking import Checked

PROOF = ".proof.json"


def verified(file: Path, keys: list[str]) -> Answer:
    """Check an export with the proof that lies beside it; exit code 1 if something is wrong."""
    from greenloop.core.trust.checkpoint import read_key
    from greenloop.insight.public_log.export_checking import check_export

    beside = file.with_name(file.name.removesuffix(".jsonl") + PROOF)
    for each in (file, beside):
        if not each.is_file():
            message = say("There is no file {path}. The export and its proof lie side by side.")
            raise Refusal("export.none", message, field="FILE", path=each)
    try:
        proof = beside.read_text("utf-8")
    except UnicodeDecodeError:
        raise Refusal("export.proof", say("This isn't the proof of an export."), field="FILE") from None
    return _told(check_export(content=file.read_bytes(), proof=proof, keys=[read_key(each) for each in keys]))


def _told(found: "Checked") -> Answer:
    signed = found.note.checkpoint
    facts = {
        "name": found.name,
        "rows": found.rows,
        "proved": found.proved,
        "origin": signed.origin,
        "size": signed.size,
        "root": signed.root.hex(),
        "trusted": found.trusted,
        "holds": not found.findings,
        "findings": [{"code": each.code, "what": str(each), **each.facts} for each in found.findings],
    }
    if found.findings:
        shown = [text(gettext(each.message).format(**each.facts), "bold red") for each in found.findings]
        return Answer(facts, shown, REFUSED)
    of_leaves = gettext(
        "All {rows} lines are in the log {origin} of {size} leaves, and bring what its leaves commit to."
    )
    of_journals = gettext(
        "All {rows} journals are what the log {origin} of {size} leaves has sealed, and none is left out between them."
    )
    sentence = of_journals if found.name == "journals" else of_leaves
    shown = [text(sentence.format(rows=count(found.rows), origin=signed.origin, size=count(signed.size)), "green")]
    if found.trusted:
        said = gettext("The key is the proof's own word: {key}. Compare it with one that you have from elsewhere.")
        shown.append(text(said.format(key=", ".join(each.text for each in found.keys))))
    return Answer(facts, shown, DONE)


@command("reader", panel=RULES, help=say("Make the role on PostgreSQL by which auditors and regulators read."))
def reader(
    role: Annotated[str, typer.Argument(metavar="ROLE", help=say("The role's name."))] = "greenloop_portal",
) -> Answer:
    """Make the role or renew what it may read: after each greenloop migrate."""
    database.reading()
    from greenloop.services.trust.readers import grant_reader

    made = grant_reader(role=role)
    sentence = gettext("The role {role} may read {tables} tables, and write none.")
    shown = [text(sentence.format(role=made.role, tables=count(made.tables)))]
    if made.password:
        said = gettext("Its password, shown this once: {password}. Name the role in GREENLOOP_READER_URL.")
        shown.append(text(said.format(password=made.password), "bold"))
    return Answer({"role": made.role, "tables": made.tables, "password": made.password}, shown)
