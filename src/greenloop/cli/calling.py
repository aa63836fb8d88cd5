"""Callers of the API: clients and their keys. The first are made here; what is added later takes two people."""

from typing import Annotated

import typer

from greenloop.cli import database
from greenloop.cli.answer import Answer, moment, text
from greenloop.cli.app import RULES, command
from greenloop.cli.proposing import Maker, Reason, proposed
from greenloop.cli.reading import At, now, number
from greenloop.cli.words import gettext
from greenloop.core.faults import Refusal, say
from greenloop.core.people.scopes import SCOPES


@command("client", panel=RULES, help=say("Register a caller of the API: a merchant's tills, or a partner."))
def client(  # noqa: PLR0917
    name: Annotated[str, typer.Argument(help=say("The client's name."))],
    merchants: Annotated[
        list[str] | None, typer.Option("--merchant", metavar="REF", help=say("A merchant that it acts for."))
    ] = None,
    partner: Annotated[
        bool, typer.Option("--partner", help=say("A partner, such as a mall: it may act for many merchants, or none."))
    ] = False,
    by: Maker = None,
    reason: Reason = None,
    at: At = None,
) -> Answer:
    """Register a client; asked again, it acts for more merchants, or that is proposed once the platform has people."""
    kind = "partner" if partner else "merchant"
    with database.writing():
        from greenloop.services.people.clients import register_client
        from greenloop.store.queries import callers, trust

        present, known = now(at), callers.client_named(name)
        added = sorted(set(merchants or ()) - set(known.merchants)) if known else []
        if added and trust.has_staff():
            content = {"client": name, "merchants": added}
            return proposed(kind="client.extend", content=content, from_at=present, reason=reason, by=by, at=present)
        made = register_client(name=name, kind=kind, merchants=merchants or (), at=present)
    sentence = gettext("{client} may call the API once it has a key: greenloop key {client} --scope orders:write")
    facts = {"client_id": str(made), "client": name, "kind": kind, "merchants": merchants or []}
    return Answer(facts, [text(sentence.format(client=name))])


@command("withdraw", panel=RULES, help=say("Let a caller of the API act for a merchant no longer, at once."))
def withdraw(
    name: Annotated[str, typer.Argument(help=say("The client's name."))],
    merchant: Annotated[str, typer.Argument(metavar="REF", help=say("The merchant's ref."))],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help=say("Who withdraws it."))] = "console",
    at: At = None,
) -> Answer:
    """Withdraw a merchant from a client."""
    with database.writing():
        from greenloop.services.people.clients import withdraw_merchant

        gone = withdraw_merchant(client=name, merchant=merchant, by=by, at=now(at))
    sentence = gettext("{client} acts for {merchant} no longer.")
    told = text(sentence.format(client=name, merchant=merchant))
    return Answer({"client": name, "merchant": merchant, "withdrawn": gone}, [told])


@command("key", panel=RULES, help=say("Make a client's key for the API, shown once; or propose it, once two decide."))
def key(  # noqa: PLR0917
    client: Annotated[str, typer.Argument(help=say("The client's name."))],
    scopes: Annotated[
        list[str] | None,
        typer.Option("--scope", metavar="SCOPE", help=say("What it may do, such as orders:write; all without one.")),
    ] = None,
    sign: Annotated[
        bool, typer.Option("--sign", help=say("The key only signs requests, and is never sent itself."))
    ] = False,
    revokes: Annotated[
        str | None, typer.Option("--revokes", metavar="NUMBER", help=say("The key whose place it takes."))
    ] = None,
    by: Maker = None,
    reason: Reason = None,
    at: At = None,
) -> Answer:
    """Make a key, or propose it once the platform has people."""
    wanted = scopes or list(SCOPES)
    with database.writing():
        from greenloop.services.people.clients import issue_key
        from greenloop.store.queries import trust

        present = now(at)
        if trust.has_staff():
            content = {"client": client, "scopes": wanted, "must_sign": "yes" if sign else "no"}
            content |= {"revokes": str(number(revokes, "--revokes"))} if revokes else {}
            return proposed(kind="key.rotate", content=content, from_at=present, reason=reason, by=by, at=present)
        if revokes:
            message = say("Revoke the old key by itself: greenloop revoke NUMBER")
            raise Refusal("key.revokes", message, field="--revokes")
        made = issue_key(client=client, scopes=wanted, by="console", at=present, must_sign=sign)
    facts = {"key_id": str(made.id), "token": made.token, "expires_at": made.expires_at}
    sentence = gettext("Key {key} of {client}, good until {moment}. It is shown this once; keep it secret:")
    told = sentence.format(key=made.id, client=client, moment=moment(made.expires_at))
    return Answer(facts, [text(told), text(made.token)])


@command("revoke", panel=RULES, help=say("End a key of the API at once."))
def revoke(
    key: Annotated[str, typer.Argument(metavar="NUMBER", help=say("The key's number."))],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help=say("Who revokes it."))] = "console",
    at: At = None,
) -> Answer:
    """Revoke a key."""
    with database.writing():
        from greenloop.services.people.clients import revoke_key

        revoke_key(key_id=number(key, "NUMBER"), by=by, at=now(at))
    return Answer({"revoked": key}, [text(gettext("Key {key} is revoked.").format(key=key))])
