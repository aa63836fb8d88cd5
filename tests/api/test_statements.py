"""A merchant's statement over HTTP: days that add up, as JSON, text and a workbook; and for nobody else."""

from io import BytesIO
from typing import Any

import openpyxl

from tests.support.calling import Caller, till_of
from tests.support.looking import Looker, looker_of, staff_of
from tests.support.town import Town
from tests.support.visiting import seated

PATH = "/v1/merchants/grocer/statement"
JANUARY = "?from=2026-01-05&to=2026-01-11"


def sold(town: Town) -> None:
    order = town.sell("mei", "grocer", 100_000)
    town.day(2).sell("lin", "grocer", 50_000)
    town.refund(order, 20_000)
    town.day(3).pay_out()


def test_the_days_of_a_statement_add_up(town: Town, till: Caller, clock: Any) -> None:
    sold(town)
    clock(town.at)
    found = till.get(PATH + JANUARY).json
    shown = [(day["date"], day["earned_fen"], day["refund_dues_fen"], day["payout_fen"]) for day in found["days"]]
    # Each at 10 %: 900 yuan, then 450 and 180 back for the 200, then all of it is paid.
    assert shown == [
        ("2026-01-05", 90_000, 0, 0),
        ("2026-01-06", 45_000, 18_000, 0),
        ("2026-01-07", 0, 0, 117_000),
    ]
    assert [day["balance_fen"] for day in found["days"]] == [90_000, 117_000, 0]
    assert (found["opening_fen"], found["total"]["change_fen"], found["closing_fen"]) == (0, 0, 0)
    second = till.get(f"{PATH}?from=2026-01-06&to=2026-01-06").json
    assert (second["opening_fen"], second["closing_fen"], len(second["days"])) == (90_000, 117_000, 1)
    month = till.get(PATH).json
    assert (month["first_date"], month["last_date"]) == ("2026-01-01", "2026-01-07")


def test_a_statement_is_a_file_of_text_or_a_workbook(town: Town, till: Caller, clock: Any) -> None:
    sold(town)
    clock(town.at)
    text = till.get(f"{PATH}.csv{JANUARY}")
    assert (text.status, text.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert text.body.decode("utf-8-sig").splitlines()[2].startswith("grocer,2026-01-05,1,0,1000.00,1000.00,0.00")
    book = openpyxl.load_workbook(BytesIO(till.get(f"{PATH}.xlsx{JANUARY}").body))
    assert [book.worksheets[0].cell(3, column).value for column in (1, 2, 5)] == ["grocer", "2026-01-05", 1000]
    assert (
        'filename="statement-2026-01-05-2026-01-11.xlsx"'
        in till.get(f"{PATH}.xlsx{JANUARY}").headers["content-disposition"]
    )


def test_a_statement_is_for_its_merchant_and_the_platform(town: Town, clock: Any) -> None:
    clock(town.at)
    assert Looker(seated("grocer", relation="clerk"), 0).get(PATH).status == 200
    for role in ("operator", "finance", "risk", "marketing", "auditor"):
        assert staff_of(role).get(PATH).status == 200
    for caller in (till_of("baker"), looker_of(town.ids["lin"])):
        for ending in ("", ".csv", ".xlsx"):
            answer = caller.get(PATH + ending)
            assert (answer.status, answer.code) == (404, "merchant.unknown")


def test_days_that_can_t_be_are_refused(town: Town, till: Caller, clock: Any) -> None:
    clock(town.at)
    for query in ("from=2026-01-05&to=2026-01-04", "from=2026-01-01&to=2026-12-31"):
        assert till.get(f"{PATH}?{query}").code == "statement.days"
    for query in ("from=yesterday", "from=0001-01-01", "to=9999-12-31"):
        assert till.get(f"{PATH}?{query}").status == 422
