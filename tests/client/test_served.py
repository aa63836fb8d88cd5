"""A till calls a served town with the client: takes, asks again, sends a backlog, signs, reads lists and files."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from greenloop_client import Client, ProblemError

if TYPE_CHECKING:
    from greenloop_client.models import OrderIn
    from tests.client.conftest import Tills

NOW = datetime.now(UTC).isoformat()


def sale(number: int, *, cash_fen: int = 10_000) -> "OrderIn":
    return {"merchant": "baker", "order_no": f"A-{number}", "member": "M-1", "paid_at": NOW, "cash_fen": cash_fen}


def enrol(till: Client, ref: str = "M-1", key: str | None = None) -> str:
    return till.enrol_member({"ref": ref, "city": "Hangzhou", "enrolled_at": NOW}, idempotency_key=key)["account_id"]


def test_a_sale_that_is_sent_again_counts_once(tills: "Tills") -> None:
    till = tills()
    enrol(till)
    first, early = till.take_order(sale(1)), till.replayed
    again, late = till.take_order(sale(1)), till.replayed
    assert first["concession_fen"] == 2_000, "the baker concedes 20 % of 10 000"
    assert again == first
    assert (early, late) == (False, True)
    with pytest.raises(ProblemError) as said:
        till.take_order(sale(1, cash_fen=9_000))
    assert said.value.status == 409
    assert [each["id"] for each in till.list_orders(merchant="baker")] == [first["id"]]


def test_a_key_of_ones_own_gives_the_same_answer_from_another_connection(tills: "Tills") -> None:
    account = enrol(tills(), key="enrol-1")
    again = tills()
    assert enrol(again, key="enrol-1") == account
    assert again.replayed
    with pytest.raises(ProblemError) as said:
        enrol(again, "M-2", key="enrol-1")
    assert said.value.code == "idempotency.conflict"


def test_each_order_of_a_backlog_is_answered_by_itself(tills: "Tills") -> None:
    till = tills()
    enrol(till)
    told = till.take_orders({"orders": [sale(1), sale(2, cash_fen=0), sale(3)]})["results"]
    assert [each["status"] for each in told] == [201, 422, 201]
    assert "problem" in told[1]
    assert told[1]["problem"]["code"] == "order.zero"


def test_a_signed_till_may_write_and_read_whatever_its_words_are(tills: "Tills") -> None:
    till = tills(signs=True)
    enrol(till, "张三 (a+b)")
    assert till.read_member("张三 (a+b)")["city"] == "Hangzhou"
    enrol(till)
    order = till.take_order({**sale(7), "order_no": "发票 7+1"})
    found = list(till.list_orders(merchant="baker", order_no="发票 7+1"))
    assert [each["id"] for each in found] == [order["id"]]


def test_an_iterator_goes_over_all_pages_and_asks_for_no_more_than_it_needs(tills: "Tills") -> None:
    till = tills()
    account = enrol(till)
    till.take_orders({"orders": [sale(number) for number in range(1, 6)]})
    numbers = [each["order_no"] for each in till.list_orders(merchant="baker", limit=2)]
    assert sorted(numbers) == ["A-1", "A-2", "A-3", "A-4", "A-5"]
    assert next(till.list_orders(merchant="baker", limit=2))["order_no"] == numbers[0]
    (page,) = till.list_coupons(account)
    assert page["pending_fen"] == 700, "7 % of a concession of 2 000 is 140, five times"


def test_a_trial_refund_writes_nothing_and_a_statement_comes_as_a_file(tills: "Tills") -> None:
    till = tills()
    enrol(till)
    order = till.take_order(sale(1))["id"]
    tried = till.refund_order(order, {"refund_no": "R-1", "amount_fen": 4_000}, dry_run=True)
    assert tried["amount_fen"] == 4_000
    assert till.list_order_refunds(order)["items"] == []
    assert till.refund_order(order, {"refund_no": "R-1", "amount_fen": 4_000})["refund_no"] == "R-1"
    assert len(till.list_order_refunds(order)["items"]) == 1
    assert till.download_statement_xlsx("baker")[:2] == b"PK"


def test_what_a_key_may_not_do_is_refused(tills: "Tills") -> None:
    with pytest.raises(ProblemError) as said:
        next(tills().export_table("orders"))
    assert said.value.status in {401, 403}
