"""The clock fetches the institution's statements by itself: each day's once, late, and never silently without one."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings

from greenloop.config import clock
from greenloop.core.faults import Refusal
from greenloop.services.books.institution import named
from greenloop.services.books.institution.asking import ask_payment
from greenloop.services.books.institution.gateway import NoStatement, Unreachable
from greenloop.services.books.institution.passing import pass_on
from greenloop.services.books.reconciling.profiles import of_institution
from greenloop.services.books.reconciling.statement import take_file
from greenloop.store.queries import clockwork
from greenloop.store.queries.clockwork import RunRow
from tests.support.institution import SECRET, Set, institution
from tests.support.ledger import fetch
from tests.support.town import Town


@pytest.fixture
def bank(town: Town, monkeypatch: pytest.MonkeyPatch) -> Iterator[Set]:
    with institution() as found:
        monkeypatch.setattr(settings, "GREENLOOP_INSTITUTION", f"sandbox+http://{found.address}")
        monkeypatch.setattr(settings, "GREENLOOP_INSTITUTION_SECRET", SECRET)
        gateway: Any = named.gateway()
        yield found
        gateway.close()


def sold(town: Town, bank: Set, order_no: str, fen: int = 10_000) -> None:
    """Sell, and let the payer pay."""
    bank.until(town.at)
    order = town.sell("mei", "grocer", fen, order_no=order_no, confirmed=False)
    ask_payment(order_id=order, at=town.at)
    pass_on(at=town.at)
    bank.until(town.later(minutes=2).at)


def tick(town: Town, monkeypatch: pytest.MonkeyPatch, *, day: date, hour: int = 11) -> RunRow | None:
    """Let the clock tick at an hour of a local day; return what became of fetching."""
    town.at = town.calendar.midnight_at(day) + timedelta(hours=hour)
    monkeypatch.setattr(clock, "now", lambda: town.at)
    monkeypatch.setattr(clock, "WORK", {"statement": clock.WORK["statement"]})
    clock.tick(holder="w")
    found = clockwork.runs(limit=1, task="statement")
    return found[0] if found else None


def taken() -> list[str]:
    return [name for (name,) in fetch("SELECT name FROM payment_statement ORDER BY name")]


def test_yesterday_s_statement_is_fetched_and_confirms_its_orders(
    town: Town, bank: Set, monkeypatch: pytest.MonkeyPatch
) -> None:
    sold(town, bank, "a")
    first = town.today()
    assert tick(town, monkeypatch, day=first + timedelta(days=1), hour=10) is None
    run = tick(town, monkeypatch, day=first + timedelta(days=1))
    assert run is not None
    assert (run.state, run.outcome) == ("done", '{"taken":1,"lines":1,"orders":1,"confirmed_fen":10000}')
    assert taken() == [first.isoformat()]
    # Ticking again the same day does nothing more.
    assert tick(town, monkeypatch, day=first + timedelta(days=1), hour=12) == run


def test_days_that_were_missed_are_fetched_by_the_next_one_and_quiet_days_reach_their_end(
    town: Town, bank: Set, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = town.today()
    sold(town, bank, "a")
    town.later(days=3)
    sold(town, bank, "b")
    run = tick(town, monkeypatch, day=first + timedelta(days=4))
    assert run is not None
    assert (run.state, len(taken())) == ("done", 4)
    assert fetch("SELECT COUNT(*) FROM orders WHERE confirmed_at IS NOT NULL") == [(2,)]
    reached = dict(fetch("SELECT name, until_at FROM payment_statement"))
    quiet = (first + timedelta(days=2)).isoformat()
    at = reached[quiet]
    found = datetime.fromisoformat(f"{at}+00:00") if isinstance(at, str) else at.astimezone(UTC)
    assert found == town.calendar.midnight_at(first + timedelta(days=3))


def test_what_could_not_be_fetched_is_seen_and_tried_again(
    town: Town, bank: Set, monkeypatch: pytest.MonkeyPatch
) -> None:
    sold(town, bank, "a")
    day = town.today() + timedelta(days=1)
    monkeypatch.setattr(settings, "GREENLOOP_INSTITUTION", "sandbox+http://127.0.0.1:9")
    run = tick(town, monkeypatch, day=day)
    assert run is not None
    assert (run.state, run.outcome.startswith("refused: statement.wanting")) == ("failed", True)
    assert "statement" in [slot.task for slot in clockwork.late(town.at)]
    monkeypatch.setattr(settings, "GREENLOOP_INSTITUTION", f"sandbox+http://{bank.address}")
    run = tick(town, monkeypatch, day=day, hour=12)
    assert run is not None
    assert (run.state, run.attempts) == ("done", 2)


class Days:
    """An institution that has a statement of some days only, and is away on others."""

    def __init__(self, files: dict[date, bytes | Exception]) -> None:
        self.files, self.asked = files, list[date]()

    def statement(self, day: date) -> bytes:
        self.asked.append(day)
        found = self.files.get(day, NoStatement("none"))
        if isinstance(found, Exception):
            raise found
        return found


HEAD = b"kind,number,trade_no,amount,booked_at\r\n"


def test_a_day_without_a_statement_is_quiet_or_wanting(town: Town, bank: Set, monkeypatch: pytest.MonkeyPatch) -> None:
    first = town.today()
    sold(town, bank, "a")
    days = Days({})
    monkeypatch.setattr(named, "gateway", lambda: days)
    # Something moved on the first day, and nothing on the second.
    run = tick(town, monkeypatch, day=first + timedelta(days=2))
    assert run is not None
    assert run.outcome == (
        f"refused: statement.wanting: The statement of {first} could not be taken: none. So it is with 0 more."
    )
    days.files[first] = bank.gateway.statement(first)
    run = tick(town, monkeypatch, day=first + timedelta(days=3))
    assert run is not None
    assert (run.state, taken()) == ("done", [first.isoformat()])
    # After a week nobody asks for a quiet day any more.
    days.asked.clear()
    tick(town, monkeypatch, day=first + timedelta(days=10))
    assert days.asked == [first + timedelta(days=number) for number in range(3, 10)]


def test_a_day_whose_file_is_no_good_keeps_no_other_back_and_one_that_is_away_ends_the_asking(
    town: Town, bank: Set, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = town.today()
    sold(town, bank, "a")
    second, third, fourth = (first + timedelta(days=number) for number in (1, 2, 3))
    good = bank.gateway.statement(first)
    days = Days({first: b"nonsense", second: good.replace(b"balance,,,100.00,", b""), third: Unreachable("away")})
    monkeypatch.setattr(named, "gateway", lambda: days)
    run = tick(town, monkeypatch, day=fourth + timedelta(days=1))
    assert run is not None
    assert (run.state, taken()) == ("failed", [second.isoformat()])
    assert "statement.columns. So it is with 1 more" in run.outcome
    assert days.asked == [first, second, third]


def test_a_balance_that_the_lines_don_t_add_up_to_is_said_each_day(
    town: Town, bank: Set, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = town.today()
    sold(town, bank, "a")
    days = Days({first: HEAD + b"balance,,,7.00,\r\n"})
    monkeypatch.setattr(named, "gateway", lambda: days)
    for later in (1, 2):
        run = tick(town, monkeypatch, day=first + timedelta(days=later))
        assert run is not None
        assert run.outcome.startswith("refused: statement.gap: A statement is missing: the last one's balance is 7.00")


def test_without_an_institution_there_is_nothing_to_fetch(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "GREENLOOP_INSTITUTION", "")
    run = tick(town, monkeypatch, day=town.today() + timedelta(days=1))
    assert run is not None
    assert (run.state, run.outcome) == ("done", '{"taken":0}')


def test_merchants_are_paid_on_the_day_on_which_the_statement_confirms_their_cash(
    town: Town, bank: Set, monkeypatch: pytest.MonkeyPatch
) -> None:
    sold(town, bank, "a")
    town.at = town.calendar.midnight_at(town.today() + timedelta(days=1)) + timedelta(hours=10)
    monkeypatch.setattr(clock, "now", lambda: town.at)
    monkeypatch.setattr(clock, "WORK", {task: clock.WORK[task] for task in ("statement", "payout")})
    for _ in range(12):
        clock.tick(holder="w")
        town.later(minutes=5)
    assert [run.task for run in clockwork.runs(limit=9)] == ["payout", "statement"]
    assert fetch("SELECT business_date, amount_fen FROM payout") == [(town.today(), 9_000)]


def test_payouts_wait_for_a_statement_that_fails_and_then_pay_what_is_confirmed(
    town: Town, bank: Set, monkeypatch: pytest.MonkeyPatch
) -> None:
    sold(town, bank, "a")
    town.sell("lin", "baker", 10_000)

    def away(_: date) -> bytes:
        raise Unreachable("away")

    monkeypatch.setattr(named.gateway(), "statement", away)
    town.at = town.calendar.midnight_at(town.today() + timedelta(days=1)) + timedelta(hours=14, minutes=44)
    monkeypatch.setattr(clock, "now", lambda: town.at)
    monkeypatch.setattr(clock, "WORK", {task: clock.WORK[task] for task in ("statement", "payout")})
    clock.tick(holder="w")
    assert [(run.task, run.state) for run in clockwork.runs(limit=9)] == [("statement", "failed")]
    # It is the statement that is late, not what waits for it.
    assert {slot.task for slot in clockwork.late(town.at)} & {"statement", "payout"} == {"statement"}
    clock.tick(holder="w")
    town.later(minutes=1)
    clock.tick(holder="w")
    # The baker's 100.00, of which a fifth is conceded.
    paid = fetch("SELECT m.ref, p.amount_fen FROM payout p JOIN merchant m ON m.id = p.merchant_id")
    assert paid == [("baker", 8_000)]


def test_half_a_day_s_statement_can_t_stand_for_the_whole(
    town: Town, bank: Set, monkeypatch: pytest.MonkeyPatch
) -> None:
    sold(town, bank, "a")
    gateway: Any = named.gateway()
    day = town.today()
    half = {"data": gateway.statement(day), "profile": of_institution(named.called()), "by": "console", "at": town.at}
    gateway.close()
    with pytest.raises(Refusal) as refused:
        take_file(**half, name=day.isoformat(), until_at=town.at)
    assert (refused.value.code, refused.value.field) == ("statement.early", "name")
    assert take_file(**half, name=f"{day} at noon", until_at=town.at).orders == 1
    sold(town, bank, "b")
    run = tick(town, monkeypatch, day=day + timedelta(days=1))
    assert run is not None
    assert (run.state, taken()) == ("done", [day.isoformat(), f"{day} at noon"])
    assert fetch("SELECT COUNT(*) FROM orders WHERE confirmed_at IS NOT NULL") == [(2,)]
