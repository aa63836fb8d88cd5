"""What fails never hides: payments, payouts that fail twice, books that break on the way, payments that were closed."""

from datetime import timedelta

import pytest
from django.db import transaction

from greenloop.core.faults import Refusal
from greenloop.services.books.institution import sending
from greenloop.services.books.institution.asking import ask_payment, end_payment
from greenloop.services.books.institution.ending import cancel_unpaid, claim_closing, close_due
from greenloop.services.books.institution.failures import send_again
from greenloop.services.books.institution.gateway import Answer, Said, Told, Unreachable
from greenloop.services.books.institution.notices import ask_silent, take_notices
from greenloop.services.books.institution.passing import pass_on
from greenloop.services.books.institution.sending import send_due, send_now
from greenloop.services.books.keeper import note_difference
from greenloop.services.books.reconciling import closing
from greenloop.services.books.reconciling.chargebacks import book_charged_back
from greenloop.services.books.reconciling.lines import Line
from greenloop.store.queries import soundness
from tests.support.custody import Custody, cases, unexplained
from tests.support.ledger import execute, fetch
from tests.support.town import Town

CASES = "SELECT kind, difference, expected_fen, state, closed_by FROM reconciliation_case ORDER BY id"


class Taking:
    """An institution that takes all it is told; `ends` and `says` are what it answers about payments, by turns."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.ends: list[Answer | None] = []
        self.says: list[Said | None] = []

    def pay_out(self, told: Told) -> Answer:
        self.told.append(told)
        return Answer(is_accepted=True, show=f"show {told.number}")

    collect = split = refund = pay_out

    def end(self, told: Told) -> Answer:
        self.told.append(told)
        if (answer := self.ends.pop(0)) is None:
            raise Unreachable("away")
        return answer

    def query(self, told: Told) -> Said | None:
        assert told.number
        return self.says.pop(0)


def said(town: Town, number: str, outcome: str, fen: int, *, name: str = "", is_answer: bool = True) -> Said:
    digest = "0" * 64
    return Said(name or f"answer-{number}-{outcome}", number, "T", outcome, fen, town.at, digest, is_answer=is_answer)


def asked(town: Town, *, minutes: int = 15) -> tuple[int, str]:
    order = town.sell("mei", "grocer", 10_000, order_no="a", confirmed=False, delivered=False)
    return order, ask_payment(order_id=order, minutes=minutes, at=town.at)


def state() -> str:
    return str(fetch("SELECT state FROM payment_instruction WHERE kind = 'collect'")[0][0])


@pytest.mark.books_broken_on_purpose
def test_books_that_break_while_a_batch_is_sent_keep_the_rest_of_its_payouts_here(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "AT_ONCE", 1)
    town.sell("mei", "grocer", 100_000)
    town.sell("lin", "baker", 50_000)
    town.day(2).pay_out()
    execute("DELETE FROM pending_journal")
    _, number = asked(town)
    line = Taking()
    broke: list[str] = []
    asking = soundness.broken

    def first_then_broken() -> soundness.BrokenRow | None:
        # The first payout has left when somebody finds out.
        if any(each.kind == "payout" for each in line.told) and not broke:
            broke.append("now")
            note_difference(what="both books differ", at=town.at)
        return asking()

    monkeypatch.setattr(soundness, "broken", first_then_broken)
    found = send_due(gateway=line, at=town.at)  # type: ignore[arg-type]
    assert (found.accepted, found.later) == (2, 1)
    assert sorted(each.kind for each in line.told) == ["collect", "payout"]
    rest = fetch("SELECT state, fault FROM payment_instruction WHERE kind = 'payout' AND state = 'waiting'")
    assert rest == [("waiting", "not sent: the books are broken")]
    assert state() == "sent"
    assert number in {each.number for each in line.told}


@pytest.mark.books_broken_on_purpose
def test_a_payout_that_fails_the_same_way_after_it_was_sent_again_is_a_case_again(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    town.day(2).pay_out()
    execute("DELETE FROM pending_journal")
    line = Taking()
    send_due(gateway=line, at=town.at)  # type: ignore[arg-type]
    number = line.told[0].number
    failed = said(town, number, "failed", 90_000)
    line.says = [failed]
    assert ask_silent(gateway=line, at=town.later(minutes=11).at) == 1  # type: ignore[arg-type]
    assert fetch(CASES) == [("notice", "failed", 90_000, "open", "")]
    send_again(number=number, by="lin", at=town.at)
    assert fetch(CASES) == [("notice", "failed", 90_000, "closed", "lin")]
    send_due(gateway=line, at=town.at)  # type: ignore[arg-type]
    assert [each.number for each in line.told] == [number, number]
    # A copy of what was said before means nothing; asked anew, the institution says the same again.
    take_notices(said=[said(town, number, "failed", 90_000, is_answer=False)], at=town.at)
    assert fetch("SELECT state FROM payment_instruction") == [("sent",)]
    line.says = [failed]
    ask_silent(gateway=line, at=town.later(minutes=11).at)  # type: ignore[arg-type]
    assert fetch("SELECT state FROM payment_instruction") == [("failed",)]
    assert fetch(CASES) == [("notice", "failed", 90_000, "open", "")]


def test_a_payment_that_is_refused_for_good_is_a_case_until_its_order_goes(town: Town) -> None:
    _, number = asked(town)
    sending.claim(at=town.at)
    told = Told("collect", number, 10_000, "grocer", "a")
    sending.record(answers=[(told, Answer(is_accepted=False, fault="no contract"))], at=town.at)
    assert fetch(CASES) == [("notice", "failed", 10_000, "open", "")]
    line = Taking()
    line.ends = [Answer(is_accepted=True)]
    assert close_due(gateway=line, at=town.later(minutes=16).at) == 1  # type: ignore[arg-type]
    assert cancel_unpaid(at=town.at) == 1
    assert fetch(CASES) == [("notice", "failed", 10_000, "closed", "lines")]
    assert (state(), unexplained()) == ("closed", 0)


def test_what_somebody_may_be_sending_isn_t_closed_before_that_is_over(town: Town) -> None:
    order, _ = asked(town)
    sending.claim(at=town.at)
    end_payment(order_id=order, at=town.at)
    assert claim_closing(at=town.at) == []
    # Nor is it sent once its time is over, whoever finds it waiting.
    assert sending.claim(at=town.later(minutes=4).at) == []
    ((told, attempts),) = claim_closing(at=town.at)
    assert (told.kind, attempts) == ("collect", 1)
    assert claim_closing(at=town.at) == []


def test_what_was_never_sent_is_closed_without_asking_anybody_and_then_never_sent(town: Town) -> None:
    order, number = asked(town)
    end_payment(order_id=order, at=town.at)
    assert pass_on(at=town.at) == 0
    assert state() == "closed"
    assert fetch("SELECT refunded_fen FROM orders") == [(10_000,)]
    assert not send_now(gateway=Taking(), number=number, at=town.at)  # type: ignore[arg-type]
    assert end_payment(order_id=order, at=town.at) == number


def test_an_institution_that_is_away_is_asked_again_to_close_a_payment(town: Town) -> None:
    _, number = asked(town)
    line = Taking()
    line.ends = [None, Answer(is_accepted=False, fault="it is closed already"), Answer(is_accepted=True)]
    line.says = [None]
    assert send_now(gateway=line, number=number, at=town.at)  # type: ignore[arg-type]
    for closed in (0, 0, 1):
        assert close_due(gateway=line, at=town.later(minutes=16).at) == closed  # type: ignore[arg-type]
        assert cancel_unpaid(at=town.at) == closed
    assert state() == "closed"


def test_what_is_paid_after_it_was_closed_is_a_case_and_confirms_nothing(town: Town) -> None:
    order, number = asked(town)
    end_payment(order_id=order, at=town.at)
    pass_on(at=town.at)
    take_notices(said=[said(town, number, "success", 10_000, name="n", is_answer=False)], at=town.at)
    assert state() == "closed"
    assert fetch(CASES) == [("notice", "notice", 10_000, "open", "")]
    custody = Custody(town)
    custody.state(Line("payment", number, "T1", 10_000, town.at))
    assert cases()[-1] == ("timing", "payment", 0, 10_000, "open")
    assert unexplained() == 0
    assert fetch("SELECT confirmed_at FROM orders") == [(None,)]


def test_a_payment_that_may_still_be_made_is_expected_on_no_statement_yet(town: Town) -> None:
    _, number = asked(town)
    custody = Custody(town)
    custody.state(custody.line("other", "later", 700))
    assert [each[1] for each in cases()] == ["other"]
    # What is listed is confirmed, whether a notice came or not.
    custody.state(Line("payment", number, "T1", 10_000, town.at))
    assert fetch("SELECT COUNT(*) FROM orders WHERE confirmed_at IS NOT NULL") == [(1,)]


def test_a_chargeback_that_waits_is_booked_also_when_people_have_closed_its_case(town: Town) -> None:
    custody = Custody(town)
    custody.sell("a", 100_000)
    custody.state(custody.line("payment", "a", 100_000))
    town.day(2).pay_out()
    out = Line("payout", custody.number("payout/%"), "T-out", -90_000, town.at)
    custody.state(out, custody.line("chargeback", "a", -100_000))
    assert book_charged_back(at=town.at).pending == 1
    ((case,),) = fetch("SELECT id FROM reconciliation_case WHERE kind = 'chargeback'")
    with transaction.atomic():
        closing.write(closing.checked(case=case, outcome="the shop pays"), by="account/1", at=town.at)
    town.sell("lin", "grocer", 110_000)
    assert book_charged_back(at=town.at).paid == 1
    assert fetch("SELECT refund_no, state FROM refund") == [("chargeback", "paid")]
    assert unexplained() == 0


def test_a_shopper_is_given_minutes_and_an_order_that_isn_t_there_is_not_paid(town: Town) -> None:
    for order, minutes, code in ((7, 15, "order.unknown"), (7, 0, "payment.minutes"), (7, 121, "payment.minutes")):
        with pytest.raises(Refusal) as refused:
            ask_payment(order_id=order, minutes=minutes, at=town.at)
        assert refused.value.code == code
    order, number = asked(town, minutes=120)
    assert ask_payment(order_id=order, minutes=1, at=town.later(hours=1).at) == number
    assert fetch("SELECT COUNT(*) FROM payment_instruction WHERE expires_at > made_at") == [(1,)]


def test_a_grant_that_the_platform_doesn_t_bring_is_a_case(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    town.close(1)
    town.transfer_fees(1)
    town.grant(1_000, 300)
    town.sell("bo", "grocer", 10_000)
    town.close(2)
    assert fetch("SELECT key, amount_fen, state FROM payment_instruction WHERE kind = 'bring'") == [
        ("grant/2", 300, "done")
    ]
    custody, number = Custody(town), Custody(town).number("grant/2")
    custody.state(Line("other", "?", "T1", 700, town.later(days=4).at))
    assert ("missing", "bring", 300, 0, "open") in cases()
    assert unexplained() == 0
    custody.state(Line("bring", number, "T2", 300, town.at))
    assert ("missing", "bring", 300, 300, "closed") in cases() or ("missing", "bring", 300, 0, "closed") in cases()
    assert unexplained() == 0


def test_what_people_have_explained_stays_closed_until_another_amount_is_said(town: Town) -> None:
    _, number = asked(town)
    line = Taking()
    send_due(gateway=line, at=town.at)  # type: ignore[arg-type]
    take_notices(said=[said(town, number, "success", 9_000, name="n1", is_answer=False)], at=town.at)
    ((case,),) = fetch("SELECT id FROM reconciliation_case")
    with transaction.atomic():
        closing.write(closing.checked(case=case, outcome="the till will see to it"), by="account/1", at=town.at)
    closed = [("notice", "notice", 10_000, "closed", "account/1")]
    # Nobody asks again what people have answered, and to hear the same once more changes nothing.
    assert ask_silent(gateway=line, at=town.later(minutes=11).at) == 0  # type: ignore[arg-type]
    take_notices(said=[said(town, number, "success", 9_000)], at=town.at)
    take_notices(said=[said(town, number, "success", 9_000, name="n2", is_answer=False)], at=town.at)
    assert fetch(CASES) == closed
    take_notices(said=[said(town, number, "success", 9_500, name="n3", is_answer=False)], at=town.at)
    assert fetch(CASES) == [("notice", "notice", 10_000, "open", "")]
    line.says = [said(town, number, "success", 10_000, name="n4")]
    assert ask_silent(gateway=line, at=town.later(minutes=11).at) == 1  # type: ignore[arg-type]
    assert state() == "done"
    assert fetch(CASES) == [("notice", "notice", 10_000, "closed", "lines")]


def test_a_payer_s_till_hears_within_a_minute_or_two_what_no_notice_told(town: Town) -> None:
    _, number = asked(town)
    line = Taking()
    send_due(gateway=line, at=town.at)  # type: ignore[arg-type]
    assert ask_silent(gateway=line, at=town.at) == 0  # type: ignore[arg-type]
    # Whenever the clock comes by; but not about the same one time and again.
    line.says = [None]
    for seconds in (31, 36, 89):
        assert ask_silent(gateway=line, at=town.at + timedelta(seconds=seconds)) == 0  # type: ignore[arg-type]
    assert line.says == []
    line.says = [said(town, number, "success", 10_000)]
    assert ask_silent(gateway=line, at=town.at + timedelta(seconds=92)) == 1  # type: ignore[arg-type]
    assert state() == "done"


def test_a_payment_that_could_not_be_asked_for_is_tried_again_within_seconds_however_often(town: Town) -> None:
    _, number = asked(town)
    told = Told("collect", number, 10_000, "grocer", "a")
    for _ in range(9):
        assert [each.number for each in sending.claim(at=town.at)] == [number]
        away = Answer(is_accepted=False, is_final=False, fault="away")
        sending.record(answers=[(told, away)], at=town.at)
        town.at += sending.TILL_WAIT_MAX
    assert timedelta(seconds=20) == sending.TILL_WAIT_MAX
