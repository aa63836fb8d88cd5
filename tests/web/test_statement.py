"""A merchant's statement in the browser and as files: figures that tie to the fen, whose it is, and what it costs."""

import csv
from collections.abc import Sequence
from io import BytesIO, StringIO
from typing import Any

import openpyxl
import pytest
from django.test import Client

from greenloop.insight.figures import plain
from greenloop.insight.statement import as_xlsx
from greenloop.services.people.staff import appoint_staff
from greenloop.store.queries import statements
from greenloop.store.queries.statements import Period, Statement
from tests.support.signing import NOW, PASSWORD
from tests.support.town import OPENS_DATE, Town
from tests.support.visiting import counted, file_of, said, seated, visit

QUERIES_MAX = 12
PATHS = ("statement/", "statement/2026-01-05/", "statement.csv", "statement.xlsx")
FEN = 100


@pytest.fixture
def grocer(town: Town) -> Town:
    """Let January pass at the grocer: two sales on day 1, one unconfirmed; a payout, a refund, money brought back."""
    first = town.sell("mei", "grocer", 100_000, order_no="G1")
    town.sell("lin", "grocer", 50_000, order_no="G/2", confirmed=False)
    town.day(2).pay_out()
    town.sell("bo", "grocer", 60_000, order_no="=1+1")
    town.refund(first, 40_000)
    town.deposit("grocer", 10_000)
    return town


def stated(merchant: str = "grocer") -> Statement:
    last = OPENS_DATE.replace(day=31)
    return statements.statement(statements.subject(merchant).id, Period(OPENS_DATE.replace(day=1), last, 480))


def test_the_page_says_each_day_s_figures_and_what_is_owed(grocer: Town) -> None:
    told = said(seated("grocer"), "/merchants/grocer/statement/")
    assert "2026-01-01 to 2026-01-31" in told
    # Day 1: 1 000 + 500 yuan less 10 %; day 2: 600 less 10 %, a refund of 400 less 40, 100 brought back, 900 paid out.
    assert "2026-01-05 2* 1,500.00 – – 150.00 1,350.00 – – – 1,350.00" in told
    assert "2026-01-06 1 600.00 – – 60.00 540.00 −360.00 100.00 −900.00 730.00" in told
    assert "together 3 2,100.00 0.00 0.00 210.00 1,890.00 −360.00 100.00 −900.00 730.00" in told
    assert "Owed to you now ¥730.00 ¥450.00 of it once the bank has confirmed the cash" in told
    assert "Sales whose cash the bank hasn't confirmed yet: 1" in told


def test_one_merchant_s_owner_is_led_to_its_statement_and_who_acts_for_several_chooses(grocer: Town) -> None:
    one = seated("grocer")
    assert one.get("/statement/")["Location"] == "/merchants/grocer/statement/"
    two = seated("baker")
    told = said(two, "/statement/")
    assert "baker" in told
    assert "grocer" in told
    # A member acts for no merchant.
    assert visit(grocer.ids["mei"]).get("/statement/").status_code == 403


def test_owner_and_clerk_see_their_merchant_s_statement_and_nobody_else_does(grocer: Town, operator: int) -> None:
    insiders = (seated("grocer"), seated("grocer", relation="clerk", phone="clerk"), visit(operator))
    others = (seated("baker", phone="other"), visit(grocer.ids["mei"]))
    for path in PATHS:
        address = f"/merchants/grocer/{path}"
        assert [client.get(address).status_code for client in insiders] == [200] * 3
        assert [client.get(address).status_code for client in others] == [404] * 2
        assert Client().get(address)["Location"].startswith("/sign-in/?next=")
    assert insiders[0].post("/merchants/grocer/statement/").status_code == 405


def test_who_is_only_linked_to_a_merchant_sees_nothing_of_it(grocer: Town) -> None:
    grocer.merchant("tailor", linked=("mei",))
    client = visit(grocer.ids["mei"])
    assert [client.get(f"/merchants/tailor/{path}").status_code for path in PATHS] == [404] * 4


def test_a_statement_that_isn_t_there_looks_like_one_that_isn_t_yours(grocer: Town, operator: int) -> None:
    client = seated("baker", phone="other")
    assert said(client, "/merchants/nobody/statement/", 404) == said(client, "/merchants/grocer/statement/", 404)
    assert "The merchant nobody is not enrolled" in said(visit(operator), "/merchants/nobody/statement/", 404)


def test_staff_without_a_second_factor_set_one_up_before_they_see_a_statement(grocer: Town) -> None:
    client = visit(appoint_staff(name="Chen Min", roles=["auditor"], at=NOW, password=PASSWORD))
    for path in PATHS:
        assert client.get(f"/merchants/grocer/{path}")["Location"] == "/sign-in/second-factor/set-up/"


def test_a_day_lists_its_orders_and_says_nothing_of_who_bought(grocer: Town) -> None:
    client = seated("grocer")
    told = said(client, "/merchants/grocer/statement/2026-01-05/")
    assert "G1 2026-01-05 12:00 1,000.00 – 100.00 900.00 400.00 paid out 2026-01-06" in told
    assert "G/2 2026-01-05 12:00 500.00 – 50.00 450.00 – not confirmed yet" in told
    later = said(client, "/merchants/grocer/statement/2026-01-06/")
    assert "the concession fell by ¥40.00, the shop's dues by ¥360.00" in later
    for page in (told, later, said(client, "/merchants/grocer/statement/")):
        assert not [name for name in ("mei", "lin", "bo") if f" {name} " in page]


def test_a_long_day_has_pages_that_show_each_order_once(grocer: Town) -> None:
    grocer.day(3)
    for number in range(65):
        grocer.sell("mei", "grocer", 1_000, order_no=f"long-{number}", confirmed=number % 3 > 0)
    client, path, seen = seated("grocer"), "/merchants/grocer/statement/2026-01-07/", []
    while path:
        content = client.get(path).content.decode()
        seen += [part.split("/")[0] for part in content.split("/orders/grocer/")[1:]]
        more = content.partition('rel="next" href="')[2].partition('"')[0]
        path = f"/merchants/grocer/statement/2026-01-07/{more}" if more else ""
    assert sorted(seen) == sorted(f"long-{number}" for number in range(65))


@pytest.mark.parametrize(
    "before", ["", "x", "-1", "9" * 40, "1-2-3", "99999999999999999999-1", "1-99999999999999999999"]
)
def test_a_cursor_that_can_t_be_read_begins_at_the_newest(grocer: Town, before: str) -> None:
    answer = seated("grocer").get("/merchants/grocer/statement/2026-01-05/", {"before": before})
    assert answer.status_code == 200
    assert ">G1<" in answer.content.decode()


@pytest.mark.parametrize("day", ["2026-1-5", "20260105", "2026-02-30", "0001-01-01", "9999-12-31", "today"])
def test_a_day_that_isn_t_one_is_not_found(grocer: Town, day: str) -> None:
    assert seated("grocer").get(f"/merchants/grocer/statement/{day}/").status_code == 404


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"month": "2026-13"}, "Enter a valid value"),
        ({"month": "0000-01"}, "The first day lies before the last"),
        ({"since": "2026-01-05"}, "Give both the first and the last day."),
        ({"since": "2026-01-05", "until": "2026-01-04"}, "The first day lies before the last"),
        ({"since": "2026-01-01", "until": "2026-04-03"}, "A statement shows 92 days at most."),
        ({"since": "soon", "until": "2026-04-03"}, "Enter a valid date."),
        ({"since": "9999-12-31", "until": "9999-12-31"}, "The first day lies before the last"),
    ],
)
def test_days_that_can_t_be_shown_are_refused_and_the_newest_month_stands(
    grocer: Town, query: dict[str, str], error: str
) -> None:
    client = seated("grocer")
    answer = client.get("/merchants/grocer/statement/", query)
    assert answer.status_code == 200
    assert error in answer.content.decode()
    assert "2026-01-01 to 2026-01-31" in answer.content.decode()
    assert client.get("/merchants/grocer/statement.csv", query).status_code == 400


def test_some_days_may_be_chosen_and_the_months_beside_them_are_a_tap_away(grocer: Town) -> None:
    grocer.day(40).sell("mei", "grocer", 1_000)
    client = seated("grocer")
    newest = client.get("/merchants/grocer/statement/").content.decode()
    assert "2026-02-01 to 2026-02-28" in newest
    assert 'rel="next" href="/merchants/grocer/statement/?month=2026-01"' in newest
    assert 'rel="prev"' not in newest
    two = said(client, "/merchants/grocer/statement/?since=2026-01-06&until=2026-01-06")
    assert "brought forward 1,350.00 2026-01-06 1 600.00" in two


def read_csv(content: bytes) -> list[dict[str, str]]:
    text = content.decode("utf-8-sig")
    return list(csv.DictReader(StringIO(text, newline="")))


def fen(text: str) -> int:
    whole, _, decimals = text.partition(".")
    assert len(decimals) == 2
    return int(whole + decimals)


def test_the_csv_has_a_line_a_day_that_ties_with_the_page_and_with_its_sums(grocer: Town) -> None:
    content = file_of(seated("grocer").get("/merchants/grocer/statement.csv"))
    assert content.startswith(b"\xef\xbb\xbf")
    before, *days, total = read_csv(content)
    found = stated()
    assert (before["Day"], total["Day"]) == ("brought forward", "together")
    assert [line["Day"] for line in days] == ["2026-01-05", "2026-01-06"]
    assert [fen(line["Owed at the end, ¥"]) for line in days] == [135_000, 73_000]
    for heading, amount in (
        ("Cash, ¥", found.total.cash_fen),
        ("Concession, ¥", found.total.concession_fen),
        ("Earned, ¥", found.total.earned_fen),
        ("Cost of refunds, ¥", found.total.refund_dues_fen),
        ("Money brought back, ¥", found.total.deposit_fen),
        ("Paid out, ¥", found.total.payout_fen),
    ):
        assert sum(fen(line[heading]) for line in days) == fen(total[heading]) == amount
        page = said(seated("grocer"), "/merchants/grocer/statement/")
        assert plain(amount) in page
    moved = ("Earned, ¥", "Cost of refunds, ¥", "Money brought back, ¥", "Paid out, ¥")
    earned, refunded, brought, paid = (fen(total[heading]) for heading in moved)
    closing = fen(before["Owed at the end, ¥"]) + earned - refunded + brought - paid
    assert closing == fen(total["Owed at the end, ¥"]) == found.closing_fen


def test_the_csv_speaks_the_visitor_s_language_and_is_named_safely(grocer: Town) -> None:
    client = seated("grocer")
    answer = client.get("/merchants/grocer/statement.csv", headers={"accept-language": "zh-CN"})
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="statement-grocer-2026-01-01-2026-01-31.csv"'
    assert answer["Cache-Control"] == "private, no-store"
    lines = read_csv(file_of(answer))
    assert [line["日期"] for line in lines] == ["上期结转", "2026-01-05", "2026-01-06", "合计"]
    assert lines[-1]["让利（元）"] == "210.00"


@pytest.mark.parametrize("ref", ["=1+1", "＝1+1", "@sum(a1)", "+86", "-1", 'a\\..\\"b\r\nc', "店\\一"])
def test_no_office_program_takes_a_name_for_a_formula_nor_a_file_for_a_path(town: Town, ref: str) -> None:
    town.merchant(ref)
    town.sell("mei", ref, 1_000)
    client = seated(ref)
    address = client.get("/statement/")["Location"].removesuffix("statement/")
    answer = client.get(f"{address}statement.csv")
    name = answer["Content-Disposition"].removeprefix("attachment; filename=").strip('"')
    assert name.startswith("statement-")
    assert not set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789-.")
    merchants = {line["Merchant"] for line in read_csv(file_of(answer))}
    assert merchants == {f"'{ref}" if ref[0] in "=＝@+-" else ref}
    book = openpyxl.load_workbook(BytesIO(file_of(client.get(f"{address}statement.xlsx"))))
    assert {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row} <= {"s", "n", "d"}
    assert book["Days"]["A2"].value.replace("_x000D_", "\r") == ref


def sheet(content: bytes, name: str) -> list[Sequence[Any]]:
    book = openpyxl.load_workbook(BytesIO(content), read_only=True)
    return [tuple(row) for row in book[name].iter_rows(values_only=True)]


def fens(values: Sequence[Any]) -> list[int]:
    return [round(value * FEN) for value in values]


def test_the_workbook_ties_with_the_statement_to_the_fen(grocer: Town) -> None:
    grocer.day(3).pay_out()
    content = file_of(seated("grocer").get("/merchants/grocer/statement.xlsx"))
    heads, before, *days, total = sheet(content, "Days")
    place = {heading: number for number, heading in enumerate(heads)}
    found = stated()
    assert [line[1] for line in days] == [each.date.isoformat() for each in found.days]
    assert fens([line[place["Owed at the end, ¥"]] for line in (before, *days, total)]) == [
        found.opening_fen,
        *(each.balance_fen for each in found.days),
        found.closing_fen,
    ]
    for number, heading in enumerate(heads[2:-1], 2):
        whole = [line[number] for line in (*days, total)]
        *parts, all_of_it = fens(whole) if "¥" in heading else whole
        assert sum(parts) == all_of_it, heading
    _heads, *payouts = sheet(content, "Payouts")
    assert sum(fens([line[1] for line in payouts])) == found.total.payout_fen == 90_000 + 28_000
    assert all(fens([sum(line[2:])]) == fens([line[1]]) for line in payouts)
    _heads, *orders = sheet(content, "Orders")
    assert [line[0] for line in orders] == ["G1", "G/2", "=1+1"]
    assert sum(fens([line[2] for line in orders])) == found.total.price_fen
    assert sum(fens([line[7] for line in orders])) == found.total.earned_fen
    assert [f"{line[1]:%Y-%m-%d %H:%M}" for line in orders] == ["2026-01-05 12:00"] * 2 + ["2026-01-06 12:00"]
    assert [line[10] for line in orders] == ["2026-01-06", None, "2026-01-07"]


def test_a_workbook_with_too_many_orders_says_that_it_was_cut(grocer: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    client = seated("grocer")
    monkeypatch.setattr(as_xlsx, "ORDERS_MAX", 3)
    assert len(sheet(file_of(client.get("/merchants/grocer/statement.xlsx")), "Orders")) == 4
    monkeypatch.setattr(as_xlsx, "ORDERS_MAX", 2)
    _heads, *orders, note = sheet(file_of(client.get("/merchants/grocer/statement.xlsx")), "Orders")
    assert [line[0] for line in orders] == ["G1", "G/2"]
    assert str(note[0]).startswith("Only the first 2 orders are listed here")


def test_a_download_is_of_the_days_that_the_page_shows(grocer: Town) -> None:
    client = seated("grocer")
    page = client.get("/merchants/grocer/statement/?since=2026-01-06&until=2026-01-06").content.decode()
    href = page.partition('href="/merchants/grocer/statement.csv')[2].partition('"')[0].replace("&amp;", "&")
    before, *days, _total = read_csv(file_of(client.get(f"/merchants/grocer/statement.csv{href}")))
    assert fen(before["Owed at the end, ¥"]) == 135_000
    assert [line["Day"] for line in days] == ["2026-01-06"]


def test_a_merchant_s_own_points_and_vouchers_stand_on_its_statement(grocer: Town) -> None:
    grocer.close_all([1, 2])
    told = said(seated("grocer"), "/merchants/grocer/statement/")
    # 100 − 40 and 60 points vested in cycle 1; 1 % of 120 points is released. Lin's order waits for its cash.
    assert "points 120.00 released so far ¥1.20 of it can be drawn ¥1.20" in told
    assert "Points promise nothing" in told


def test_a_refund_that_waits_is_told_for_nothing_is_paid_out_until_then(grocer: Town) -> None:
    order = grocer.sell("mei", "baker", 10_000, order_no="B1")
    grocer.day(3).pay_out()
    assert grocer.refund(order, 10_000) == "pending"
    told = said(seated("baker"), "/merchants/baker/statement/")
    assert "Refunds that wait for money: 1, over ¥100.00." in told


def test_no_page_of_a_statement_asks_the_database_more_than_twelve_times(grocer: Town, operator: int) -> None:
    for client in (seated("grocer"), visit(operator)):
        for path in PATHS:
            client.get(f"/merchants/grocer/{path}")
            with counted() as asked:
                file_of(client.get(f"/merchants/grocer/{path}"))
            assert 0 < len(asked) <= QUERIES_MAX, [each["sql"] for each in asked.captured_queries]


def test_a_new_merchant_has_an_empty_statement_and_empty_files(town: Town) -> None:
    client = seated("baker")
    assert "Nothing moved in these days." in said(client, "/merchants/baker/statement/")
    assert len(read_csv(file_of(client.get("/merchants/baker/statement.csv")))) == 2
    assert len(sheet(file_of(client.get("/merchants/baker/statement.xlsx")), "Orders")) == 1
