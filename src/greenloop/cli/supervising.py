"""The full-chain supervision report: written as a folder and sealed, and checked from that folder alone."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greenloop.cli import database
from greenloop.cli.answer import DONE, REFUSED, Answer, count, money, pairs, table, text
from greenloop.cli.app import LOOK, command
from greenloop.cli.progress import watched
from greenloop.cli.reading import day, now
from greenloop.cli.words import LANGUAGES, gettext, spoken, told
from greenloop.core.cycle import YEAR_MAX, YEAR_MIN
from greenloop.core.faults import Refusal, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from greenloop.insight.supervision.checking import CheckedReport
    from greenloop.insight.supervision.folder import Sealed
    from greenloop.insight.supervision.report import Report

DAYS_MAX = 3_660
FIRST, LAST = date(YEAR_MIN, 1, 1), date(YEAR_MAX, 12, 31)


@command("supervise", panel=LOOK, help=say("Write the full-chain supervision report on a period, tied and sealed."))
def supervise(
    first: Annotated[str, typer.Option("--from", metavar="DATE", help=say("The first local day of the period."))],
    last: Annotated[str, typer.Option("--to", metavar="DATE", help=say("Its last day, which is part of it."))],
    out: Annotated[str, typer.Option("--out", metavar="FOLDER", help=say("Where it is written."))],
    *,
    auditor: Annotated[
        bool,
        typer.Option(
            "--auditor/--public", help=say("With a row for each order under names of its own, or for everybody.")
        ),
    ] = False,
    language: Annotated[
        str | None, typer.Option("--language", metavar="zh|en", help=say("Of print and workbook, if not the answer's."))
    ] = None,
) -> Answer:
    """Write the report; exit code 1 if something doesn't tie."""
    database.reading()
    since, until = _period(first, last)
    if (language or spoken()) not in LANGUAGES:
        raise Refusal("supervise.language", say("Reports are written in zh or en."), field="--language")
    found, sealed = report_to(Path(out), first=since, last=until, auditor=auditor, language=language, at=now())
    return _written(found, sealed)


def _period(first: str, last: str) -> tuple[date, date]:
    since, until = day(first, "--from"), day(last, "--to")
    if not FIRST <= since <= until <= LAST or (until - since).days >= DAYS_MAX:
        message = say("A period is 1 to {most} days, from its first to its last.")
        raise Refusal("supervise.period", message, field="--to", most=DAYS_MAX)
    return since, until


def report_to(
    folder: Path, *, first: date, last: date, auditor: bool, language: str | None, at: datetime
) -> "tuple[Report, Sealed]":
    """Read a period and write its report with a progress bar; the database is open."""
    from greenloop.insight.supervision.folder import write_folder
    from greenloop.insight.supervision.report import AUDITOR, PUBLIC, report
    from greenloop.services.trust.log.keeping import origin_of
    from greenloop.store import sql
    from greenloop.store.queries.report import utc_offset_minutes
    from greenloop.store.queries.statements import Period

    with watched() as progress, sql.snapshot():
        found = report(
            period=Period(first, last, utc_offset_minutes()), form=AUDITOR if auditor else PUBLIC, made_at=at
        )
        sealed = write_folder(
            folder=folder, report=found, language=language or spoken(), origin=origin_of(), progress=progress
        )
    return found, sealed


def supervised_on_all(folder: Path, *, language: str) -> Answer:
    """Write the public report on all that the books hold, from the first journal's day to the last's.

    Where no font is installed to print with, or nothing was booked, it says so and goes on.
    """
    from greenloop.store.queries.supervised_facts import days

    try:
        first, last = days()
        found, sealed = report_to(
            folder, first=first, last=last, auditor=False, language=language, at=datetime.now(UTC)
        )
    except Refusal as refusal:
        if refusal.code not in {"report.font", "supervise.nothing"}:
            raise
        return Answer(None, [text(told(refusal), "yellow")])
    return _written(found, sealed)


def _written(found: "Report", sealed: "Sealed") -> Answer:
    return Answer(supervised_facts(found, sealed), supervised_shown(found, sealed), REFUSED if found.off else DONE)


def supervised_facts(found: "Report", sealed: "Sealed") -> dict[str, Any]:
    """Return it for programs; amounts are fen."""
    return {
        "folder": str(sealed.folder),
        "files": sealed.files,
        "key": sealed.key,
        "form": found.form,
        "from": found.period.first_date,
        "to": found.period.last_date,
        "provisional": [gettext(sentence).format(count=number) for sentence, number in found.provisional],
        "chain": {step.key: step.fen for step in found.steps},
        "ties": found.compared,
        "off": [
            {"name": tie.name, "pool": tie.pool, "ledger_fen": tie.left_fen, "rows_fen": tie.right_fen}
            for tie in found.ties
            if not tie.holds
        ],
        "exceptions": {each.kind: each.count for each in found.exceptions},
    }


def supervised_shown(found: "Report", sealed: "Sealed") -> "list[Any]":
    """Return it for people."""
    from greenloop.insight.supervision import told as said
    from greenloop.insight.supervision import words

    columns = [gettext("step"), gettext("what it is"), gettext("yuan"), gettext("ties"), gettext("off")]
    rows = [
        (
            *map(gettext, words.STEPS[step.key]),
            money(step.fen),
            count(sum(tie.of for tie in step.ties)),
            count(sum(tie.off for tie in step.ties)),
        )
        for step in found.steps
    ]
    title = gettext("The chain from {first} to {last}").format(
        first=found.period.first_date, last=found.period.last_date
    )
    shown = [table(title, columns, rows)]
    shown += [text(reason, "yellow") for reason in said.reasons(found)]
    shown.append(text(said.verdict(found), "bold red" if found.off else "green"))
    shown += [
        text(f"{tie.name} {tie.pool}: {money(tie.left_fen)} / {money(tie.right_fen)} – {gettext(tie.what)}", "red")
        for tie in found.ties
        if not tie.holds
    ]
    sentence = gettext("The report is in {folder}. Check it with: greenloop verify report {folder}")
    return [*shown, text(sentence.format(folder=sealed.folder))]


def checked_report(folder: Path, keys: "Sequence[str]") -> Answer:
    """Check a sealed report by a key that was given, else by the one that it names; exit code 1 if it doesn't hold."""
    from greenloop.core.trust.checkpoint import read_key
    from greenloop.insight.supervision.checking import check_report

    given = [read_key(each) for each in keys]
    found = check_report(folder, keys=given)
    facts = {
        "origin": found.origin,
        "files": found.files,
        "rows": found.rows,
        "ties": found.manifest["ties"],
        "holds": not found.findings,
        "findings": [{"code": each.code, "what": each.what, "about": each.about} for each in found.findings],
    }
    if found.findings:
        return Answer(facts, [text(f"{gettext(each.what)} {each.about}", "red") for each in found.findings], REFUSED)
    return Answer(facts, _holds(found, trusted=not given))


def _holds(found: "CheckedReport", *, trusted: bool) -> "list[Any]":
    period = found.manifest["period"]
    rows = [
        (gettext("of"), found.origin),
        (gettext("period"), f"{period['from']} – {period['to']}"),
        (gettext("files"), count(found.files)),
        (gettext("rows added up"), count(found.rows)),
        (gettext("ties"), count(found.manifest["ties"]["compared"])),
    ]
    shown = [
        pairs(gettext("The sealed report"), rows),
        text(gettext("The report holds: seal, files, sums and ties."), "green"),
    ]
    shown += [text(reason, "yellow") for reason in found.manifest["provisional"]]
    if trusted:
        sentence = gettext(
            "The key is the report's own word: {keys}. Compare it with one that you have from elsewhere."
        )
        shown.append(text(sentence.format(keys=found.manifest["key"])))
    return shown
