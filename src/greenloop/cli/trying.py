"""See it run: a year of real shopping through the loop, with a report at its end."""

import os
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greenloop.cli import database
from greenloop.cli.answer import REFUSED, Answer, give, screen, text
from greenloop.cli.app import YEAR, command
from greenloop.cli.inviting import invited
from greenloop.cli.progress import watched
from greenloop.cli.proofs import bundle_to, prove_and_keep, proved, report_to
from greenloop.cli.serving import check_port, serve_on
from greenloop.cli.supervising import supervised_on_all
from greenloop.cli.trusting import Verified, trust_facts, trust_shown, verified
from greenloop.cli.words import gettext
from greenloop.cli.year import reported, town_shown, year_facts, year_shown
from greenloop.core.faults import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from greenloop.sim.trusting import Looked
    from greenloop.sim.visitors import Invitation
    from greenloop.sim.year import YearSummary

SEED_MAX = 1_000_000
DEMO = "demo"

Orders = Annotated[
    int | None, typer.Option("--orders", metavar="N", help=say("Replay N baskets, spread over the year, not all."))
]
Plan = Annotated[str, typer.Option("--plan", metavar="NAME", help=say("One of: steady, published, hybrid, short."))]
CycleDays = Annotated[int, typer.Option("--cycle-days", metavar="D", help=say("Days of a cycle, 1 to 30."))]
Seed = Annotated[int | None, typer.Option("--seed", metavar="S", help=say("Repeat a run: its seed was printed first."))]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a replay was asked for."""

    orders: int | None
    plan: str
    cycle_days: int
    seed: int


@command("demo", panel=YEAR, help=say("Replay a year of real shopping in a database of its own, prove it, report it."))
def demo(
    orders: Orders = None,
    plan: Plan = "steady",
    cycle_days: CycleDays = 7,
    seed: Seed = None,
    *,
    home: Annotated[
        str, typer.Option("--home", metavar="DIR", help=say("Where its database and report are made."))
    ] = "var/demo",
    serve: Annotated[
        bool, typer.Option("--serve/--no-serve", help=say("Serve its pages at the end, until Ctrl-C."))
    ] = False,
) -> Answer:
    """Start fresh, replay, check, report, invite; exit code 1 if a proof fails. A database that is named is kept."""
    begun, folder = perf_counter(), Path(home)
    wish = Wish(orders, plan, cycle_days, _drawn(seed))
    if serve:
        check_port()
    if "GREENLOOP_DATABASE_URL" in os.environ:
        database.start()
    else:
        database.fresh(folder)
    database.migrate()
    with database.alone():
        summary = _replay(wish, until=datetime.now(UTC).date())
        seconds = dict(summary.seconds)
        _timed(seconds, "lines", _lines_kept)
        proofs = _timed(seconds, "check", lambda: prove_and_keep(by=DEMO, at=datetime.now(UTC)))
        year = reported(summary, seconds)
        report = _timed(seconds, "report", lambda: report_to(folder / "report.html", year=year, proofs=proofs))
        checked = proved(proofs)
        looked, supervised, found = _trusted(folder, seconds)
        facts: dict[str, Any] = {
            **year_facts(summary, seconds),
            **trust_facts(looked, found),
            "supervision": supervised.facts,
            "proofs": len(proofs),
            "broken": [asdict(proof) for proof in proofs if not proof.holds],
            "report": str(report),
        }
        shown = [*checked.shown, *year_shown(summary, seconds), *supervised.shown, *trust_shown(looked, found)]
        invitations = _opened_to_visitors()
    facts |= {"seconds_in_all": round(perf_counter() - begun, 3), "invitations": [asdict(each) for each in invitations]}
    shown += [text(gettext("The report is in {path}").format(path=report), "bold"), *invited(invitations)]
    answer = Answer(facts, shown, REFUSED if found.broken or supervised.code else checked.code)
    if not serve:
        return answer
    give(answer, as_json=False)
    serve_on()
    return Answer(facts, code=answer.code)


@command("replay", panel=YEAR, help=say("Replay the year into the configured, empty database; no report."))
def replay(orders: Orders = None, plan: Plan = "steady", cycle_days: CycleDays = 7, seed: Seed = None) -> Answer:
    """Replay the year into the database in use."""
    wish = Wish(orders, plan, cycle_days, _drawn(seed))
    with database.writing():
        summary = _replay(wish)
        return Answer(year_facts(summary, summary.seconds), year_shown(summary, summary.seconds))


@command("town", panel=YEAR, help=say("Live through a small town in which everything happens, in an empty database."))
def town(
    seed: Seed = None,
    members: Annotated[int, typer.Option("--members", metavar="N", help=say("How many shoppers."))] = 200,
    cycles: Annotated[int, typer.Option("--cycles", metavar="N", help=say("How many cycles of three days."))] = 10,
) -> Answer:
    """Live through the seeded town in the database in use: refunds at every stage, holds, late and held settlements."""
    drawn = _drawn(seed)
    with database.writing():
        from greenloop.sim.town import build_town

        with watched() as progress:
            summary = build_town(seed=drawn, members=members, cycles=cycles, progress=progress)
    return Answer(asdict(summary), town_shown(summary))


def _drawn(seed: int | None) -> int:
    """Return the seed, drawn if none is given, and say it before anything else."""
    drawn = secrets.randbelow(SEED_MAX) if seed is None else seed
    screen(stderr=True).print(gettext("seed {seed}").format(seed=drawn))
    return drawn


def _replay(wish: Wish, *, until: date | None = None) -> "YearSummary":
    from greenloop.sim.year import replay_year

    with watched() as progress:
        return replay_year(
            seed=wish.seed,
            plan=wish.plan,
            cycle_days=wish.cycle_days,
            orders=wish.orders,
            until=until,
            progress=progress,
        )


def _lines_kept() -> int:
    """Lay the year's money out as lines of fen, as the clock would have done all along."""
    from greenloop.services.trust.lines import keep_up

    return keep_up(at=datetime.now(UTC))


def _trusted(folder: Path, seconds: dict[str, float]) -> "tuple[Looked | None, Answer, Verified]":
    """Publish the root of what is owed, let a member look, report to the regulator, and let the bundle be verified."""
    from greenloop.sim.trusting import publish_and_look

    looked = _timed(seconds, "root", lambda: publish_and_look(at=datetime.now(UTC)))
    supervised = _timed(seconds, "supervision", lambda: supervised_on_all(folder / "supervision", language="zh"))
    bundle = folder / "bundle"
    _timed(seconds, "bundle", lambda: bundle_to(bundle))
    return looked, supervised, _timed(seconds, "verify", lambda: verified(bundle))


def _opened_to_visitors() -> "Sequence[Invitation]":
    """Leave something to decide, make an account for each role, and sign what the public log tells of all that."""
    from greenloop.services.trust.log.keeping import sign_log
    from greenloop.services.trust.log.sealing import seal_journals
    from greenloop.sim import held, visitors

    held.hold_next()
    held.hold_draw()
    invitations = visitors.invite(at=datetime.now(UTC))
    seal_journals(at=datetime.now(UTC))
    sign_log(at=datetime.now(UTC))
    return invitations


def _timed(seconds: dict[str, float], stage: str, work: Any) -> Any:
    begun = perf_counter()
    found = work()
    seconds[stage] = perf_counter() - begun
    return found
