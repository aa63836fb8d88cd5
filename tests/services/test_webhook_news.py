"""What clients are told of, kind by kind, to the fen; and that where nobody listens nothing is written."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction

from greenloop.services.loop.hold import hold_account, hold_order, release
from greenloop.services.loop.notice import give_notice
from greenloop.services.loop.rules import publish_rules
from greenloop.services.loop.settle import approve
from greenloop.services.outbox import steps
from greenloop.services.outbox.endpoints import register
from greenloop.services.outbox.kinds import KINDS
from greenloop.services.people.clients import register_client
from greenloop.services.people.enrol import MemberForm, enrol_members, set_rate
from tests.support.ledger import fetch
from tests.support.town import OPENING_AT, Town, found_town, plain_rules
from tests.support.visiting import counted


@pytest.fixture(autouse=True)
def loopback_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "GREENLOOP_HOOKS_TO_LOOPBACK", True)


def listen(town: Town, *merchants: str, kinds: tuple[str, ...] = tuple(KINDS), name: str = "") -> int:
    """Let a client of merchants, or a mall of none, be told; return the client's id."""
    name = name or "+".join(merchants) or "mall"
    kind = "merchant" if len(merchants) == 1 else "partner"
    client = register_client(name=name, kind=kind, merchants=merchants, at=OPENING_AT)
    register(client=name, url=f"http://127.0.0.1:8000/{client}", kinds=kinds, by="console", at=OPENING_AT)
    return client


def told(client: int, kind: str) -> list[Any]:
    """Return what a client was told of a kind, in order."""
    rows = fetch("SELECT body FROM outbox_event WHERE client_id = %s AND kind = %s ORDER BY id", client, kind)
    bodies = [json.loads(body) for (body,) in rows]
    assert all(body["type"] == kind for body in bodies)
    return [body["data"] for body in bodies]


def test_each_client_is_told_what_its_merchants_vested(town: Town) -> None:
    grocer, both, mall = listen(town, "grocer"), listen(town, "grocer", "baker"), listen(town)
    town.sell("mei", "grocer", 100_000)
    town.sell("lin", "grocer", 50_000)
    order = town.sell("lin", "baker", 20_000)
    town.refund(order, 5_000)
    town.vest(1)
    town.vest(1)
    # A tenth of 1 500.00 at the grocer's; a fifth of the 150.00 that are left at the baker's.
    grocers = {"merchant": "grocer", "orders": 2, "cash_fen": 150_000, "concession_fen": 15_000}
    bakers = {"merchant": "baker", "orders": 1, "cash_fen": 15_000, "concession_fen": 3_000}
    assert told(grocer, "orders.vested") == [{"cycle": 1, "merchants": [grocers]}]
    assert told(both, "orders.vested") == [{"cycle": 1, "merchants": [grocers, bakers]}]
    assert told(mall, "orders.vested") == []


def test_everybody_is_told_of_a_settlement_and_only_when_it_is_posted(database: object) -> None:
    town = found_town(plain_rules() | {"daily_rebate_cap_fen": 50})
    mall = listen(town)
    town.sell("mei", "grocer", 100_000)
    town.close(1)
    assert told(mall, "settlement.posted") == [{"cycle": 1, "issued_fen": 0}]
    town.close(2)
    assert len(told(mall, "settlement.posted")) == 1
    approve(cycle=2, by="second", at=town.at)
    # Two lots of 100.00 points, one voucher of 1.00 each.
    assert told(mall, "settlement.posted")[1:] == [{"cycle": 2, "issued_fen": 200}]


def test_a_refund_is_told_of_when_it_waits_and_when_it_is_paid(town: Town) -> None:
    grocer, baker = listen(town, "grocer"), listen(town, "baker")
    order = town.sell("mei", "grocer", 100_000)
    town.vest(1)
    town.pay_out()
    assert town.refund(order, 10_000, "R1") == "pending"
    assert town.refund(order, 10_000, "R1") == "pending"
    what = {"merchant": "grocer", "order_no": "1", "refund_no": "R1", "amount_fen": 10_000}
    assert told(grocer, "refund.pending") == [what]
    assert told(grocer, "refund.paid") == []
    town.deposit("grocer", 10_000)
    assert town.refund(order, 10_000, "R1") == "paid"
    assert town.refund(order, 10_000, "R1") == "paid"
    assert len(told(grocer, "refund.pending")) == 1
    (paid,) = told(grocer, "refund.paid")
    # The coupon that the order earned, 7 % of the concession, goes back by a tenth: it is unspent, so nothing is kept.
    assert paid == what | {
        "cash_fen": 10_000,
        "voucher_fen": 0,
        "coupon_fen": 0,
        "withheld_fen": 0,
        "concession_lost_fen": 1_000,
    }
    assert told(baker, "refund.paid") == told(baker, "refund.pending") == []


def test_a_merchant_s_clients_are_told_what_it_is_paid(town: Town) -> None:
    grocer, baker = listen(town, "grocer"), listen(town, "baker")
    town.sell("mei", "grocer", 100_000)
    town.later(days=1).pay_out()
    town.pay_out()
    assert told(grocer, "payout.paid") == [
        {"merchant": "grocer", "business_date": "2026-01-06", "amount_fen": 90_000},
    ]
    assert told(baker, "payout.paid") == []


def test_a_merchant_s_clients_are_told_of_its_rate_and_everybody_of_rules(town: Town) -> None:
    grocer, mall = listen(town, "grocer"), listen(town)
    since = town.at + timedelta(days=10)
    for _ in range(2):
        set_rate(merchant="grocer", rate_ppm=120_000, valid_from_at=since, at=town.at)
        number = publish_rules(document=plain_rules(), effective_at=since, by="rules", at=town.at)
    rate = {"merchant": "grocer", "rate_ppm": 120_000, "valid_from_at": since.isoformat()}
    assert (told(grocer, "rate.set"), told(mall, "rate.set")) == ([rate], [])
    rules = [{"rules": str(number), "effective_at": since.isoformat()}]
    assert told(grocer, "rules.published") == told(mall, "rules.published") == rules


def test_a_hold_on_a_merchant_is_told_of_and_nobody_else_s(town: Town) -> None:
    grocer, mall = listen(town, "grocer"), listen(town)
    order = town.sell("mei", "grocer", 100_000)
    account = fetch("SELECT account_id FROM merchant WHERE ref = 'grocer'")[0][0]
    facts: dict[str, Any] = {"reason": "too many orders by night", "by": "risk", "at": town.at}
    hold_order(order_id=order, **facts)
    hold_account(account_id=town.ids["mei"], **facts)
    held = hold_account(account_id=account, **facts)
    release(hold_id=held, by="risk", at=town.at)
    what = [{"merchant": "grocer", "hold": str(held)}]
    assert told(grocer, "hold.placed") == told(grocer, "hold.released") == what
    assert told(mall, "hold.placed") == []
    assert "night" not in str(fetch("SELECT body FROM outbox_event"))


def test_a_member_s_client_gets_notice_of_expiry_a_month_and_a_week_ahead(database: object) -> None:
    days = 60
    town = found_town(plain_rules() | {"voucher_days": days})
    client, other = listen(town), listen(town, name="other mall")
    ada = enrol_members(
        forms=[MemberForm(ref="ada", city="Hangzhou", enrolled_at=OPENING_AT)], at=town.at, client_id=client
    )
    town.ids |= ada
    for member in ("ada", "mei"):
        town.sell(member, "grocer", 100_000)
    town.close_all([1, 2])
    drawn_at = town.at
    for member in ("ada", "mei"):
        town.draw(member)
    day = (town.calendar.local_date(drawn_at) + timedelta(days=days)).isoformat()
    notices = []
    for ahead in (31, 30, 30, 29, 27, 8, 6, 6, 5):  # the clock is away on the day itself, the second time
        town.at = drawn_at + timedelta(days=days - ahead)
        notices.append(give_notice(at=town.at))
    assert notices == [0, 1, 0, 0, 0, 0, 1, 0, 0]
    # One voucher of 1.00 for 100.00 points, to Ada alone: nobody asked for Mei's.
    what = {"account": str(ada["ada"]), "amount_fen": 100, "date": day}
    assert told(client, "vouchers.expiring") == [what, what]
    assert told(other, "vouchers.expiring") == []


def test_where_nobody_listens_a_verb_pays_one_small_query(town: Town) -> None:
    listen(town, "grocer", kinds=("hold.placed",))
    asked: list[Callable[[datetime], int]] = [
        lambda at: steps.tell("refund.paid", lambda: pytest.fail("nobody asked"), at=at),
        lambda at: steps.tell_together("orders.vested", "c", lambda: pytest.fail("nobody asked"), lambda _: {}, at=at),
    ]
    for tell in asked:
        with counted() as found:
            assert tell(town.at) == 0
        assert len(found) == 1


def test_an_event_is_undone_with_what_it_tells_of(town: Town) -> None:
    listen(town, "grocer")

    news = [steps.News("rate/1", {}, merchant_id=town.merchants["grocer"])]

    def fail() -> None:
        with transaction.atomic():
            assert steps.tell("rate.set", lambda: news, at=town.at) == 1
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert fetch("SELECT COUNT(*) FROM outbox_event") == fetch("SELECT COUNT(*) FROM delivery") == [(0,)]


def test_many_events_are_written_in_few_statements(town: Town) -> None:
    mall, told_of = listen(town), 1_200
    news = [steps.News(f"n/{number}", {"number": number}) for number in range(told_of)]
    with counted() as found, transaction.atomic():
        assert steps.tell("rules.published", lambda: news, at=town.at) == told_of
        assert steps.tell("rules.published", lambda: news, at=town.at) == 0
    assert len(told(mall, "rules.published")) == told_of
    assert len(found) < 20
