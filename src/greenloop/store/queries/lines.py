"""One pool's lines of fen as they are kept, for core's tracing: each answer is a range of an index, or a few rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from greenloop.core.trust.lineage import Held, Part
from greenloop.core.trust.trace import VOUCHER, Run
from greenloop.core.trust.voucher_line import USE, Event, voucher_line
from greenloop.store import sql

PAGE = 128
"""Orders of a cycle that are read at a time: as many as lie between two marks."""


@dataclass(slots=True)
class PoolLines:
    """The lines of one pool; what was read of vouchers is kept, for fen of one voucher are asked for together."""

    pool_id: int
    is_red: bool
    _held: dict[int, Held | None] = field(default_factory=dict)
    _left: dict[tuple[int, int], Run] = field(default_factory=dict)

    def into(self, target: str, at: int, fen: int) -> Sequence[Run]:
        """Return the runs that end in an interval of free or released money."""
        place = [self.pool_id, target]
        found = [Run(*row) for row in sql.rows(_INTO, [*place, *place, at, at + fen])]
        self._read(run.source_at for run in found if run.source == VOUCHER)
        return found

    def out_of(self, source: str, at: int, fen: int) -> Sequence[Run]:
        """Return the runs that begin in an interval of free or released money."""
        place = [self.pool_id, source]
        rows = (Run(*row) for row in sql.rows(_OUT_OF, [*place, *place, at, at + fen]))
        found = [run for run in rows if run.source_at + run.fen > at]
        self._read(run.target_at for run in found if run.target == VOUCHER)
        return found

    def entered(self, cycle: int, at: int, fen: int) -> Sequence[Part]:
        """Return the parts that orders brought in one alliance cycle, for an interval of them; they tile it."""
        mark = sql.rows(_MARK_AT, [self.pool_id, cycle, at])
        if not mark:
            return []
        route, order, place = mark[0]
        found: list[Part] = []
        while place < at + fen:
            rows = self._orders(cycle, route, order)
            for route, order, part in rows:  # noqa: B007  the last of a page is where the next begins
                start, end = max(at, place), min(at + fen, place + part)
                if start < end:
                    found.append(Part(order, start - place, end - start))
                place += part
            if len(rows) < PAGE:
                break
            order += 1
        return found

    def place_of(self, order_id: int, cycle: int, route_pool_id: int) -> int | None:
        """Return where an order's fen begin on the line of free money, None while they aren't on it."""
        block = sql.rows(_BLOCK, [self.pool_id, cycle])
        mark = sql.rows(_MARK_OF, [self.pool_id, cycle, route_pool_id, order_id])
        if not block or not mark:
            return None
        route, first, place = mark[0]
        between = _RED_BETWEEN if self.is_red else _GREEN_BETWEEN
        pools = [self.pool_id] if self.is_red else []
        before = sql.value(between, [cycle, route, first, route_pool_id, order_id, *pools])
        return int(block[0][0]) + int(place) + int(before or 0)

    def held(self, voucher: int) -> Held | None:
        """Return a voucher, None if it isn't on the lines."""
        self._read([voucher])
        return self._held[voucher]

    def left_by(self, voucher: int, journal_id: int) -> Run | None:
        """Return the run by which a voucher's fen returned to the pool, None if it isn't on the lines yet."""
        self._read([voucher])
        return self._left.get((voucher, journal_id))

    def _orders(self, cycle: int, route: int, order: int) -> list[sql.Row]:
        if self.is_red:
            return sql.rows(_RED_ORDERS, [cycle, route, order, self.pool_id, PAGE])
        return sql.rows(_GREEN_ORDERS, [cycle, route, order, PAGE])

    def _read(self, vouchers: Iterable[int]) -> None:
        """Read vouchers that aren't known yet, all together."""
        wanted = set(vouchers) - self._held.keys()
        if not wanted:
            return
        asks = [sql.Ask(query, wanted) for query in (_USES, _CHANGES, _LEFT, _DRAWN)]
        uses, changes, left, drawn = sql.together(asks)
        events: dict[int, list[Event]] = {voucher: [] for voucher in wanted}
        for voucher, *event in (*uses, *changes):
            events[voucher].append(Event(*event))
        for run in (Run(*row) for row in left):
            self._left[run.source_at, run.journal_id] = run
        self._held |= dict.fromkeys(wanted)
        for voucher, released_at, face, account in drawn:
            self._held[voucher] = Held(released_at, voucher_line(face, events[voucher]), account)


def lines_of(pool_id: int) -> PoolLines:
    """Return one pool's lines."""
    return PoolLines(pool_id, bool(sql.value("SELECT is_red FROM pool WHERE id = %s", [pool_id])))


_COLUMNS = "source, source_at, target, target_at, amount_fen, journal_id"
_INTO = f"""
    SELECT {_COLUMNS} FROM fen_run WHERE pool_id = %s AND target = %s AND target_at >= (
        SELECT MAX(target_at) FROM fen_run WHERE pool_id = %s AND target = %s AND target_at <= %s
    ) AND target_at < %s ORDER BY target_at
"""  # noqa: S608  columns of this file
_OUT_OF = f"""
    SELECT {_COLUMNS} FROM fen_run WHERE pool_id = %s AND source = %s AND source_at >= (
        SELECT MAX(source_at) FROM fen_run WHERE pool_id = %s AND source = %s AND source_at <= %s
    ) AND source_at < %s ORDER BY source_at
"""  # noqa: S608
_LEFT = """
    SELECT r.source, r.source_at, r.target, r.target_at, r.amount_fen, r.journal_id FROM voucher v
    JOIN fen_run r ON r.pool_id = v.pool_id AND r.source = 'voucher' AND r.source_at = v.id WHERE v.id IN ({keys})
"""
_BLOCK = "SELECT target_at FROM fen_run WHERE pool_id = %s AND source = 'orders' AND source_at = %s"
_MARK_AT = """
    SELECT route_pool_id, order_id, start_fen FROM line_mark WHERE pool_id = %s AND cycle = %s AND start_fen <= %s
    ORDER BY start_fen DESC, route_pool_id DESC, order_id DESC LIMIT 1
"""
_MARK_OF = """
    SELECT route_pool_id, order_id, start_fen FROM line_mark
    WHERE pool_id = %s AND cycle = %s AND (route_pool_id, order_id) <= (%s, %s)
    ORDER BY route_pool_id DESC, order_id DESC LIMIT 1
"""
_GREEN_ORDERS = """
    SELECT pool_id, id, green_part_fen FROM orders WHERE entry_cycle = %s AND pool_id = %s AND id >= %s
    ORDER BY id LIMIT %s
"""
_RED_ORDERS = """
    SELECT o.pool_id, o.id, o.red_part_fen FROM orders o JOIN rule_version v ON v.id = o.rules_id
    WHERE o.entry_cycle = %s AND (o.pool_id, o.id) >= (%s, %s) AND v.red_pool_id = %s
    ORDER BY o.pool_id, o.id LIMIT %s
"""
_GREEN_BETWEEN = """
    SELECT SUM(green_part_fen) FROM orders
    WHERE entry_cycle = %s AND (pool_id, id) >= (%s, %s) AND (pool_id, id) < (%s, %s)
"""
_RED_BETWEEN = """
    SELECT SUM(o.red_part_fen) FROM orders o JOIN rule_version v ON v.id = o.rules_id
    WHERE o.entry_cycle = %s AND (o.pool_id, o.id) >= (%s, %s) AND (o.pool_id, o.id) < (%s, %s) AND v.red_pool_id = %s
"""
_DRAWN = """
    SELECT v.id, r.source_at, r.amount_fen, v.account_id FROM voucher v
    JOIN fen_run r ON r.pool_id = v.pool_id AND r.target = 'voucher' AND r.target_at = v.id
    WHERE v.id IN ({keys})
"""
_USES = f"""
    SELECT v.id, o.journal_id, '{USE}', u.order_id, u.amount_fen FROM voucher v
    JOIN voucher_use u ON u.account_id = v.account_id AND u.voucher_id = v.id JOIN orders o ON o.id = u.order_id
    WHERE v.id IN ({{keys}})
"""  # noqa: S608  core's word for it
_CHANGES = """
    SELECT v.id, c.journal_id, c.kind, c.order_id, c.amount_fen FROM voucher v
    JOIN voucher_change c ON c.account_id = v.account_id AND c.voucher_id = v.id WHERE v.id IN ({keys})
"""
