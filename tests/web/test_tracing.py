"""Fen followed in the browser: a shopper's concession on to its holders, a holder's voucher back to its orders."""

import pytest

from greenloop.services.trust.lines import keep_up
from tests.support.ledger import fetch
from tests.support.town import Town
from tests.support.visiting import counted, said, seated, visit

QUERIES_MAX = 24


@pytest.fixture
def drawn(town: Town) -> dict[str, int]:
    """Mei buys at the baker's first, then Lin at the grocer's; Lin draws 100 fen, which Mei's order pays for."""
    found = {"mei": town.sell("mei", "baker", 100_000, order_no="B1"), "lin": town.sell("lin", "grocer", 100_000)}
    town.close_all([1, 2])
    town.draw("lin")
    keep_up(at=town.at)
    return found | {"voucher": int(fetch("SELECT id FROM voucher")[0][0])}


def test_a_shopper_sees_where_its_concession_went_and_not_to_whom(town: Town, drawn: dict[str, int]) -> None:
    client = visit(town.ids["mei"])
    assert f"/trace/orders/{drawn['mei']}/" in client.get("/orders/baker/B1/").content.decode()
    told = said(client, f"/trace/orders/{drawn['mei']}/")
    # 60 % of a concession of 20 %. The pool has 600 points, 1 % of them is released; Lin drew 1 yuan.
    assert "¥120.00 from this order" in told
    assert "cycle 2 released, not drawn yet 5.00 0 0 × cycle 2 in vouchers, unspent 1.00 1 0 ×" in told
    assert "– in the pool, not released yet 114.00 0 0 ×" in told
    assert "lin" not in told.lower().replace("line", "")


def test_a_holder_sees_what_paid_for_its_voucher_and_not_whose_order_it_was(
    town: Town, drawn: dict[str, int], operator: int
) -> None:
    path = f"/trace/vouchers/{drawn['voucher']}/"
    client = visit(town.ids["lin"])
    assert path in client.get("/wallet/").content.decode()
    told = said(client, path)
    assert "What paid for a voucher of ¥1.00" in told
    assert "of somebody else 1.00 cycle 2" in told
    assert "baker" not in told
    assert "Order B1 at baker 1.00 cycle 2" in said(visit(operator), path)


def test_nobody_else_sees_either(town: Town, drawn: dict[str, int]) -> None:
    order, voucher = f"/trace/orders/{drawn['mei']}/", f"/trace/vouchers/{drawn['voucher']}/"
    for client, path in (
        *((visit(town.ids["lin"]), order), (seated("grocer"), order)),
        *((visit(town.ids["mei"]), voucher), (seated("grocer"), voucher)),
        *((visit(town.ids["mei"]), f"/trace/orders/{10**25}/"), (visit(town.ids["mei"]), f"/trace/vouchers/{10**25}/")),
        *((visit(town.ids["mei"]), "/trace/orders/7/"), (visit(town.ids["mei"]), "/trace/vouchers/7/")),
    ):
        assert client.get(path).status_code == 404, path
    assert seated("baker").get(order).status_code == 200


def test_what_isn_t_on_the_lines_yet_is_said_to_be_on_its_way(town: Town) -> None:
    order = town.sell("mei", "baker", 100_000)
    assert "Not on the pool's line yet" in said(visit(town.ids["mei"]), f"/trace/orders/{order}/")
    town.close_all([1, 2])
    town.draw("mei")
    number = fetch("SELECT id FROM voucher")[0][0]
    assert "Not on the pool's line yet" in said(visit(town.ids["mei"]), f"/trace/vouchers/{number}/")


def test_however_many_hold_it_an_order_is_followed_by_few_queries(town: Town, drawn: dict[str, int]) -> None:
    for ref in ("mei", "grocer", "baker"):
        town.draw(ref, 10)
        town.draw(ref, 10)
    keep_up(at=town.at)
    client = visit(town.ids["mei"])
    path = f"/trace/orders/{drawn['mei']}/"
    client.get(path)
    with counted() as asked:
        assert client.get(path).status_code == 200
    assert 0 < len(asked) <= QUERIES_MAX, [each["sql"] for each in asked.captured_queries]
