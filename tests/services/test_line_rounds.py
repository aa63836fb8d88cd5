"""Fen that went round and round, and orders that thousands drew: followed by as many statements as any others."""

from collections.abc import Callable

import pytest
from django.db import transaction

from greenloop.core.trust.lineage import Span, fates, origins
from greenloop.core.trust.trace import FREE, RELEASED, Ends, Moved, Piece, extended
from greenloop.insight.tracing.fen import Payer, paid_by, went
from greenloop.store import sql
from greenloop.store.queries import lines, traced
from greenloop.store.queries.lines import lines_of
from tests.services.test_lines import expire_all, green, sold
from tests.support.ledger import execute, fetch
from tests.support.town import Town
from tests.support.visiting import counted

ROUNDS = 1_000
HOLDERS = 1_000
pytestmark = pytest.mark.books_broken_on_purpose
"""The lines go on here by themselves: no journal says that."""


def ends() -> Ends:
    columns = "free_in, free_out, released_in, released_out, reserve_in"
    return Ends(*fetch(f"SELECT {columns} FROM fen_line WHERE pool_id = %s", green())[0])


def go_on(*moves: Moved) -> None:
    """Write the runs of moves behind those of the town's green pool."""
    _, runs = extended(ends(), moves, {})
    columns = ("pool_id", "source", "source_at", "target", "target_at", "amount_fen", "journal_id")
    with transaction.atomic():
        sql.load("fen_run", columns, [(green(), *run) for run in runs])


def after() -> int:
    return int(fetch("SELECT MAX(id) FROM journal")[0][0])


def released_whole(town: Town) -> int:
    """Sell, draw, let expire and release what is free, the first order's foremost; return that order."""
    expire_all(sold(town))
    go_on(Moved(after() + 1, issued_fen=ends().free_fen))
    return int(fetch("SELECT MIN(id) FROM orders")[0][0])


def asked(work: Callable[[], object]) -> int:
    with counted() as found:
        work()
    return len(found)


def test_fen_that_expired_a_thousand_times_are_followed_by_a_few_statements(town: Town) -> None:
    expire_all(sold(town))
    order = int(fetch("SELECT MIN(id) FROM orders")[0][0])
    free, waiting, first = ends().free_fen, ends().released_fen, after() + 1
    # Each round all fen are released, drawn as one voucher, and expire: 300 that waited, then those that were free.
    moves = []
    for n in range(ROUNDS):
        whole, number = free + waiting, first + 3 * n
        issued = free if n == 0 else whole
        moves += [
            Moved(number, issued_fen=issued),
            Moved(number + 1, drawn=((10 + n, whole),)),
            Moved(number + 2, expired=(Piece(10 + n, 0, whole),)),
        ]
    go_on(*moves)
    pool = lines_of(green())
    (fate,) = fates(pool, Span(FREE, 5_000, 1))
    assert (fate.kind, fate.rounds) == ("free", ROUNDS)
    now = fate.stops[-1]
    (origin,) = origins(pool, now)
    assert (origin.kind, origin.order_id, origin.order_at, origin.issue) == (
        "orders",
        order,
        5_000,
        moves[-3].journal_id,
    )
    assert asked(lambda: origins(lines_of(pool.pool_id), now)) == 3
    assert asked(lambda: fates(lines_of(pool.pool_id), Span(FREE, 5_000, 1))) <= 4


@pytest.mark.parametrize("expired", [False, True])
def test_an_order_that_a_thousand_drew_is_followed_by_as_many_statements_as_one_that_few_did(
    town: Town, expired: bool
) -> None:
    order = released_whole(town)
    alone = asked(lambda: went(order))
    number = after() + 2
    drawn = tuple((10 + n, 5) for n in range(HOLDERS))
    back = tuple(Piece(voucher, 0, fen) for voucher, fen in drawn)
    moves = [Moved(number, drawn=drawn)] + ([Moved(number + 1, expired=back)] if expired else [])
    runs = fetch("SELECT MAX(target_at + amount_fen) FROM fen_run WHERE target = 'released'")[0][0]
    execute("UPDATE fen_line SET released_in = %s, free_out = free_in WHERE pool_id = %s", runs, green())
    go_on(*moves)
    assert asked(lambda: went(order)) <= alone + 3
    (part,) = [each for each in went(order).parts if not each.is_red]
    state = "free" if expired else "unspent"
    assert sum(each.fen for each in part.went) == part.part_fen == 6_000
    assert sum(each.fen for each in part.went if (each.state, each.rounds) == (state, expired)) >= 4_700


def test_what_took_too_many_runs_for_one_answer_is_told_in_several(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    order = released_whole(town)
    runs = fetch("SELECT MAX(target_at + amount_fen) FROM fen_run WHERE target = 'released'")[0][0]
    execute("UPDATE fen_line SET released_in = %s, free_out = free_in WHERE pool_id = %s", runs, green())
    go_on(Moved(after() + 2, drawn=tuple((10 + n, 20) for n in range(250))))
    whole = sum(part.part_fen for part in went(order).parts)
    assert went(order).next_place is None
    monkeypatch.setattr(lines, "RUNS_MAX", 40)
    place: int | None = 0
    told, answers = 0, 0
    while place is not None:
        found = went(order, at=place)
        fen = sum(part.fen for part in found.parts)
        assert fen == sum(each.fen for part in found.parts for each in part.went) > 0
        told, answers, place = told + fen, answers + 1, found.next_place
    assert (told, answers > 5) == (whole, True)


def test_of_a_voucher_that_many_orders_paid_for_some_are_told_at_a_time(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(6):
        town.sell("mei", "grocer", 500, order_no=f"S{n}")
    town.sell("bo", "grocer", 100_000)
    sold(town)
    monkeypatch.setattr("greenloop.insight.tracing.fen.PAYERS_MAX", 2)
    row = traced.voucher(int(fetch("SELECT id FROM voucher")[0][0]))
    place: int | None = 0
    payers = list[Payer]()
    while place is not None:
        found = paid_by(row, at=place)
        assert 0 < len(found.payers) <= 2
        payers += found.payers
        place = found.next_place
    # Each order of 5 yuan brought 30 fen; the voucher's first fen are the first order's.
    assert sum(each.fen for each in payers) == row.face_fen
    assert [each.at for each in payers] == [sum(before.fen for before in payers[:n]) for n in range(len(payers))]
    assert len({each.order.id for each in payers if each.order}) == len(payers) > 2


def test_single_fen_have_all_their_runs_told(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    expire_all(sold(town))
    monkeypatch.setattr(lines, "RUNS_MAX", 1)
    found = fates(lines_of(green()), Span(FREE, 0, 500))
    assert (sum(each.fen for each in found), found[0].kind, found[0].rounds) == (1, "free", 1)
    assert [each.fen for each in origins(lines_of(green()), Span(RELEASED, 0, 200))] == [1]
