"""Cases at the API: listed by state, one with all that is known, for those who answer for the money."""

from greenloop.services.books.institution.collecting import Bill, collect
from greenloop.services.books.reconciling.lines import INSTITUTION, Line, Listed
from greenloop.services.books.reconciling.statement import take_statement
from tests.support.looking import staff_of
from tests.support.town import Town


def differ(town: Town) -> str:
    (number,) = collect(bills=[Bill("grocer", "A-7", 100_000)], at=town.at)
    town.sell("mei", "grocer", 100_000, order_no="A-7", confirmed=False)
    listed = Listed(INSTITUTION, (Line("payment", number, "T7", 99_000, town.at, "10 less"),))
    take_statement(listed=listed, name="2026-01-05 a.m.", file_hash="0" * 64, by="lin", at=town.at)
    return number


def test_a_case_is_listed_and_read_with_all_that_is_known(town: Town) -> None:
    number = differ(town)
    auditor, finance = staff_of("auditor"), staff_of("finance")
    (listed,) = auditor.get("/v1/cases?state=open").json["items"]
    assert (listed["difference"], listed["kind"], listed["number"], listed["state"]) == (
        *("wrong_amount", "payment", number, "open"),
    )
    assert (listed["expected_fen"], listed["found_fen"]) == (100_000, 99_000)
    assert auditor.get("/v1/cases?state=closed").json["items"] == []
    whole = auditor.get(f"/v1/cases/{listed['id']}").json
    assert {name: whole[name] for name in listed} == listed
    # A bank's words may name a payer: whoever only reads doesn't see them.
    for caller, text in ((auditor, ""), (finance, "10 less")):
        lines = caller.get(f"/v1/cases/{listed['id']}").json["lines"]
        assert [(line["trade_no"], line["amount_fen"], line["text"]) for line in lines] == [("T7", 99_000, text)]
    assert [(told["key"], told["state"]) for told in whole["instructions"]] == [
        (f"collect/{town.merchants['grocer']}/A-7", "waiting")
    ]
    assert whole["order"]
    assert auditor.get("/v1/cases/99").code == "case.unknown"
