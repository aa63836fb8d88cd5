"""The quarterly tax files, and the tariff to start from."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import typer

from greenloop.cli import database
from greenloop.cli.answer import DONE, REFUSED, Answer, count, money, table, text
from greenloop.cli.app import MONEY, command
from greenloop.cli.reading import document, now
from greenloop.cli.words import gettext
from greenloop.core.faults import Refusal, say
from greenloop.core.trust import tax

Who = Annotated[str | None, typer.Option("--by", metavar="NAME", help=say("Who takes the files: it is kept."))]


@command("tax", panel=MONEY, help=say("Write a quarter's tax files: who is withheld from, sums by class, a manifest."))
def taxes(
    quarter: Annotated[str | None, typer.Option("--quarter", metavar="2026Q3", help=say("Which quarter."))] = None,
    out: Annotated[
        str | None, typer.Option("--out", metavar="FOLDER", help=say("A folder that isn't there yet."))
    ] = None,
    tariff: Annotated[
        str | None,
        typer.Option("--tariff", metavar="FILE.json", help=say("Your rates, as your tax adviser gave them.")),
    ] = None,
    example: Annotated[bool, typer.Option("--example", help=say("Print a tariff to start from, and stop."))] = False,
    by: Who = None,
) -> Answer:
    """Write a quarter's files; exit code 1 where they don't tie to the ledger."""
    if example:
        return Answer(dict(tax.EXAMPLE), [text(json.dumps(tax.EXAMPLE, indent=2, ensure_ascii=False))])
    for given, field in ((quarter, "--quarter"), (out, "--out"), (tariff, "--tariff"), (by, "--by")):
        if given is None:
            message = say("Say {field_name}. A tariff to start from: greenloop tax --example.")
            raise Refusal("tax.missing", message, field=field, field_name=field)
    found = document(tariff or "", "--tariff")
    written = found if isinstance(found, dict) else {}
    terms = tax.read_tariff(written)
    folder = Path(out or "")
    if folder.exists():
        message = say("{name} is there already. Name a folder that isn't.")
        raise Refusal("file.exists", message, field="--out", name=folder.name)
    with database.writing():
        return _written(quarter or "", written, terms, folder, by or "")


def _written(name: str, document: Mapping[str, object], terms: tax.Tariff, folder: Path, by: str) -> Answer:
    from greenloop.insight.taxes import files
    from greenloop.insight.taxes.quarter import quarter
    from greenloop.services.trust.taxes import note_export
    from greenloop.store.queries.report import utc_offset_minutes

    at = now()
    found = quarter(name, tariff=terms, offset_minutes=utc_offset_minutes(), at=at)
    made = files.files(found, tariff=document, at=at)
    facts = {
        "quarter": found.name,
        "holders": len(found.holders),
        "withheld_fen": found.withheld_fen,
        "difference_fen": found.difference_fen,
        "manifest_sha256": sha256(made[files.MANIFEST]).hexdigest(),
    }
    note_export(quarter=found.name, facts=facts, by=by, at=at)
    folder.mkdir(parents=True, mode=0o700)  # who received what is for nobody else on this machine
    for file, content in made.items():
        (folder / file).write_bytes(content)
    sentence = gettext("{count} lines to withhold {amount} yuan from; they and the ledger differ by {difference} yuan.")
    told = sentence.format(
        count=count(len(found.holders)),
        amount=money(found.withheld_fen),
        difference=money(found.difference_fen),
    )
    return Answer(facts, [_table(found), text(told)], DONE if found.difference_fen == 0 else REFUSED)


def _table(found: Any) -> Any:
    from greenloop.insight.taxes.words import NAMES

    heads = [gettext("tax class"), gettext("received"), gettext("taken back"), gettext("to withhold")]
    rows = [
        (
            str(NAMES[each.name]),
            money(each.sums.received_fen),
            money(each.sums.taken_back_fen),
            "–" if each.withheld_fen is None else money(each.withheld_fen),
        )
        for each in found.classes
    ]
    return table(found.name, heads, rows)
