"""One fen followed among millions of orders: a year of weekly cycles in one pool (`year.py`)."""

import random
from collections.abc import Callable, Iterator

from bench import world
from bench.measure import Figure, each, median, p99, peak_mib, seconds
from bench.year import POOL, live_a_year
from greenloop.core.trust.lineage import Span, fates, origins
from greenloop.core.trust.trace import FREE, VOUCHER
from greenloop.services.trust.lines import keep_up
from greenloop.store import sql
from greenloop.store.queries.lines import lines_of

TRIED, WARM = 6_000, 1_000


def tracing(engine: str, stored: int) -> Iterator[Figure]:
    """Store orders, vouchers and their journals, keep the lines, and follow single fen and whole orders both ways."""
    world.found_city()
    live_a_year(stored)
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
    assert fate.kind in {"use", "released", "free", "unspent"}


def _fates(order: int) -> None:
    place, part = _place(order)
    assert sum(fate.fen for fate in fates(lines_of(POOL), Span(FREE, place, part))) == part
