"""Proposals: what waits for a second person, one of them in full, and the decision on it."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import typer

from greenloop.cli import database
from greenloop.cli.answer import Answer, moment, pairs, table, text
from greenloop.cli.app import MONEY, RULES, command
from greenloop.cli.reading import At, By, amount_fen, now, number
from greenloop.cli.words import gettext
from greenloop.core.faults import Refusal, say

SHOWN_MAX = 50
HASH_MIN = 12
"""So many of a hash's 64 characters tell which content somebody has seen."""

Number = Annotated[str, typer.Argument(metavar="NUMBER", help=say("The proposal's number."))]
Reason = Annotated[str | None, typer.Option("--reason", help=say("Why it is proposed, once two people decide."))]
Maker = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help=say("Who proposes it, once two people decide."))
]


@command("proposals", panel=RULES, help=say("List what waits for a second person; with a number, show it in full."))
def proposals(
    proposal: Annotated[str | None, typer.Argument(metavar="NUMBER", help=say("The proposal's number."))] = None,
    everything: Annotated[
        bool, typer.Option("--all", help=say("Also those decided or expired, newest first."))
    ] = False,
) -> Answer:
    """List open proposals, or show one."""
    database.reading()
    from greenloop.store.queries import trust

    at = now()
    if proposal is not None:
        return _one(trust.proposal(number(proposal, "NUMBER"), at=at))
    found = trust.proposals(at=at, limit=SHOWN_MAX) if everything else trust.open_proposals(at=at, limit=SHOWN_MAX)
    columns = [gettext("proposal"), gettext("kind"), gettext("state"), gettext("why"), gettext("expires")]
    rows = [(row.id, row.kind, _states()[row.state], row.reason, moment(row.expires_at)) for row in found]
    return Answer([_facts(row) for row in found], [table(gettext("Proposals"), columns, rows)], lines=True)


def _one(row: Any) -> Answer:
    facts = [
        (gettext("kind"), row.kind),
        (gettext("state"), _states()[row.state]),
        (gettext("why"), row.reason),
        (gettext("proposed by"), row.proposed_by),
        (gettext("proposed"), moment(row.proposed_at)),
        (gettext("expires"), moment(row.expires_at)),
        (gettext("decided by"), row.decided_by or "–"),
        (gettext("SHA-256 of the content"), row.content_hash),
        (gettext("salt of the public log's commitment"), row.salt),
    ]
    content = json.dumps(row.document, indent=2, ensure_ascii=False)
    return Answer(_facts(row), [pairs(str(row.id), facts), text(content)])


def _facts(row: Any) -> dict[str, object]:
    return {
        "proposal": str(row.id),
        "kind": row.kind,
        "about": row.about,
        "state": row.state,
        "reason": row.reason,
        "proposed_by": row.proposed_by,
        "proposed_at": row.proposed_at,
        "expires_at": row.expires_at,
        "decided_by": row.decided_by,
        "decided_at": row.decided_at,
        "sha256": row.content_hash,
        "salt": row.salt,
        "content": row.document,
    }


def _states() -> dict[str, str]:
    return {
        "open": gettext("open"),
        "expired": gettext("expired"),
        "done": gettext("approved"),
        "rejected": gettext("rejected"),
        "withdrawn": gettext("withdrawn"),
    }


@command("decide", panel=RULES, help=say("As a second person, approve a proposal by its hash, or reject it."))
def decide(  # noqa: PLR0917
    proposal: Number,
    by: By,
    approve: Annotated[
        str | None, typer.Option("--approve", metavar="SHA256", help=say("Approve the content with this hash."))
    ] = None,
    reject: Annotated[bool, typer.Option("--reject", help=say("Turn it down; nothing is changed."))] = False,
    withdraw: Annotated[bool, typer.Option("--withdraw", help=say("Take back one's own."))] = False,
    at: At = None,
) -> Answer:
    """Decide on a proposal."""
    if (approve is not None) + reject + withdraw != 1:
        message = say("Approve it with its hash, reject it, or withdraw it; one of them.")
        raise Refusal("proposal.what", message, field="--approve")
    proposal_id = number(proposal, "NUMBER")
    with database.writing():
        from greenloop.services.trust import proposals as verbs
        from greenloop.store.queries import trust

        present = now(at)
        if approve is not None:
            whole = trust.proposal(proposal_id, at=present).content_hash
            seen = whole if len(approve) >= HASH_MIN and whole.startswith(approve) else approve
            done = verbs.approve(proposal_id=proposal_id, seen_hash=seen, by=by, at=present)
            if isinstance(done.shown, dict):
                return _shown_once(proposal, done.shown)
            state, sentence = "done", gettext("Proposal {proposal} is approved: the change is made.")
        elif reject:
            verbs.reject(proposal_id=proposal_id, by=by, at=present)
            state, sentence = "rejected", gettext("Proposal {proposal} is rejected: nothing is changed.")
        else:
            verbs.withdraw(proposal_id=proposal_id, by=by, at=present)
            state, sentence = "withdrawn", gettext("Proposal {proposal} is withdrawn: nothing is changed.")
    return Answer({"proposal": proposal, "state": state}, [text(sentence.format(proposal=proposal))])


def _shown_once(proposal: str, secret: Mapping[str, str]) -> Answer:
    """Answer with what an approval shows once and is never kept, such as a new key."""
    sentence = gettext("Proposal {proposal} is approved. This is shown once; keep it secret:")
    told = [text(sentence.format(proposal=proposal)), pairs(proposal, list(secret.items()))]
    return Answer({"proposal": proposal, "state": "done", **secret}, told)


@command("advance", panel=MONEY, help=say("Propose that the platform advances what a pending refund lacks."))
def advance(  # noqa: PLR0917
    merchant: Annotated[str, typer.Argument(help=say("The merchant's ref."))],
    order_no: Annotated[str, typer.Argument(metavar="ORDER", help=say("The order's number at the merchant."))],
    refund_no: Annotated[str, typer.Argument(metavar="REFUND", help=say("The refund's number at the merchant."))],
    amount: Annotated[str, typer.Argument(metavar="YUAN", help=say("How much at most."))],
    by: By,
    reason: Annotated[str, typer.Option("--reason", help=say("Why."))],
    at: At = None,
) -> Answer:
    """Propose an advance; it comes back from the merchant's next dues."""
    names = {"merchant": merchant, "order_no": order_no, "refund_no": refund_no}
    content = {"what": "advance", **names, "amount_fen": amount_fen(amount, "YUAN")}
    with database.writing():
        present = now(at)
        return proposed(kind="correction", content=content, from_at=present, reason=reason, by=by, at=present)


def proposed(
    *,
    kind: str,
    content: Mapping[str, object],
    from_at: datetime | None,
    reason: str | None,
    by: str | None,
    at: datetime,
) -> Answer:
    """Propose a change and answer how another person approves it; the database is open for writing.

    :raises Refusal: it is not said by whom, why or from when on, or the change couldn't be made.
    """
    from greenloop.services.trust.proposals import propose

    for given, field in ((by, "--by"), (reason, "--reason"), (from_at, "--from")):
        if given is None:
            message = say("Here two people decide on this: say {field_name}; another person then approves it.")
            raise Refusal("proposal.missing", message, field=field, field_name=field)
    made = propose(kind=kind, content=content, reason=reason or "", by=by or "", at=at)
    sentence = gettext(
        "Proposed under number {proposal}. Until {moment} another person approves it with: "
        "greenloop decide {proposal} --approve {hash} --by NAME"
    )
    told = sentence.format(proposal=made.id, moment=moment(made.expires_at), hash=made.content_hash[:HASH_MIN])
    facts = {"proposal": str(made.id), "sha256": made.content_hash, "expires_at": made.expires_at}
    return Answer(facts, [text(told)])
