"""`greenloop check --guardrails`: the list with live figures, for people and for programs, in both languages."""

from tests.cli.conftest import Town, day, sale
from tests.cli.test_speaking import CHINESE, needs_catalog
from tests.support.ledger import execute, fetch


def test_the_guardrails_are_listed_with_what_the_database_says(town: Town) -> None:
    town.orders(sale(1), sale(2), at=day(2))
    said = town.call("check", "--guardrails")
    assert "G15" in said.out
    assert "test_no_posting_joins_two_pools" in said.out
    assert "live figures are in order" in said.out
    told = town.call("check", "--guardrails", "--json").lines
    assert [each["guardrail"] for each in told] == [f"G{number}" for number in range(1, 16)]
    by_number = {each["guardrail"]: each for each in told}
    assert by_number["G12"]["live"][0]["looked_at"] > 0
    assert by_number["G15"]["lacking"]
    assert by_number["G5"]["lacking"] is None


def test_a_figure_that_is_off_is_said_and_ends_with_1(town: Town) -> None:
    execute("UPDATE merchant SET city = %s WHERE ref = 'baker'", "稳" + "赚城")
    said = town.call("check", "--guardrails", code=1)
    assert "G12 names" in said.out


@needs_catalog
def test_the_list_is_told_in_chinese(town: Town) -> None:
    said = town.call("check", "--guardrails", "--lang", "zh")
    assert CHINESE.search(said.out)


def test_one_person_changes_no_rules_that_anybody_has_bought_by(town: Town) -> None:
    changed = town.rules(refund_days=3)
    town.orders(sale(1), at=day(2))
    refused = town.call("publish", changed, "--by", "lin", "--from", day(12), "--at", day(3), "--json", code=1).json
    assert (refused["code"], refused["field"]) == ("rules.two_people", "--by")
    assert fetch("SELECT COUNT(*) FROM rule_version") == [(1,)]
