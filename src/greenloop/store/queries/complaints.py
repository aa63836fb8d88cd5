"""Complaints: one's own, all of them by how they stand, and what they say to those who may read it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from greenloop.core.faults import Refusal, say
from greenloop.core.trust.complaints import is_late
from greenloop.store import sealed, sql

LAST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class ComplaintRow:
    """One complaint, without its words. `about` is `order/…` or empty; `late` says that nobody answered in time."""

    id: int
    account_id: int
    category: str
    about: str
    state: str
    filed_at: datetime
    due_at: datetime
    answered_at: datetime | None
    closed_at: datetime | None
    late: bool


@dataclass(frozen=True, slots=True)
class Said:
    """One answer; `text` is None where who complained was forgotten."""

    by: str
    at: datetime
    text: str | None


@dataclass(frozen=True, slots=True)
class Words:
    """What a complaint says, None where who complained was forgotten, and the answers to it."""

    text: str | None
    answers: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """How complaints of one category stand; `oldest_at` is when the oldest was filed that nobody has answered."""

    category: str
    count: int
    open: int
    answered: int
    closed: int
    late: int
    oldest_at: datetime | None


def of_account(account_id: int, *, at: datetime, before: int = LAST, limit: int) -> list[ComplaintRow]:
    """Return somebody's own complaints, newest first, of numbers below `before`."""
    found = sql.rows(
        f"{_ROWS} WHERE account_id = %s AND id < %s ORDER BY id DESC LIMIT %s", [account_id, before, limit]
    )
    return [_row(each, at) for each in found]


def listed(*, at: datetime, unclosed: bool, before: int = LAST, limit: int) -> list[ComplaintRow]:
    """Return complaints, newest first, of numbers below `before`: those that aren't closed, or all."""
    which = "AND state <> 'closed'" if unclosed else ""
    found = sql.rows(f"{_ROWS} WHERE id < %s {which} ORDER BY id DESC LIMIT %s", [before, limit])
    return [_row(each, at) for each in found]


def complaint(number: int, *, at: datetime | None = None) -> ComplaintRow:
    """Return one complaint.

    :raises Refusal: there is none.
    """
    if found := sql.rows(f"{_ROWS} WHERE id = %s", [number]):
        return _row(found[0], at)
    message = say("There is no complaint {complaint}.")
    raise Refusal("complaint.unknown", message, field="complaint", complaint=str(number))


def words(number: int) -> Words:
    """Open what a complaint and its answers say."""
    found = sql.rows(_WORDS, [number] * 2)
    account_id, key = found[0][4], found[0][5]
    opened = sealed.unwrap(key, account_id) if key else None
    texts = [
        (by, at, sealed.unseal(text, opened, f"{kind}/{each}") if opened else None)
        for kind, each, by, at, _, _, text, _ in found
    ]
    return Words(texts[0][2], tuple(Said(by, sql.moment(at), text) for by, at, text in texts[1:]))


def standing(*, at: datetime) -> Mapping[str, Standing]:
    """Return how complaints stand by category."""
    now = sql.instant(at)
    found = {}
    for category, *counts, oldest in sql.rows(_STANDING, [now]):
        every, unanswered, answered, closed, late = map(int, counts)
        oldest_at = None if oldest is None else sql.moment(oldest)
        found[category] = Standing(category, every, unanswered, answered, closed, late, oldest_at)
    return found


def _row(row: sql.Row, at: datetime | None) -> ComplaintRow:
    number, account_id, category, about, state, *instants = row
    filed_at, due_at, answered_at, closed_at = (None if each is None else sql.moment(each) for each in instants)
    if filed_at is None or due_at is None:
        raise TypeError(instants)
    late = at is not None and is_late(state=state, due_at=due_at, answered_at=answered_at, at=at)
    return ComplaintRow(number, account_id, category, about, state, filed_at, due_at, answered_at, closed_at, late)


_ROWS = "SELECT id, account_id, category, about, state, filed_at, due_at, answered_at, closed_at FROM complaint"
_WORDS = """
    SELECT 'complaint', c.id, '', c.filed_at, c.account_id, k.sealed_key, c.sealed, 0 AS place
    FROM complaint c LEFT JOIN person_key k ON k.account_id = c.account_id WHERE c.id = %s
    UNION ALL
    SELECT 'complaint-answer', a.id, a.by, a.at, 0, '', a.sealed, 1 FROM complaint_answer a WHERE a.complaint_id = %s
    ORDER BY place, 2
"""
_STANDING = """
    SELECT category, COUNT(*), SUM(CASE WHEN state = 'open' THEN 1 ELSE 0 END),
           SUM(CASE WHEN state = 'answered' THEN 1 ELSE 0 END), SUM(CASE WHEN state = 'closed' THEN 1 ELSE 0 END),
           SUM(CASE WHEN answered_at > due_at OR (answered_at IS NULL AND due_at < %s) THEN 1 ELSE 0 END),
           MIN(CASE WHEN state = 'open' THEN filed_at END)
    FROM complaint GROUP BY category
"""
