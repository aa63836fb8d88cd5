"""Large draws and spends that are held: what waits, one of them in full, and the decision on it."""

from typing import Annotated, Any

import typer

from greenloop.cli import database
from greenloop.cli.answer import Answer, moment, money, pairs, table, text
from greenloop.cli.app import MONEY, command
from greenloop.cli.reading import At, By, now, number
from greenloop.cli.words import gettext
from greenloop.core.faults import Refusal, say

SHOWN_MAX = 50
HASH_MIN = 12
"""So many of a hash's 64 characters tell which claim somebody has seen."""

Number = Annotated[str, typer.Argument(metavar="NUMBER", help=say("The claim's number."))]


@command("claims", panel=MONEY, help=say("List large draws and spends that wait; with a number, show one in full."))
def claims(
    claim: Annotated[str | None, typer.Argument(metavar="NUMBER", help=say("The claim's number."))] = None,
    everything: Annotated[bool, typer.Option("--all", help=say("Also those decided, newest first."))] = False,
) -> Answer:
    """List claims, or show one."""
    database.reading()
    from greenloop.store.queries import claims as rows_of

    if claim is not None:
        return _one(rows_of.claim(number(claim, "NUMBER")))
    found = rows_of.claims(state="" if everything else "held", limit=SHOWN_MAX)
    columns = [gettext("claim"), gettext("kind"), gettext("account"), gettext("amount"), gettext("state")]
    rows = [(row.id, row.kind, row.account_id, money(row.amount_fen), row.state) for row in found]
    return Answer([_facts(row) for row in found], [table(gettext("Large draws and spends"), columns, rows)], lines=True)


def _one(row: Any) -> Answer:
    facts = [
        (gettext("kind"), row.kind),
        (gettext("state"), row.state),
        (gettext("account"), row.account_id),
        (gettext("pool or order"), row.pool or f"{row.merchant} · {row.order_no}"),
        (gettext("amount"), money(row.amount_fen)),
        (gettext("threshold of a day"), money(row.most_fen)),
        (gettext("left that day before"), money(row.day_fen)),
        (gettext("asked by"), row.asked_by),
        (gettext("asked for"), moment(row.asked_at)),
        (gettext("decided by"), row.decided_by or "–"),
        (gettext("why"), row.reason or "–"),
        (gettext("SHA-256 of the claim"), row.content_hash),
    ]
    return Answer(_facts(row), [pairs(str(row.id), facts)])


def _facts(row: Any) -> dict[str, object]:
    return {
        "claim": str(row.id),
        "kind": row.kind,
        "account_id": str(row.account_id),
        "pool": row.pool,
        "merchant": row.merchant,
        "order_no": row.order_no,
        "amount_fen": row.amount_fen,
        "day_fen": row.day_fen,
        "most_fen": row.most_fen,
        "state": row.state,
        "asked_by": row.asked_by,
        "asked_at": row.asked_at,
        "decided_by": row.decided_by,
        "decided_at": row.decided_at,
        "reason": row.reason,
        "until_at": row.until_at,
        "sha256": row.content_hash,
    }


@command("claim", panel=MONEY, help=say("As a second person, let a large draw or spend through, or turn it down."))
def claim(
    claim: Number,
    by: By,
    approve: Annotated[
        str | None, typer.Option("--approve", metavar="SHA256", help=say("Let through the claim with this hash."))
    ] = None,
    reject: Annotated[
        str | None, typer.Option("--reject", metavar="WHY", help=say("Turn it down, and say why: the holder reads it."))
    ] = None,
    at: At = None,
) -> Answer:
    """Decide on a claim."""
    if (approve is None) == (reject is None):
        message = say("Approve it with its hash, or reject it and say why; one of the two.")
        raise Refusal("claim.what", message, field="--approve")
    claim_id = number(claim, "NUMBER")
    with database.writing():
        from greenloop.services.loop import claim as verbs
        from greenloop.store.queries import claims as rows_of

        present, whole = now(at), rows_of.claim(claim_id).content_hash
        if approve is not None:
            seen = whole if len(approve) >= HASH_MIN and whole.startswith(approve) else approve
            done = verbs.approve(claim_id=claim_id, seen=seen, by=by, at=present)
            sentence = gettext("Claim {claim} is let through. A draw is drawn; a spend waits for its order.")
        else:
            done = verbs.reject(claim_id=claim_id, seen=whole, reason=reject or "", by=by, at=present)
            sentence = gettext("Claim {claim} is turned down: nothing moved.")
    told = {"claim": claim, "state": done.state, "amount_fen": done.amount_fen, "until_at": done.until_at}
    return Answer(told, [text(sentence.format(claim=claim))])
