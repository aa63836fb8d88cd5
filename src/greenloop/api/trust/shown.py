"""Proposals as the API shows them, and how whoever decides says what they have seen."""

from datetime import datetime
from typing import Annotated, Any

from ninja import Schema
from pydantic import StringConstraints

from greenloop.api.fields import Body
from greenloop.services.trust.proposals import REASON_MAX, Proposed
from greenloop.store.queries.trust import ProposalRow

Reason = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=REASON_MAX, pattern=r"^[^\x00]*$")]
Mark = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{64}$")]


class ApproveIn(Body):
    """The SHA-256 of what was looked at, as the answer that showed it told."""

    sha256: Mark


class ProposedOut(Schema):
    """A proposal as it was kept. Another person approves it by its hash, until it expires."""

    id: str
    sha256: str
    expires_at: datetime


class ProposalOut(Schema):
    """A change that somebody proposed: `state` is open, expired, done, rejected or withdrawn.

    `content` is what will be done, `sha256` the hash of its canonical form. The public log tells of a decision
    by a commitment alone: the SHA-256 over the bytes of `salt` and of `sha256`. `proposed_by` is an account.
    """

    id: str
    kind: str
    about: str
    state: str
    reason: str
    content: dict[str, Any]
    sha256: str
    salt: str
    proposed_by: str
    proposed_at: datetime
    expires_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    outcome: str


def proposed(made: Proposed) -> ProposedOut:
    """Show what was proposed just now."""
    return ProposedOut(id=str(made.id), sha256=made.content_hash, expires_at=made.expires_at)


def proposal(row: ProposalRow) -> ProposalOut:
    """Show a proposal in full."""
    return ProposalOut(
        id=str(row.id),
        kind=row.kind,
        about=row.about,
        state=row.state,
        reason=row.reason,
        content=row.document,
        sha256=row.content_hash,
        salt=row.salt,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        expires_at=row.expires_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        outcome=row.outcome,
    )
