"""Statements and cases at the command line, and the trial of payments with an institution that is a process."""

from datetime import UTC, datetime

import pytest

from greenloop.services.books.institution.collecting import Bill, collect
from tests.cli.conftest import Greenloop, Town, day, sale
from tests.support.databases import Database
from tests.support.ledger import fetch
from tests.support.trusting import trust_book

HEAD = "kind,number,trade_no,amount,booked_at\n"


def paid(town: Town) -> str:
    """Let one payer be asked for 100 yuan, and the order be taken; return the payment's number."""
    (number,) = collect(bills=[Bill("baker", "B1", 10_000)], at=datetime.fromisoformat(day(2)).astimezone(UTC))
    town.orders(sale(1, cash_fen=10_000), at=day(2))
    return number


def test_a_statement_is_taken_and_says_what_differs(town: Town) -> None:
    number = paid(town)
    line = f"payment,{number},T1,{{}},2024-01-02T05:00:00+00:00\n"
    short = town.write("short.csv", HEAD + line.format("99.00") + "balance,,,99.00,\n")
    asked = ("--profile", "sandbox", "--by", "lin", "--at", day(3))
    said = town.call("reconcile", short, *asked, "--json", code=1).json
    (case,) = said["open_cases"]
    assert (case["difference"], case["expected_fen"], case["found_fen"]) == ("wrong_amount", 10_000, 9_900)
    assert (said["confirmed_fen"], said["gap_fen"], said["tie"]["unexplained_fen"]) == (0, 0, 0)
    assert "another amount" in town.call("cases").out
    (listed,) = town.call("cases", str(case["id"]), "--json").lines
    assert listed["number"] == number
    rest = town.write("rest.csv", HEAD + line.format("1.00").replace("T1", "T2") + "balance,,,100.00,\n")
    said = town.call("reconcile", rest, *asked, "--name", "the rest").out
    assert "1 orders confirmed, 100.00 yuan" in said
    assert "No case is open." in said
    assert "No case is open." in town.call("cases").out
    assert town.call("cases", "--all", "--json").lines[0]["state"] == "closed"


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("reconcile", "nowhere.csv", "--profile", "sandbox", "--by", "lin"), "statement.file"),
        (("cases", "--close", "looked at", "--by", "lin", "--reason", "so"), "case.which"),
        (("cases", "99"), "case.unknown"),
        (("sandbox-institution", "--notices", "http://127.0.0.1:9/"), "institution.secret"),
    ],
)
def test_what_can_t_be_done_is_refused(town: Town, args: tuple[str, ...], code: str) -> None:
    assert town.call(*args, "--json", code=1).json["code"] == code


def test_a_case_is_closed_by_two_people(town: Town) -> None:
    for name, role in (("Lin", "finance"), ("Wu", "operator")):
        town.call("staff", name, "--role", role)
    number = paid(town)
    text = f"{HEAD}payment,{number},T1,99.00,2024-01-02T05:00:00+00:00\n"
    town.call("reconcile", town.write("s.csv", text), "--profile", "sandbox", "--by", "Lin", "--json", code=1)
    ((case,),) = fetch("SELECT id FROM reconciliation_case")
    made = town.call("cases", str(case), "--close", "1 yuan kept", "--by", "Lin", "--reason", "a letter", "--json").json
    assert fetch("SELECT state FROM reconciliation_case") == [("open",)]
    own = ("decide", made["proposal"], "--approve", made["sha256"], "--by", "Lin", "--json")
    assert town.call(*own, code=1).json["code"] == "proposal.two_people"
    town.call("decide", made["proposal"], "--approve", made["sha256"], "--by", "Wu")
    assert fetch("SELECT state, outcome FROM reconciliation_case") == [("closed", "1 yuan kept")]


def test_a_trial_with_an_institution_that_is_a_process(greenloop: Greenloop, database: Database) -> None:
    with trust_book(database):
        # Few payments leave merchants too little to bear what goes back: tests/scenarios tries that with hundreds.
        said = greenloop("sandbox", "--payments", "60", "--late", "20", "--back", "0", "--seed", "3", "--json").json
    assert said["payments"] == 60
    assert said["fates"]["late"] > 0
    assert [each["unexplained_fen"] for each in said["evenings"]] == [0] * len(said["evenings"])
    assert said["evenings"][0]["cases"]["timing"] > 0
    assert said["evenings"][-1]["cases"] == {}
