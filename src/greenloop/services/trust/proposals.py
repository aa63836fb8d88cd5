"""Maker and checker: one person proposes, another approves, and what is done is the content with the hash they saw."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from greenloop.core.faults import Refusal, ensure, say
from greenloop.core.trust.commitment import SALT_BYTES, commitment
from greenloop.services import ids
from greenloop.services.again import begun_again
from greenloop.services.trust.executors import EXECUTORS, Done, Executor
from greenloop.services.trust.steps import ACCOUNT, canonical, note, other_than, person
from greenloop.services.verb import verb
from greenloop.store.models import Proposal
from greenloop.store.queries import people

LIFE = timedelta(hours=72)
REASON_MAX = 500


@dataclass(frozen=True, slots=True)
class Proposed:
    """A proposal as it was kept: whoever decides says by the hash which content they have seen.

    `again` says that it stood already, made by the same person.
    """

    id: int
    content_hash: str
    expires_at: datetime
    again: bool = field(default=False, compare=False)


@verb
def propose(*, kind: str, content: Mapping[str, object], reason: str, by: str, at: datetime) -> Proposed:
    """Propose a change for another person to approve within 72 hours; nothing is changed.

    Asked again by the same person while it is open, the answer is the same.

    :raises Refusal: the kind is unknown, `by` has no role that proposes it, no reason is given, or the change couldn't
        be made as things stand.
    """
    executor = _executor(kind)
    maker = _with_role(by, executor.proposers, say("Only these roles may propose this: {roles}."))
    if not 0 < len(reason.strip()) <= REASON_MAX or "\x00" in reason:
        raise Refusal("proposal.reason", say("Say why, in 1 to {most} characters."), field="reason", most=REASON_MAX)
    change = executor.prepare(content, at)
    text = canonical(change.content)
    mark = _hash(text)
    if earlier := Proposal.objects.filter(state="open", expires_at__gt=at, kind=kind, content_hash=mark).first():
        if earlier.proposed_by != maker:
            message = say("The same is proposed already, under number {proposal}. Decide on that one.")
            raise Refusal("proposal.open", message, proposal=str(earlier.id))
        return Proposed(earlier.id, mark, earlier.expires_at, again=True)
    made = Proposal.objects.create(
        id=ids.block(1)[0],
        kind=kind,
        about=change.about,
        content=text,
        content_hash=mark,
        salt=secrets.token_hex(SALT_BYTES),
        reason=reason.strip(),
        state="open",
        proposed_by=maker,
        proposed_at=at,
        expires_at=at + LIFE,
    )
    _note(made, "propose", by, at)
    return Proposed(made.id, mark, made.expires_at)


@begun_again
@verb
def approve(*, proposal_id: int, seen_hash: str, by: str, at: datetime) -> Done:
    """Make a proposed change, exactly the one with the SHA-256 `seen_hash`, as somebody else than who proposed it.

    Where the change can't be made any more, the proposal stays open and nothing is written.

    :raises Refusal: there is no such open proposal, it has expired, `by` made it or has no role that decides on it, its
        content isn't what was seen, or the change can't be made as things stand now.
    """
    found, decider = _decidable(proposal_id, by, at)
    if seen_hash != found.content_hash:
        message = say("This isn't what you have looked at. Look at the proposal again, then decide.")
        raise Refusal("proposal.changed", message, field="seen_hash")
    ensure(_hash(found.content) == found.content_hash, f"the content of proposal {found.id} was changed")
    change = _executor(found.kind).prepare(json.loads(found.content), at)
    if canonical(change.content) != found.content:
        message = say("Proposal {proposal} says less than such a proposal says today. Reject it, and propose it again.")
        raise Refusal("proposal.stale", message, field="proposal", proposal=str(found.id))
    done = change.carry_out(decider, at)
    _close(found, "done", decider, at, done.outcome)
    _note(found, "approve", by, at)
    return done


@verb
def reject(*, proposal_id: int, by: str, at: datetime, why: str = "") -> None:
    """Turn a proposal down, as somebody else than who proposed it; nothing is changed.

    :raises Refusal: there is no such open proposal, it has expired, or `by` made it or has no role that decides on it.
    """
    found, decider = _decidable(proposal_id, by, at)
    _close(found, "rejected", decider, at, why.replace("\x00", "").strip()[:REASON_MAX])
    _note(found, "reject", by, at)


@verb
def withdraw(*, proposal_id: int, by: str, at: datetime) -> None:
    """Take back a proposal of one's own; nothing is changed.

    :raises Refusal: there is no such open proposal, it has expired, or somebody else made it.
    """
    found = _open(proposal_id, at)
    maker = person(by)
    if maker != found.proposed_by:
        message = say("Only who made a proposal may withdraw it. Another person rejects it.")
        raise Refusal("proposal.not_yours", message, field="by")
    _close(found, "withdrawn", maker, at, "")
    _note(found, "withdraw", by, at)


def _executor(kind: str) -> Executor:
    if kind in EXECUTORS:
        return EXECUTORS[kind]
    message = say("Name one of these kinds of proposals: {kinds}.")
    raise Refusal("proposal.kind", message, field="kind", kinds=", ".join(EXECUTORS))


def _with_role(by: str, roles: frozenset[str], message: str) -> str:
    """Return who `by` is: the account of one of the platform's people who has one of the roles."""
    found = person(by)
    number = found.removeprefix(ACCOUNT)
    if number == found or not people.visitor(int(number)).staff & roles:
        raise Refusal("proposal.role", message, field="by", roles=", ".join(sorted(roles)))
    return found


def _open(proposal_id: int, at: datetime) -> Proposal:
    found = Proposal.objects.select_for_update().filter(id=proposal_id).first()
    number = str(proposal_id)
    if found is None:
        raise Refusal("proposal.unknown", say("There is no proposal {proposal}."), field="proposal", proposal=number)
    if found.state != "open":
        message = say("Proposal {proposal} is decided already.")
        raise Refusal("proposal.closed", message, field="proposal", proposal=number)
    if found.expires_at <= at:
        message = say("Proposal {proposal} has expired: nobody decided on it within 72 hours. Propose it again.")
        raise Refusal("proposal.expired", message, field="proposal", proposal=number)
    return found


def _decidable(proposal_id: int, by: str, at: datetime) -> tuple[Proposal, str]:
    """Return an open proposal, and the person who decides on it."""
    found = _open(proposal_id, at)
    message = say("{by} made this proposal; another person has to decide.")
    other_than(proposed_by=found.proposed_by, by=by, code="proposal.two_people", message=message)
    roles = _executor(found.kind).deciders
    return found, _with_role(by, roles, say("Only these roles may decide on this: {roles}."))


def _close(found: Proposal, state: str, by: str, at: datetime, outcome: str) -> None:
    Proposal.objects.filter(id=found.id).update(state=state, decided_by=by, decided_at=at, outcome=outcome)


def _note(found: Proposal, what: str, by: str, at: datetime) -> None:
    detail = {
        "proposal": str(found.id),
        "kind": found.kind,
        "sha256": found.content_hash,
        "commitment": commitment(salt=_salt(found), content_hash=found.content_hash),
    }
    note(act=f"proposal.{what}", about=found.about, detail=detail, at=at, by=by)


def _salt(found: Proposal) -> str:
    """Return a proposal's salt; one that a process of an older release made is given its salt now."""
    if not found.salt:
        found.salt = secrets.token_hex(SALT_BYTES)
        Proposal.objects.filter(id=found.id).update(salt=found.salt)
    return found.salt


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
