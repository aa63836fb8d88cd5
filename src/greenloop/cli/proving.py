"""Proving and handing over: the check of the books, the ledger against its subledgers, the report, the exports."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from greenloop.cli import database
from greenloop.cli.answer import DONE, REFUSED, Answer, count, document, money, screen, table, text
from greenloop.cli.app import LOOK, command
from greenloop.cli.deploying import deployed
from greenloop.cli.guarding import guarded
from greenloop.cli.progress import watched
from greenloop.cli.proofs import bundle_to, keep, prove, proved, report_to
from greenloop.cli.reading import At, By, now
from greenloop.cli.statements import reconciled_file
from greenloop.cli.words import gettext, told
from greenloop.core.faults import Refusal, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from greenloop.insight.proof import Proof


@command(
    "check", panel=LOOK, help=say("Prove the books: every invariant, and the whole journal through the arithmetic.")
)
def check(
    replay: Annotated[
        bool, typer.Option("--replay/--no-replay", help=say("Also run the whole journal through the arithmetic again."))
    ] = True,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help=say("Who asks for it."))] = "scheduler",
    deploy: Annotated[
        bool, typer.Option("--deploy", help=say("Instead, look whether this installation may go live."))
    ] = False,
    guardrails: Annotated[
        bool, typer.Option("--guardrails", help=say("Instead, list the guardrails G1 to G15 with live figures."))
    ] = False,
) -> Answer:
    """Prove the invariants and keep the result; exit code 1 if one does not hold."""
    database.reading()
    if deploy:
        return deployed(now())
    if guardrails:
        return guarded(now())
    begun = perf_counter()
    proofs = prove(replay=replay)
    _keep(proofs, replay=replay, seconds=perf_counter() - begun, by=by, at=now())
    return proved(proofs)


def _keep(proofs: "Sequence[Proof]", *, replay: bool, seconds: float, by: str, at: datetime) -> None:
    """Keep the result for the pages, unless another process writes: what was proved counts all the same.

    `at` is when the proof ended, however long the writer is waited for.
    """
    try:
        with database.writing():
            keep(proofs, replayed=replay, seconds=seconds, by=by, at=at)
    except Refusal as refusal:
        if refusal.code != "database.busy":
            raise
        sentence = gettext("The result is not kept for the pages. {why}")
        screen(stderr=True).print(text(sentence.format(why=told(refusal)), "yellow"))


@command("reconcile", panel=LOOK, help=say("Compare control accounts with subledgers, or a statement with the books."))
def reconcile(
    by: By,
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help=say("A statement of the payment institution or the bank."))
    ] = None,
    profile: Annotated[str, typer.Option("--profile", metavar="NAME", help=say("The statement's format."))] = "",
    name: Annotated[
        str | None, typer.Option("--name", help=say("The statement's name: its day, and its file's name if not given."))
    ] = None,
    at: At = None,
) -> Answer:
    """Reconcile the ledger with the rows behind it, or a statement with the books. Exit code 1 if something differs."""
    if file is not None:
        return reconciled_file(file=file, profile=profile, name=name, by=by, at=now(at))
    with database.writing():
        from greenloop.services.books.reconcile import reconcile as compare

        found = compare(by=by, at=now(at))
    facts = [asdict(pair) | {"difference_fen": pair.difference_fen} for pair in found.pairs]
    columns = [
        *(gettext("control account"), gettext("what its subledger is")),
        *(gettext("ledger"), gettext("subledger"), gettext("difference")),
    ]
    rows = [
        (pair.account, gettext(pair.what), *map(money, (pair.ledger_fen, pair.subledger_fen, pair.difference_fen)))
        for pair in found.pairs
    ]
    sentence = gettext("{broken} of {count} accounts differ.")
    said = sentence.format(broken=len(found.differences), count=len(found.pairs))
    shown = [
        table(gettext("The ledger and its subledgers, in yuan"), columns, rows),
        text(said, "bold red" if found.differences else "green"),
    ]
    return Answer(facts, shown, REFUSED if found.differences else DONE, lines=True)


@command("report", panel=LOOK, help=say("Write the report: one HTML file with plots."))
def report(
    out: Annotated[
        str, typer.Option("--out", metavar="FILE", help=say("Where to write it."))
    ] = "greenloop-report.html",
) -> Answer:
    """Write the report of the database in use."""
    database.reading()
    path = report_to(Path(out))
    return Answer({"report": str(path)}, [text(gettext("The report is in {path}").format(path=path))])


@command("export", panel=LOOK, help=say("Export the tables as Parquet, or the loop's journal for recompute."))
def export(
    folder: Annotated[str | None, typer.Argument(metavar="FOLDER", help=say("Where the Parquet files go."))] = None,
    journal: Annotated[
        str | None, typer.Option("--journal", metavar="FILE", help=say("Write the journal that recompute replays."))
    ] = None,
) -> Answer:
    """Export tables, or the journal with a last line that asks for the state; files appear whole or not at all."""
    if (folder is None) == (journal is None):
        raise Refusal("export.what", say("Name a folder, or --journal and a file; one of them."), field="FOLDER")
    database.reading()
    if folder is not None:
        return _tables(Path(folder))
    from greenloop.insight.journal import loop_journal

    path, events = Path(journal or ""), 0
    unfinished = path.with_name(f"{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    with unfinished.open("w", encoding="utf-8") as stream:
        for events, event in enumerate(loop_journal(), 1):  # noqa: B007  counted for the answer
            stream.write(document(event) + "\n")
        stream.write(document({"kind": "state"}) + "\n")
    unfinished.replace(path)
    sentence = gettext("{count} events are in {path}. Replay them with: greenloop recompute {path}")
    facts = {"journal": str(path), "events": events}
    return Answer(facts, [text(sentence.format(count=count(events), path=path))])


def _tables(folder: Path) -> Answer:
    from greenloop.insight.export import export_tables

    with watched() as progress:
        written = export_tables(folder=folder, progress=progress)
    rows = [(name, count(number)) for name, number in written.items()]
    shown = table(gettext("Exported to {folder}").format(folder=folder), [gettext("table"), gettext("rows")], rows)
    return Answer({"folder": str(folder), "rows": dict(written)}, [shown])


@command("bundle", panel=LOOK, help=say("Write the auditor's bundle: every table, for greenloop-verify."))
def bundle(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help=say("Where the bundle goes."))],
) -> Answer:
    """Write every table as JSON Lines and Parquet, of one state of the books, with a manifest of their SHA-256."""
    database.reading()
    rows = bundle_to(Path(folder))
    sentence = gettext("{rows} rows of {tables} tables are in {folder}. Verify them with: greenloop-verify {folder}")
    said = sentence.format(rows=count(sum(rows.values())), tables=count(len(rows)), folder=folder)
    return Answer({"folder": folder, "rows": dict(rows)}, [text(said)])
