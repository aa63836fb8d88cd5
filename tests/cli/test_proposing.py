"""Two people at the command line: once the platform has people, one proposes rules and rates, another approves."""

import re

import pytest

from tests.cli.conftest import Town, day, sale
from tests.support.ledger import fetch


@pytest.fixture
def office(town: Town) -> Town:
    """Give the town with Lin in finance, Wu an operator and Shen an auditor."""
    for name, role in (("Lin", "finance"), ("Wu", "operator"), ("Shen", "auditor")):
        town.call("staff", name, "--role", role)
    return town


def rates() -> list[int]:
    query = "SELECT rate_ppm FROM rate_card c JOIN merchant m ON m.id = c.merchant_id WHERE m.ref = 'baker'"
    return sorted(int(row[0]) for row in fetch(query))


RATE = ("rate", "baker", "8.25", "--from", "2099-01-01T00:00:00+08:00")
WHY = ("--by", "Wu", "--reason", "agreed")


def test_a_rate_is_proposed_shown_and_approved_by_another(office: Town) -> None:
    said = office.call(*RATE, *WHY).out
    found = re.search(r"greenloop decide (\d+) --approve ([0-9a-f]{12}) --by NAME", " ".join(said.split()))
    assert found
    assert rates() == [80_000]
    number, mark = found.groups()
    assert number in office.call("proposals").out
    shown = office.call("proposals", number).out
    assert mark in shown
    assert '"rate_ppm": 82500' in shown
    own = office.call("decide", number, "--approve", mark, "--by", "wu", "--json", code=1).json
    assert own["code"] == "proposal.two_people"
    auditor = office.call("decide", number, "--approve", mark, "--by", "Shen", "--json", code=1).json
    assert auditor["code"] == "proposal.role"
    short = office.call("decide", number, "--approve", mark[:6], "--by", "Lin", "--json", code=1).json
    assert short["code"] == "proposal.changed"
    assert rates() == [80_000]
    assert "the change is made" in office.call("decide", number, "--approve", mark, "--by", "Lin").out
    assert rates() == [80_000, 82_500]
    assert office.call("proposals", "--json").lines == []
    (row,) = office.call("proposals", "--all", "--json").lines
    assert (row["state"], row["content"]["merchant"]) == ("done", "baker")


def test_changed_rules_are_proposed_and_approved_by_another(office: Town) -> None:
    args = ("publish", office.rules(refund_days=3), "--from", "2099-01-01T00:00:00+08:00", *WHY)
    made = office.call(*args, "--json").json
    assert fetch("SELECT COUNT(*) FROM rule_version") == [(1,)]
    office.call("decide", made["proposal"], "--approve", made["sha256"], "--by", "Lin")
    assert fetch("SELECT COUNT(*) FROM rule_version") == [(2,)]


def test_the_first_rules_of_an_alliance_need_one_person(bare: Town) -> None:
    bare.call("staff", "Wu", "--role", "operator")
    made = bare.call("publish", bare.rules(), "--by", "Wu", "--from", day(1, "00:00:00"), "--json").json
    assert made["rules"] == 1


def test_a_proposal_is_rejected_or_withdrawn(office: Town) -> None:
    first, second = (office.call(*RATE, *WHY[:3], why, "--json").json["proposal"] for why in ("one", "two"))
    assert first == second, "the same proposed again is the same proposal"
    office.call("decide", first, "--reject", "--by", "Lin")
    third = office.call(*RATE, *WHY, "--json").json["proposal"]
    refused = office.call("decide", third, "--withdraw", "--by", "Lin", "--json", code=1).json
    assert refused["code"] == "proposal.not_yours"
    office.call("decide", third, "--withdraw", "--by", "Wu")
    assert "withdrawn" in office.call("proposals", "--all").out
    assert rates() == [80_000]


def test_a_deposit_is_proposed_and_approved_by_another(office: Town) -> None:
    told = ("deposit", "baker", "D1", "30.00")
    assert office.call(*told, "--json", code=1).json["code"] == "proposal.missing"
    made = office.call(*told, "--by", "Lin", "--reason", "on bank-1", "--json").json
    assert fetch("SELECT COUNT(*) FROM deposit") == [(0,)]
    office.call("decide", made["proposal"], "--approve", made["sha256"], "--by", "Wu")
    assert fetch("SELECT deposit_no, amount_fen FROM deposit") == [("D1", 3_000)]


def test_an_advance_pays_a_refund_that_waits(office: Town) -> None:
    office.orders(sale(1), sale(2, cash_fen=500_000), at=day(2))
    office.call("confirm", "bank-1", "--until", day(2, "23:59:59"), "--at", day(3))
    office.call("settle", "--at", day(22))
    office.call("payout", "--at", day(22))
    refund = ("refund", "baker", "B1", "R1", "28.50")
    assert office.call(*refund, "--at", day(23), "--json").json["state"] == "pending"
    advance = ("advance", "baker", "B1", "R1", "30", "--reason", "Bo waits", "--at", day(23), "--json")
    assert office.call(*advance, "--by", "Wu", code=1).json["code"] == "proposal.role"
    made = office.call(*advance, "--by", "Lin").json
    office.call("decide", made["proposal"], "--approve", made["sha256"], "--by", "Wu", "--at", day(23))
    assert office.call(*refund, "--at", day(23), "--json").json["state"] == "paid"


@pytest.mark.parametrize(
    ("args", "field"),
    [
        ((*RATE, "--by", "Wu"), "--reason"),
        ((*RATE, "--reason", "agreed"), "--by"),
        (("rate", "baker", "8.25", *WHY), "--from"),
        ((*RATE, "--by", "Shen", "--reason", "x"), "by"),
        ((*RATE, "--by", "nobody", "--reason", "x"), "by"),
        (("decide", "12", "--by", "Wu"), "--approve"),
        (("decide", "12", "--by", "Wu", "--reject", "--withdraw"), "--approve"),
        (("decide", "12", "--by", "Wu", "--reject"), "proposal"),
        (("decide", "x", "--by", "Wu", "--reject"), "NUMBER"),
        (("proposals", "12"), "proposal"),
    ],
)
def test_what_can_t_be_proposed_or_decided_names_its_field(office: Town, args: tuple[str, ...], field: str) -> None:
    assert office.call(*args, "--json", code=1).json["field"] == field
    assert rates() == [80_000]
    assert fetch("SELECT COUNT(*) FROM proposal") == [(0,)]
