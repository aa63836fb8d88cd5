"""One order's life, told in commands: taken, confirmed, vested, settled, drawn, spent, refunded, paid out, proved.

The baker concedes 8 % of 128.50 yuan: 10.28. Green 616, red 82, coupon 71, fee 205 fen, and 54 are left to the reserve.
"""

from pathlib import Path

from tests.cli.conftest import Town, day, sale

SPLIT = {"green": 616, "red": 82, "coupon": 71, "reserve": 54, "fee": 205}


def vested(town: Town) -> None:
    """Live up to the first cut-off with one order."""
    taken = town.orders(sale(1), at=day(2))
    assert [line["state"] for line in taken] == ["taken"]
    confirmed = town.call("confirm", "bank-1", "--until", day(2, "23:59:59"), "--at", day(3), "--json")
    assert confirmed.json == {"statement": "bank-1", "confirmed_fen": 12850}
    town.call("settle", "--at", day(8))


def test_an_order_is_split_to_the_fen(town: Town) -> None:
    vested(town)
    traced = town.call("trace", "baker", "B1", "--json").json
    assert {name: traced[f"{name}_part_fen"] for name in SPLIT} == SPLIT
    assert traced["concession_fen"] == sum(SPLIT.values()) == 1028
    assert traced["referrer"] == "ana"
    assert traced["entry_cycle"] == 1
    assert [(lot["holder"], lot["points"], lot["released_fen"]) for lot in traced["lots"]] == [
        ("bo", 1028, 0),
        ("baker", 1028, 0),
    ]
    assert [journal["kind"] for journal in traced["journals"]][:2] == ["take", "vest"]
    shown = town.call("trace", "baker", "B1").out
    assert "10.28" in shown
    assert "8 %" in shown


def test_points_become_vouchers_that_are_drawn_spent_and_refunded(town: Town) -> None:
    vested(town)
    # Cycle 2 without new inflow: 0.5 % of 2 × 1028 points, no dividend. Bo's half is 5.14 fen, floored once: 5.
    settled = town.call("settle", "--at", day(15), "--json").lines
    assert [(run["cycle"], run["state"], run["issued_fen"]) for run in settled] == [(2, "posted", 14)]
    purse = town.call("wallet", "bo", "--json").json["pools"][0]
    assert (purse["points"], purse["accrued_fen"], purse["claimable_fen"]) == (1028, 5, 5)
    drawn = town.call("draw", "bo", "green", "--amount", "0.03", "--at", day(15), "--json").json
    assert drawn["drawn_fen"] == 3
    # A spend of 4 takes the 3 that are drawn and draws the missing fen; the red fen are Ana's, not Bo's.
    paid = sale(2, merchant="grocer", order_no="G1", paid_at=day(16), cash_fen=996, voucher_fen=4)
    assert town.orders(paid, at=day(16))[0]["state"] == "taken"
    purse = town.call("wallet", "bo", "--json").json["pools"][0]
    assert (purse["claimed_fen"], purse["voucher_fen"], purse["redeemed_fen"]) == (4, 0, 4)
    # All of it goes back: 4 fen as vouchers, 996 in cash.
    town.call("confirm", "bank-2", "--until", day(16, "23:59:59"), "--at", day(17))
    refunded = town.call("refund", "grocer", "G1", "R1", "10.00", "--at", day(17), "--json").json
    assert refunded["state"] == "paid"
    traced = town.call("trace", "grocer", "G1", "--json").json
    assert [(each["cash_fen"], each["voucher_fen"]) for each in traced["refunds"]] == [(996, 4)]
    assert "R1" in town.call("trace", "grocer", "G1").out
    assert town.call("wallet", "bo", "--json").json["pools"][0]["voucher_fen"] == 4


def test_merchants_are_paid_the_fee_moves_and_a_grant_needs_two_people(town: Town) -> None:
    vested(town)
    # The baker is owed 128.50 less its concession of 10.28.
    paid = town.call("payout", "--date", "2024-01-03", "--at", day(3, "18:00:00"), "--json").json
    assert list(paid["paid_fen"].values()) == [11822]
    assert town.call("fees", "1", "--at", day(8), "--json").json == {"cycle": 1, "fee_fen": 205}
    # The platform holds 2.05: it can't grant 2.06, and nobody approves his own proposal.
    town.call("grant", "spring", "--amount", "2.06", "--rebate", "1.00", "--by", "lin", "--at", day(8))
    assert "The platform holds 205 fen" in town.call("grant", "spring", "--approve", "--by", "wu", code=1).err
    town.call("grant", "autumn", "--amount", "2.05", "--rebate", "1.00", "--by", "lin", "--at", day(8))
    refused = town.call("grant", "autumn", "--approve", "--by", "lin", "--json", code=1).json
    assert (refused["code"], refused["field"]) == ("grant.two_people", "by")
    assert town.call("grant", "autumn", "--approve", "--by", "wu", "--json").json["state"] == "approved"


def test_a_held_settlement_waits_for_a_second_person(bare: Town, town: Town) -> None:
    changed = town.rules(name="capped", daily_rebate_cap_fen=5)
    town.call("publish", changed, "--by", "lin", "--from", day(1, "06:00:00"), "--at", day(1, "05:00:00"))
    vested(town)
    held = town.call("settle", "--at", day(15), "--by", "lin", "--json").lines[0]
    assert (held["state"], held["issued_fen"], held["daily_cap_fen"]) == ("held", 14, 5)
    assert "Another person decides" in town.call("settle", "--at", day(15)).out
    assert town.call("status", "--json").json["held_cycle"] == 2
    assert "lin proposed" in town.call("approve", "2", "--by", "lin", "--at", day(15), code=1).err
    # 1 fen of the green pool is let through; the red one's 3 fen (82 × 1/36) stay as they were.
    again = town.call("reject", "2", "--by", "wu", "--cap", "green=0.01", "--at", day(15), "--json").json
    assert (again["state"], again["issued_fen"]) == ("held", 4)
    assert town.call("approve", "2", "--by", "lin", "--at", day(15), "--json").json["state"] == "posted"


def test_holds_stop_an_order_and_an_account_until_they_are_released(town: Town) -> None:
    order_id = town.orders(sale(1), at=day(2))[0]["order_id"]
    town.call("confirm", "bank-1", "--order", order_id, "--at", day(3))
    hold = town.call("hold", "--order", order_id, "--reason", "odd", "--by", "wu", "--at", day(3), "--json").json[
        "hold"
    ]
    assert town.call("settle", "--at", day(8), "--json").lines[0]["orders"] == 0
    town.call("release", hold, "--by", "wu", "--at", day(9))
    assert town.call("settle", "--at", day(15), "--json").lines[0]["orders"] == 1
    town.call("hold", "--holder", "bo", "--reason", "lost phone", "--by", "wu", "--at", day(15))
    assert "lost phone" in town.call("wallet", "bo").out
    assert town.call("draw", "bo", "green", "--at", day(15), "--json", code=1).json["code"] == "draw.held"


def test_a_delivery_starts_the_refund_window(town: Town) -> None:
    town.orders(sale(1, delivered=False), at=day(2))
    town.call("confirm", "bank-1", "--until", day(2, "23:59:59"), "--at", day(3))
    assert town.call("deliver", "--until", day(2, "23:59:59"), "--at", day(3), "--json").json == {"delivered": 1}
    assert town.call("vest", "--cycle", "1", "--at", day(8), "--json").json["green_fen"] == 616


def test_what_is_not_spent_in_time_expires(town: Town) -> None:
    vested(town)
    town.call("settle", "--at", day(15))
    town.call("draw", "bo", "green", "--at", day(15))
    # Vouchers last 365 days from the draw, coupons 90 from the cut-off.
    gone = town.call("expire", "--at", "2025-01-20T00:00:00+08:00", "--json").json
    assert gone == {"voucher_fen": 5, "coupon_fen": 71}


def test_a_merchant_s_deposit_pays_a_refund_that_waited(town: Town) -> None:
    vested(town)
    town.call("payout", "--date", "2024-01-09", "--at", day(9))
    waits = ("refund", "baker", "B1", "R1", "28.50")
    assert town.call(*waits, "--at", day(9), "--json").json["state"] == "pending"
    town.call("deposit", "baker", "D1", "30.00", "--at", day(10))
    assert town.call(*waits, "--at", day(10), "--json").json["state"] == "paid"


def test_a_concession_below_ten_fen_makes_no_points(town: Town) -> None:
    # 8 % of 1.12 is 8.96 fen, half up 9: all of it goes to the reserve.
    town.orders(sale(1), sale(2, cash_fen=112), at=day(2))
    town.call("confirm", "bank-1", "--until", day(2, "23:59:59"), "--at", day(3))
    town.call("settle", "--at", day(8))
    traced = town.call("trace", "baker", "B2", "--json").json
    assert (traced["concession_fen"], traced["reserve_part_fen"], traced["lots"]) == (9, 9, [])


def test_a_rate_card_is_for_what_is_paid_later(town: Town) -> None:
    card = town.call("rate", "baker", "8.25", "--from", day(3, "00:00:00"), "--at", day(2), "--json").json
    assert card["rate_ppm"] == 82500
    town.orders(sale(1), sale(2, paid_at=day(3)), at=day(3))
    rates = [town.call("trace", "baker", number, "--json").json["rate_ppm"] for number in ("B1", "B2")]
    assert rates == [80000, 82500]


def test_the_books_are_proved_and_the_journal_replays_to_the_same_state(town: Town, tmp_path: Path) -> None:
    vested(town)
    town.call("settle", "--at", day(15))
    town.call("draw", "bo", "green", "--at", day(15))
    proofs = town.call("check", "--json").lines
    assert proofs
    assert all(proof["holds"] for proof in proofs)
    assert "statements hold" in town.call("check").out
    assert not any(pair["difference_fen"] for pair in town.call("reconcile", "--by", "lin", "--json").lines)
    assert "0 of" in town.call("reconcile", "--by", "lin").out
    journal = tmp_path / "journal.jsonl"
    events = town.call("export", "--journal", str(journal), "--json").json["events"]
    answers = town.call("recompute", str(journal)).lines
    assert len(answers) == events + 1
    bo = town.call("wallet", "bo", "--json").json
    pool = answers[-1]["accounts"][bo["account_id"]]["green"]
    assert pool == {name: bo["pools"][0][name] for name in ("accrued_fen", "claimed_fen", "voucher_fen")}


def test_the_report_is_written_where_it_was_asked_for(town: Town, tmp_path: Path) -> None:
    vested(town)
    out = tmp_path / "deep" / "report.html"
    assert town.call("report", "--out", str(out), "--json").json == {"report": str(out)}
    assert "<html" in out.read_text("utf-8")
