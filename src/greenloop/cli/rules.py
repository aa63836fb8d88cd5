"""Set-up and rules: the tables, a rule set to start from, and its publication."""

import json
from pathlib import Path
from typing import Annotated

import typer

from greenloop.cli import database
from greenloop.cli.answer import Answer, moment, text
from greenloop.cli.app import RULES, command
from greenloop.cli.proposing import Reason, proposed
from greenloop.cli.reading import At, By, day, document, instant, now
from greenloop.cli.words import gettext
from greenloop.core.faults import Refusal, say
from greenloop.core.loop.presets import preset_document
from greenloop.core.loop.rules import rule_set


@command("migrate", panel=RULES, help=say("Make the database's tables, or bring them up to date."))
def migrate() -> Answer:
    """Make or update the tables; harmless where there is nothing to do."""
    database.start()
    path = database.migrate()
    place = str(path) if path else gettext("the server")
    return Answer({"migrated": True, "database": place}, [text(gettext("{place} is up to date.").format(place=place))])


@command("preset", panel=RULES, help=say("Print a rule set to start from, to be changed and published."))
def preset(
    name: Annotated[str, typer.Argument(help=say("One of: steady, published, hybrid, short."))],
    opens: Annotated[str, typer.Option("--opens", metavar="DAY", help=say("The first day of the first cycle."))],
    cycle_days: Annotated[int, typer.Option("--cycle-days", help=say("Days of a cycle, 1 to 30."))] = 7,
    city: Annotated[list[str] | None, typer.Option("--city", help=say("A city with a pool of its own."))] = None,
) -> Answer:
    """Print a preset's document, indented for a person to edit."""
    opens_date = day(opens, "--opens")
    document = preset_document(name, opens_date=opens_date, cycle_days=cycle_days, cities=tuple(city or ()))
    rule_set(document)
    return Answer(document, [text(json.dumps(document, indent=2, ensure_ascii=False))])


@command("publish", panel=RULES, help=say("Publish a rule set whole, or refuse it whole with every reason."))
def publish(
    rules: Annotated[str, typer.Argument(metavar="RULES.json", help=say("The file, or - for what is piped in."))],
    by: By,
    effective: Annotated[
        str | None, typer.Option("--from", metavar="INSTANT", help=say("From when on it is in force, if not from now."))
    ] = None,
    reason: Reason = None,
    at: At = None,
) -> Answer:
    """Publish the first rule set; later ones are proposed, once the platform has people of its own or sells (G11).

    Until then nobody has bought by the rules, and whoever founds the alliance may still correct them alone.
    """
    document = _document(rules)
    with database.writing():
        from greenloop.services.loop.rules import publish_rules
        from greenloop.store.queries import trust

        present = now(at)
        named = instant(effective, "--from") if effective else None
        effective_at = named or present
        if trust.has_staff() and trust.has_rules():
            content = {"document": document, "effective_at": effective_at.isoformat()}
            return proposed(kind="rules.publish", content=content, from_at=named, reason=reason, by=by, at=present)
        if trust.has_rules() and trust.has_orders():
            message = say("Somebody has bought by the rules, so two people change them. Appoint two: greenloop staff.")
            raise Refusal("rules.two_people", message, field="--by")
        version = publish_rules(document=document, effective_at=effective_at, by=by, at=present)
    sentence = gettext("Rule set {version} is published, in force from {moment}.")
    facts = {"rules": version, "effective_at": effective_at}
    return Answer(facts, [text(sentence.format(version=version, moment=moment(effective_at)))])


def _document(name: str) -> dict[str, object]:
    found = document(name, "RULES.json")
    if not isinstance(found, dict):
        message = say("{name} holds no JSON object; a rule set is one object in braces.")
        raise Refusal("file.json", message, field="RULES.json", name=Path(name).name)
    return found
