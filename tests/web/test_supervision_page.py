"""The supervision report in a browser: the tied chain of some days for the platform's people, to print as well."""

from datetime import timedelta
from io import BytesIO

import openpyxl
import pypdf
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.support.ledger import fetch
from tests.support.signing import page
from tests.support.town import OPENS_DATE, Town, found_town
from tests.web.staff import QUERIES_MAX, at_work, by_phone

DAYS = f"since={OPENS_DATE}&until={OPENS_DATE + timedelta(days=20)}"


@pytest.fixture
def town(database: object, sent: object) -> Town:
    """Give the town after two cycles, with a purchase paid by vouchers in the third."""
    del database, sent
    town = found_town()
    town.sell("mei", "grocer", 100_000)
    town.close_all((1, 2))
    town.sell("mei", "baker", 99_940, voucher_fen=60)
    return town


def test_staff_see_the_chain_of_some_days_with_every_tie(town: Town) -> None:
    text = page(at_work("finance").get(f"/reports/?{DAYS}"))
    # Two orders: 1,000.00 of them at 10 %, and 999.40 in cash at 20 % with 0.60 in vouchers: 100.00 + 199.88.
    for known in ("2,000.00", "299.88", "0.60", "ties hold", "Settlements held for a second person"):
        assert known in text, known
    del town


def test_the_page_says_what_does_not_tie_and_where(town: Town) -> None:
    del town
    fetch("UPDATE voucher_use SET amount_fen = amount_fen + 1 WHERE line = 0 RETURNING 1")
    text = page(at_work("auditor").get(f"/reports/?{DAYS}"))
    assert "1 of " in text
    assert "redemptions.uses" in text
    fetch("UPDATE voucher_use SET amount_fen = amount_fen - 1 WHERE line = 0 RETURNING 1")


def test_the_page_asks_the_database_no_more_than_any_other(town: Town) -> None:
    del town
    client = at_work("operator")
    client.get("/reports/")
    with CaptureQueriesContext(connection) as asked:
        assert client.get(f"/reports/?{DAYS}").status_code == 200
    assert 0 < len(asked) <= QUERIES_MAX, [each["sql"][:60] for each in asked.captured_queries]


def test_the_same_is_sent_to_print_and_as_a_workbook(town: Town) -> None:
    del town
    client = at_work("operator")
    printed = client.get(f"/reports/report.pdf?{DAYS}", headers={"accept-language": "zh-hans"})
    assert printed["Content-Disposition"].endswith('.pdf"')
    text = "".join(each.extract_text() for each in pypdf.PdfReader(BytesIO(printed.content)).pages)
    assert "消费数据全链路监管报告" in text
    assert "2,000.00" in text
    book = openpyxl.load_workbook(BytesIO(client.get(f"/reports/report.xlsx?{DAYS}").content))
    assert len(book.sheetnames) == 13
    assert book.worksheets[1]["B4"].value == 2000


def test_days_that_cannot_be_read_are_said_on_the_page_and_refused_as_a_file(town: Town) -> None:
    del town
    client = at_work("operator")
    assert "Give both the first and the last day." in page(client.get("/reports/?since=2026-01-05"))
    assert client.get("/reports/report.pdf?since=2026-01-05").status_code == 400


def test_only_people_who_answer_for_the_books_see_it(town: Town) -> None:
    for role, status in (("operator", 200), ("finance", 200), ("auditor", 200), ("risk", 403), ("marketing", 403)):
        for path in ("/reports/", "/reports/report.pdf", "/reports/report.xlsx"):
            assert at_work(role).get(f"{path}?{DAYS}").status_code == status, (role, path)
    assert by_phone(town.ids["mei"]).get("/reports/").status_code == 403
