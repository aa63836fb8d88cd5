"""One fen followed among millions of orders: a year of weekly cycles in one pool, vouchers drawn and spent."""

import random
from collections.abc import Callable, Iterator
from datetime import timedelta

from bench import world
from bench.measure import Figure, each, median, p99, peak_mib, seconds
from greenloop.core.trust.lineage import Span, fates, origins
from greenloop.core.trust.trace import FREE, VOUCHER
from greenloop.services.trust.lines import keep_up
from greenloop.store import sql
from greenloop.store.queries.lines import lines_of

CYCLES, DRAWS, VOUCHERS_EACH = 52, 500, 10
"""Of each cycle's issue so many journals draw so many vouchers each."""
TRIED, WARM = 6_000, 1_000
POOL = 1


def tracing(engine: str, stored: int) -> Iterator[Figure]:
    """Store orders, vouchers and their journals, keep the lines, and follow single fen and whole orders both ways."""
    world.found_city()
    _live_a_year(stored)
    took = seconds(lambda: keep_up(at=world.LATER))
    runs, marks = (int(sql.value(f"SELECT COUNT(*) FROM {table}")) for table in ("fen_run", "line_mark"))
    yield Figure(engine, f"lines kept: {runs} runs and {marks} marks over {stored} orders", took, "s")
    yield Figure(engine, "runs kept", runs / took, "runs/s")
    sql.run("ANALYZE")
    chance = random.Random(5)
    faces = sql.rows("SELECT id, face_fen FROM voucher ORDER BY id")
    vouchers = [(voucher, chance.randrange(face)) for voucher, face in chance.choices(faces, k=TRIED)]
    back: list[Callable[[], object]] = [lambda fen=fen: _origin(*fen) for fen in vouchers]  # type: ignore[misc]
    yield from _told(engine, "one fen of a voucher back to its order", back)
    orders = [1 + chance.randrange(stored) for _ in range(TRIED)]
    on: list[Callable[[], object]] = [lambda order=order: _fate(order) for order in orders]  # type: ignore[misc]
    yield from _told(engine, "one fen of an order on to where it is", on)
    whole: list[Callable[[], object]] = [lambda order=order: _fates(order) for order in orders]  # type: ignore[misc]
    yield from _told(engine, "all fen of an order on to where they are", whole)
    yield Figure(engine, "trace", peak_mib(), "MiB")


def _told(engine: str, what: str, works: list[Callable[[], object]]) -> Iterator[Figure]:
    times = each(works)[WARM:]
    yield Figure(engine, f"{what}, p99", p99(times) * 1e3, "ms", "≤ 5")
    yield Figure(engine, "the same, median", median(times) * 1e3, "ms")


def _origin(voucher: int, at: int) -> None:
    (origin,) = origins(lines_of(POOL), Span(VOUCHER, at, 1, voucher))
    assert origin.kind == "orders"


def _place(order: int) -> tuple[int, int]:
    cycle, part = sql.rows("SELECT entry_cycle, green_part_fen FROM orders WHERE id = %s", [order])[0]
    place = lines_of(POOL).place_of(order, cycle, POOL)
    assert place is not None
    return place, part


def _fate(order: int) -> None:
    place, part = _place(order)
    (fate,) = fates(lines_of(POOL), Span(FREE, place + order % part, 1))
    assert fate.kind in {"use", "released", "free"}


def _fates(order: int) -> None:
    place, part = _place(order)
    assert sum(fate.fen for fate in fates(lines_of(POOL), Span(FREE, place, part))) == part


def _live_a_year(stored: int) -> None:
    """Write what a year leaves behind: vested orders, and journals of vesting, settling and drawing with vouchers."""
    facts = {"count": stored, "members": world.MEMBERS, "merchants": world.MERCHANTS, "cycles": CYCLES}
    plan = sql.value("SELECT id FROM plan WHERE name = 'steady'")
    sql.run(_ORDERS, {**facts, "at": sql.instant(world.START), "plan": plan})
    sql.run("UPDATE pool SET entry_cycle = %s, settled_cycle = %s", [CYCLES + 1, CYCLES])
    sql.run(_INFLOW)
    inflow: dict[int, int] = dict(sql.rows("SELECT cycle, inflow_fen FROM pool_cycle WHERE pool_id = %s", [POOL]))
    accounts: dict[str, int] = dict(sql.rows("SELECT name, id FROM ledger_account"))
    (name,) = (name for number, name in sql.rows("SELECT id, name FROM pool") if number == POOL)
    pending, free, released, drawn = (
        accounts[each] for each in ("trust:concession_pending", *(f"trust:{of}:{name}" for of in _CLASSES))
    )
    journals: list[tuple[str, str, int, int, int]] = []
    faces: list[int] = []
    for cycle in range(1, CYCLES + 1):
        face = int(inflow[cycle]) * 8 // 10 // (DRAWS * VOUCHERS_EACH)
        journals.append((f"vest/{cycle}", "vest", pending, free, int(inflow[cycle])))
        journals.append((f"settle/{name}/{cycle}", "settle", free, released, int(inflow[cycle]) * 9 // 10))
        faces += [0, 0, *([face] * DRAWS)]
        journals += [(f"draw/{cycle}-{n}", "draw", released, drawn, face * VOUCHERS_EACH) for n in range(DRAWS)]
    _write(journals, faces, stored)


def _write(journals: list[tuple[str, str, int, int, int]], faces: list[int], stored: int) -> None:
    at, until = sql.instant(world.START), sql.instant(world.START + timedelta(days=365))
    first = int(sql.value("SELECT COALESCE(MAX(id), 0) + 1 FROM journal"))
    lines = [(first + n, "trust", key, kind, at, at) for n, (key, kind, *_) in enumerate(journals)]
    sql.load("journal", ("id", "book", "key", "kind", "effective_at", "recorded_at"), lines)
    moved = [(first + n, *moved) for n, (_, _, *moved) in enumerate(journals)]
    sql.load("posting", ("journal_id", "debit_id", "credit_id", "amount_fen"), moved)
    papers = [(first + n, face) for n, face in enumerate(faces) if face for _ in range(VOUCHERS_EACH)]
    vouchers = [
        (1 + n, 1 + n * 7 % world.MEMBERS, POOL, face, 0, at, until, number) for n, (number, face) in enumerate(papers)
    ]
    sql.load("voucher", _VOUCHER, vouchers)
    step = max(1, stored // len(papers))
    uses = [(row[1], min(stored, 1 + n * step), n, row[0], POOL, row[3]) for n, row in enumerate(vouchers)]
    sql.load("voucher_use", ("account_id", "order_id", "line", "voucher_id", "pool_id", "amount_fen"), uses)
    sql.run("ANALYZE")


_CLASSES = ("pool", "accrued", "voucher")
_VOUCHER = ("id", "account_id", "pool_id", "face_fen", "left_fen", "drawn_at", "expires_at", "journal_id")
# Shops and members come one after the other, so that every index of so many orders grows at its end.
_ORDERS = """
    INSERT INTO orders (id, merchant_id, order_no, member_id, rules_id, pool_id, plan_id, journal_id, paid_at,
        cash_fen, voucher_fen, coupon_fen, rate_ppm, concession_fen, green_part_fen, red_part_fen, coupon_part_fen,
        fee_part_fen, member_multiple_ppm, merchant_multiple_ppm, confirmed_at, vests_at, entry_cycle, entered_fen,
        kept_fen, payout_id)
    WITH RECURSIVE line(n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM line WHERE n < %(count)s),
    people AS (SELECT account_id, ROW_NUMBER() OVER (ORDER BY account_id) - 1 AS place FROM member),
    shops AS (SELECT id, ROW_NUMBER() OVER (ORDER BY id) - 1 AS place FROM merchant)
    SELECT n, shops.id, 'old-' || (100000000 + n), people.account_id, 1, 1, %(plan)s, 1,
        %(at)s, 10000, 0, 0, 100000, 1000, 100 + n * 37 %% 900, 0, 70, 0, 1000000, 1000000, %(at)s, %(at)s,
        1 + (n - 1) * %(cycles)s / %(count)s, 1000, 1000, 1
    FROM line JOIN people ON people.place = (n - 1) * %(members)s / %(count)s
    JOIN shops ON shops.place = (n - 1) * %(merchants)s / %(count)s
    ORDER BY n
"""
_INFLOW = """
    INSERT INTO pool_cycle (pool_id, cycle, inflow_fen)
    SELECT pool_id, entry_cycle, SUM(green_part_fen) FROM orders GROUP BY pool_id, entry_cycle
"""
