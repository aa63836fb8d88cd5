"""The supervision report: an example to check by hand, what it says when it may change, and who is told what."""

from datetime import date, timedelta
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pypdf
import pytest
from django.db import transaction

from greenloop.core.faults import Refusal
from greenloop.insight.supervision import as_pdf, as_xlsx
from greenloop.insight.supervision.books import read
from greenloop.insight.supervision.folder import write_folder
from greenloop.insight.supervision.report import AUDITOR, PUBLIC, Report, report
from greenloop.insight.supervision.trusted import trust_ties
from greenloop.services.books.institution.collecting import Bill, collect
from greenloop.services.books.institution.gateway import Said
from greenloop.services.books.institution.notices import take_notices
from greenloop.services.books.keeper import keep
from greenloop.services.books.reconciling.lines import INSTITUTION, Line, Listed
from greenloop.services.books.reconciling.statement import take_statement
from greenloop.services.loop.hold import hold_order
from greenloop.store import sql
from greenloop.store.queries.statements import Period
from tests.support.databases import Database
from tests.support.ledger import fetch
from tests.support.supervising import MADE_AT, over
from tests.support.town import OPENS_DATE, Town, found_town
from tests.support.trusting import trust_book

ORIGIN = "test/log"


def chain(found: Report) -> dict[str, int]:
    return {step.key: step.fen for step in found.steps}


def reasons(found: Report) -> list[str]:
    """Return why a report may change, but for journals that wait for a trust book: these towns have none."""
    told = [sentence.format(count=count) for sentence, count in found.provisional]
    return [each for each in told if not each.startswith("Journals that wait")]


def written(folder: Path, found: Report, language: str = "en") -> Path:
    with sql.snapshot():
        write_folder(folder=folder, report=found, language=language, origin=ORIGIN)
    return folder


@pytest.fixture
def town(database: Database) -> Town:
    """Give the town after three weeks: a sale, two settlements, a spend, a refund of half of it, a payout."""
    del database
    town = found_town()
    town.sell("mei", "grocer", 100_000)
    town.close_all((1, 2))
    order = town.sell("mei", "baker", 99_940, voucher_fen=60)
    town.refund(order, 50_000)
    town.later(days=1)
    town.pay_out()
    town.close(3)
    return town


def test_a_clerk_can_follow_one_sale_from_its_price_to_its_payout(town: Town) -> None:
    # Three weeks end at a midnight: what is settled at that instant belongs to day 22.
    found = over(1, 22)
    # The grocer sold for 1,000.00 at 10 %: 100.00 conceded, of it 60.00 green to the pool; 7.00 coupons, 20.00 fee,
    # 13.00 reserve with the red part of an order without a referrer. Settled twice: in cycle 2 each of the two lots of
    # 100.00 points releases 1 %, 1.00 each, so 2.00. Mei draws 0.60 of hers and spends it at the baker's (20 %): 999.40
    # in cash, 199.88 conceded. A refund of half the 1,000.00: vouchers 0.60 / 2 = 0.30, cash 499.70; the concession of
    # the cash that is left, 499.70, is 99.94, so 99.94 is given back. Cycle 3 vests those 99.94: green 59.96, and
    # releases another 1.00 for each of the first lots, 2.00, from which Mei has drawn nothing.
    assert chain(found) == {
        "orders": 200_000,
        "concessions": 10_000 + 19_988,
        "split": 10_000 + 9_994,
        "pools": 6_000 + 5_996,
        "releases": 200 + 200,
        "vouchers": 60,
        "redemptions": 60,
        # Earned: 900.00 and 1,000.00 − 199.88. The baker is paid 800.12 less the refund's 499.70 + 0.30 − 99.94.
        "dues": 90_000 + 80_012,
        "payouts": 90_000 + 80_012 - (49_970 + 30 - 9_994),
        # In custody: 1,999.40 in cash, less 499.70 refunded, less what was paid out.
        "custody": 199_940 - 49_970 - (90_000 + 80_012 - 40_006),
    }
    assert (found.off, reasons(found)) == (0, [])
    assert [
        (line.pool, line.opening_fen, line.inflow_fen, line.issued_fen, line.closing_fen) for line in found.pools
    ] == [
        ("green", 0, 11_996, 400, 11_596),
        ("red", 0, 0, 0, 0),
    ]


def test_a_day_ends_at_local_midnight_for_orders_and_books_alike(database: Database) -> None:
    del database
    town = found_town()
    town.at = town.instant(3, 0) - timedelta(seconds=1)  # 23:59:59 in Shanghai, on day 2
    town.sell("mei", "grocer", 1_000)
    town.at = town.instant(3, 0)
    town.sell("lin", "grocer", 7_000)
    assert [chain(over(day, day))["orders"] for day in (1, 2, 3, 4)] == [0, 1_000, 7_000, 0]
    # What the till handed in a day later belongs to the day on which it was booked, and both days say so.
    town.at = town.instant(5, 9)
    town.sell("bo", "grocer", 500, paid_at=town.instant(4, 20))
    figures = [{each.label: each.value for each in over(day, day).steps[0].figures} for day in (4, 5)]
    assert [each["paid in the period, booked after it"] for each in figures] == [500, 0]
    assert [each["paid before the period, booked in it"] for each in figures] == [0, 500]


def test_each_closing_is_the_next_opening(town: Town) -> None:
    del town
    weeks = [over(first, first + 6) for first in (1, 8, 15)]
    for one, other in pairwise(weeks):
        closing = {roll.account: roll.closing_fen for step in one.steps for roll in step.rolls if roll.closing_fen}
        opening = {roll.account: roll.opening_fen for step in other.steps for roll in step.rolls}
        assert closing == {account: opening[account] for account in closing}
    for found in weeks:
        for roll in (roll for step in found.steps for roll in step.rolls):
            assert roll.opening_fen + sum(fen for _, fen in roll.moves) == roll.closing_fen


def test_the_trust_book_s_own_database_is_held_against_the_ledger(database: Database) -> None:
    with trust_book(database):
        town = found_town()
        town.sell("mei", "grocer", 100_000)
        town.close_all((1, 2))
        assert [sentence for sentence, _ in over(1, 15).provisional] == [
            "Journals that wait for the trust book's own database: {count}."
        ]
        keep(holder="keeper", at=town.at)
        found = over(1, 15)
        assert (found.off, found.provisional, found.cutoff.trust_number > 0) == (0, [], True)
        (tie,) = [tie for tie in found.ties if tie.name == "custody.trust_book"]
        assert (tie.of > 5, tie.left_fen) == (True, tie.right_fen)
        # A journal that is said to be there and isn't: the tie names how many accounts differ.
        town.sell("lin", "grocer", 10_000)
        sql.run("DELETE FROM pending_journal")
        (lost,) = [tie for tie in over(1, 30).ties if not tie.holds]
        assert (lost.name, lost.off) == ("custody.trust_book", 4)
        sql.run(
            "INSERT INTO pending_journal SELECT id, '' FROM journal WHERE effective_at >= %s", [sql.instant(town.at)]
        )
        keep(holder="keeper", at=town.at)
        assert over(1, 30).off == 0


def test_what_is_handed_over_while_a_report_is_made_is_no_difference(database: Database) -> None:
    with trust_book(database):
        town = found_town()
        town.sell("mei", "grocer", 100_000)
        keep(holder="keeper", at=town.at)
        books = read(Period(OPENS_DATE, OPENS_DATE + timedelta(days=29), 480))
        # The books have been read; before the trust book is, a sale of the same period is booked and handed over.
        town.sell("lin", "grocer", 10_000)
        keep(holder="keeper", at=town.at)
        assert [(tie.name, tie.off) for tie in trust_ties(books)] == [("custody.trust_book", 0)]
        assert over(1, 30).off == 0


def test_the_custodian_s_statements_tie_to_the_ledger_with_what_cases_explain(database: Database) -> None:
    del database
    town = found_town()
    bills = [Bill("grocer", "A-7", 100_000), Bill("grocer", "A-8", 50_000)]
    numbers = collect(bills=bills, at=town.at)
    town.sell("mei", "grocer", 100_000, order_no="A-7", confirmed=False)
    town.sell("lin", "grocer", 50_000, order_no="A-8", confirmed=False)
    # The first payment is listed for what was due, and confirmed; the second for 10.00 less, which is a case.
    fens = (100_000, 49_000)
    said = [
        Said(f"n{at}", number, f"T{at}", "success", fen, town.at, "0" * 64)
        for at, (number, fen) in enumerate(zip(numbers, fens, strict=True))
    ]
    take_notices(said=said, at=town.at)
    lines = tuple(
        Line("payment", number, f"T{at}", fen, town.at, "")
        for at, (number, fen) in enumerate(zip(numbers, fens, strict=True))
    )
    take_statement(listed=Listed(INSTITUTION, lines), name="2026-01-05 a.m.", file_hash="0" * 64, by="lin", at=town.at)
    found = over(1, 7, PUBLIC)
    (tie,) = [tie for tie in found.ties if tie.name == "custody.statements"]
    assert (tie.left_fen, tie.right_fen, found.off) == (100_000, 100_000, 0)
    with transaction.atomic():
        sql.run("UPDATE statement_line SET amount_fen = amount_fen + 1 WHERE amount_fen = 100000")
        assert [tie.name for tie in over(1, 7, PUBLIC).ties if not tie.holds] == ["custody.statements"]
        # Statements that list as much in as out are statements.
        sql.run("UPDATE statement_line SET amount_fen = -100001 WHERE amount_fen = 49000")
        assert [tie.name for tie in over(1, 7, PUBLIC).ties if not tie.holds] == ["custody.statements"]
        transaction.set_rollback(True)


def test_print_has_the_newest_cycles_of_every_pool_and_says_what_it_leaves_out(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    del town
    found = over(1, 22, AUDITOR)
    lines = [(line.pool, line.cycle) for line in found.cycles]
    assert lines == [(pool, cycle) for pool in ("green", "red") for cycle in (1, 2, 3)]
    monkeypatch.setattr(as_pdf, "CYCLES_MAX", 5)  # the second cycle of one pool would fit, that of both wouldn't
    pdf = pypdf.PdfReader(BytesIO(as_pdf.document(found, language="en")))
    text = "".join(page.extract_text() for page in pdf.pages)
    assert "4 of 6 lines are printed" in text.replace("\n", " ")
    monkeypatch.setattr(as_pdf, "CYCLES_MAX", 4)
    assert [(line.pool, line.cycle) for line in as_pdf._newest(found.cycles)] == lines[1:3] + lines[4:]


def test_print_and_workbook_name_the_tie_that_is_off(town: Town) -> None:
    del town
    with transaction.atomic():
        sql.run("UPDATE ledger_account SET debits_fen = debits_fen + 1 WHERE name = 'trust:bank'")
        found = over(1, 22, PUBLIC)
        pdf = pypdf.PdfReader(BytesIO(as_pdf.document(found, language="en")))
        book = openpyxl.load_workbook(BytesIO(as_xlsx.workbook(found, language="en")))
        transaction.set_rollback(True)
    printed = " ".join("".join(page.extract_text() for page in pdf.pages).split())
    assert "custody.bank_balance" in printed
    cells = [str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row if cell.value]
    (named,) = [each for each in cells if "custody." in each]
    assert named.startswith("confirmed cash · The balance at the end")
    assert named.endswith("counted back. · custody.bank_balance")


CORRUPTIONS = (
    ("UPDATE orders SET cash_fen = cash_fen + 1 WHERE voucher_fen > 0", "orders.cash"),
    ("UPDATE orders SET concession_fen = concession_fen - 1 WHERE voucher_fen = 0", "concessions.conceded"),
    ("UPDATE orders SET entered_fen = entered_fen + 1 WHERE voucher_fen = 0", "concessions.vested"),
    ("UPDATE orders SET green_part_fen = green_part_fen - 5 WHERE voucher_fen = 0", "split.pool"),
    ("UPDATE orders SET fee_part_fen = fee_part_fen + 5 WHERE voucher_fen = 0", "split.fee"),
    ("UPDATE coupon SET face_fen = face_fen + 1", "split.coupons"),
    ("UPDATE pool_cycle SET inflow_fen = inflow_fen + 1 WHERE cycle = 1 AND pool_id = 1", "pools.inflow"),
    ("UPDATE pool SET free_fen = free_fen + 1 WHERE name = 'green'", "pools.pool_rows"),
    ("UPDATE pool SET backing_fen = backing_fen + 1 WHERE name = 'green'", "releases.accrued_rows"),
    ("UPDATE settlement_run SET issued_fen = issued_fen + 1 WHERE cycle = 2", "releases.runs"),
    ("UPDATE wallet SET voucher_fen = voucher_fen + 1 WHERE voucher_fen > 0", "vouchers.voucher_rows"),
    ("UPDATE voucher SET face_fen = face_fen + 1", "vouchers.faces"),
    ("UPDATE voucher_use SET amount_fen = amount_fen + 1", "redemptions.uses"),
    ("UPDATE refund SET voucher_fen = voucher_fen + 1", "redemptions.returned"),
    ("UPDATE refund SET dues_fen = dues_fen - 1", "dues.refunds"),
    ("UPDATE payout SET amount_fen = amount_fen + 1", "payouts.paid"),
    ("UPDATE orders SET payout_id = NULL WHERE voucher_fen = 0", "payouts.covered"),
    ("UPDATE payment_instruction SET amount_fen = amount_fen + 1 WHERE kind = 'payout'", "payouts.told_payout"),
    ("UPDATE ledger_account SET credits_fen = credits_fen + 1 WHERE name = 'trust:reserve'", "custody.reserve_balance"),
    ("UPDATE ledger_account SET debits_fen = debits_fen + 1 WHERE name = 'trust:bank'", "custody.bank_balance"),
)


def test_each_wrong_sum_is_named_by_the_tie_that_it_breaks(town: Town) -> None:
    del town
    assert over(1, 22).off == 0
    for statement, name in CORRUPTIONS:
        with transaction.atomic():
            assert sql.run(statement) > 0, statement
            off = {tie.name for tie in over(1, 22).ties if not tie.holds}
            transaction.set_rollback(True)
        assert name in off, (statement, off)
    assert over(1, 22).off == 0


def test_a_report_that_may_still_change_says_why(town: Town) -> None:
    assert reasons(over(1, 30, made_at=town.instant(25))) == ["The period isn't over."]
    town.sell("lin", "grocer", 10_000)
    town.vest(4)
    assert reasons(over(1, 29)) == ["Cycles that vested and aren't settled: 1."]
    town.close(4)
    assert reasons(over(1, 29)) == []


def test_exceptions_are_listed_and_rare_ones_of_people_are_not_told_to_everybody(town: Town) -> None:
    order = town.sell("lin", "grocer", 10_000, confirmed=False)
    hold_order(order_id=order, reason="looks odd", by="risk", at=town.at)
    own = {each.kind: (each.count, each.fen) for each in over(1, 30).exceptions}
    assert (own["cash.unconfirmed"], own["hold.order"]) == ((1, 10_000), (1, 1_000))
    # The refund came before the payout, so none came after it.
    assert own["refund.after_payout"] == (0, 0)
    told = {each.kind: (each.count, each.fen) for each in over(1, 30, PUBLIC).exceptions}
    assert (told["cash.unconfirmed"], told["hold.order"]) == ((None, None), (None, None))


def test_no_form_says_who_anybody_is(town: Town, tmp_path: Path) -> None:
    canaries = ("canary-mei", "canary-grocer", "canary-order")
    town.member("canary-mei")
    town.merchant("canary-grocer")
    town.sell("canary-mei", "canary-grocer", 10_000, order_no="canary-order")
    ids = [str(town.ids["canary-mei"]), str(town.merchants["canary-grocer"])]
    ids += [str(row[0]) for row in fetch("SELECT id FROM orders")]
    for form in (PUBLIC, AUDITOR):
        folder = written(tmp_path / form, over(1, 30, form))
        told = [path for path in folder.rglob("*") if path.is_file()]
        assert len(told) >= 10
        for path in told:
            said = path.read_bytes()
            if path.suffix == ".parquet":
                said += repr(pq.read_table(path).to_pylist()).encode()
            for canary in (*canaries, *ids):
                assert canary.encode() not in said, (path, canary)
    names = pq.read_table(tmp_path / AUDITOR / "data" / "orders.parquet").to_pylist()
    assert len({row["id"] for row in names}) == len(names) == 3
    # One shopper bought twice, and is the same wherever she stands; another period gives her another name.
    assert len({row["member_id"] for row in names}) == 2
    later = written(tmp_path / "later", over(2, 30, AUDITOR))
    others = pq.read_table(later / "data" / "orders.parquet").to_pylist()
    assert not {row["member_id"] for row in others} & {row["member_id"] for row in names}


def test_the_same_books_give_the_same_bytes_but_for_the_instant(town: Town, tmp_path: Path) -> None:
    del town
    one, again = (written(tmp_path / name, over(1, 21, AUDITOR)) for name in ("one", "again"))
    later = written(tmp_path / "later", over(1, 21, AUDITOR, made_at=MADE_AT + timedelta(days=1)))
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    for name in files:
        assert (one / name).read_bytes() == (again / name).read_bytes(), name
        if name.suffix == ".parquet":
            assert (one / name).read_bytes() == (later / name).read_bytes(), name


def test_without_a_font_nothing_is_written_and_the_package_is_named(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del town
    monkeypatch.setattr(as_pdf, "FONTS", ("A font that nobody has",))
    with pytest.raises(Refusal) as refused:
        written(tmp_path / "out", over(1, 21, PUBLIC))
    assert (refused.value.code, refused.value.facts["package"]) == ("report.font", "fonts-noto-cjk")
    assert not (tmp_path / "out").exists()


def test_a_period_before_anything_was_booked_ties_with_nothing_in_it(town: Town) -> None:
    del town
    with sql.snapshot():
        found = report(period=Period(date(2020, 1, 1), date(2020, 1, 31), 480), form=PUBLIC, made_at=MADE_AT)
    assert (found.off, set(chain(found).values())) == (0, {0})
    assert as_xlsx.workbook(found, language="zh")
    assert as_pdf.document(found, language="zh")
