"""The trust book's own database: making it, and handing its journals over as a process of the keeper's."""

from dataclasses import asdict
from os import getpid
from threading import Event
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from greenloop.cli import database
from greenloop.cli.answer import DONE, REFUSED, Answer, count, moment, pairs, screen, text
from greenloop.cli.app import KEEP, command
from greenloop.cli.reading import now
from greenloop.cli.stopping import until_told
from greenloop.cli.words import gettext, told
from greenloop.core.faults import Refusal, say

if TYPE_CHECKING:
    from greenloop.insight.proof import Proof

HOUR_S = 3600


@command("keep", panel=KEEP, help=say("Hand the trust book's journals over to its own database; once, or on and on."))
def keep(
    *,
    follow: Annotated[
        bool, typer.Option("--follow/--once", help=say("Go on every few seconds, until Ctrl-C or SIGTERM."))
    ] = False,
    every: Annotated[
        float, typer.Option("--every", metavar="SECONDS", help=say("How often, following."), min=0.05)
    ] = 5.0,
    compare: Annotated[
        float,
        typer.Option("--compare-every", metavar="HOURS", help=say("Following, compare both so often."), min=0.001),
    ] = 24.0,
    again: Annotated[
        bool, typer.Option("--again", help=say("Hand everything over once more: the trust book was restored."))
    ] = False,
    by: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help=say("Who asks for it to be handed over again."))
    ] = None,
) -> Answer:
    """Keep what waits; exit code 1 if both databases were compared and don't agree."""
    database.reading()
    with database.alone():
        if again:
            _again(by)
        if not follow:
            return _once()
        with until_told() as stop:
            return _on_and_on(stop, every_s=every, compare_s=compare * HOUR_S)


def _again(by: str | None) -> None:
    from greenloop.services.books.keeper import hand_over_again

    if by is None:
        message = say("Say who asks for everything to be handed over again: the audit log keeps it.")
        raise Refusal("trust.by", message, field="--by")
    hand_over_again(by=by, at=now())


def _once() -> Answer:
    from greenloop.services.books import keeper

    _ensure_named()
    found = keeper.keep_all(holder=_me(), now=now)
    sentence = gettext("{journals} journals were handed over; {pending} wait. The newest number is {number}.")
    lag = _lag()
    facts = {"journals": found.journals, **lag}
    shown = sentence.format(journals=count(found.journals), pending=count(lag["pending"]), number=count(lag["number"]))
    return Answer(facts, [text(shown)], DONE)


def _ensure_named() -> None:
    from greenloop.store.trustbook import place

    if place.address() is None:
        message = say("No trust book is named. Name its database in GREENLOOP_TRUST_URL.")
        raise Refusal("trust.unnamed", message, field="GREENLOOP_TRUST_URL")


def _lag() -> dict[str, int]:
    from greenloop.store.queries import keeping

    found = keeping.lag()
    return {"pending": found.pending, "lag_seconds": found.seconds(now()), "number": found.number}


def _me() -> str:
    return f"greenloop keep (process {getpid()})"


def _on_and_on(stop: Event, *, every_s: float, compare_s: float) -> Answer:
    """Keep until told to end. A database that is away is there at a later pass; a breach ends the process."""
    from django.db import Error, connection

    from greenloop.services.books import keeper

    _ensure_named()
    screen(stderr=True).print(gettext("The trust book is kept until Ctrl-C."))
    journals, due, differing = 0, perf_counter(), False
    while True:
        try:
            journals += keeper.keep_all(holder=_me(), now=now).journals
            if perf_counter() >= due:
                due += compare_s
                differing = bool(_compared())
        except Error as fault:
            screen(stderr=True).print(text(gettext("A pass failed: {reason}").format(reason=fault), "yellow"))
        except Refusal as refusal:
            screen(stderr=True).print(text(told(refusal), "yellow"))
        finally:
            connection.close()
        if stop.wait(every_s):
            break
    return Answer({"journals": journals, "differing": differing, **_lag()}, code=REFUSED if differing else DONE)


def _compared() -> "list[Proof]":
    """Compare both databases; while they differ no payout leaves trust."""
    from greenloop.insight.trust_proofs import agreement
    from greenloop.services.books.keeper import note_difference

    broken = [proof for proof in agreement() if not proof.holds]
    if broken:
        named = ", ".join(proof.name for proof in broken)
        note_difference(what=f"the trust book and this database differ: {named}", at=now())
    return broken


@command("trust-book", panel=KEEP, help=say("Make the trust book's own database, or show how far it has come."))
def trust_book(
    what: Annotated[str, typer.Argument(metavar="create|show", help=say("Make its tables and roles, or show it."))],
    keeper: Annotated[
        str, typer.Option("--keeper", metavar="ROLE", help=say("The role that may add journals; made if need be."))
    ] = "greenloop_keeper",
    reader: Annotated[
        str, typer.Option("--reader", metavar="ROLE", help=say("The role that may read; made if need be."))
    ] = "greenloop_reader",
) -> Answer:
    """Create it as its owner, at GREENLOOP_TRUST_URL; or show how far it has come."""
    database.start()
    if what == "show":
        database.reading()
        return _shown()
    if what != "create":
        raise Refusal("trust.what", say("Say create or show, not {what}."), field="WHAT", what=what)
    return _created(keeper, reader)


def _created(keeper: str, reader: str) -> Answer:
    from greenloop.store.trustbook import founding, place

    _ensure_named()
    found = founding.create(place.address() or "", keeper=keeper, reader=reader)
    sentence = gettext("The trust book was made.") if found.made else gettext("The trust book was there already.")
    shown = [text(sentence, "green")]
    if found.passwords:
        title = gettext("Passwords of the roles that were made: they are shown this once")
        shown.append(pairs(title, list(found.passwords.items())))
    return Answer(asdict(found), shown)


def _shown() -> Answer:
    from greenloop.store.queries import keeping

    found, at = keeping.lag(), now()
    facts = asdict(found) | {"lag_seconds": found.seconds(at), "behind": found.behind(at)}
    rows: list[tuple[str, object]] = [
        (gettext("newest number of the trust book"), count(found.number)),
        (gettext("handed over last"), moment(found.kept_at)),
        (gettext("journals that wait"), count(found.pending)),
        (gettext("the oldest waits since"), moment(found.oldest_at)),
    ]
    return Answer(facts, [pairs(gettext("The trust book"), rows)], REFUSED if found.behind(at) else DONE)
