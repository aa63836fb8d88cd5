"""Statements against books: what agrees confirms cash, what doesn't is a case of a class, and nothing is silent."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from greenloop.core.faults import Refusal
from greenloop.services.books.reconciling import closing, fetching
from greenloop.services.books.reconciling.lines import BANK, INSTITUTION, Line, Listed
from greenloop.services.books.reconciling.statement import compare_again, take_statement
from greenloop.services.loop.confirm import confirm_cash
from greenloop.services.people.staff import appoint_staff
from greenloop.services.verb import verb
from greenloop.store import sql
from tests.support.custody import Custody, cases, unexplained
from tests.support.ledger import balances, execute, fetch, whole_database
from tests.support.town import Town


@pytest.fixture
def custody(town: Town) -> Custody:
    return Custody(town)


def test_a_line_that_agrees_to_the_fen_confirms_its_order_and_divides_its_payment(town: Town, custody: Custody) -> None:
    custody.sell("a", 100_000)
    custody.sell("b", 30_000)
    taken = custody.state(custody.line("payment", "a", 100_000), balance_fen=100_000)
    assert (taken.orders, taken.confirmed_fen, taken.gap_fen) == (1, 100_000, 0)
    assert balances()["trust:bank"] == 100_000
    assert balances()["trust:in_transit"] == 30_000
    # The concession of 10 % is split off; b is on no statement yet.
    assert fetch("SELECT amount_fen, payment FROM payment_instruction WHERE kind = 'split'") == [
        (10_000, custody.numbers["a"])
    ]
    assert unexplained() == 0


def test_cash_that_no_line_confirms_never_funds_a_cycle(town: Town, custody: Custody) -> None:
    custody.sell("a", 100_000)
    custody.sell("b", 30_000)
    custody.state(custody.line("payment", "a", 100_000), custody.line("payment", "b", 29_999))
    # Nobody confirms by hand what the institution's own lines have to confirm.
    assert confirm_cash(statement="by hand", at=town.at, paid_until_at=town.at) == 0
    assert town.vest(1).orders == 1
    assert fetch("SELECT order_no FROM orders WHERE entry_cycle IS NOT NULL") == [("a",)]


def test_a_wrong_amount_is_a_case_until_later_lines_make_up_for_it(town: Town, custody: Custody) -> None:
    custody.sell("a", 100_000)
    custody.state(custody.line("payment", "a", 99_000))
    assert cases() == [("wrong_amount", "payment", 100_000, 99_000, "open")]
    assert unexplained() == 0
    taken = custody.state(custody.line("payment", "a", 1_000, "T-rest"))
    assert (taken.orders, taken.confirmed_fen) == (1, 100_000)
    assert cases() == [("wrong_amount", "payment", 100_000, 99_000, "closed")]
    assert unexplained() == 0


def test_a_payment_listed_twice_under_two_numbers_is_a_case(town: Town, custody: Custody) -> None:
    custody.sell("a", 100_000)
    custody.state(custody.line("payment", "a", 100_000, "T1"), custody.line("payment", "a", 100_000, "T2"))
    assert cases() == [("wrong_amount", "payment", 100_000, 200_000, "open")]
    assert balances()["trust:bank"] == 0
    assert unexplained() == 0


def test_a_duplicate_after_the_order_was_confirmed_is_a_case_too(town: Town, custody: Custody) -> None:
    custody.sell("a", 100_000)
    custody.state(custody.line("payment", "a", 100_000, "T1"))
    custody.state(custody.line("payment", "a", 100_000, "T2"))
    assert cases() == [("wrong_amount", "payment", 100_000, 200_000, "open")]
    assert balances()["trust:bank"] == 100_000
    assert unexplained() == 0


def test_a_payment_without_an_order_is_ahead_at_first_and_extra_after_three_days(town: Town, custody: Custody) -> None:
    custody.ask("a", 5_000)
    custody.state(custody.line("payment", "a", 5_000))
    assert cases() == [("timing", "payment", 0, 5_000, "open")]
    town.later(days=3)
    compare_again(at=town.at)
    assert cases() == [("extra", "payment", 0, 5_000, "open")]
    town.sell("mei", "grocer", 5_000, order_no="a", confirmed=False)
    assert compare_again(at=town.at).confirmed_fen == 5_000
    assert cases() == [("extra", "payment", 0, 5_000, "closed")]
    assert unexplained() == 0


def test_an_order_on_no_statement_is_ahead_at_first_and_missing_after_three_days(town: Town, custody: Custody) -> None:
    custody.sell("a", 5_000)
    town.later(hours=1)
    custody.sell("b", 1_000)
    custody.state(custody.line("payment", "b", 1_000))
    assert cases() == [("timing", "payment", 5_000, 0, "open")]
    town.later(days=3)
    compare_again(at=town.at)
    # Nobody has sent the split of b either, for three days.
    assert cases() == [("missing", "payment", 5_000, 0, "open"), ("missing", "split", 100, 0, "open")]
    custody.state(custody.line("payment", "a", 5_000))
    assert cases()[0] == ("missing", "payment", 5_000, 0, "closed")
    assert balances()["trust:in_transit"] == 0


def test_what_came_after_a_statement_s_end_is_no_case(town: Town, custody: Custody) -> None:
    custody.sell("a", 5_000)
    line = custody.line("payment", "a", 5_000)
    town.later(hours=1)
    custody.sell("b", 1_000)
    custody.state(line)
    assert cases() == []


def test_a_payout_is_expected_once_the_institution_says_it_is_done(town: Town, custody: Custody) -> None:
    custody.sell("a", 100_000)
    custody.state(custody.line("payment", "a", 100_000))
    assert town.day(2).pay_out() == {"grocer": 90_000}
    compare_again(at=town.at)
    assert (cases(), unexplained()) == ([], 0)
    custody.done("payout/%")
    town.later(hours=1)
    custody.sell("b", 1_000)
    custody.state(custody.line("payment", "b", 1_000))
    assert cases() == [("timing", "payout", -90_000, 0, "open")]
    assert unexplained() == 0
    custody.state(Line("payout", custody.number("payout/%"), "T-out", -90_000, town.at), balance_fen=11_000)
    assert cases()[-1][4] == "closed"
    assert balances()["trust:bank"] == 11_000
    assert unexplained() == 0


def test_a_payout_of_another_amount_is_a_case(town: Town, custody: Custody) -> None:
    custody.sell("a", 100_000)
    custody.state(custody.line("payment", "a", 100_000))
    town.day(2).pay_out()
    custody.state(Line("payout", custody.number("payout/%"), "T-out", -90_001, town.at))
    assert cases() == [("wrong_amount", "payout", -90_000, -90_001, "open")]
    assert unexplained() == 0


def test_a_refund_goes_back_through_the_institution_and_is_matched(town: Town, custody: Custody) -> None:
    order = custody.sell("a", 100_000)
    custody.state(custody.line("payment", "a", 100_000))
    town.refund(order, 20_000)
    custody.done("refund/%")
    assert fetch("SELECT amount_fen, payment, order_no FROM payment_instruction WHERE kind = 'refund'") == [
        (20_000, custody.numbers["a"], "a")
    ]
    custody.state(Line("refund", custody.number("refund/%"), "T-r", -20_000, town.at), balance_fen=80_000)
    assert (cases(), unexplained(), balances()["trust:bank"]) == ([], 0, 80_000)


def test_an_order_refunded_before_its_cash_is_confirmed_agrees_in_the_end(town: Town, custody: Custody) -> None:
    order = custody.sell("a", 100_000)
    town.refund(order, 20_000)
    custody.done("refund/%")
    lines = [custody.line("payment", "a", 100_000), Line("refund", custody.number("refund/%"), "T-r", -20_000, town.at)]
    taken = custody.state(*lines, balance_fen=80_000)
    assert (taken.orders, taken.confirmed_fen) == (1, 80_000)
    assert (cases(), unexplained(), balances()["trust:bank"]) == ([], 0, 80_000)


def test_a_refund_of_an_order_paid_elsewhere_is_not_the_institution_s(town: Town) -> None:
    order = town.sell("mei", "grocer", 100_000)
    town.refund(order, 20_000)
    assert fetch("SELECT COUNT(*) FROM payment_instruction") == [(0,)]
    assert unexplained() == 0


def test_a_deposit_is_expected_on_a_statement(town: Town, custody: Custody) -> None:
    town.deposit("grocer", 5_000)
    assert unexplained() == 0
    custody.state(Line("bring", custody.number("deposit/%"), "T-d", 5_000, town.at), balance_fen=5_000)
    assert (cases(), unexplained()) == ([], 0)


def test_a_line_of_nothing_we_know_is_a_case(town: Town, custody: Custody) -> None:
    custody.state(Line("other", "fee of March", "T-x", -300, town.at - timedelta(days=4)))
    assert cases() == [("extra", "other", 0, -300, "open")]
    assert unexplained() == 0


def test_a_statement_is_taken_once(town: Town, custody: Custody) -> None:
    custody.sell("a", 100_000)
    line = custody.line("payment", "a", 100_000)
    first = custody.state(line, name="2026-01-05 a.m.")
    before = whole_database()
    again = custody.state(line, name="2026-01-05 a.m.")
    assert (again.again, again.orders, whole_database()) == (True, 0, before)
    # A line that comes again in a longer file is the same line.
    later = custody.state(line, custody.line("payment", "zzz", 7), name="2026-01")
    assert (first.fresh, later.lines, later.fresh) == (1, 2, 1)


def test_two_quiet_days_with_the_same_bytes_are_two_statements(town: Town) -> None:
    for name in ("2026-01-05", "2026-01-06"):
        taken = take_statement(
            listed=Listed(INSTITUTION, ()), name=name, file_hash="0" * 64, by="lin", at=town.later(days=1).at
        )
        assert (taken.lines, taken.again) == (0, False)
    assert fetch("SELECT COUNT(*) FROM payment_statement") == [(2,)]


def test_a_file_under_another_name_brings_nothing_new(town: Town, custody: Custody) -> None:
    custody.sell("a", 100_000)
    listed = Listed(INSTITUTION, (custody.line("payment", "a", 100_000),))
    first = take_statement(listed=listed, name="one", file_hash="0" * 64, by="lin", at=town.at)
    again = take_statement(listed=listed, name="two", file_hash="0" * 64, by="lin", at=town.at)
    assert (first.fresh, again.fresh, again.orders) == (1, 0, 0)
    assert (balances()["trust:bank"], unexplained()) == (100_000, 0)


def test_a_line_that_moves_nothing_is_passed_over(town: Town, custody: Custody) -> None:
    taken = custody.state(custody.line("other", "a fee of nothing", 0), custody.line("payment", "b", 7))
    assert (taken.lines, taken.fresh) == (2, 1)


def test_who_has_no_role_for_it_takes_no_statement(town: Town) -> None:
    account = appoint_staff(name="ann", roles={"auditor"}, at=town.at, password="a password that is long")
    for by in ("ann", f"account/{account}"):
        with pytest.raises(Refusal) as refused:
            take_statement(listed=Listed(INSTITUTION, ()), name="s", file_hash="0" * 64, by=by, at=town.at)
        assert refused.value.code == "staff.may_not"


def test_a_name_stands_for_one_file_and_a_line_for_one_amount(town: Town, custody: Custody) -> None:
    line = custody.line("payment", "a", 100_000)
    custody.state(line, name="s")
    before = whole_database()
    with pytest.raises(Refusal) as refused:
        take_statement(listed=Listed(INSTITUTION, (line,)), name="s", file_hash="1" * 64, by="lin", at=town.at)
    assert refused.value.code == "statement.conflict"
    with pytest.raises(Refusal) as refused:
        custody.state(custody.line("payment", "a", 1))
    assert refused.value.code == "statement.line"
    with pytest.raises(Refusal) as refused:
        custody.state(replace(line, number="c2"))
    assert refused.value.code == "statement.line"
    with pytest.raises(Refusal) as refused:
        custody.state(line, name="x" * 65)
    assert refused.value.code == "statement.name"
    assert whole_database() == before


def test_a_missing_file_shows_as_a_gap(town: Town, custody: Custody) -> None:
    custody.sell("a", 100_000)
    assert custody.state(custody.line("payment", "a", 100_000), balance_fen=150_000).gap_fen == 50_000


def test_a_bank_s_balance_goes_on_from_the_statement_before(town: Town, custody: Custody) -> None:
    first = Line("settlement", "day/2026-01-05", "B1", 300, town.at)
    assert custody.state(first, account=BANK, balance_fen=10_300).gap_fen == 0
    town.later(days=1)
    second = Line("settlement", "day/2026-01-06", "B2", 50, town.at)
    assert custody.state(second, account=BANK, balance_fen=10_350).gap_fen == 0
    town.later(days=1)
    third = Line("settlement", "day/2026-01-07", "B3", 7, town.at)
    assert custody.state(third, account=BANK, balance_fen=10_364).gap_fen == 7


def test_two_people_explain_a_case_and_its_cash_stays_unconfirmed(town: Town, custody: Custody) -> None:
    custody.sell("a", 100_000)
    custody.state(custody.line("payment", "a", 99_000))
    close(town, "the payer's bank kept 10 yuan")
    compare_again(at=town.at)
    custody.state(custody.line("payment", "zzz", 7))
    assert cases()[0] == ("wrong_amount", "payment", 100_000, 99_000, "closed")
    assert balances()["trust:bank"] == 0
    assert unexplained() == 0
    # What makes up for it later is seen, and confirms the cash after all.
    assert custody.state(custody.line("payment", "a", 1_000, "T-rest")).confirmed_fen == 100_000
    assert unexplained() == 0


def test_a_difference_that_changes_after_it_was_explained_opens_again(town: Town, custody: Custody) -> None:
    custody.sell("a", 100_000)
    custody.state(custody.line("payment", "a", 99_000))
    close(town, "looked at")
    custody.state(custody.line("payment", "a", 500, "T-more"))
    assert cases() == [("wrong_amount", "payment", 100_000, 99_500, "open")]


def close(town: Town, outcome: str) -> None:
    """Close the first case, as the executor of two people's proposal does."""

    @verb
    def closed() -> None:
        ((number,),) = fetch("SELECT MIN(id) FROM reconciliation_case")
        closing.write(closing.checked(case=number, outcome=outcome), by="account/1", at=town.at)

    closed()


def test_the_bank_s_daily_sum_is_the_institution_s_day(town: Town, custody: Custody) -> None:
    custody.sell("a", 100_000)
    custody.state(Line("settlement", "day/2026-01-04", "B0", 1, town.at), account=BANK)
    lines = custody.line("payment", "a", 100_000), custody.line("split", "a", 10_000)
    town.later(days=1)
    custody.state(*lines, name="2026-01-05")
    custody.state(Line("settlement", "day/2026-01-05", "B1", 100_000, town.at), account=BANK)
    custody.state(Line("settlement", "day/2026-01-06", "B2", 300, town.at), account=BANK)
    found = [case for case in cases() if case[1] == "settlement"]
    assert found == [("timing", "settlement", 0, 1, "open"), ("timing", "settlement", 0, 300, "open")]


def test_the_first_day_of_statements_is_found_without_reading_every_instruction(town: Town, custody: Custody) -> None:
    first = town.today()
    custody.sell("a", 100_000)
    town.later(days=1)
    custody.sell("b", 30_000)
    with CaptureQueriesContext(connection) as captured:
        found = fetching._missing(town.calendar, first + timedelta(days=3))
    assert found == [first + timedelta(days=days) for days in range(3)]
    (asked,) = (each["sql"] for each in captured if "made_at" in each["sql"])
    with transaction.atomic():
        if sql.is_postgresql():
            # Of two rows it would read both; told not to, it does so only where no index gives the order.
            execute("SET LOCAL enable_seqscan = off")
        explain = "EXPLAIN" if sql.is_postgresql() else "EXPLAIN QUERY PLAN"
        plan = "\n".join(str(row[-1]) for row in fetch(f"{explain} {asked}"))
    assert re.search(r"Index Scan using payment_instruction_pkey|USING INDEX sqlite_autoindex_payment_in", plan), plan
    assert not re.search("Sort|B-TREE|Seq Scan", plan), plan
