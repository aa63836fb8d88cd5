"""Appointing staff, giving phones, seating people and forgetting them, from the command line."""

import re

import pytest
from django.conf import settings

from tests.cli.conftest import OPENING, Greenloop, Town, day

FIRST = re.compile(r"\b[a-z2-9]{5}(?:-[a-z2-9]{5}){3}\b")


def test_somebody_is_appointed_with_a_first_password_that_is_shown_once(town: Town) -> None:
    shown = town.call("staff", "Lin Wei", "--role", "operator").out
    assert len(FIRST.findall(shown)) == 1
    assert "second factor is set up at the first sign-in" in shown
    again = town.call("staff", "lin wei", "--role", "finance", "--json").json
    assert (again["roles"], again["password"]) == (["finance", "operator"], None)
    listed = town.call("staff", "--json").json
    assert [(row["name"], row["roles"], row["second_factor"]) for row in listed] == [
        ("Lin Wei", ["finance", "operator"], False)
    ]
    assert FIRST.findall(town.call("staff").out) == []


def test_a_loss_ends_in_a_new_first_password_with_the_same_roles(town: Town) -> None:
    first = town.call("staff", "Lin", "--role", "operator", "--json").json
    second = town.call("staff", "Lin", "--new-password", "--json").json
    assert second["roles"] == ["operator"]
    assert second["account"] == first["account"]
    assert FIRST.fullmatch(second["password"])
    assert second["password"] != first["password"]


def test_who_is_dismissed_stays_in_the_list_without_a_role_and_begins_anew_when_appointed_again(town: Town) -> None:
    town.call("staff", "Lin", "--role", "auditor")
    assert town.call("staff", "Lin", "--dismiss", "--json").json["dismissed"] is True
    assert town.call("staff", "--json").json[0]["roles"] == []
    assert "dismissed" in town.call("staff").out
    assert FIRST.fullmatch(town.call("staff", "Lin", "--role", "operator", "--json").json["password"])


@pytest.mark.parametrize(
    ("args", "field"),
    [
        (("staff", "Lin"), "role"),
        (("staff", "Lin", "--role", "owner"), "role"),
        (("staff", "Lin", "--role", "auditor", "--role", "operator"), "role"),
        (("staff", "--role", "operator"), "NAME"),
        (("staff", "Lin", "--dismiss", "--role", "operator"), "--dismiss"),
        (("staff", "Lin", "--dismiss"), "name"),
        (("staff", "", "--role", "operator"), "name"),
        (("phone", "nobody", "13800138000"), "holder"),
        (("phone", "99", "13800138000"), "account"),
        (("phone", "ana", "12"), "phone"),
        (("phone", "baker", "13800138000"), "account"),
        (("seat", "nobody", "13800138000"), "merchant"),
        (("seat", "baker", "010 6552"), "phone"),
        (("forget", "nobody"), "holder"),
        (("forget", "99"), "account"),
    ],
)
def test_what_cannot_be_done_names_its_field_and_writes_nothing(town: Town, args: tuple[str, ...], field: str) -> None:
    assert town.call(*args, "--json", code=1).json["field"] == field
    assert town.call("staff", "--json").json == []


def test_a_member_gets_a_phone_by_command_and_nobody_else_gets_it(town: Town) -> None:
    said = town.call("phone", "ana", "138 0013 8000")
    assert "138****8000" in said.out
    assert "13800138000" not in said.out
    refused = town.call("phone", "bo", "+86 13800138000", "--json", code=1).json
    assert (refused["code"], refused["field"]) == ("phone.taken", "phone")
    assert "ana" not in refused["error"]


def test_members_are_enrolled_with_their_phones(town: Town) -> None:
    head = "ref,city,enrolled_at,phone\n"
    good = town.write("good.csv", f"{head}cai,Ningbo,{OPENING},138-0013-8000\ndu,Ningbo,{OPENING},\n")
    town.call("enrol", "--members", good, "--at", day(2))
    town.call("enrol", "--members", good, "--at", day(2))
    assert town.call("phone", "du", "13800138000", "--json", code=1).json["code"] == "phone.taken"
    late = f"{head}fen,Ningbo,{OPENING},\nhe,Ningbo,{OPENING},138 0013 8000\n"
    refused = town.call("enrol", "--members", town.write("late.csv", late), "--json", code=1).json
    assert (refused["code"], refused["field"]) == ("phone.taken", "phone")
    assert town.call("wallet", "fen", "--json", code=1).json["code"] == "holder.unknown", "nobody is enrolled by halves"
    bad = town.write("bad.csv", f"{head}eva,Ningbo,{OPENING},13900139000\nfan,Ningbo,{OPENING},139\n")
    (fault,) = town.call("enrol", "--members", bad, "--at", day(2), "--json", code=1).lines
    assert (fault["line"], fault["field"]) == (3, "phone")
    assert town.call("wallet", "eva", "--json", code=1).json["code"] == "holder.unknown", "the file is refused whole"


def test_a_person_is_seated_at_a_merchant(town: Town) -> None:
    owner = town.call("seat", "baker", "13900139000", "--json").json
    clerk = town.call("seat", "grocer", "13900139000", "--clerk", "--json").json
    assert owner["account"] == clerk["account"]
    assert (owner["relation"], clerk["relation"]) == ("owner", "clerk")
    assert "acts for baker as owner" in town.call("seat", "baker", "13900139000").out
    assert town.call("seat", "grocer", "13900139000", "--end", "--json").json["ended"] is True
    assert town.call("seat", "grocer", "13900139000", "--end", "--json", code=1).json["code"] == "seat.unknown"


def test_a_person_is_forgotten_by_ref_or_by_the_number_of_the_account(town: Town) -> None:
    town.call("phone", "ana", "13800138000")
    seated = town.call("seat", "baker", "13900139000", "--json").json["account"]
    assert town.call("forget", "ana", "--json").json["forgotten"] is True
    assert town.call("forget", "ana", "--json").json["forgotten"] is False
    assert town.call("forget", seated, "--json").json["forgotten"] is True
    town.call("phone", "bo", "13800138000")
    assert town.call("wallet", "ana", "--json").json["ref"] == "ana"


def test_nobody_is_appointed_while_no_key_is_kept(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "GREENLOOP_IDENTITY_KEY_KEPT", False)
    refused = town.call("staff", "Lin", "--role", "operator", "--json", code=1).json
    assert refused["field"] == "GREENLOOP_IDENTITY_KEY"
    assert "greenloop migrate" in refused["error"]


def test_without_a_database_nobody_is_listed(greenloop: Greenloop) -> None:
    assert greenloop("staff", "--json", code=1).json["code"].startswith("database.")
