"""The payment institution is told once, after the commit and the trust book; what it says counts once, in any order."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenloop.core.books.instructions import state_of
from greenloop.core.faults import Refusal
from greenloop.services.books.checked import keep_check
from greenloop.services.books.institution import notices, sending
from greenloop.services.books.institution.collecting import Bill, collect
from greenloop.services.books.institution.failures import send_again
from greenloop.services.books.institution.gateway import Answer, Said, Told, Unreachable
from greenloop.services.books.institution.notices import ask_silent, take_notices
from greenloop.services.books.institution.sandbox import Sandbox
from greenloop.services.books.institution.sending import send_due
from greenloop.services.books.keeper import note_difference
from greenloop.services.books.reconciling.lines import Line, Listed
from greenloop.services.books.reconciling.statement import take_statement
from tests.support.institution import institution
from tests.support.ledger import execute, fetch, whole_database
from tests.support.town import Town

SAID = st.tuples(st.sampled_from(["success", "failed", "back"]), st.sampled_from([99, 100, 101]))


@given(said=st.lists(SAID, max_size=6), again=st.lists(st.integers(0, 5), max_size=6))
def test_a_state_depends_on_the_set_of_notices_only(said: list[tuple[str, int]], again: list[int]) -> None:
    heard = said + [said[place] for place in again if place < len(said)]
    assert {state_of(amount_fen=100, said=order) for order in (said, heard, heard[::-1])} == {
        state_of(amount_fen=100, said=said)
    }


def test_what_each_set_of_notices_means() -> None:
    assert state_of(amount_fen=100, said=[]) == "sent"
    assert state_of(amount_fen=100, said=[("success", 100)]) == "done"
    assert state_of(amount_fen=100, said=[("success", 101)]) == "disputed"
    assert state_of(amount_fen=100, said=[("success", 101), ("success", 100)]) == "done"
    assert state_of(amount_fen=100, said=[("failed", 100)]) == "failed"
    assert state_of(amount_fen=100, said=[("success", 100), ("back", 100)]) == "done"


def states() -> dict[str, str]:
    return dict(fetch("SELECT key, state FROM payment_instruction"))


def told(*bills: tuple[str, str, int]) -> list[Bill]:
    return [Bill(*bill) for bill in bills]


def said(town: Town, number: str, notice: str = "n1", outcome: str = "success", fen: int = 5_000) -> Said:
    return Said(notice, number, f"T{number}", outcome, fen, town.at, "0" * 64)


def test_a_payer_is_asked_once_per_order(town: Town) -> None:
    bills = told(("grocer", "a", 5_000), ("baker", "a", 700), ("grocer", "a", 5_000))
    first = collect(bills=bills, at=town.at)
    assert first[0] == first[2] != first[1]
    before = whole_database()
    assert collect(bills=bills, at=town.later(hours=1).at) == first
    assert whole_database() == before
    with pytest.raises(Refusal) as refused:
        collect(bills=told(("grocer", "b", 1), ("grocer", "a", 5_001)), at=town.at)
    assert (refused.value.code, refused.value.field) == ("collect.conflict", "cash_fen")
    assert whole_database() == before


@pytest.mark.parametrize(
    ("bill", "code"),
    [
        (("nobody", "a", 1), "collect.merchant"),
        (("grocer", "a", 0), "collect.amount"),
        (("grocer", "a", True), "collect.amount"),
        (("grocer", "", 1), "collect.no"),
        (("grocer", "a\x00", 1), "collect.no"),
        (("grocer", "a" * 65, 1), "collect.no"),
    ],
)
def test_what_can_t_be_asked_for_is_refused(town: Town, bill: tuple[str, str, int], code: str) -> None:
    with pytest.raises(Refusal) as refused:
        collect(bills=told(("grocer", "z", 5), bill), at=town.at)
    assert refused.value.code == code
    assert states() == {}


def test_each_payout_is_one_instruction_in_the_same_transaction(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    town.sell("lin", "baker", 50_000)
    town.day(2).pay_out()
    paid = fetch(
        "SELECT i.kind, i.amount_fen, i.state FROM payment_instruction i JOIN payout p ON p.id = i.subject_id "
        "AND p.merchant_id = i.merchant_id AND p.amount_fen = i.amount_fen AND p.journal_id = i.journal_id ORDER BY 2"
    )
    assert paid == [("payout", 40_000, "waiting"), ("payout", 90_000, "waiting")]


class Nobody:
    """An institution whose line is dead, or that says what it is told to say."""

    def __init__(self, answers: Sequence[Answer | None] = ()) -> None:
        self.told: list[Told] = []
        self.answers = list(answers)

    def pay_out(self, told: Told) -> Answer:
        self.told.append(told)
        answer = self.answers.pop(0) if self.answers else None
        if answer is None:
            raise Unreachable("nobody is there")
        return answer

    collect = split = refund = pay_out


@pytest.mark.books_broken_on_purpose
def test_nothing_leaves_before_the_trust_book_holds_its_journal(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    town.day(2).pay_out()
    gone = Nobody([Answer(is_accepted=True)])
    assert send_due(gateway=gone, at=town.at).accepted == 0  # type: ignore[arg-type]
    assert gone.told == []
    # As its keeper does, once it holds them. There is none here, and a proof would say so.
    execute("DELETE FROM pending_journal")
    assert send_due(gateway=gone, at=town.at).accepted == 1  # type: ignore[arg-type]
    assert [(each.kind, each.amount_fen, each.merchant) for each in gone.told] == [("payout", 90_000, "grocer")]


@pytest.mark.books_broken_on_purpose
def test_payouts_and_fees_written_before_the_books_broke_wait_until_they_hold(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    town.close_all([1, 2])
    town.transfer_fees(1)
    town.pay_out()
    collect(bills=told(("grocer", "a", 5_000)), at=town.at)
    execute("DELETE FROM pending_journal")
    note_difference(what="both books differ", at=town.at)
    gone = Nobody([Answer(is_accepted=True)] * 9)
    for _ in range(2):
        send_due(gateway=gone, at=town.later(hours=2).at)  # type: ignore[arg-type]
    assert [each.kind for each in gone.told] == ["collect"]
    keep_check(statements=9, broken=[], replayed=True, took_ms=1, by="wu", at=town.at, compared=True)
    send_due(gateway=gone, at=town.at)  # type: ignore[arg-type]
    assert sorted(each.kind for each in gone.told) == ["collect", "fee", "payout"]


@pytest.mark.books_broken_on_purpose
def test_a_split_waits_until_its_payment_s_number_is_known(town: Town) -> None:
    (number,) = collect(bills=told(("grocer", "a", 5_000)), at=town.at)
    gone = Nobody([Answer(is_accepted=True), Answer(is_accepted=True)])
    assert send_due(gateway=gone, at=town.at).accepted == 1  # type: ignore[arg-type]
    town.sell("mei", "grocer", 5_000, order_no="a", confirmed=False)
    listed = Listed("institution", (Line("payment", number, "T", 5_000, town.at),))
    take_statement(listed=listed, name="s", file_hash="0" * 64, by="lin", at=town.at)
    execute("DELETE FROM pending_journal")
    assert send_due(gateway=gone, at=town.at).accepted == 0  # type: ignore[arg-type]
    take_notices(said=[said(town, number)], at=town.at)
    assert send_due(gateway=gone, at=town.at).accepted == 1  # type: ignore[arg-type]
    assert (gone.told[-1].kind, gone.told[-1].amount_fen, gone.told[-1].trade_no) == ("split", 500, f"T{number}")


def test_what_can_t_be_sent_is_tried_again_later_and_later(town: Town) -> None:
    collect(bills=told(("grocer", "a", 5_000)), at=town.at)
    line = Nobody([None, None, Answer(is_accepted=True)])
    waits: list[timedelta] = []
    for _ in range(2):
        assert send_due(gateway=line, at=town.at).later == 1  # type: ignore[arg-type]
        assert send_due(gateway=line, at=town.at).later == 0  # type: ignore[arg-type]
        waits.append(sending.wait(len(waits) + 1))
        town.at += waits[-1]
    assert waits == [timedelta(seconds=5), timedelta(seconds=10)]
    assert send_due(gateway=line, at=town.at).accepted == 1  # type: ignore[arg-type]
    assert {each.number for each in line.told} == {line.told[0].number}
    assert fetch("SELECT state, attempts, fault FROM payment_instruction") == [("sent", 3, "")]
    assert sending.wait(100) == timedelta(hours=1)


def test_what_the_institution_refuses_for_good_isn_t_sent_again(town: Town) -> None:
    collect(bills=told(("grocer", "a", 5_000)), at=town.at)
    line = Nobody([Answer(is_accepted=False, fault="no such merchant")])
    assert send_due(gateway=line, at=town.at).refused == 1  # type: ignore[arg-type]
    assert send_due(gateway=line, at=town.later(days=1).at).refused == 0  # type: ignore[arg-type]
    assert fetch("SELECT state, fault FROM payment_instruction") == [("failed", "no such merchant")]
    # A payer stands at a till and can't pay: somebody has to look.
    assert fetch("SELECT kind, difference, expected_fen, state FROM reconciliation_case") == [
        ("notice", "failed", 5_000, "open")
    ]


@pytest.mark.books_broken_on_purpose
def test_a_payout_that_is_refused_for_good_is_a_case_at_once_and_can_be_sent_again(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    town.day(2).pay_out()
    execute("DELETE FROM pending_journal")
    line = Nobody([Answer(is_accepted=False, fault="no such account"), Answer(is_accepted=True)])
    assert send_due(gateway=line, at=town.at).refused == 1  # type: ignore[arg-type]
    number = line.told[0].number
    case = "SELECT kind, number, difference, expected_fen, found_fen, state, closed_by FROM reconciliation_case"
    assert fetch(case) == [("notice", number, "failed", 90_000, 0, "open", "")]
    with pytest.raises(Refusal) as refused:
        send_again(number="p1", by="lin", at=town.at)
    assert refused.value.code == "instruction.failed"
    send_again(number=number, by="lin", at=town.at)
    assert fetch(case) == [("notice", number, "failed", 90_000, 0, "closed", "lin")]
    assert fetch("SELECT act, about FROM audit_entry ORDER BY id DESC LIMIT 1") == [
        ("instruction.again", f"instruction/{number}")
    ]
    assert send_due(gateway=line, at=town.at).accepted == 1  # type: ignore[arg-type]
    assert [each.number for each in line.told] == [number, number]
    # What is said to have failed after all opens it again.
    take_notices(said=[said(town, number, outcome="failed", fen=90_000)], at=town.at)
    assert fetch(case)[0][2:6] == ("failed", 90_000, 0, "open")


class Silent(Nobody):
    """An institution that says nothing of anything."""

    def query(self, told: Told) -> None:
        self.told.append(told)


def test_who_was_asked_about_the_longest_ago_is_asked_about_first(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = collect(bills=told(*(("grocer", f"o{place}", 5_000) for place in range(3))), at=town.at)
    line = Silent([Answer(is_accepted=True)] * 3)
    send_due(gateway=line, at=town.at)  # type: ignore[arg-type]
    monkeypatch.setattr(notices, "BATCH", 2)
    asked: list[set[str]] = []
    for _ in range(3):
        line.told.clear()
        ask_silent(gateway=line, at=town.later(minutes=11).at)  # type: ignore[arg-type]
        asked.append({each.number for each in line.told})
    first, second, third = numbers
    assert asked == [{first, second}, {third, first}, {second, first}]


def test_asking_about_a_split_names_its_payment_s_number_and_amount(town: Town) -> None:
    (number,) = collect(bills=told(("grocer", "a", 5_000)), at=town.at)
    town.sell("mei", "grocer", 5_000, order_no="a", confirmed=False)
    listed = Listed("institution", (Line("payment", number, "T", 5_000, town.at),))
    take_statement(listed=listed, name="s", file_hash="0" * 64, by="lin", at=town.at)
    take_notices(said=[said(town, number)], at=town.at)
    execute("UPDATE payment_instruction SET state = 'sent', sent_at = made_at WHERE kind = 'split'")
    (found,) = notices.silent(at=town.later(minutes=11).at)
    assert (found.kind, found.payment, found.paid_fen, found.trade_no) == ("split", number, 5_000, f"T{number}")


def test_a_batch_ends_before_its_lease_does(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    collect(bills=told(*(("grocer", f"o{place}", 5_000) for place in range(3))), at=town.at)
    monkeypatch.setattr(sending, "SENDING_S", -1)
    line = Nobody([Answer(is_accepted=True)] * 3)
    assert send_due(gateway=line, at=town.at).later == 3  # type: ignore[arg-type]
    assert line.told == []
    assert timedelta(seconds=120 + 20) < sending.LEASE


def test_notices_in_any_order_any_number_of_times_leave_one_state(town: Town) -> None:
    numbers = collect(bills=told(*(("grocer", f"o{place}", 5_000) for place in range(6))), at=town.at)
    told_each = [("n1", "success", 5_001), ("n2", "success", 5_000), ("n3", "back", 5_000)]
    for number, order in zip(numbers, permutations(told_each), strict=True):
        for notice, outcome, fen in [*order, *order]:
            take_notices(said=[said(town, number, f"{number}/{notice}", outcome, fen)], at=town.at)
    assert set(states().values()) == {"done"}
    assert fetch("SELECT COUNT(*) FROM payment_notice") == [(18,)]
    assert fetch("SELECT DISTINCT state FROM reconciliation_case") == [("closed",)]


def test_a_notice_that_comes_before_the_answer_stands(town: Town) -> None:
    (number,) = collect(bills=told(("grocer", "a", 5_000)), at=town.at)
    batch = sending.claim(at=town.at)
    take_notices(said=[said(town, number)], at=town.at)
    sending.record(answers=[(batch[0], Answer(is_accepted=True))], at=town.at)
    assert list(states().values()) == ["done"]


def test_a_notice_of_another_amount_opens_a_case_and_moves_nothing(town: Town) -> None:
    (number,) = collect(bills=told(("grocer", "a", 5_000)), at=town.at)
    before = fetch("SELECT name, debits_fen, credits_fen FROM ledger_account ORDER BY name")
    take_notices(said=[said(town, number, fen=4_999)], at=town.at)
    assert list(states().values()) == ["disputed"]
    found = fetch("SELECT kind, number, difference, expected_fen, found_fen, state FROM reconciliation_case")
    assert found == [("notice", number, "notice", 5_000, 4_999, "open")]
    assert fetch("SELECT name, debits_fen, credits_fen FROM ledger_account ORDER BY name") == before


def test_a_notice_of_nothing_that_we_told_is_kept_and_changes_nothing(town: Town) -> None:
    assert take_notices(said=[said(town, "c1")], at=town.at) == 1
    assert take_notices(said=[said(town, "c1")], at=town.at) == 0
    assert fetch("SELECT COUNT(*) FROM payment_notice") == [(1,)]
    assert fetch("SELECT COUNT(*) FROM reconciliation_case") == [(0,)]


def test_only_the_secret_s_holder_is_heard_and_only_soon(town: Town) -> None:
    with institution() as found:
        (number,) = collect(bills=told(("grocer", "a", 5_000)), at=town.at)
        send_due(gateway=found.gateway, at=town.at)
        found.until(found.hours.at + timedelta(hours=1))
        assert states() == {f"collect/{town.merchants['grocer']}/a": "done"}
        answer = found.gateway.query(Told("collect", number, 5_000, "grocer", "a"))
        assert answer is not None
        assert (answer.amount_fen, answer.outcome, answer.is_answer) == (5_000, "success", True)
        forger = Sandbox(url=f"http://{found.address}", secret="another secret of a forger", now=found.hours.now)
        with pytest.raises(Unreachable):
            forger.set_clock(found.hours.at)
        assert not forger.collect(Told("collect", "c2", 5_000, "grocer", "b")).is_accepted
        forger.close()


def test_a_file_keeps_the_institution_s_books(tmp_path: Path) -> None:
    from greenloop.sim.institution.account import Account
    from greenloop.sim.institution.fates import Rates
    from greenloop.sim.institution.server import OPENS_AT

    content: dict[str, str | int] = {"number": "c1", "amount_fen": 5, "merchant": "m", "order_no": "o", "payment": ""}
    first = Account(str(tmp_path / "books.sqlite3"), rates=Rates(), seed=1)
    first.tell("collect", content, at=OPENS_AT)
    first.close()
    again = Account(str(tmp_path / "books.sqlite3"), rates=Rates(), seed=1)
    while again.due(OPENS_AT + timedelta(hours=1)):
        pass
    assert again.balance_fen() == 5
    again.close()
