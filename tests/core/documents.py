"""Documents of rules for tests: the steady preset, a way to spoil one value of it, and what it is then refused for."""

import copy
from datetime import date
from typing import Any

import pytest

from greenloop.core.faults import Refusal
from greenloop.core.loop.presets import preset_document
from greenloop.core.loop.rules import RuleSet, rule_set

Document = dict[str, Any]
GONE = object()


def steady() -> Document:
    """The document that the faults below are put into."""
    document: Document = copy.deepcopy(dict(preset_document("steady", opens_date=date(2025, 1, 1))))
    return document


def put(document: Document, path: str, value: object) -> Document:
    """Change one value of a document, or take it away, by a path such as "plans.steady.cap" or "routes.0.pool"."""
    at: Any = document
    *before, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in before:
        at = at[step]
    if value is GONE:
        del at[last]
    else:
        at[last] = value
    return document


def refusal(document: object) -> Refusal:
    with pytest.raises(Refusal) as refused:
        rule_set(document)
    assert refused.value.code == "rules.refused"
    return refused.value


def accepted(*changes: tuple[str, object]) -> RuleSet:
    document = steady()
    for path, value in changes:
        put(document, path, value)
    return rule_set(document)
