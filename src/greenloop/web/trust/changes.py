"""What a proposal would change, or has changed, in rows that a person can read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from greenloop.core.trust.difference import differences
from greenloop.store.queries import trust
from greenloop.store.queries.trust import ProposalRow
from greenloop.web import words

ROWS_MAX = 200


@dataclass(frozen=True, slots=True)
class Row:
    """One value before and after, as a page writes it; None where there is none."""

    what: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Changes:
    """The rows that are shown, how many there are, and from when on the change holds, where it says so."""

    rows: tuple[Row, ...]
    count: int
    from_at: datetime | None = None


def changes(found: ProposalRow) -> Changes:
    """Return what a proposal changes."""
    if found.kind == "rules.publish":
        return _rules(found.document)
    if found.kind == "rate.set":
        return _rate(found.document)
    rows = tuple(Row(key, None, _plain(key, value)) for key, value in found.document.items())
    return Changes(rows, len(rows))


def _plain(key: str, value: object) -> str | None:
    """Write a value as people do: a list by its items, a missing one not at all."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value) or None
    return _written(key, json.dumps(value))


def _rules(content: dict[str, Any]) -> Changes:
    from_at = datetime.fromisoformat(content["effective_at"])
    before = trust.rules_before(from_at)
    return compared(before.document if before else {}, content["document"], from_at)


def compared(before: Mapping[str, Any], after: Mapping[str, Any], from_at: datetime) -> Changes:
    """Return what differs between two rule sets."""
    found = differences(before, after)
    rows = tuple(
        Row(each.path, _written(each.path, each.before), _written(each.path, each.after)) for each in found[:ROWS_MAX]
    )
    return Changes(rows, len(found), from_at)


def _rate(content: dict[str, Any]) -> Changes:
    from_at = datetime.fromisoformat(content["valid_from_at"])
    before = trust.rate_before(content["merchant"], from_at)
    shown = None if before is None else words.percent(before)
    return Changes((Row(content["merchant"], shown, words.percent(content["rate_ppm"])),), 1, from_at)


def _written(path: str, value: str | None) -> str | None:
    """Write a value by the unit that its name ends with."""
    if value is None or not value.removeprefix("-").isdigit():
        return value
    if path.endswith("_fen"):
        return words.money(int(value))
    return f"{value} ({words.percent(int(value))})" if path.endswith("_ppm") else value
