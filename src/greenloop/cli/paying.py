"""The payment institution at the command line: a sandbox of it, and a trial in which all that can go wrong does."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greenloop.cli import database
from greenloop.cli.answer import DONE, REFUSED, Answer, count, document, money, pairs, screen, table, text
from greenloop.cli.app import YEAR, command
from greenloop.cli.reading import percent_ppm
from greenloop.cli.words import gettext
from greenloop.core.faults import Refusal, say

if TYPE_CHECKING:
    from greenloop.sim.institution.fates import Rates
    from greenloop.sim.institution.trial import Evening, Trial

SEED_MAX = 1_000_000
SHARED = "GREENLOOP_INSTITUTION_SECRET"
SHARED_MIN = 16
DIFFERENCES = {
    "timing": say("one side is ahead"),
    "missing": say("missing on the statement"),
    "extra": say("only on the statement"),
    "wrong_amount": say("another amount"),
    "chargeback": say("charged back"),
    "notice": say("a notice of another amount"),
    "failed": say("refused for good"),
    "on its way": say("on its way"),
}
"""What a difference is called."""

Seed = Annotated[int | None, typer.Option("--seed", metavar="S", help=say("Repeat a run: its seed was printed first."))]
Repeated = Annotated[
    str, typer.Option("--repeated", metavar="PERCENT", help=say("Payments whose notice comes thrice."))
]
Late = Annotated[str, typer.Option("--late", metavar="PERCENT", help=say("Payments whose notice comes a day late."))]
Lost = Annotated[str, typer.Option("--lost", metavar="PERCENT", help=say("Payments whose notice never comes."))]
Wrong = Annotated[str, typer.Option("--wrong", metavar="PERCENT", help=say("Payments whose notice names too much."))]
Back = Annotated[str, typer.Option("--back", metavar="PERCENT", help=say("Payments that are charged back later."))]
Unpaid = Annotated[str, typer.Option("--unpaid", metavar="PERCENT", help=say("Payments that their payers never make."))]


@command("sandbox-institution", panel=YEAR, help=say("Be a payment institution to try with, until Ctrl-C."))
def sandbox_institution(  # noqa: PLR0917
    notices: Annotated[str, typer.Option("--notices", metavar="URL", help=say("Where its notices are sent."))],
    port: Annotated[int, typer.Option("--port", help=say("The port to listen on; 0 takes a free one."))] = 8790,
    repeated: Repeated = "0",
    late: Late = "0",
    lost: Lost = "0",
    wrong: Wrong = "0",
    back: Back = "0",
    unpaid: Unpaid = "0",
    seed: Seed = None,
    file: Annotated[str, typer.Option("--file", metavar="FILE", help=say("Where it keeps its books."))] = ":memory:",
    held: Annotated[bool, typer.Option("--held", help=say("Let its clock stand still until it is set."))] = False,
) -> Answer:
    """Hold money, sign, delay, repeat, lose and err on loopback, with a secret that the environment names."""
    secret = os.environ.get(SHARED, "")
    if len(secret) < SHARED_MIN:
        message = say("Name the secret that both sides share, of {least} characters or more, in {name}.")
        raise Refusal("institution.secret", message, field=SHARED, least=SHARED_MIN, name=SHARED)
    from greenloop.sim.institution.account import Account
    from greenloop.sim.institution.server import Terms, serve

    account = Account(file, rates=_rates(repeated, late, lost, wrong, back, unpaid), seed=_drawn(seed))
    try:
        serve(account, Terms(secret, notices, port, held), told=_listening)
    except KeyboardInterrupt:
        pass
    finally:
        account.close()
    return Answer({"served": True}, code=DONE)


def _listening(address: str) -> None:
    sys.stdout.write(document({"address": address}) + "\n")
    sys.stdout.flush()


@command("sandbox", panel=YEAR, help=say("Try thousands of payments with a sandbox institution, and reconcile them."))
def sandbox(  # noqa: PLR0917
    payments: Annotated[int, typer.Option("--payments", metavar="N", min=10, help=say("How many payments."))] = 10_000,
    repeated: Repeated = "5",
    late: Late = "5",
    lost: Lost = "2",
    wrong: Wrong = "1",
    back: Back = "1",
    seed: Seed = None,
    home: Annotated[
        str, typer.Option("--home", metavar="DIR", help=say("Where its database is made."))
    ] = "var/sandbox",
) -> Answer:
    """Live through four days in a fresh database, or in the one that is named; exit code 1 if a fen is unexplained."""
    begun, rates, drawn = perf_counter(), _rates(repeated, late, lost, wrong, back), _drawn(seed)
    if "GREENLOOP_DATABASE_URL" in os.environ:
        database.start()
    else:
        database.fresh(Path(home))
    database.migrate()
    with database.writing():
        from greenloop.services.books.keeper import keep_all
        from greenloop.sim.institution.trial import Hours, Trial, drawn_baskets, live

        hours = Hours()
        with _institution(rates, drawn, hours) as gateway:
            baskets = drawn_baskets(payments=payments, seed=drawn)
            trial = Trial(gateway, hours, baskets, keep=lambda at: keep_all(holder="sandbox", now=lambda: at))
            live(trial)
            fates = gateway.fates()
    return _tried(trial, fates, perf_counter() - begun)


@contextmanager
def _institution(rates: "Rates", seed: int, hours: Any) -> Iterator[Any]:
    """Run a sandbox institution as a process of its own, and take its notices, until the block ends."""
    from greenloop.services.books.institution.sandbox import Sandbox
    from greenloop.sim.institution.platform import door

    secret = secrets.token_urlsafe(32)
    with door(Sandbox(url="http://127.0.0.1:1", secret=secret), hours.now) as notices_to:
        program = [str(Path(sys.executable).with_name("greenloop")), "sandbox-institution", "--port", "0", "--held"]
        shares = {f"--{name}": getattr(rates, f"{field}_ppm") for name, field in _OPTIONS.items()}
        told = [word for name, ppm in shares.items() for word in (name, f"{ppm // 10_000}.{ppm % 10_000:04d}")]
        begun = subprocess.Popen(  # noqa: S603  our own program  # nosec B603
            [*program, *told, "--seed", str(seed), "--notices", notices_to],
            env=os.environ | {SHARED: secret},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        with begun as process:
            try:
                gateway = Sandbox(url=_address(process), secret=secret, now=hours.now)
                yield gateway
                gateway.close()
            finally:
                process.terminate()


_OPTIONS = {"repeated": "repeated", "late": "late", "lost": "lost", "wrong": "wrong", "back": "charged_back"}


def _address(process: "subprocess.Popen[str]") -> str:
    import json

    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise Refusal("institution.start", say("The sandbox institution could not be started."))
    return str(json.loads(line)["address"])


def _rates(  # noqa: PLR0917
    repeated: str, late: str, lost: str, wrong: str, back: str, unpaid: str = "0"
) -> "Rates":
    from greenloop.sim.institution.fates import PPM, Rates

    written = {"--repeated": repeated, "--late": late, "--lost": lost, "--wrong": wrong, "--back": back}
    written["--unpaid"] = unpaid
    ppm = {name: percent_ppm(value, name) for name, value in written.items()}
    apart = ppm["--back"], ppm["--unpaid"]
    if min(ppm.values()) < 0 or sum(ppm.values()) - sum(apart) > PPM or max(apart) > PPM:
        raise Refusal(
            "institution.rates", say("Shares are 0 or more, and no more than 100 % together."), field="--late"
        )
    return Rates(*ppm.values())


def _drawn(seed: int | None) -> int:
    """Return the seed, drawn if none is given, and say it before anything else."""
    drawn = secrets.randbelow(SEED_MAX) if seed is None else seed
    screen(stderr=True).print(gettext("seed {seed}").format(seed=drawn))
    return drawn


def _tried(trial: "Trial", fates: dict[str, int], seconds: float) -> Answer:
    last = trial.evenings[-1]
    broken = last.tie.unexplained_fen or sum(last.cases.values()) or any(e.tie.unexplained_fen for e in trial.evenings)
    columns = [
        *(gettext("when"), gettext("lines"), gettext("orders confirmed"), gettext("open cases")),
        *(gettext("statements"), gettext("trust:bank"), gettext("cases explain"), gettext("unexplained")),
    ]
    facts = {
        "payments": len(trial.baskets),
        "fates": fates,
        "notices": trial.notices,
        "evenings": [asdict(each) | {"unexplained_fen": each.tie.unexplained_fen} for each in trial.evenings],
        "seconds": round(seconds, 3),
    }
    drawn = [(gettext(FATES[name]), count(fates.get(name, 0))) for name in FATES]
    drawn.append((gettext("notices sent"), count(trial.notices["sent"])))
    drawn.append((gettext("seconds"), f"{seconds:,.1f}"))
    said = gettext("Books and statements agree to the fen; every difference on the way was a case.")
    shown = [
        pairs(gettext("{count} payments").format(count=count(len(trial.baskets))), drawn),
        table(gettext("Books against statements, in yuan"), columns, [_evening(each) for each in trial.evenings]),
        text(gettext("Something is unexplained.") if broken else said, "bold red" if broken else "green"),
    ]
    return Answer(facts, shown, REFUSED if broken else DONE)


FATES = {
    "once": say("notice came once, in time"),
    "repeated": say("notice came thrice"),
    "late": say("notice came a day late"),
    "lost": say("notice never came"),
    "wrong": say("notice named another amount"),
    "back": say("charged back"),
}
"""What became of payments' notices."""


def _evening(each: "Evening") -> tuple[object, ...]:
    cases = ", ".join(f"{count(number)} {gettext(DIFFERENCES[name])}" for name, number in sorted(each.cases.items()))
    tie = each.tie
    sums = (tie.listed_fen, tie.ledger_fen, tie.explained_fen, tie.unexplained_fen)
    return (each.when, count(each.lines), count(each.orders), cases or "–", *map(money, sums))
