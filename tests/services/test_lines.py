"""The pools' lines of fen, kept behind the books of towns where everything happens: exact, and both ways."""

import random
from collections.abc import Iterator

import pytest

from greenloop.core.trust.lineage import Fate, Span, fates, origins
from greenloop.core.trust.trace import FREE, RELEASED, VOUCHER, untiled_fen
from greenloop.insight import line_proofs
from greenloop.services.trust.lines import keep_lines, keep_up
from greenloop.store.queries import moved
from greenloop.store.queries.lines import PoolLines, lines_of
from tests.support.databases import Database
from tests.support.ledger import balances, execute, fetch
from tests.support.life import MEMBERS, Life
from tests.support.town import Town

FEN_TRIED = 10_000
WINDOW = 250
"""Fen of one order, or of one voucher, that are tried together."""


def pools() -> list[tuple[int, str]]:
    return [(int(number), str(name)) for number, name in fetch("SELECT id, name FROM pool ORDER BY id")]


def parts() -> Iterator[tuple[PoolLines, int, int, int, int]]:
    """Yield (lines, order, cycle, routed pool, fen) of every order's green and red part, as plain SQL tells them."""
    green = "SELECT pool_id, id, entry_cycle, pool_id, green_part_fen FROM orders WHERE entry_cycle IS NOT NULL"
    red = """
        SELECT v.red_pool_id, o.id, o.entry_cycle, o.pool_id, o.red_part_fen FROM orders o
        JOIN rule_version v ON v.id = o.rules_id WHERE o.entry_cycle IS NOT NULL
    """
    lines = {pool: lines_of(pool) for pool, _ in pools()}
    for pool, order, cycle, route, fen in [*fetch(green), *fetch(red)]:
        if fen:
            yield lines[pool], order, cycle, route, fen


def told(lines: PoolLines, span: Span) -> list[tuple[str, int, int]]:
    """Return the kind, order and place in the order of each fen of an interval."""
    return [(each.kind, each.order_id, each.order_at + n) for each in origins(lines, span) for n in range(each.fen)]


def last_place(fate: Fate) -> Span:
    return next(stop for stop in reversed(fate.stops) if stop.line != "reserve")


def assert_tiled() -> None:
    for pool, name in pools():
        row = fetch("SELECT free_in, free_out, released_in, released_out FROM fen_line WHERE pool_id = %s", pool)
        free_in, free_out, released_in, released_out = row[0] if row else (0, 0, 0, 0)
        for line, into, out in ((FREE, free_in, free_out), (RELEASED, released_in, released_out)):
            column = "SELECT {0}_at, amount_fen FROM fen_run WHERE pool_id = %s AND {0} = %s ORDER BY 1"
            assert untiled_fen([(a, b) for a, b in fetch(column.format("target"), pool, line)], into) == 0
            assert untiled_fen([(a, b) for a, b in fetch(column.format("source"), pool, line)], out) == 0
        now = balances()
        assert (free_in - free_out, released_in - released_out) == (
            now[f"trust:pool:{name}"],
            now[f"trust:accrued:{name}"],
        )


def window(chance: random.Random, fen: int) -> tuple[int, int]:
    """Return (place, fen) of some of so many fen."""
    at = chance.randrange(max(1, fen - WINDOW + 1))
    return at, min(WINDOW, fen - at)


def assert_both_ways(chance: random.Random) -> None:
    """Try thousands of fen from their orders on and back, and of vouchers back to their orders and on again."""
    known, tried = list(parts()), 0
    while tried < FEN_TRIED // 2:
        lines, order, cycle, route, part = chance.choice(known)
        place, (at, fen) = lines.place_of(order, cycle, route), window(chance, part)
        assert place is not None
        for fate in fates(lines, Span(FREE, place + at, fen)):
            first = fate.stops[0].at - place
            assert told(lines, last_place(fate)) == [("orders", order, first + n) for n in range(fate.fen)]
        tried += fen
    vouchers = fetch("SELECT id, pool_id, face_fen FROM voucher WHERE face_fen > 0 ORDER BY id")
    while tried < FEN_TRIED:
        voucher, pool, face = chance.choice(vouchers)
        lines, (at, fen) = lines_of(pool), window(chance, face)
        for offset, (kind, order, order_at) in enumerate(told(lines, Span(VOUCHER, at, fen, voucher))):
            # A step back costs no more for many fen than for one; the way on is gone for one at a time.
            if kind == "orders" and chance.random() < 0.05:
                assert_passes(lines, order, order_at, Span(VOUCHER, at + offset, 1, voucher))
        tried += fen


def assert_passes(lines: PoolLines, order: int, at: int, through: Span) -> None:
    """One fen of an order is on its way, or was, through a place of a voucher."""
    cycle, route = fetch("SELECT entry_cycle, pool_id FROM orders WHERE id = %s", order)[0]
    place = lines.place_of(order, cycle, route)
    assert place is not None
    (fate,) = fates(lines, Span(FREE, place + at, 1))
    drawn = lines.held([through.voucher])[through.voucher]
    stops = [(stop.line, stop.at) for stop in fate.stops]
    assert (RELEASED, drawn.released_at + through.at) in stops


def give_much_back(life: Life) -> None:
    """Let all draw, and give back whole purchases: some were paid with vouchers, others have earned some since."""
    for ref in MEMBERS:
        life.attempt(lambda ref=ref: life.town.draw(ref))  # type: ignore[misc]
    for order, fen, merchant in [*fetch(_PAID)[:1], *fetch(_EARNED)[:2]]:
        number = f"all-{order}"
        life.attempt(lambda of=merchant, number=number: life.town.deposit(str(of), 500_000, number))  # type: ignore[misc]
        life.attempt(lambda order=order, fen=fen, number=number: life.town.refund(order, fen, number))  # type: ignore[misc]


_PAID = """
    SELECT o.id, o.cash_fen + o.voucher_fen + o.coupon_fen - o.refunded_fen, m.ref
    FROM orders o JOIN merchant m ON m.id = o.merchant_id WHERE o.voucher_fen > o.refunded_voucher_fen ORDER BY o.id
"""
_EARNED = """
    SELECT DISTINCT o.id, o.cash_fen + o.voucher_fen + o.coupon_fen - o.refunded_fen, m.ref
    FROM orders o JOIN merchant m ON m.id = o.merchant_id
    JOIN voucher v ON v.account_id = o.member_id AND v.pool_id = o.pool_id AND v.left_fen > 0
    WHERE o.entry_cycle IS NOT NULL AND o.refunded_fen < o.cash_fen ORDER BY o.id
"""


@pytest.mark.parametrize(
    ("seed", "preset", "daily_cap_fen"), [(1, "steady", None), (2, "published", 3_000), (3, "hybrid", 20_000)]
)
def test_whatever_happens_every_fen_is_found_both_ways(
    database: Database, seed: int, preset: str, daily_cap_fen: int | None
) -> None:
    life = Life(seed, preset=preset, daily_cap_fen=daily_cap_fen)
    for _ in range(11):
        life.live(1, errands=13)
        if life.chance.random() < 0.4:
            give_much_back(life)
        if life.chance.random() < 0.5:
            keep_up(at=life.town.at)
    for _ in range(3):
        life.town.later(days=1)
        life.night()
    keep_up(at=life.town.at)
    # Refunds at every stage and expiries: each way in which a voucher changes has happened.
    assert fetch("SELECT DISTINCT kind FROM voucher_change ORDER BY 1") == [("claw",), ("expire",), ("return",)]
    assert fetch("SELECT COUNT(*) FROM fen_run WHERE source = 'voucher' AND source_at < 0") == [(0,)]
    assert_tiled()
    assert_both_ways(random.Random(seed))
    # The lines are no book: thrown away and kept anew, they are the same.
    before = kept()
    throw_away()
    keep_up(at=life.town.at)
    assert kept() == before


TABLES = ("fen_run", "fen_line", "line_mark")


def kept() -> list[object]:
    ends = "pool_id, free_in, free_out, released_in, released_out, reserve_in"
    columns = {"fen_line": ends}
    return [sorted(fetch(f"SELECT {columns.get(table, '*')} FROM {table} WHERE pool_id > 0")) for table in TABLES]


def throw_away() -> None:
    for table in TABLES:
        execute(f"DELETE FROM {table}")


def sold(town: Town) -> Town:
    """Sell for 1 000 yuan each to two members and settle twice: 12 000 fen enter, 400 are released, Mei draws 100."""
    town.sell("mei", "grocer", 100_000)
    town.sell("bo", "grocer", 100_000)
    town.close_all([1, 2])
    town.draw("mei")
    keep_up(at=town.at)
    return town


def expire_all(town: Town) -> Town:
    """Let what was drawn expire: Mei's 100 fen are behind the others of the pool again."""
    town.later(days=400).expire()
    keep_up(at=town.at)
    return town


def green() -> int:
    return next(number for number, name in pools() if name == "green")


def test_the_first_vouchers_are_paid_by_the_first_order(town: Town) -> None:
    sold(town)
    (voucher,) = [int(row[0]) for row in fetch("SELECT id FROM voucher")]
    first = int(fetch("SELECT MIN(id) FROM orders")[0][0])
    (origin,) = origins(lines_of(green()), Span(VOUCHER, 0, 100, voucher))
    assert (origin.kind, origin.order_id, origin.order_at, origin.fen) == ("orders", first, 0, 100)
    # 6 000 fen of the first order: 100 drawn, 300 released and not drawn, the rest still free.
    found = [(fate.kind, fate.fen) for fate in fates(lines_of(green()), Span(FREE, 0, 6_000))]
    assert found == [("unspent", 100), ("released", 300), ("free", 5_600)]


def test_lines_kept_twice_are_kept_once(town: Town) -> None:
    sold(town)
    before = kept()
    assert keep_up(at=town.at) == 0
    assert not keep_lines(at=town.at).runs
    assert kept() == before


def test_an_open_cycle_waits_until_refunds_can_change_it_no_more(town: Town) -> None:
    order = town.sell("mei", "grocer", 100_000)
    other = town.sell("bo", "grocer", 50_000)
    town.vest(1)
    keep_up(at=town.at)
    assert fetch("SELECT COUNT(*) FROM fen_run") == [(0,)]
    town.refund(order, 50_000)
    town.close(1)
    keep_up(at=town.at)
    # 60 % of a concession of 10 %: 3 000 fen are left of the first order's, 3 000 are of the second's.
    lines = lines_of(green())
    assert (lines.place_of(order, 1, green()), lines.place_of(other, 1, green())) == (0, 3_000)
    assert fetch("SELECT free_in FROM fen_line WHERE pool_id = %s", green()) == [(6_000,)]


def test_journals_are_worked_off_in_goes_that_end_with_a_whole_journal(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    sold(town)
    whole, news = kept(), moved.news
    throw_away()
    monkeypatch.setattr(moved, "news", lambda after, until: news(after, until, postings_max=2))
    assert keep_lines(at=town.at).more
    keep_up(at=town.at)
    assert kept() == whole


@pytest.mark.parametrize("postings_max", [0, 1])
def test_a_journal_that_is_more_than_one_go_is_taken_whole(
    town: Town, monkeypatch: pytest.MonkeyPatch, postings_max: int
) -> None:
    sold(town)
    whole, news = kept(), moved.news
    throw_away()
    goes = list[int]()

    def small(after: int, until: int) -> moved.News:
        goes.append(after)
        assert goes == sorted(set(goes)), "each go goes on from where the last one ended"
        return news(after, until, postings_max=postings_max)

    monkeypatch.setattr(moved, "news", small)
    keep_up(at=town.at)
    assert (kept(), len(goes) > 2) == (whole, True)


def test_what_older_vouchers_don_t_tell_is_told_as_unknown(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    town.close_all([1, 2])
    town.draw("mei", 30)
    execute("UPDATE voucher SET journal_id = NULL")
    town.draw("mei")
    keep_up(at=town.at)
    first, second = (int(row[0]) for row in fetch("SELECT id FROM voucher ORDER BY id"))
    assert [each.kind for each in origins(lines_of(green()), Span(VOUCHER, 0, 30, first))] == ["unknown"]
    assert told(lines_of(green()), Span(VOUCHER, 0, 1, second))[0][2] == 30


@pytest.mark.books_broken_on_purpose
@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("UPDATE fen_run SET target_at = target_at + 1 WHERE target = 'free' AND source = 'orders'", "lines:target"),
        ("UPDATE fen_run SET source_at = source_at + 1 WHERE source = 'released'", "lines:source"),
        ("UPDATE fen_line SET free_in = free_in + 1 WHERE free_in > 0", "line ends"),
        ("DELETE FROM fen_run WHERE target = 'voucher'", "line vouchers"),
        ("UPDATE fen_run SET amount_fen = amount_fen + 1 WHERE target = 'released'", "line turnover"),
        ("UPDATE fen_run SET source_at = source_at - 1 WHERE source = 'voucher'", "line returns"),
        ("UPDATE fen_run SET source_at = source_at + 7 WHERE source = 'voucher'", "line returns"),
        ("UPDATE line_mark SET start_fen = start_fen + 1", "line marks"),
        ("UPDATE voucher SET left_fen = left_fen + 1", "voucher changes"),
    ],
)
def test_a_line_that_was_touched_is_found(town: Town, statement: str, name: str) -> None:
    sold(town)
    expire_all(town)
    assert all(proof.holds for proof in line_proofs.proofs())
    execute(statement)
    assert name in {proof.name for proof in line_proofs.proofs() if not proof.holds}


@pytest.mark.books_broken_on_purpose
def test_a_line_that_gave_out_more_than_it_took_in_is_found(town: Town) -> None:
    sold(town)
    # One fen more is released than ever entered; the runs tile, and the lines end where the runs do.
    execute(
        "INSERT INTO fen_run (pool_id, target, target_at, source, source_at, amount_fen, journal_id) "
        "SELECT pool_id, 'released', released_in, 'free', free_out, free_in - free_out + 1, journal_id "
        "FROM fen_line WHERE pool_id = %s",
        green(),
    )
    execute(
        "UPDATE fen_line SET released_in = released_in + free_in - free_out + 1, free_out = free_in + 1 "
        "WHERE pool_id = %s",
        green(),
    )
    assert {proof.name for proof in line_proofs.proofs() if not proof.holds} == {"line ends", "line turnover"}
