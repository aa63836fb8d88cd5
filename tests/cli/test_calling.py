"""Clients and keys at the command line: the first key of an alliance is made there, later ones are proposed."""

import re
from collections.abc import Iterator

import pytest

from tests.cli.conftest import Town, sale
from tests.support.calling import Caller
from tests.support.ledger import fetch


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    """Serve as a server does, and let no key and no connection of the API's own threads outlive its test."""
    from django.core.management import call_command

    call_command("collectstatic", verbosity=0, interactive=False)
    yield
    from greenloop.api import callers, limits
    from greenloop.api.loop import till, wallet

    till.writer.rest()
    wallet.reader.rest()
    callers.forget()
    limits.forget()


def test_the_first_key_of_an_alliance_is_made_by_one_person(town: Town) -> None:
    made = town.call("client", "the baker's tills", "--merchant", "baker")
    assert "greenloop key the baker's tills" in made.out
    said = town.call("key", "the baker's tills", "--scope", "orders:write", "--scope", "merchants:read")
    found = re.search(r"glk_(\d+)_[\w-]{43}", said.out)
    assert found
    till = Caller(found.group())
    assert till.get("/v1/merchants/baker").json["rate_ppm"] == 80_000
    order = {key: value for key, value in sale(1).items() if key != "delivered"}
    assert till.post("/v1/orders", order).status == 201
    assert "is revoked" in town.call("revoke", found.group(1), "--by", "wu").out
    assert town.call("revoke", found.group(1), "--json", code=1).json["code"] == "key.unknown"


def test_once_there_are_people_a_key_takes_two_of_them(town: Town) -> None:
    town.call("client", "mall", "--partner", "--merchant", "baker", "--merchant", "grocer")
    first = town.call("key", "mall", "--json").json
    for name, role in (("Lin", "finance"), ("Wu", "operator")):
        town.call("staff", name, "--role", role)
    assert town.call("key", "mall", "--json", code=1).json["code"] == "proposal.missing"
    why = ("--revokes", first["key_id"], "--by", "Wu", "--reason", "a clerk left")
    made = town.call("key", "mall", "--sign", *why, "--json").json
    done = ("decide", made["proposal"], "--approve", made["sha256"], "--by", "Lin", "--json")
    token = town.call(*done).json["token"]
    assert token.startswith("glk_")
    assert Caller(token).get("/v1/merchants").code == "auth.must_sign"
    signed = Caller(token, signs=True).get("/v1/merchants")
    assert sorted(each["ref"] for each in signed.json["items"]) == ["baker", "grocer"]
    assert town.call("revoke", first["key_id"], "--json", code=1).json["code"] == "key.unknown"


def test_once_there_are_people_a_client_acts_for_more_merchants_when_two_say_so(town: Town) -> None:
    town.call("client", "mall", "--partner", "--merchant", "baker")
    town.call("client", "mall", "--partner", "--merchant", "grocer")
    for name, role in (("Lin", "finance"), ("Wu", "operator")):
        town.call("staff", name, "--role", role)
    town.call("client", "market", "--partner", "--merchant", "baker")
    asked = ("client", "market", "--partner", "--merchant", "baker", "--merchant", "grocer")
    assert town.call(*asked, "--json", code=1).json["code"] == "proposal.missing"
    made = town.call(*asked, "--by", "Wu", "--reason", "it grows", "--json").json
    done = ("decide", made["proposal"], "--approve", made["sha256"], "--by", "Lin", "--json")
    assert town.call(*done).json["state"] == "done"
    assert "may call the API" in town.call(*asked).out


def test_a_merchant_is_taken_away_from_a_client_by_one_person(town: Town) -> None:
    town.call("client", "mall", "--partner", "--merchant", "baker")
    town.call("staff", "Wu", "--role", "operator")
    said = town.call("withdraw", "mall", "baker", "--by", "Wu", "--json").json
    assert said == {"client": "mall", "merchant": "baker", "withdrawn": True}
    assert fetch("SELECT COUNT(*) FROM client_merchant") == [(0,)]
    assert town.call("withdraw", "mall", "baker", "--json").json["withdrawn"] is False
    assert town.call("withdraw", "nobody", "baker", "--json", code=1).json["code"] == "client.unknown"


def test_what_a_key_can_t_be_is_refused(town: Town) -> None:
    town.call("client", "mall", "--partner")
    assert town.call("key", "mall", "--scope", "everything", "--json", code=1).json["code"] == "key.scope"
    assert town.call("key", "nobody", "--json", code=1).json["code"] == "client.unknown"
    assert town.call("key", "mall", "--revokes", "7", "--json", code=1).json["code"] == "key.revokes"
    assert town.call("client", "till", "--json", code=1).json["code"] == "client.kind"
    assert town.call("client", "till", "--merchant", "nobody", "--json", code=1).json["code"] == "merchant.unknown"
