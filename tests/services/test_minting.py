"""Two people stop minting (G14): from then on purchases make no points, and every voucher is spent to the last fen."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from greenloop.core.faults import Refusal
from greenloop.core.loop.minting import Turn, mints_at
from greenloop.core.money import PPM, coverage_ppm
from greenloop.insight.bundle import write_bundle
from greenloop.insight.guardrails.live import looked_at
from greenloop.services.loop.hold import release
from greenloop.services.loop.minting import LEAD
from greenloop.services.loop.quote import quote
from greenloop.services.loop.take import Sale
from greenloop.services.people.staff import appoint_staff
from greenloop.services.trust.log.keeping import sign_log
from greenloop.services.trust.log.steps import append_leaves
from greenloop.services.trust.proposals import Proposed, approve, propose
from greenloop.store import sql
from greenloop.store.queries import logged, minting
from greenloop_verify.tables import verify_tables
from greenloop_verify.verify import verify
from tests.support.databases import Database
from tests.support.leaves import facts
from tests.support.ledger import balances, execute, fetch, whole_database
from tests.support.life import Life
from tests.support.town import OPENING_AT, Town, found_town, plain_rules

MINUTE, WEEK = timedelta(minutes=1), timedelta(days=7)
ROLES = {"Wu": "operator", "Fang": "finance", "Ma": "marketing", "Ren": "risk"}


def with_office(town: Town) -> Town:
    """Give a town its office."""
    for name, role in ROLES.items():
        town.ids[name] = appoint_staff(name=name, roles=[role], at=OPENING_AT, password="a long first password")
    return town


@pytest.fixture
def office(town: Town) -> Town:
    return with_office(town)


def proposed(town: Town, kind: str = "mint.stop", effective_at: datetime | None = None, by: str = "Wu") -> Proposed:
    content = {"effective_at": None if effective_at is None else effective_at.isoformat()}
    return propose(kind=kind, content=content, reason="the business ends", by=str(town.ids[by]), at=town.at)


def decide(town: Town, made: Proposed, by: str = "Fang") -> None:
    approve(proposal_id=made.id, seen_hash=made.content_hash, by=str(town.ids[by]), at=town.at)


def stop(town: Town, effective_at: datetime | None = None) -> None:
    """Stop minting by two people; at once, the clock goes on to the instant from which on it holds."""
    decide(town, proposed(town, effective_at=effective_at))
    if effective_at is None:
        town.at += LEAD


def refused(code: str, verb: Callable[[], Any]) -> None:
    """Expect a refusal that writes nothing at all."""
    before = whole_database()
    with pytest.raises(Refusal) as caught:
        verb()
    assert caught.value.code == code
    assert whole_database() == before


def sold(order: int) -> tuple[Any, ...]:
    names = "rate_ppm, concession_fen, green_part_fen, red_part_fen, coupon_part_fen, fee_part_fen, rebate_fen"
    return fetch(f"SELECT {names} FROM orders WHERE id = %s", order)[0]


def owed(town: Town) -> dict[str, int]:
    """Return what each pool owes: its backing less what of it is spent."""
    del town
    return dict(fetch("SELECT name, backing_fen - spent_fen FROM pool"))


def test_before_any_turn_purchases_make_points_and_after_it_the_last_one_decides() -> None:
    stopped, resumed = Turn(False, OPENING_AT), Turn(True, OPENING_AT + WEEK)
    assert mints_at([], OPENING_AT)
    turns = [stopped, resumed]
    asked = [OPENING_AT - MINUTE, OPENING_AT, OPENING_AT + WEEK - MINUTE, OPENING_AT + WEEK]
    assert [mints_at(turns, at) for at in asked] == [True, False, False, True]


def test_from_the_stop_on_a_purchase_concedes_nothing_and_makes_nothing(office: Town) -> None:
    office.sell("mei", "grocer", 100_000)
    office.close(1)
    office.transfer_fees(1)
    office.grant(1_000, 300)
    # 10 % of 1 000.00: 60 % green, 8 % to Mei, who brought Lin, 7 % coupon, 20 % fee; and a rebate for the first order.
    assert sold(office.sell("lin", "grocer", 100_000)) == (100_000, 10_000, 6_000, 800, 700, 2_000, 300)
    stop(office)
    assert sold(office.sell("lin", "grocer", 100_000)) == (0, 0, 0, 0, 0, 0, 0)
    # A first order, too, brings neither red points to Lin nor a rebate to Bo, and the grocer is owed the whole price.
    first = office.sell("bo", "grocer", 100_000)
    assert sold(first) == (0, 0, 0, 0, 0, 0, 0)
    office.vest(2)
    assert (office.points("bo"), office.points("lin"), office.points("mei", "red")) == (0, 10_000, 800)
    assert office.coupons("bo") == 0
    # Twice 100 000 less what was conceded before the stop, and twice the whole price.
    assert balances()["trust:merchant_payable"] == 180_000 + 200_000
    office.refund(first, 100_000)
    assert balances()["trust:merchant_payable"] == 180_000 + 100_000


def test_what_is_paid_during_a_stop_uses_up_nobody_s_first_order(office: Town) -> None:
    office.sell("mei", "grocer", 100_000)
    office.close(1)
    office.transfer_fees(1)
    office.grant(1_000, 300)
    late = office.sale("lin", "grocer", 1_000)
    stop(office)
    again_at = office.at + WEEK
    decide(office, proposed(office, "mint.resume", again_at))
    stopped = [office.sell(who, "grocer", 1_000) for who in ("bo", "bo", "lin")]
    assert fetch("SELECT ref FROM member WHERE first_order_id IS NULL ORDER BY ref") == [("bo",), ("lin",)]
    # Lin's sale of before the stop comes in late: it is her first, and the grant's 10.00 give her 3.00.
    (first,) = office.take(late).order_ids
    assert first is not None
    assert sold(first)[-1] == 300
    office.at = again_at
    # A till that was offline brings in one batch what Bo paid during the stop, and after it twice.
    paid = (again_at - MINUTE, again_at, again_at)
    found = office.take(*(office.sale("bo", "grocer", 1_000, paid_at=at) for at in paid)).order_ids
    lin = office.sell("lin", "grocer", 1_000)
    rebates = dict(fetch("SELECT id, rebate_fen FROM orders"))
    assert [rebates[order] for order in (*stopped, *found, lin)] == [0, 0, 0, 0, 300, 0, 0]
    assert fetch("SELECT committed_fen FROM marketing_grant") == [(600,)]
    assert fetch("SELECT first_order_id FROM member WHERE ref = 'bo'") == [(found[1],)]


def test_a_batch_asks_nothing_more_for_it_and_hears_of_it_at_once_whoever_wrote_it(office: Town) -> None:
    def taken() -> tuple[int, int]:
        with CaptureQueriesContext(connection) as captured:
            (order,) = office.take(office.sale("mei", "grocer", 1_000)).order_ids
        assert order is not None
        return sold(order)[1], sum("minting" in each["sql"] for each in captured)

    assert taken()[0] == 100
    assert taken() == (100, 0)
    # As another process would write it: nothing here knows but the version that the database has drawn.
    execute(
        "INSERT INTO minting (mints, effective_at, decided_by, decided_at) VALUES (%s, %s, 'Wu', %s)",
        *(False, sql.instant(office.at), sql.instant(office.at)),
    )
    assert taken() == (0, 1)
    assert taken() == (0, 0)
    stopped = logged.minting()
    append(stopped, office)


def append(told: list[logged.Told], town: Town) -> None:
    """Give what was written by hand its leaf, so that the books are proved afterwards."""
    with transaction.atomic():
        append_leaves(told, at=town.at)


def test_the_verifiers_that_share_no_code_agree_with_what_was_stopped(office: Town, tmp_path: Path) -> None:
    order = office.sell("lin", "grocer", 100_000)
    office.sell("mei", "baker", 50_000)
    office.close(1)
    stop(office)
    office.sell("lin", "grocer", 70_000)
    office.close(2)
    office.draw("lin")
    office.sell("lin", "baker", 33, voucher_fen=100)
    office.refund(order, 30_000)
    office.close_all([3, 4])
    write_bundle(folder=tmp_path / "bundle")
    for compute in (verify, verify_tables):
        found = compute(tmp_path / "bundle")
        assert {name: each.first for name, each in found.by_name.items() if each.differences} == {}
        assert found.by_name["orders"].looked_at >= 4


def test_what_was_paid_before_the_stop_vests_releases_and_is_spent(office: Town) -> None:
    late = office.sale("mei", "grocer", 100_000)
    office.sell("mei", "grocer", 100_000)
    stop(office)
    # A till that was offline brings its sale of before the stop: it counts as it was paid.
    assert office.take(late).order_ids[0]
    office.confirm()
    office.close(1)
    # Two lots of 100.00 points, and 1 voucher a hundred points a cycle, twice, without any money coming in.
    assert office.points("mei") == 20_000
    office.close_all([2, 3])
    assert office.draw("mei") == 400
    order = office.sell("mei", "grocer", 0, voucher_fen=400)
    office.close(4)
    assert sold(order)[:2] == (0, 0)
    assert office.points("mei") == 20_000


def test_a_stop_may_be_for_a_later_instant_and_a_sale_counts_by_when_it_was_paid(office: Town) -> None:
    from_at = office.instant(2, 0)
    stop(office, from_at)
    assert minting.standing(office.at) == minting.Standing(True, None, Turn(False, from_at))
    office.day(2)
    before, after = from_at - MINUTE, from_at
    orders = [office.sell("mei", "grocer", 1_000, paid_at=at) for at in (before, after)]
    assert [sold(order)[1] for order in orders] == [100, 0]
    assert minting.standing(office.at) == minting.Standing(False, from_at, None)


def test_a_quote_says_so_before_the_till_does(office: Town) -> None:
    stop(office)
    sale = Sale("grocer", "quote", "mei", office.at, cash_fen=1_000)
    told = quote(sale=sale, price_fen=1_000, use_vouchers=True, use_coupons=True, at=office.at).sold
    assert (told.rate_ppm, told.concession_fen, told.member_points, told.merchant_points) == (0, 0, 0, 0)


def test_it_takes_two_people_with_the_roles(office: Town) -> None:
    for name in ("Ma", "Ren"):
        refused("proposal.role", lambda: proposed(office, by=name))  # noqa: B023  called at once
    made = proposed(office)
    refused("proposal.two_people", lambda: decide(office, made, "Wu"))
    for name in ("Ma", "Ren"):
        refused("proposal.role", lambda: decide(office, made, name))  # noqa: B023
    assert fetch("SELECT COUNT(*) FROM minting") == [(0,)]
    decide(office, made)
    number = office.ids["Fang"]
    assert fetch("SELECT mints, decided_by FROM minting") == [(False, f"account/{number}")]


def test_an_instant_that_is_past_or_too_near_is_refused_and_so_is_what_stands_already(office: Town) -> None:
    refused("minting.early", lambda: proposed(office, effective_at=office.at))
    refused("proposal.nothing", lambda: proposed(office, "mint.resume", office.at + WEEK))
    made = proposed(office, effective_at=office.at + MINUTE)
    office.later(hours=1)
    # Approved too late, it can't hold from when it was proposed for: it is proposed again.
    refused("minting.early", lambda: decide(office, made))
    stop(office)
    refused("proposal.nothing", lambda: proposed(office))


def test_a_stop_that_is_planned_for_later_is_in_the_way_of_none_at_once(office: Town) -> None:
    decide(office, proposed(office, effective_at=office.instant(3_000)))
    refused("proposal.nothing", lambda: proposed(office, effective_at=office.instant(3_001)))
    stop(office)
    assert sold(office.sell("mei", "grocer", 1_000))[1] == 0
    # Nothing that is told of lies ahead: by then nothing changes any more.
    since_at = office.at
    assert minting.standing(office.at) == minting.Standing(False, since_at, None)
    again_at = office.at + WEEK
    decide(office, proposed(office, "mint.resume", again_at))
    assert minting.standing(office.at) == minting.Standing(False, since_at, Turn(True, again_at))
    office.at = again_at
    assert sold(office.sell("mei", "grocer", 1_000))[1] == 100
    assert minting.standing(office.at).following == Turn(False, office.instant(3_000))


def test_two_turns_never_hold_from_one_instant_on(office: Town) -> None:
    stop(office)
    again_at = office.at + WEEK
    decide(office, proposed(office, "mint.resume", again_at))
    refused("minting.early", lambda: proposed(office, effective_at=again_at))
    # Before that there is nothing to stop, and a minute after it there is.
    refused("proposal.nothing", lambda: proposed(office, effective_at=again_at - MINUTE))
    # At once, half a minute before that, it holds a minute after it.
    office.at = again_at - MINUTE / 2
    decide(office, proposed(office))
    assert minting.standing(again_at + MINUTE) == minting.Standing(False, again_at + MINUTE, None)


def test_minting_starts_again_by_two_people_and_seven_days_ahead(office: Town) -> None:
    stop(office)
    refused("minting.instant", lambda: proposed(office, "mint.resume"))
    refused("minting.early", lambda: proposed(office, "mint.resume", office.at + WEEK - MINUTE))
    again_at = office.at + WEEK
    made = proposed(office, "mint.resume", again_at)
    refused("proposal.two_people", lambda: decide(office, made, "Wu"))
    decide(office, made)
    office.at = again_at
    orders = [office.sell("mei", "grocer", 1_000, paid_at=at) for at in (again_at - MINUTE, again_at)]
    assert [sold(order)[1] for order in orders] == [0, 100]


def test_the_public_log_tells_of_each_turn(office: Town) -> None:
    stop(office)
    decide(office, proposed(office, "mint.resume", office.at + WEEK))
    sign_log(at=office.at)
    told = [(each["mints"], each["effective_at"]) for each in facts("minting")]
    # Noon of the first day in Shanghai, a minute after the approval; and seven days after that minute.
    assert told == [(False, "2026-01-05T04:01:00.000000Z"), (True, "2026-01-12T04:01:00.000000Z")]


def test_the_live_figure_finds_an_order_that_conceded_after_the_stop(office: Town) -> None:
    stop(office)
    office.sell("mei", "grocer", 1_000)

    def off() -> dict[str, int]:
        return {proof.name: proof.difference for proof in looked_at(office.at) if proof.law == "G14"}

    assert off() == {"coverage": 0, "stopped": 0}
    execute("UPDATE orders SET rebate_fen = 1")
    try:
        assert off() == {"coverage": 0, "stopped": 1}
    finally:
        execute("UPDATE orders SET rebate_fen = 0")


@pytest.mark.parametrize(("seed", "preset"), [(12, "published"), (13, "hybrid")])
def test_any_life_goes_on_after_the_stop_until_every_voucher_is_spent(
    database: Database, seed: int, preset: str
) -> None:
    # The proofs of the books, and a replay of the whole journal, run after it.
    del database
    life = Life(seed, preset=preset)
    town = with_office(life.town)
    life.live(7, errands=12)
    before = owed(town)
    assert sum(before.values())
    stop(town)
    stopped_at = town.at
    life.live(8, errands=8)
    assert fetch("SELECT SUM(concession_fen) FROM orders WHERE paid_at >= %s", sql.instant(stopped_at)) == [(0,)]
    for free_fen, backing_fen, spent_fen in fetch("SELECT free_fen, backing_fen, spent_fen FROM pool"):
        assert (coverage_ppm(free_fen, backing_fen - spent_fen) or PPM) >= PPM
    for hold in life.holds:
        release(hold_id=hold, by="risk", at=town.at)
    _spend_all(town)
    # What is left can be spent by nobody: a fraction of a fen for each wallet at most, and what repays a debt first.
    wallets, debt_fen = fetch("SELECT COUNT(*), SUM(debt_fen) FROM wallet")[0]
    assert 0 <= min(owed(town).values()) <= sum(owed(town).values()) <= wallets + debt_fen
    assert min(balances().values()) >= 0


def _spend_all(town: Town) -> None:
    """Let everybody spend whatever they have, at a shop that isn't their own."""
    for ref in town.ids.keys() - ROLES:
        shop = "baker" if ref == "grocer" else "grocer"
        sale = Sale(shop, f"last-{ref}", ref, town.at, cash_fen=0)
        most = quote(sale=sale, price_fen=10**9, use_vouchers=True, use_coupons=False, at=town.at).voucher_max_fen
        if most:
            town.sell(ref, shop, 0, voucher_fen=most, order_no=f"last-{ref}")
        left = quote(sale=sale, price_fen=10**9, use_vouchers=True, use_coupons=False, at=town.at)
        assert left.voucher_max_fen == 0


def test_a_town_that_stops_pays_out_its_plans_to_the_end(database: Database) -> None:
    del database
    town = with_office(found_town(plain_rules(cycle_days=1)))
    town.sell("mei", "grocer", 100_000)
    stop(town)
    town.close_all(range(1, 40))
    # 100.00 points each to Mei and the grocer release 1 % a cycle, 30 times: 30.00 each of the 60.00 that came in.
    assert town.draw("mei") == town.draw("grocer") == 3_000
    assert fetch("SELECT free_fen, backing_fen FROM pool WHERE name = 'green'") == [(0, 6_000)]
    town.sell("mei", "grocer", 0, voucher_fen=3_000)
    town.sell("grocer", "baker", 0, voucher_fen=3_000)
    assert owed(town)["green"] == 0
