"""The books for auditors over HTTP: exports that never skip a row, journals with their postings, kept proofs."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from greenloop.insight.sheets import SHEETS
from greenloop.services.books.checked import keep_check
from tests.support.ledger import fetch
from tests.support.looking import Looker, staff_of
from tests.support.town import Town


def exported(auditor: Looker, table: str, limit: int) -> list[dict[str, Any]]:
    """Return all rows of a table, asked for a few at a time."""
    rows: list[dict[str, Any]] = []
    after = ""
    while True:
        answer = auditor.get(f"/v1/exports/{table}.ndjson?limit={limit}{after}")
        assert (answer.status, answer.headers["content-type"]) == (200, "application/x-ndjson"), answer.body
        rows += [json.loads(line) for line in answer.body.splitlines()]
        if "next-after" not in answer.headers:
            return rows
        after = f"&after={answer.headers['next-after']}"


def lively(town: Town) -> None:
    for member in ("mei", "lin", "bo"):
        town.sell(member, "grocer", 100_000)
    town.close_all([1, 2])
    town.draw("lin")
    town.sell("lin", "baker", 5_000, voucher_fen=50)


def test_each_table_is_exported_whole_however_small_the_pages(town: Town) -> None:
    lively(town)
    auditor = staff_of("auditor")
    told = auditor.get("/v1/exports").json["tables"]
    assert [each["name"] for each in told] == [each.name for each in SHEETS]
    for sheet in SHEETS:
        whole = exported(auditor, sheet.name, 5_000)
        assert exported(auditor, sheet.name, 2) == whole, sheet.name
        assert fetch(f"SELECT COUNT(*) FROM {sheet.table}") == [(len(whole),)]
        assert all(list(row) == list(sheet.names) for row in whole)


def test_amounts_are_whole_numbers_and_ids_are_texts(town: Town) -> None:
    lively(town)
    row = exported(staff_of("auditor"), "orders", 100)[0]
    assert (row["cash_fen"], row["concession_fen"], row["held"]) == (100_000, 10_000, False)
    assert isinstance(row["id"], str)
    assert row["paid_at"] == "2026-01-05T04:00:00+00:00"


def test_cursors_and_tables_that_are_none_are_refused(town: Town) -> None:
    auditor = staff_of("auditor")
    assert auditor.get("/v1/exports/account.ndjson").code == "export.unknown"
    # "[1,2]", "[null]", "[1.5]", a number too large, and no base64 at all.
    for after in ("WzEsMl0", "W251bGxd", "WzEuNV0", "Wzk5OTk5OTk5OTk5OTk5OTk5OTk5XQ", "!"):
        assert auditor.get(f"/v1/exports/orders.ndjson?after={after}").code == "cursor.unreadable", after
    for role in ("operator", "finance", "risk", "marketing"):
        assert staff_of(role).get("/v1/exports/orders.ndjson").code == "auth.role"


def test_a_journal_is_told_with_its_postings(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    auditor = staff_of("auditor")
    rows = auditor.get("/v1/journals").json["items"]
    assert [row["kind"] for row in rows] == ["confirm", "order"] or len(rows) == 2
    (row,) = auditor.get("/v1/journals?book=trust&kind=confirm").json["items"]
    whole = auditor.get(f"/v1/journals/{row['id']}").json
    assert whole["postings"] == [{"debit": "trust:bank", "credit": "trust:in_transit", "amount_fen": 100_000}]
    assert auditor.get("/v1/journals/99").code == "journal.unknown"
    assert auditor.get("/v1/journals?book=ops").json["items"] == []
    assert staff_of("risk").get("/v1/journals").code == "auth.role"


def test_reconciliations_and_proofs_are_kept_and_told(town: Town, clock: Any) -> None:
    lively(town)
    clock(town.at)
    finance = staff_of("finance")
    done = finance.post("/v1/reconciliations", idempotency_key="r")
    assert (done.status, done.json["differences"]) == (201, [])
    assert finance.post("/v1/reconciliations", idempotency_key="r").headers["idempotency-replayed"] == "true"
    (kept,) = finance.get("/v1/reconciliations").json["items"]
    assert (kept["accounts"], kept["by"]) == (done.json["accounts"], str(finance.account_id))
    broken = [("P1", "a sum is off", 3)]
    keep_check(statements=40, broken=broken, replayed=True, took_ms=12, by="console", at=town.at)
    (check,) = staff_of("auditor").get("/v1/checks").json["items"]
    assert (check["statements"], check["broken"]) == (40, [{"name": "P1", "what": "a sum is off", "difference": 3}])


def test_how_far_the_trust_book_has_come_is_told_to_those_who_read_the_ledger(town: Town, clock: Any) -> None:
    town.sell("mei", "grocer", 100_000)
    clock(datetime.now(UTC))  # journals are recorded by the machine's own clock
    told = staff_of("auditor").get("/v1/trust-book").json
    assert (told["number"], told["pending"], told["kept_at"], told["behind"]) == (0, 2, None, False)
    clock(datetime.now(UTC) + timedelta(hours=1))
    told = staff_of("finance").get("/v1/trust-book").json
    assert told["behind"] is True
    assert 3_600 <= told["lag_seconds"] < 7_200
    assert staff_of("risk").get("/v1/trust-book").code == "auth.role"
