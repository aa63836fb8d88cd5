"""What no software can check: that whoever runs the alliance may. The operator declares it, and that is all it is."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from django.conf import settings

from greenloop.core.faults import say
from greenloop.insight.deploy.finding import Finding

FIELDS = ("licence", "payment_contract", "opinion", "declared_by", "declared_on")
"""The payment institution's licence, the contract with it, counsel's opinion (references), who declares, and when."""

Declared = dict[str, str]
WHY = say("Greenloop grants no licence and can't check one. Whoever starts it answers for these, and says so.")
WAY_OUT = say(
    "Write a JSON object with the texts {fields}, and name the file in GREENLOOP_DECLARATION. It is a declaration, not "
    "a check."
)


def declared() -> tuple[Declared, list[Finding]]:
    """Return what the operator has declared, and what is missing of it."""
    facts: dict[str, object] = {"fields": ", ".join(FIELDS), "path": settings.GREENLOOP_DECLARATION}
    if not settings.GREENLOOP_DECLARATION:
        what = say("The operator has declared nothing about licence, payment contract and counsel's opinion.")
        return {}, [Finding("declaration.none", what, WHY, WAY_OUT, facts)]
    try:
        told = json.loads(Path(settings.GREENLOOP_DECLARATION).read_text("utf-8"))
    except (OSError, ValueError):
        what = say("The declaration {path} can't be read.")
        return {}, [Finding("declaration.unreadable", what, WHY, WAY_OUT, facts)]
    found = {name: told[name].strip() for name in FIELDS if isinstance(told, dict) and isinstance(told.get(name), str)}
    what = say("The declaration doesn't say {missing}.")
    return found, [
        Finding("declaration.incomplete", what, WHY, WAY_OUT, facts | {"missing": name}) for name in _missing(found)
    ]


def _missing(found: Declared) -> Iterator[str]:
    for name in FIELDS:
        if not found.get(name):
            yield name
    try:
        if found.get("declared_on"):
            date.fromisoformat(found["declared_on"])
    except ValueError:
        yield "declared_on"
