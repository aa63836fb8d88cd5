"""A quarter's taxes: what each holder received by class, tied to the ledger, and its files (G13)."""

import csv
import io
import json
import re
from hashlib import sha256

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook

from greenloop.core.faults import Refusal
from greenloop.core.trust.tax import CLASSES, DISCOUNT, EXAMPLE, GIFT, read_tariff
from greenloop.insight.guardrails.live import looked_at
from greenloop.insight.taxes import files
from greenloop.insight.taxes.quarter import HolderLine, Quarter, quarter
from greenloop.services.people.staff import appoint_staff
from greenloop.services.trust.taxes import note_export
from greenloop.sim.town import build_town
from greenloop.store import sql
from greenloop.store.queries import taxed
from greenloop.store.queries.taxed import Sums
from tests.support.databases import Database
from tests.support.ledger import execute, fetch
from tests.support.town import OPENING_AT, Town


def first_quarter(town: Town, name: str = "2026Q1") -> Quarter:
    """Return a quarter of a town, looked at a year after it opened."""
    return quarter(name, tariff=read_tariff(EXAMPLE), offset_minutes=480, at=town.instant(365))


def classes(found: Quarter) -> dict[str, tuple[int, int, int]]:
    return {
        each.name: (each.sums.received_fen, each.sums.taken_back_fen, each.sums.expired_fen) for each in found.classes
    }


def referring(town: Town) -> Town:
    """Let Lin, whom Mei brought, buy for 100 000.00 with a rebate of 3.00, and all draw what two cycles released."""
    town.sell("mei", "grocer", 100_000)
    town.close(1)
    town.transfer_fees(1)
    town.grant(1_000, 300)
    town.sell("lin", "grocer", 10_000_000)
    town.close_all([2, 3])
    for ref, pool in (("mei", "green"), ("lin", "green"), ("grocer", "green"), ("mei", "red")):
        town.draw(ref, pool=pool)
    return town


def test_each_class_has_what_came_into_its_holders_hands(town: Town) -> None:
    found = first_quarter(referring(town))
    # Points: 100.00 of Mei's and 10 000.00 of Lin's, the grocer has both. In cycle 2 the first lots release 1 %, in
    # cycle 3 all of them: 1.00 + 1.00 Mei's, 100.00 Lin's, 102.00 the grocer's. Coupons of 7 % of 100.00 and of
    # 10 000.00. Red: 8 % of 10 000.00 is 800.00, a month's limit 500.00, of which 2.5 % are 12.50. The rebate is 3.00.
    assert classes(found) == {
        "discount": (200 + 10_000 + 700 + 70_000, 0, 0),
        "points_gift": (300, 0, 0),
        "referral_income": (1_250, 0, 0),
        "business": (10_200, 0, 0),
    }
    assert found.difference_fen == 0
    assert {(tie.source, tie.movement) for tie in found.ties} == {
        *(("green", "received"), ("red", "received"), ("earned", "received"), ("grant", "received"))
    }


def test_only_holders_of_what_is_withheld_from_are_listed(town: Town) -> None:
    found = first_quarter(referring(town))

    def told(line: HolderLine) -> tuple[str, str, int, int]:
        return line.ref, line.name, line.assessed.base_fen, line.assessed.due.fen

    # 20 % of the rebate of 3.00; the 12.50 of red vouchers stay below the 800.00 that the example deducts.
    assert sorted(map(told, found.holders)) == [("lin", "points_gift", 300, 60), ("mei", "referral_income", 1_250, 0)]


def test_a_refund_takes_back_what_it_takes_back(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    town.close(1)
    town.transfer_fees(1)
    town.grant(1_000, 300)
    order = town.sell("lin", "grocer", 100_000)
    town.close_all([2, 3])
    town.draw("lin")
    town.draw("mei", pool="red")
    town.sell("lin", "baker", 0, voucher_fen=100)
    town.refund(order, 100_000)
    found = first_quarter(town)
    told = classes(found)
    # Of 8.00 red points 2.5 % were drawn: 0.20. Lin's 1.00 and her coupon of 7.00 go, and the rebate of 3.00.
    assert told["referral_income"] == (20, 20, 0)
    assert told["points_gift"] == (300, 300, 0)
    assert told["discount"] == (100 + 700 + 700, 100 + 700, 0)
    assert [line.assessed.due.fen for line in found.holders] == [0, 0]
    assert found.difference_fen == 0


def test_a_coupon_that_is_spent_is_taken_back_out_of_the_refund_s_cash(town: Town) -> None:
    order = town.sell("lin", "grocer", 100_000)
    town.sell("mei", "grocer", 100_000)
    town.close(1)
    # Her coupon of 7.00 is spent when the purchase that earned it is refunded: 7.00 of the refund stay in trust.
    town.sell("lin", "baker", 0, coupon_fen=700)
    town.refund(order, 100_000)
    assert fetch("SELECT withheld_fen FROM refund") == [(700,)]
    assert classes(first_quarter(town))["discount"] == (1_400, 700, 0)
    ever = (OPENING_AT, town.instant(365))
    assert taxed.of_account(town.ids["lin"], ever) == {"discount": Sums(700, 700)}


def test_any_class_that_a_tariff_names_is_withheld_from(town: Town) -> None:
    referring(town)
    flat = {"fixed_up_to_fen": 0, "deduction_fen": 0, "deduction_ppm": 0}
    terms = flat | {"brackets": [{"above_fen": 0, "rate_ppm": 100_000, "less_fen": 0}]}
    tariff = read_tariff({"name": "all", "classes": dict.fromkeys(CLASSES, terms)})
    found = quarter("2026Q1", tariff=tariff, offset_minutes=480, at=town.instant(365))
    told = {(line.ref, line.name): (line.assessed.base_fen, line.assessed.due.fen) for line in found.holders}
    # A tenth of each: a month's vouchers and coupons are one income, and the merchant's are its own.
    assert told == {
        ("lin", "discount"): (10_000 + 70_000, 8_000),
        ("mei", "discount"): (200 + 700, 90),
        ("lin", "points_gift"): (300, 30),
        ("mei", "referral_income"): (1_250, 125),
        ("grocer", "business"): (10_200, 1_020),
    }
    assert [(each.name, each.base_fen, each.withheld_fen) for each in found.classes] == [
        *(("discount", 80_900, 8_090), ("points_gift", 300, 30)),
        *(("referral_income", 1_250, 125), ("business", 10_200, 1_020)),
    ]


def test_what_expires_is_told_and_was_received_all_the_same(town: Town) -> None:
    referring(town)
    town.at = town.instant(400)
    town.expire()
    found = quarter("2027Q1", tariff=read_tariff(EXAMPLE), offset_minutes=480, at=town.instant(800))
    assert classes(found) == {
        "discount": (0, 0, 10_200),
        "points_gift": (0, 0, 0),
        "referral_income": (0, 0, 1_250),
        "business": (0, 0, 10_200),
    }
    assert [line.assessed.due.fen for line in found.holders] == [0]
    assert found.difference_fen == 0


def test_a_quarter_begins_and_ends_at_local_midnight(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    # 31 March is day 86. A voucher drawn in the last minute of it is of the first quarter.
    town.close_all(range(1, 13))
    town.at = town.instant(86, 23)
    drawn = town.draw("mei")
    town.close(13)
    town.day(92)
    later = town.draw("mei")
    assert min(drawn, later) > 0
    assert classes(first_quarter(town))["discount"][0] == 700 + drawn
    assert classes(first_quarter(town, "2026Q2"))["discount"][0] == later
    assert taxed.of_account(town.ids["mei"], (OPENING_AT, town.instant(365)))["discount"].received_fen == (
        700 + drawn + later
    )


def test_a_holder_s_year_is_found_without_reading_what_is_others(town: Town) -> None:
    town.refund(town.sell("lin", "grocer", 100_000), 100_000)
    with CaptureQueriesContext(connection) as captured:
        taxed.of_account(town.ids["lin"], (OPENING_AT, town.instant(365)))
    (asked,) = (each["sql"] for each in captured if "withheld_fen" in each["sql"])
    with transaction.atomic():
        if sql.is_postgresql():
            # In a town of five PostgreSQL would read every row; told not to, it can only where an index is missing.
            execute("SET LOCAL enable_seqscan = off")
        explain = "EXPLAIN" if sql.is_postgresql() else "EXPLAIN QUERY PLAN"
        plan = "\n".join(str(row[-1]) for row in fetch(f"{explain} {asked}"))
    assert not re.search(
        r"^ *SCAN [a-z]+$|Seq Scan on (refund|orders|posting|journal|wallet_entry|coupon)", plan, re.MULTILINE
    ), plan


def test_a_quarter_that_isn_t_over_is_refused(town: Town) -> None:
    with pytest.raises(Refusal) as refused:
        quarter("2026Q1", tariff=read_tariff(EXAMPLE), offset_minutes=480, at=town.at)
    assert refused.value.code == "tax.quarter_open"


def test_the_files_say_the_same_and_the_manifest_holds_their_hashes(town: Town) -> None:
    found = first_quarter(referring(town))
    made = files.files(found, tariff=EXAMPLE, at=town.instant(365))
    manifest = json.loads(made["manifest.json"])
    assert {name: sha256(content).hexdigest() for name, content in made.items() if name != "manifest.json"} == (
        manifest["files"]
    )
    assert (manifest["difference_fen"], manifest["withheld_fen"], manifest["kept_back_fen"]) == (0, 60, 0)
    text = made["withholding.csv"]
    assert text.startswith(b"\xef\xbb\xbf")
    head, *rows = csv.reader(io.StringIO(text.decode("utf-8-sig")))
    assert len(head) == 10
    assert sorted((row[0], row[2], row[4], row[8]) for row in rows) == [
        ("lin", "", "3.00", "0.60"),
        ("mei", "", "12.50", "0.00"),
    ]
    sheets = load_workbook(io.BytesIO(made["tax-2026Q1.xlsx"]))
    assert [len(list(sheet.rows)) for sheet in sheets] == [3, 5]
    again = files.files(first_quarter(town), tariff=EXAMPLE, at=town.instant(365))
    assert again == made


def test_taking_the_files_is_noted_and_is_for_finance(town: Town) -> None:
    asked = {"at": OPENING_AT, "password": "a long first password"}
    ids = {role: appoint_staff(name=role, roles=[role], **asked) for role in ("risk", "finance")}  # type: ignore[arg-type]
    with pytest.raises(Refusal) as refused:
        note_export(quarter="2026Q1", facts={"holders": 2}, by=str(ids["risk"]), at=town.at)
    assert refused.value.code == "staff.may_not"
    note_export(quarter="2026Q1", facts={"holders": 2}, by=str(ids["finance"]), at=town.at)
    assert fetch("SELECT about, detail FROM audit_entry WHERE act = 'tax.export'") == [("tax/2026Q1", '{"holders":2}')]


def test_the_live_figures_find_a_benefit_without_a_class_and_sums_that_differ(town: Town) -> None:
    referring(town)

    def off() -> dict[str, int]:
        return {proof.name: proof.difference for proof in looked_at(town.at) if proof.law == "G13"}

    assert off() == {"classes": 0, "tax sums": 0}
    execute("UPDATE coupon SET face_fen = face_fen + 1 WHERE kind = 'grant'")
    try:
        assert off() == {"classes": 0, "tax sums": 1}
    finally:
        execute("UPDATE coupon SET face_fen = face_fen - 1 WHERE kind = 'grant'")
    execute("INSERT INTO wallet (account_id, pool_id) SELECT 17, MIN(id) FROM pool")
    try:
        assert off() == {"classes": 1, "tax sums": 0}
    finally:
        execute("DELETE FROM wallet WHERE account_id = 17")


def test_in_a_town_where_everything_happens_the_tax_sums_are_the_ledger_s(database: Database) -> None:
    del database
    build_town(seed=3, members=40, merchants=8, cycles=7)
    ever = (OPENING_AT.replace(year=2000), OPENING_AT.replace(year=2100))
    ties = taxed.ties(ever)
    assert [tie for tie in ties if tie.rows_fen != tie.ledger_fen] == []
    moved = {(tie.source, tie.movement) for tie in ties}
    assert {("green", "received"), ("green", "taken back"), ("red", "received"), ("earned", "received")} <= moved
    # What each holder is shown adds up to what the authority is told, and coupons to where they are.
    shown: dict[str, Sums] = {}
    for (account,) in fetch("SELECT account_id FROM member UNION SELECT account_id FROM merchant"):
        for name, sums in taxed.of_account(int(account), ever).items():
            shown[name] = shown.get(name, Sums()) + sums
    told = taxed.by_class(ever)
    assert shown == {name: sums for name, sums in told.items() if sums != Sums()}
    # What orders lost of their coupons is what was taken back, out of coupons or out of cash.
    (lost_fen,) = fetch(
        "SELECT SUM(k.face_fen - o.coupon_part_fen) FROM coupon k JOIN orders o ON o.id = k.order_id "
        "WHERE k.kind = 'earned'"
    )[0]
    drawn_back_fen = int(
        fetch(
            "SELECT SUM(amount_fen) FROM wallet_entry e JOIN member m ON m.account_id = e.account_id "
            "JOIN pool p ON p.id = e.pool_id WHERE e.kind = 'claw' AND NOT p.is_red"
        )[0][0]
        or 0
    )
    back_fen = sum(sums.taken_back_fen for (_, name), sums in taxed.by_holder(ever, [DISCOUNT]).items())
    assert 0 < int(lost_fen) == back_fen - drawn_back_fen
    assert {name for _, name in taxed.by_holder(ever, [DISCOUNT, GIFT])} == {DISCOUNT, GIFT}
