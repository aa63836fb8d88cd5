"""Proposals: what one person wants changed, and another decides on."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema
from pydantic import Field, StringConstraints

from greenloop.api import access, clock, paging
from greenloop.api.access import Staff
from greenloop.api.fields import Body, Document, number
from greenloop.api.paging import Asked, Page
from greenloop.api.trust import shown
from greenloop.api.trust.proposing import keep
from greenloop.api.trust.shown import ApproveIn, ProposalOut, ProposedOut, Reason
from greenloop.api.writing import write
from greenloop.core.people.roles import DECIDERS
from greenloop.services.trust import proposals as verbs
from greenloop.services.trust.executors import Done
from greenloop.services.trust.proposals import REASON_MAX
from greenloop.store.queries import trust

router = Router(tags=["proposals"])
PROPOSERS = ("operator", "finance", "marketing")
Why = Annotated[str, StringConstraints(strict=True, max_length=REASON_MAX, pattern=r"^[^\x00]*$")]


Content = Annotated[Document, Field(max_length=50)]


class ProposalIn(Body):
    """A change and why. What `content` holds depends on the kind; docs/api.md lists it."""

    kind: Literal[
        "rules.publish",
        "rate.set",
        "key.rotate",
        "client.extend",
        "correction",
        "deposit.take",
        "case.close",
        "mint.stop",
        "mint.resume",
    ]
    content: Content
    reason: Reason


class RejectIn(Body):
    """Why it is turned down."""

    why: Why = ""


class DecidedOut(Schema):
    """A proposal that was decided on. `shown` is what is told once, such as a new key, and null ever after."""

    id: str
    state: str
    outcome: str
    shown: dict[str, str] | None


class Which(Schema):
    """Proposals that can be decided on, those that were, or all."""

    state: Literal["open", "closed", "all"] = "all"


WhichAsked = Annotated[Which, Query()]


@router.get(
    "/proposals", auth=Staff(), response=Page[ProposalOut], summary="List proposals", operation_id="listProposals"
)
def list_proposals(request: HttpRequest, which: WhichAsked, page: Asked) -> object:
    """List proposals, newest first; with `state=open` those that wait for a second person."""
    (before,) = paging.numbers(page, 1, (trust.LATEST,))
    read = {"open": trust.open_proposals, "closed": trust.closed_proposals, "all": trust.proposals}[which.state]
    rows = read(at=clock.now(), before=before, limit=page.limit + 1)
    return paging.page(rows, page, shown.proposal, lambda row: (row.id,))


@router.get(
    "/proposals/{proposal_id}",
    auth=Staff(),
    response=ProposalOut,
    summary="Read a proposal",
    operation_id="readProposal",
)
def read_proposal(request: HttpRequest, proposal_id: str) -> ProposalOut:
    """Return one proposal with its content and the hash that whoever approves it sends."""
    return shown.proposal(trust.proposal(number(proposal_id, "proposal.unknown"), at=clock.now()))


@router.post(
    "/proposals",
    auth=Staff(*PROPOSERS),
    response={202: ProposedOut},
    summary="Propose a change",
    operation_id="propose",
)
def propose(request: HttpRequest, body: ProposalIn) -> HttpResponse:
    """Propose a change for another person to approve within 72 hours; nothing is changed.

    Rules are for operators or finance to propose, corrections and deposits for finance, rate cards for operators or
    marketing, keys and a client's further merchants for operators. The same proposal by the same person is kept once.
    """
    return keep(request, kind=body.kind, content=body.content, reason=body.reason)


@router.post(
    "/proposals/{proposal_id}/approve",
    auth=Staff(*DECIDERS),
    response=DecidedOut,
    summary="Approve a proposal",
    operation_id="approveProposal",
)
def approve_proposal(request: HttpRequest, proposal_id: str, body: ApproveIn) -> HttpResponse:
    """Make a proposed change, exactly as it was seen, as another person than who proposed it.

    Whoever approves has authenticated within the last minutes. Approving `key.rotate` shows the new key this once; an
    answer that is given again leaves it out.
    """
    by, found = access.decider(request), number(proposal_id, "proposal.unknown")

    def answer(told: Done, secret: Any) -> DecidedOut:
        return DecidedOut(id=str(found), state="done", outcome=told.outcome, shown=secret)

    return write(
        request,
        lambda: verbs.approve(proposal_id=found, seen_hash=body.sha256, by=by, at=clock.now()),
        lambda done: answer(done, done.shown),
        kept=lambda done: answer(done, None),
    )


@router.post(
    "/proposals/{proposal_id}/reject",
    auth=Staff(*DECIDERS),
    response=DecidedOut,
    summary="Reject a proposal",
    operation_id="rejectProposal",
)
def reject_proposal(request: HttpRequest, proposal_id: str, body: RejectIn) -> HttpResponse:
    """Turn a proposal down, as another person than who proposed it; nothing is changed."""
    by, found = access.decider(request), number(proposal_id, "proposal.unknown")
    act = lambda: verbs.reject(proposal_id=found, by=by, at=clock.now(), why=body.why)  # noqa: E731
    return write(request, act, _closed(found, "rejected", body.why))


@router.post(
    "/proposals/{proposal_id}/withdraw",
    auth=Staff(*PROPOSERS),
    response=DecidedOut,
    summary="Withdraw a proposal",
    operation_id="withdrawProposal",
)
def withdraw_proposal(request: HttpRequest, proposal_id: str) -> HttpResponse:
    """Take back a proposal of one's own; nothing is changed."""
    by, found = access.decider(request), number(proposal_id, "proposal.unknown")
    act = lambda: verbs.withdraw(proposal_id=found, by=by, at=clock.now())  # noqa: E731
    return write(request, act, _closed(found, "withdrawn", ""))


def _closed(proposal_id: int, state: str, why: str) -> Callable[[None], DecidedOut]:
    return lambda _: DecidedOut(id=str(proposal_id), state=state, outcome=why.strip(), shown=None)
