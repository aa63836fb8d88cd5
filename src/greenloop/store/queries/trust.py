"""What waits for a second person or was decided, and the log of privileged acts: newest first, page by page."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from greenloop.core.faults import Refusal, say
from greenloop.store import sql

LATEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class ProposalRow:
    """A change that somebody proposed: `state` is open, expired, done, rejected or withdrawn.

    `content` is canonical JSON, `content_hash` its SHA-256 in hex; `salt` is what the public log's
    commitment to that hash was made with. `proposed_by` and `decided_by` are `account/…`.
    """

    id: int
    kind: str
    about: str
    content: str
    content_hash: str
    salt: str
    reason: str
    state: str
    proposed_by: str
    proposed_at: datetime
    expires_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    outcome: str

    @property
    def document(self) -> dict[str, Any]:
        """Return the content, read."""
        return dict(json.loads(self.content))


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One privileged act: who (`account/…`, `client/…`, `scheduler` or `console`) did what to what, and the details."""

    id: int
    at: datetime
    actor: str
    act: str
    about: str
    detail: str
    request_id: str


@dataclass(frozen=True, slots=True)
class RulesBefore:
    """The rules that others come after: their number and their document, canonical JSON."""

    id: int
    effective_at: datetime
    document: dict[str, Any]


def has_staff() -> bool:
    """Tell whether anybody works for the platform: from then on, changes are made by two of them."""
    return bool(sql.value("SELECT 1 FROM staff_role LIMIT 1"))


def has_rules() -> bool:
    """Tell whether any rules are published."""
    return bool(sql.value("SELECT 1 FROM rule_version LIMIT 1"))


def has_orders() -> bool:
    """Tell whether anybody has bought yet."""
    return bool(sql.value("SELECT 1 FROM orders LIMIT 1"))


def proposal(proposal_id: int, *, at: datetime) -> ProposalRow:
    """Return one proposal as it stands at an instant.

    :raises Refusal: there is none.
    """
    found = sql.rows(f"{_PROPOSALS} WHERE id = %s", [proposal_id])
    if not found:
        message = say("There is no proposal {proposal}.")
        raise Refusal("proposal.unknown", message, field="proposal", proposal=str(proposal_id))
    return _proposal(found[0], at)


def open_proposals(*, at: datetime, before: int = LATEST, limit: int) -> list[ProposalRow]:
    """Return proposals that can be decided on at an instant, newest first, of ids below `before`."""
    return [_proposal(row, at) for row in sql.rows(_OPEN, [sql.instant(at), before, limit])]


def closed_proposals(*, at: datetime, before: int = LATEST, limit: int) -> list[ProposalRow]:
    """Return proposals that were decided, withdrawn or have expired, newest first, of ids below `before`."""
    return [_proposal(row, at) for row in sql.rows(_CLOSED, [sql.instant(at), before, limit])]


def proposals(*, at: datetime, before: int = LATEST, limit: int) -> list[ProposalRow]:
    """Return proposals of every state, newest first, of ids below `before`."""
    return [_proposal(row, at) for row in sql.rows(_ALL, [before, limit])]


def audit(*, actor: str = "", about: str = "", before: int = LATEST, limit: int) -> list[AuditRow]:
    """Return privileged acts, newest first, of ids below `before`: of one actor, about one thing, where they are named.

    `about` also finds what is about all of a kind: `merchant/` finds every merchant's.
    """
    where: list[str] = ["id < %s"]
    conditions: list[object] = [before]
    if actor:
        where.append("actor = %s")
        conditions.append(actor)
    if about.endswith("/"):
        where.append("about >= %s AND about < %s")
        conditions += [about, f"{about[:-1]}0"]
    elif about:
        where.append("about = %s")
        conditions.append(about)
    query = f"SELECT {_ENTRY} FROM audit_entry WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT %s"  # noqa: S608
    return [AuditRow(number, sql.moment(at), *told) for number, at, *told in sql.rows(query, [*conditions, limit])]


def rules_before(effective_at: datetime) -> RulesBefore | None:
    """Return the rules that are in force just before an instant, by what is published now."""
    found = sql.rows(_BEFORE, [sql.instant(effective_at)])
    return RulesBefore(found[0][0], sql.moment(found[0][1]), json.loads(found[0][2])) if found else None


def rate_before(merchant: str, valid_from_at: datetime) -> int | None:
    """Return a merchant's concession rate, in ppm, just before an instant; None where it has none."""
    found = sql.value(_RATE, [merchant, sql.instant(valid_from_at)])
    return None if found is None else int(found)


def _proposal(row: sql.Row, at: datetime) -> ProposalRow:
    number, kind, about, content, mark, salt, reason, state, by, made, expires, decided_by, decided_at, outcome = row
    expires_at = sql.moment(expires)
    return ProposalRow(
        id=number,
        kind=kind,
        about=about,
        content=content,
        content_hash=mark,
        salt=salt,
        reason=reason,
        state="expired" if state == "open" and expires_at <= at else state,
        proposed_by=by,
        proposed_at=sql.moment(made),
        expires_at=expires_at,
        decided_by=decided_by,
        decided_at=None if decided_at is None else sql.moment(decided_at),
        outcome=outcome,
    )


_PROPOSALS = """
    SELECT id, kind, about, content, content_hash, salt, reason, state, proposed_by, proposed_at, expires_at,
           decided_by, decided_at, outcome
    FROM proposal
"""
_OPEN = f"{_PROPOSALS} WHERE state = 'open' AND expires_at > %s AND id < %s ORDER BY id DESC LIMIT %s"
_CLOSED = f"{_PROPOSALS} WHERE (state <> 'open' OR expires_at <= %s) AND id < %s ORDER BY id DESC LIMIT %s"
_ALL = f"{_PROPOSALS} WHERE id < %s ORDER BY id DESC LIMIT %s"
_ENTRY = "id, at, actor, act, about, detail, request_id"
_BEFORE = """
    SELECT id, effective_at, document FROM rule_version WHERE effective_at < %s ORDER BY effective_at DESC LIMIT 1
"""
_RATE = """
    SELECT c.rate_ppm FROM rate_card c JOIN merchant m ON m.id = c.merchant_id
    WHERE m.ref = %s AND c.valid_from_at < %s ORDER BY c.valid_from_at DESC LIMIT 1
"""
