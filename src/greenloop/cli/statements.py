"""Statements of the custodian at the command line: taken, compared with the books, and what doesn't agree."""

from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greenloop.cli import database
from greenloop.cli.answer import DONE, REFUSED, Answer, count, moment, money, pairs, table, text
from greenloop.cli.app import LOOK, MONEY, command
from greenloop.cli.paying import DIFFERENCES
from greenloop.cli.proposing import Maker, Reason, proposed
from greenloop.cli.reading import By, now, number
from greenloop.cli.words import gettext
from greenloop.core.faults import Refusal, say

if TYPE_CHECKING:
    from rich.console import RenderableType

    from greenloop.services.books.reconciling.statement import Taken
    from greenloop.store.queries.reconciling import CaseRow, Tie

ROWS = 40
FILE_MAX = 256 * 1024 * 1024
STATES = {"open": say("open"), "closed": say("closed")}


def reconciled_file(*, file: str, profile: str, name: str | None, by: str, at: datetime) -> Answer:
    """Take a statement from a file, book what was charged back, and say what is open; exit code 1 if anything is."""
    path = Path(file)
    try:
        if path.stat().st_size > FILE_MAX:
            raise Refusal("statement.size", say("The file is larger than a statement can be."), field="file")
        data = path.read_bytes()
    except OSError as fault:
        message = say("The file {path} can't be read.")
        raise Refusal("statement.file", message, field="file", path=file) from fault
    with database.writing():
        from greenloop.services.books.institution import named
        from greenloop.services.books.reconciling.chargebacks import book_charged_back
        from greenloop.services.books.reconciling.profiles import check_belongs, read
        from greenloop.services.books.reconciling.statement import take_statement
        from greenloop.store.queries import reconciling

        check_belongs(profile, named.called())
        listed = read(data, profile)
        digest = sha256(data).hexdigest()
        taken = take_statement(listed=listed, name=name or path.stem, file_hash=digest, by=by, at=at)
        book_charged_back(at=at)
        found = reconciling.cases(state="open", limit=ROWS)
        tie = reconciling.tie()
    return _told(taken, found, tie)


def _told(taken: "Taken", found: "list[CaseRow]", tie: "Tie") -> Answer:
    facts: dict[str, Any] = asdict(taken) | {
        "open_cases": [asdict(each) for each in found],
        "tie": asdict(tie) | {"unexplained_fen": tie.unexplained_fen},
    }
    sentence = gettext("{lines} lines, {fresh} of them new; {orders} orders confirmed, {amount} yuan.")
    told = sentence.format(
        lines=count(taken.lines),
        fresh=count(taken.fresh),
        orders=count(taken.orders),
        amount=money(taken.confirmed_fen),
    )
    shown: list[RenderableType] = [text(told), tied(tie)]
    if taken.gap_fen:
        gap = gettext("The file's balance is {amount} yuan beside its lines: a statement is missing.")
        shown.append(text(gap.format(amount=money(taken.gap_fen)), "bold red"))
    shown.append(listing(found) if found else text(gettext("No case is open."), "green"))
    return Answer(facts, shown, REFUSED if found or taken.gap_fen or tie.unexplained_fen else DONE)


def tied(tie: "Tie") -> "RenderableType":
    """Return how the statements tie to the ledger, as people read it."""
    rows = [
        (gettext("on the institution's statements"), money(tie.listed_fen)),
        (gettext("moved outside the institution"), money(tie.apart_fen)),
        (gettext("trust:bank in the ledger"), money(tie.ledger_fen)),
        *((f"{gettext(DIFFERENCES[name])} ({count(number)})", money(fen)) for name, number, fen in tie.cases),
        (gettext("unexplained"), money(tie.unexplained_fen)),
    ]
    return pairs(gettext("The custodian's money and the ledger's, in yuan"), rows)


def listing(found: "list[CaseRow]") -> "RenderableType":
    """Return cases as people read them."""
    columns = [
        *(gettext("case"), gettext("what"), gettext("of"), gettext("number"), gettext("expected")),
        *(gettext("found"), gettext("since"), gettext("state")),
    ]
    rows = [
        (
            *(str(each.id), gettext(DIFFERENCES[each.difference]), each.kind, each.number, money(each.expected_fen)),
            *(money(each.found_fen), moment(each.since_at), gettext(STATES[each.state])),
        )
        for each in found
    ]
    return table(gettext("Where books and statements differ, in yuan"), columns, rows)


@command("cases", panel=LOOK, help=say("List where books and statements differ, or propose to close a case."))
def cases(
    case: Annotated[str | None, typer.Argument(metavar="CASE", help=say("A case's number."))] = None,
    close: Annotated[
        str | None, typer.Option("--close", metavar="OUTCOME", help=say("Propose to close it: what was found out."))
    ] = None,
    by: Maker = None,
    reason: Reason = None,
    every: Annotated[bool, typer.Option("--all", help=say("Those that are closed, too."))] = False,
) -> Answer:
    """List open cases, the newest first; a second person decides on a proposal to close one."""
    if close is not None:
        return _close(case, close, by, reason)
    database.reading()
    from greenloop.store.queries import reconciling

    if case is not None:
        found = [reconciling.case(number(case, "CASE"))]
    else:
        found = reconciling.cases(state="" if every else "open", limit=ROWS)
    shown = [listing(found) if found else text(gettext("No case is open."), "green")]
    return Answer([asdict(each) for each in found], shown, lines=True)


@command("send-again", panel=MONEY, help=say("Let an instruction that the institution refused be sent once more."))
def send_again(
    number: Annotated[str, typer.Argument(help=say("The instruction's number, as its case names it."))], by: By
) -> Answer:
    """Let a failed instruction wait to be sent again, under the number it had."""
    with database.writing():
        from greenloop.services.books.institution import failures

        failures.send_again(number=number, by=by, at=now())
    sentence = gettext("The instruction {number} waits to be sent again.").format(number=number)
    return Answer({"number": number, "state": "waiting"}, [text(sentence)])


def _close(case: str | None, outcome: str, by: str | None, reason: str | None) -> Answer:
    if case is None:
        raise Refusal("case.which", say("Say which case it is."), field="CASE")
    with database.writing():
        present = now()
        content = {"case": number(case, "CASE"), "outcome": outcome}
        return proposed(kind="case.close", content=content, from_at=present, reason=reason, by=by, at=present)
