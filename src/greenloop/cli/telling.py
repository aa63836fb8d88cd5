"""Webhooks: where clients are told of what happens, what was sent there, and what is sent again."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from greenloop.cli import database
from greenloop.cli.answer import Answer, count, done, moment, pairs, table, text
from greenloop.cli.app import LOOK, RULES, command
from greenloop.cli.reading import At, instant, now, number
from greenloop.cli.words import gettext
from greenloop.core.faults import Refusal, say

if TYPE_CHECKING:
    from rich.console import RenderableType

    from greenloop.store.queries.outbox import DeliveryRow, EndpointRow

ROWS = 20
STATES = {"waiting": say("waiting"), "done": say("arrived"), "given_up": say("given up")}
ENDED = {"asked": say("ended"), "gone": say("gone"), "key": say("without a key")}
By = Annotated[str, typer.Option("--by", metavar="NAME", help=say("Who does this: it is kept beside what was done."))]


@command("webhooks", panel=LOOK, help=say("List where clients are told of what happens; with a number, what was sent."))
def webhooks(
    endpoint: Annotated[str | None, typer.Argument(metavar="NUMBER", help=say("The endpoint's number."))] = None,
    delivery: Annotated[
        str | None, typer.Option("--delivery", metavar="NUMBER", help=say("One delivery: what is sent, and each try."))
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help=say("Also endpoints that have ended."))] = False,
    given_up: Annotated[bool, typer.Option("--given-up", help=say("Only deliveries that were given up."))] = False,
) -> Answer:
    """List endpoints, or show one with its last deliveries, or one delivery."""
    database.reading()
    from greenloop.store.queries import outbox

    if delivery is not None:
        return _delivery(outbox.delivery(number(delivery, "--delivery")))
    if endpoint is not None:
        row = outbox.endpoint(number(endpoint, "NUMBER"))
        return _endpoint(row, outbox.deliveries(row.id, state="given_up" if given_up else "", limit=ROWS))
    return _listed([(row, outbox.deliveries(row.id, limit=1)) for row in outbox.endpoints(live=not everything)])


@command("webhook", panel=RULES, help=say("Let a client be told of what happens, at an address; or end it there."))
def webhook(  # noqa: PLR0917
    client: Annotated[str, typer.Argument(help=say("The client's name."))],
    url: Annotated[str, typer.Argument(metavar="URL", help=say("Where events are sent: https, on the internet."))],
    kinds: Annotated[
        list[str] | None,
        typer.Option("--kind", metavar="KIND", help=say("What it is told of, such as refund.paid; all without one.")),
    ] = None,
    new_secret: Annotated[
        bool, typer.Option("--new-secret", help=say("Draw a new secret; for a day the old one signs beside it."))
    ] = False,
    end: Annotated[bool, typer.Option("--end", help=say("End it: nothing is sent there any more."))] = False,
    by: By = "console",
    at: At = None,
) -> Answer:
    """Register an endpoint, draw it a new secret, or end it. A secret is shown once."""
    if bool(kinds) + new_secret + end > 1:
        message = say("Register an address, draw a new secret for it, or end it; one of them.")
        raise Refusal("webhook.what", message, field="--end" if end else "--new-secret")
    with database.writing():
        from greenloop.services.outbox import endpoints
        from greenloop.services.outbox.kinds import KINDS

        present = now(at)
        if end:
            row = _live(client, url)
            endpoints.end(endpoint_id=row.id, by=by, at=present)
            sentence = gettext("{client} is told of nothing at {url} any more.").format(client=client, url=url)
            return done(sentence, webhook=str(row.id), ended=True)
        if new_secret:
            made = endpoints.rotate(endpoint_id=_live(client, url).id, by=by, at=present)
        else:
            made = endpoints.register(client=client, url=url, kinds=kinds or tuple(KINDS), by=by, at=present)
    facts = {"webhook": str(made.id), "secret": made.secret}
    if made.secret is None:
        return done(gettext("It is endpoint {webhook} already; its secret was shown before.").format(**facts), **facts)
    told = gettext("Endpoint {webhook}. Its secret is shown this once; the receiver checks signatures with it:")
    return Answer(facts, [text(told.format(**facts)), text(made.secret)])


@command(
    "resend", panel=LOOK, help=say("Send again what an endpoint was given up, or one delivery, under the same ids.")
)
def resend(
    endpoint: Annotated[str | None, typer.Argument(metavar="NUMBER", help=say("The endpoint's number."))] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="INSTANT", help=say("What it was given up since then."))
    ] = None,
    delivery: Annotated[
        str | None,
        typer.Option("--delivery", metavar="NUMBER", help=say("This delivery alone, whatever became of it.")),
    ] = None,
    by: By = "console",
    at: At = None,
) -> Answer:
    """Send again."""
    if (endpoint is None) == (delivery is None) or (endpoint is None) != (since is None):
        message = say("Name an endpoint and since when, or one delivery.")
        raise Refusal("resend.what", message, field="--delivery" if endpoint is None else "--since")
    with database.writing():
        from greenloop.services.outbox.replay import replay, replay_given_up

        if delivery is not None:
            sent = int(replay(delivery_id=number(delivery, "--delivery"), by=by, at=now(at)))
        else:
            since_at = instant(since or "", "--since")
            named = number(endpoint or "", "NUMBER")
            sent = replay_given_up(endpoint_id=named, since_at=since_at, by=by, at=now(at))
    return done(gettext("Sent again within seconds: {count}.").format(count=count(sent)), deliveries=sent)


def _live(client: str, url: str) -> "EndpointRow":
    """Return a client's endpoint at an address.

    :raises Refusal: it has none there.
    """
    from greenloop.store.queries import outbox

    for row in outbox.endpoints(live=True):
        if (row.client, row.url) == (client, url):
            return row
    message = say("{client} is told of nothing at {url}. See greenloop webhooks.")
    raise Refusal("webhook.unknown", message, field="URL", client=client, url=url)


def _listed(found: "list[tuple[EndpointRow, list[DeliveryRow]]]") -> Answer:
    columns = [
        *(gettext("endpoint"), gettext("client"), gettext("address"), gettext("state"), gettext("waiting")),
        *(gettext("given up"), gettext("last answer")),
    ]
    rows = [
        (
            *(row.id, row.client, row.url, _state(row), count(row.waiting), count(row.given_up)),
            _answered(last[0]) if last else "–",
        )
        for row, last in found
    ]
    facts = [_facts(row) | {"last": _sent(last[0]) if last else None} for row, last in found]
    return Answer(facts, [table(gettext("Webhooks"), columns, rows)], lines=True)


def _endpoint(row: "EndpointRow", sent: "list[DeliveryRow]") -> Answer:
    known = [
        (gettext("client"), row.client),
        (gettext("address"), row.url),
        (gettext("told of"), ", ".join(row.kinds)),
        (gettext("state"), _state(row)),
        (gettext("since"), moment(row.created_at)),
        (gettext("the old secret signs until"), moment(row.old_secret_until_at)),
        (gettext("waiting"), count(row.waiting)),
        (gettext("given up"), count(row.given_up)),
    ]
    columns = [
        *(gettext("delivery"), gettext("happened"), gettext("what"), gettext("state"), gettext("tries")),
        *(gettext("last answer"), gettext("next try")),
    ]
    rows = [
        (
            *(each.id, moment(each.happened_at), each.kind, gettext(STATES[each.state]), count(each.attempts)),
            *(_answered(each), moment(each.next_at)),
        )
        for each in sent
    ]
    facts = _facts(row) | {"deliveries": [_sent(each) for each in sent]}
    return Answer(facts, [pairs(str(row.id), known), table(gettext("Deliveries, newest first"), columns, rows)])


def _delivery(row: "DeliveryRow") -> Answer:
    from greenloop.store.queries import outbox

    body, tries = json.loads(outbox.body(row.event_id)), outbox.attempts(row.id)
    known = [
        (gettext("endpoint"), row.endpoint_id),
        (gettext("state"), gettext(STATES[row.state])),
        (gettext("happened"), moment(row.happened_at)),
        (gettext("next try"), moment(row.next_at)),
        ("webhook-id", row.event_id),
    ]
    columns = [gettext("try"), gettext("when"), gettext("answer"), gettext("ms"), gettext("what went wrong")]
    rows = [
        (each.number, moment(each.at), each.status or gettext("none"), count(each.took_ms), each.fault or "–")
        for each in tries
    ]
    shown: list[RenderableType] = [pairs(str(row.id), known)]
    if tries:
        shown.append(table(gettext("Tries, newest first"), columns, rows))
    shown.append(text(json.dumps(body, indent=2, ensure_ascii=False)))
    return Answer(_sent(row) | {"body": body, "tries": [asdict(each) for each in tries]}, shown)


def _state(row: "EndpointRow") -> str:
    return gettext("live") if row.ended_at is None else gettext(ENDED[row.ended_why])


def _answered(row: "DeliveryRow") -> str:
    return str(row.status or row.fault or "–")


def _facts(row: "EndpointRow") -> dict[str, object]:
    facts = asdict(row)
    facts["client_id"] = str(row.client_id)
    return {"webhook": str(facts.pop("id")), **facts}


def _sent(row: "DeliveryRow") -> dict[str, object]:
    facts = asdict(row) | {"endpoint_id": str(row.endpoint_id), "event_id": str(row.event_id)}
    return {"delivery": str(facts.pop("id")), **facts}
