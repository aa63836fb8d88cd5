"""The end of a business: whether purchases make points, and the proposal that they make no more, or do so again."""

from typing import Annotated

import typer

from greenloop.cli import database
from greenloop.cli.answer import Answer, moment, text
from greenloop.cli.app import RULES, command
from greenloop.cli.proposing import Maker, Reason, proposed
from greenloop.cli.reading import At, instant, now
from greenloop.cli.words import gettext
from greenloop.core.faults import Refusal, say


@command("wind-down", panel=RULES, help=say("Say whether purchases make points; propose that they make no more."))
def wind_down(  # noqa: PLR0917
    propose: Annotated[
        bool, typer.Option("--propose", help=say("Propose that purchases make no more points."))
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help=say("Propose that purchases make points again."))] = False,
    effective: Annotated[
        str | None,
        typer.Option("--from", metavar="INSTANT", help=say("From when on, if not as soon as it is approved.")),
    ] = None,
    by: Maker = None,
    reason: Reason = None,
    at: At = None,
) -> Answer:
    """Show how minting stands, or propose a turn of it."""
    if propose and resume:
        message = say("Propose that minting stops, or that it starts again; not both.")
        raise Refusal("minting.what", message, field="--resume")
    if not propose and not resume:
        return _standing()
    from_at = instant(effective, "--from") if effective else None
    content = {"effective_at": None if from_at is None else from_at.isoformat()}
    kind = "mint.resume" if resume else "mint.stop"
    with database.writing():
        present = now(at)
        return proposed(kind=kind, content=content, from_at=from_at or present, reason=reason, by=by, at=present)


def _standing() -> Answer:
    database.reading()
    from greenloop.store.queries import minting

    found = minting.standing(now())
    following = found.following
    told = [gettext("Purchases make points.") if found.mints else gettext("Purchases make no points.")]
    if found.since_at:
        told.append(gettext("That is so since {moment}.").format(moment=moment(found.since_at)))
    if following:
        sentence = (
            gettext("From {moment} on they make points again.")
            if following.mints
            else gettext("From {moment} on they make no more points.")
        )
        told.append(sentence.format(moment=moment(following.effective_at)))
    facts = {
        "mints": found.mints,
        "since_at": found.since_at,
        "changes_at": following.effective_at if following else None,
    }
    return Answer(facts, [text(" ".join(told))])
