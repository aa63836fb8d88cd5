"""Payouts, deposits, bank statements, grants and fees over HTTP, each with what it is made of."""

from datetime import timedelta
from typing import Any

from greenloop.services.books.checked import keep_check
from tests.support.calling import Caller, till_of
from tests.support.ledger import balances, fetch
from tests.support.looking import Looker, looker_of, staff_of
from tests.support.town import Town
from tests.support.visiting import seated


def test_a_payout_tells_what_it_is_made_of(town: Town, till: Caller, clock: Any) -> None:
    first = town.sell("mei", "grocer", 100_000)
    town.sell("lin", "grocer", 50_000)
    town.sell("lin", "baker", 10_000)
    town.refund(first, 20_000)
    town.later(days=1)
    clock(town.at)
    finance = staff_of("finance").fresh()
    town.deposit("grocer", 700)
    day = town.today().isoformat()
    done = finance.post("/v1/payouts", {"business_date": day}, idempotency_key="p")
    # Grocer: 90 % of 1 000 and of 500 yuan, less 90 % of the 200 that were given back, and the 7 it brought; baker: 80.
    assert done.json == {"business_date": day, "merchants": 2, "amount_fen": 90_000 + 45_000 - 18_000 + 700 + 8_000}
    again = finance.post("/v1/payouts", {"business_date": day}, idempotency_key="other")
    assert (again.json, again.headers["idempotency-replayed"]) == (done.json, "true")
    (row,) = till.get("/v1/payouts").json["items"]
    assert (row["merchant"], row["business_date"], row["amount_fen"]) == ("grocer", day, 117_700)
    whole = till.get(f"/v1/payouts/{row['id']}").json
    assert whole["parts"] == {
        "orders": 2,
        "sales_fen": 135_000,
        "refunds": 1,
        "refunds_fen": 18_000,
        "deposits": 1,
        "deposits_fen": 700,
        "repaid_fen": 0,
    }
    assert till.get("/v1/deposits").json["items"][0]["payout_id"] == row["id"]
    (others,) = (each for each in finance.get("/v1/payouts").json["items"] if each["merchant"] == "baker")
    for caller in (till, Looker(seated("grocer"), 0), looker_of(town.ids["lin"])):
        assert caller.get(f"/v1/payouts/{others['id']}").code == "payout.unknown"
        assert caller.get("/v1/payouts?merchant=baker").code == "merchant.unknown"
    assert len(finance.get(f"/v1/payouts?merchant=grocer&business_date={day}").json["items"]) == 1
    assert finance.get("/v1/payouts?business_date=2026-01-01").json["items"] == []


def test_a_day_that_has_not_begun_is_not_paid(town: Town, clock: Any) -> None:
    clock(town.at)
    finance = staff_of("finance").fresh()
    tomorrow = (town.today() + timedelta(days=1)).isoformat()
    answer = finance.post("/v1/payouts", {"business_date": tomorrow})
    assert (answer.status, answer.code) == (422, "payout.early")
    for role in ("operator", "risk", "marketing", "auditor"):
        assert staff_of(role).post("/v1/payouts", {"business_date": tomorrow}).code == "auth.role"


def test_while_the_books_are_broken_nobody_is_paid_and_cycles_close_without_their_fee(town: Town, clock: Any) -> None:
    town.sell("mei", "grocer", 100_000)
    town.at = town.calendar.cutoff_at(1)
    clock(town.at)
    keep_check(statements=1, broken=[("balance", "it balances", 1)], replayed=True, took_ms=1, by="wu", at=town.at)
    finance = staff_of("finance").fresh()
    answer = finance.post("/v1/payouts", {"business_date": town.today().isoformat()})
    assert (answer.status, answer.code) == (409, "books.broken")
    settled = finance.post("/v1/settlements/1/run")
    assert (settled.status, settled.json["state"]) == (200, "posted")
    assert fetch("SELECT COUNT(*) FROM payout UNION ALL SELECT COUNT(*) FROM fee_transfer") == [(0,), (0,)]


DEPOSIT = {"merchant": "grocer", "deposit_no": "d-1", "amount_fen": 700, "reason": "on icbc-1"}


def test_a_deposit_is_taken_by_two_people_and_once(town: Town, till: Caller, clock: Any) -> None:
    clock(town.at)
    finance, other = staff_of("finance", "Lin").fresh(), staff_of("finance", "Wu").fresh()
    made = finance.post("/v1/deposits", DEPOSIT)
    assert made.status == 202
    shown = other.get(f"/v1/proposals/{made.json['id']}").json
    content = {"merchant": "grocer", "deposit_no": "d-1", "amount_fen": 700}
    assert (shown["kind"], shown["content"], shown["reason"]) == ("deposit.take", content, "on icbc-1")
    done = other.post(f"/v1/proposals/{made.json['id']}/approve", {"sha256": made.json["sha256"]}).json
    (taken,) = till.get("/v1/deposits").json["items"]
    assert (taken["amount_fen"], taken["payout_id"], done["outcome"]) == (700, None, f"deposit/{taken['id']}")
    assert balances()["trust:merchant_payable"] == balances()["trust:bank"] == 700
    assert other.post("/v1/deposits", DEPOSIT).code == "proposal.nothing"
    assert other.post("/v1/deposits", DEPOSIT | {"amount_fen": 701}).code == "deposit.conflict"
    assert other.post("/v1/deposits", DEPOSIT | {"merchant": "nobody"}).code == "deposit.merchant"
    assert till_of("baker").get("/v1/deposits").json["items"] == []


def test_nobody_alone_pays_out_money_that_no_bank_has_seen(town: Town, clock: Any) -> None:
    clock(town.later(days=1).at)
    finance = staff_of("finance").fresh()
    made = finance.post("/v1/deposits", DEPOSIT | {"amount_fen": 10**9}).json
    own = finance.post(f"/v1/proposals/{made['id']}/approve", {"sha256": made["sha256"]})
    assert (own.status, own.code) == (409, "proposal.two_people")
    marketing = staff_of("marketing").fresh()
    for role, code in ((marketing, "auth.role"), (staff_of("operator"), "auth.reauthenticate")):
        assert role.post(f"/v1/proposals/{made['id']}/approve", {"sha256": made["sha256"]}).code == code
    day = town.today().isoformat()
    assert finance.post("/v1/payouts", {"business_date": day}).json["amount_fen"] == 0
    assert fetch("SELECT COUNT(*) FROM deposit") == fetch("SELECT COUNT(*) FROM journal") == [(0,)]


def test_who_moves_money_has_shown_lately_who_they_are(town: Town, clock: Any) -> None:
    clock(town.later(days=1).at)
    finance = staff_of("finance")
    asked: tuple[tuple[str, Any], ...] = (
        ("payouts", {"business_date": town.today().isoformat()}),
        ("deposits", DEPOSIT),
        ("bank-statements", {"statement": "icbc-1", "paid_until_at": town.at.isoformat()}),
    )
    for path, body in asked:
        answer = finance.post(f"/v1/{path}", body)
        assert (answer.status, answer.code) == (403, "auth.reauthenticate"), path
    finance.fresh()
    assert [finance.post(f"/v1/{path}", body).status for path, body in asked] == [200, 202, 200]


def test_a_bank_statement_confirms_cash_once(town: Town, clock: Any) -> None:
    one = town.sell("mei", "grocer", 100_000, confirmed=False)
    town.sell("lin", "grocer", 50_000, confirmed=False)
    clock(town.at)
    finance = staff_of("finance").fresh()
    told = {"statement": "icbc-1", "order_ids": [str(one)]}
    assert finance.post("/v1/bank-statements", told).json == {"statement": "icbc-1", "confirmed_fen": 100_000}
    again = finance.post("/v1/bank-statements", told)
    assert (again.json["confirmed_fen"], again.headers["idempotency-replayed"]) == (100_000, "true")
    rest = {"statement": "icbc-2", "paid_until_at": town.at.isoformat()}
    assert finance.post("/v1/bank-statements", rest).json["confirmed_fen"] == 50_000
    assert (balances()["trust:bank"], balances()["trust:in_transit"]) == (150_000, 0)
    assert finance.post("/v1/bank-statements", rest | told | {"statement": "x"}).code == "confirm.none"
    assert finance.post("/v1/bank-statements", {"statement": "x"}).status in {404, 422}


def test_marketing_proposes_a_grant_and_finance_approves_it(town: Town, clock: Any) -> None:
    town.sell("mei", "grocer", 100_000)
    town.close_all([1])
    town.transfer_fees(1)
    clock(town.at)
    marketing, finance = staff_of("marketing").fresh(), staff_of("finance")
    # The fee is 20 % of the 100 yuan conceded: 20 yuan stand in the platform's bank.
    (fee,) = finance.get("/v1/fees").json["items"]
    assert (fee["cycle"], fee["amount_fen"]) == (1, 2_000)
    told = {"ref": "welcome", "amount_fen": 2_000, "rebate_fen": 500}
    made = marketing.post("/v1/grants", told)
    assert (made.status, made.json["approved_by"]) == (201, None)
    assert marketing.post("/v1/grants/welcome/approve").code == "auth.role"
    assert finance.post("/v1/grants/welcome/approve").code == "auth.reauthenticate"
    finance.fresh()
    done = finance.post("/v1/grants/welcome/approve")
    assert done.json["approved_by"] == str(finance.account_id)
    assert finance.post("/v1/grants/welcome/approve").headers["idempotency-replayed"] == "true"
    assert marketing.post("/v1/grants", told | {"ref": "more"}).status == 201
    assert finance.post("/v1/grants/more/approve").code == "grant.funds"
    assert finance.post("/v1/grants/none/approve").code == "grant.unknown"
    assert [each["ref"] for each in finance.get("/v1/grants").json["items"]] == ["more", "welcome"]
