"""One pool's lines of fen as they are kept, for core's tracing: few statements, however many runs the fen took."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from greenloop.core.trust.lineage import Block, Held, Met, Part
from greenloop.core.trust.trace import Run
from greenloop.core.trust.voucher_line import USE, Event, VoucherLine, voucher_line
from greenloop.store import sql

RUNS_MAX = 5_000
"""Runs that one answer puts together. A single fen has as many as it took: three for each round through the pool."""
FEWER = 8
BLOCKS_MAX = 500
"""Intervals that one statement asks for."""
NO_MARK = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Paper:
    """A voucher laid out as a line; `released_at` is None while it isn't on the lines of its pool."""

    released_at: int | None
    line: VoucherLine
    holder: int


@dataclass(slots=True)
class PoolLines:
    """The lines of one pool; what was read of vouchers is kept, for whoever asks next who held them."""

    pool_id: int
    _papers: dict[int, Paper] = field(default_factory=dict)

    def behind(self, line: str, intervals: Sequence[tuple[int, int]]) -> Met:
        """Return the runs by which fen of a line came there, back to where they entered."""

        def ask(fen: int, most: int) -> list[sql.Row]:
            asked = list(_first(intervals, fen))
            seeds = ", ".join(["(%s, %s)"] * len(asked))
            places = [place for at, part in asked for place in (at, at + part)]
            return sql.rows(_BEHIND.format(seeds=seeds), [*places, line, self.pool_id, self.pool_id, most])

        return _met(ask, sum(part for _, part in intervals))

    def ahead(self, line: str, at: int, fen: int) -> Met:
        """Return the runs by which fen of a line went on, to where they are."""

        def ask(fen: int, most: int) -> list[sql.Row]:
            return sql.rows(_AHEAD, [line, at, at + fen, self.pool_id, self.pool_id, most])

        return _met(ask, fen)

    def entered(self, blocks: Sequence[Block]) -> list[list[Part]]:
        """Return, for each interval of what entered in a cycle, the parts of orders that tile it."""
        found: list[list[Part]] = [[] for _ in blocks]
        for first in range(0, len(blocks), BLOCKS_MAX):
            for number, order, at, fen in self._parts(blocks[first : first + BLOCKS_MAX]):
                found[first + number].append(Part(order, at, fen))
        return found

    def place_of(self, order_id: int, cycle: int, route_pool_id: int) -> int | None:
        """Return where an order's fen begin on the line of free money, None while they aren't on it."""
        found = sql.rows(_MARK_OF, [self.pool_id, cycle, route_pool_id, order_id])
        if not found:
            return None
        block_at, route, first, place, is_red = found[0]
        between, pools = (_RED_BETWEEN, [self.pool_id]) if is_red else (_GREEN_BETWEEN, [])
        # A pool for itself shows PostgreSQL how few orders are between; of ten million it reads many in parallel.
        where, places = (_IN_ONE, [route, first, order_id])
        if route != route_pool_id:
            where, places = (_OVER_POOLS, [route, first, route_pool_id, order_id])
        before = sql.value(between.format(where=where), [cycle, *places, *pools])
        return int(block_at) + int(place) + int(before or 0)

    def held(self, vouchers: Collection[int]) -> dict[int, Held]:
        """Return vouchers by number, those that are on the lines."""
        if unknown := set(vouchers) - self._papers.keys():
            self._papers |= papers(unknown)
        found = {voucher: self._papers[voucher] for voucher in vouchers if voucher in self._papers}
        return {
            voucher: Held(paper.released_at, paper.line, paper.holder)
            for voucher, paper in found.items()
            if paper.released_at is not None
        }

    def _parts(self, blocks: Sequence[Block]) -> Iterator[sql.Row]:
        """Yield (interval's number, order, from which of its fen on, fen), in their order."""
        values = ", ".join(["(%s, %s, %s, %s)"] * len(blocks))
        asked = [each for n, block in enumerate(blocks) for each in (n, block.cycle, block.at, block.at + block.fen)]
        marks: dict[int, list[sql.Row]] = {}
        for number, *mark in sql.rows(_MARKS.format(blocks=values), [*asked, self.pool_id]):
            marks.setdefault(number, []).append(tuple(mark))
        read, is_red = list[object](), False
        for number, found in marks.items():
            cycle, at, until = blocks[number].cycle, blocks[number].at, blocks[number].at + blocks[number].fen
            # Of orders that brought nothing several marks are at one place: the last is the nearest.
            route, order, place, is_red = next(mark for mark in reversed(found) if mark[2] <= at)
            end = next((mark for mark in found if mark[2] >= until), (NO_MARK, NO_MARK))
            read += [number, cycle, route, order, end[0], end[1], place, at, until]
        if read:
            values = ", ".join(["(%s, %s, %s, %s, %s, %s, %s, %s, %s)"] * len(marks))
            orders = _RED_ORDERS if is_red else _GREEN_ORDERS
            yield from sql.rows(orders.format(blocks=values), [*read, *([self.pool_id] if is_red else [])])


def papers(vouchers: Collection[int]) -> dict[int, Paper]:
    """Return vouchers by number, laid out by what happened to them; of those from before nobody can tell."""
    drawn: list[sql.Row] = []
    events: dict[int, list[Event]] = {}
    for voucher, happened, *told in sql.rows_in(_PAPERS, vouchers):
        if happened:
            journal, kind, order, fen = told
            events.setdefault(voucher, []).append(Event(journal, kind, order, fen))
        else:
            drawn.append((voucher, *told))
    return {
        voucher: Paper(released_at, voucher_line(face_fen, events.get(voucher, [])), holder)
        for voucher, released_at, _, holder, face_fen in drawn
    }


def lines_of(pool_id: int) -> PoolLines:
    """Return one pool's lines."""
    return PoolLines(pool_id)


def _first(intervals: Sequence[tuple[int, int]], fen: int) -> Iterator[tuple[int, int]]:
    """Yield the first fen of intervals."""
    for at, part in intervals:
        if fen > 0:
            yield at, min(part, fen)
        fen -= part


def _met(ask: Callable[[int, int], list[sql.Row]], fen: int) -> Met:
    """Ask for the runs of fen, and of ever fewer of them while there are too many."""
    while fen:
        rows = ask(fen, RUNS_MAX + 1 if fen > 1 else 2**31)
        if len(rows) <= RUNS_MAX or fen == 1:
            return Met([Run(*row) for row in rows], fen)
        fen = max(1, fen // FEWER)
    return Met((), 0)


# A row of `met` is a run, and the interval that its fen come from (or go to): `line`, `first` to `until`. The first
# rows are no runs. Runs that follow each other are kept in the order of their journals, so nothing goes round.
_BEHIND = """
    WITH RECURSIVE seed(first, until) AS (VALUES {seeds}),
    met(source, source_at, target, target_at, fen, journal_id, line, first, until) AS (
        SELECT CAST('' AS TEXT), CAST(0 AS BIGINT), CAST('' AS TEXT), CAST(0 AS BIGINT), CAST(0 AS BIGINT),
            9223372036854775807, CAST(%s AS TEXT), CAST(first AS BIGINT), CAST(until AS BIGINT) FROM seed
        UNION
        SELECT CAST(r.source AS TEXT), r.source_at, CAST(r.target AS TEXT), r.target_at, r.amount_fen, r.journal_id,
            CASE r.source WHEN 'voucher' THEN 'released' ELSE r.source END,
            r.source_at + CASE WHEN r.target_at < m.first THEN m.first - r.target_at ELSE 0 END,
            r.source_at
                + CASE WHEN r.target_at + r.amount_fen > m.until THEN m.until - r.target_at ELSE r.amount_fen END
        FROM met m JOIN fen_run r ON r.pool_id = %s AND r.target = m.line AND r.target_at < m.until
            AND r.target_at >= (
                SELECT MAX(target_at) FROM fen_run WHERE pool_id = %s AND target = m.line AND target_at <= m.first
            ) AND r.journal_id <= m.journal_id
    )
    SELECT source, source_at, target, target_at, fen, journal_id FROM met WHERE fen > 0 LIMIT %s
"""
# Fen in a voucher go on from where they were drawn: that is where a run from vouchers begins.
_AHEAD = """
    WITH RECURSIVE met(source, source_at, target, target_at, fen, journal_id, line, first, until) AS (
        SELECT CAST('' AS TEXT), CAST(0 AS BIGINT), CAST('' AS TEXT), CAST(0 AS BIGINT), CAST(0 AS BIGINT),
            CAST(0 AS BIGINT), CAST(%s AS TEXT), CAST(%s AS BIGINT), CAST(%s AS BIGINT)
        UNION
        SELECT CAST(r.source AS TEXT), r.source_at, CAST(r.target AS TEXT), r.target_at, r.amount_fen, r.journal_id,
            CAST(r.target AS TEXT),
            CASE r.target WHEN 'voucher' THEN r.source_at ELSE r.target_at END
                + CASE WHEN r.source_at < m.first THEN m.first - r.source_at ELSE 0 END,
            CASE r.target WHEN 'voucher' THEN r.source_at ELSE r.target_at END
                + CASE WHEN r.source_at + r.amount_fen > m.until THEN m.until - r.source_at ELSE r.amount_fen END
        FROM met m JOIN fen_run r ON r.pool_id = %s AND r.source = m.line AND r.source_at < m.until
            AND r.source_at >= COALESCE((
                SELECT MAX(source_at) FROM fen_run WHERE pool_id = %s AND source = m.line AND source_at <= m.first
            ), m.first) AND r.source_at + r.amount_fen > m.first AND r.journal_id >= m.journal_id
    )
    SELECT source, source_at, target, target_at, fen, journal_id FROM met WHERE fen > 0 LIMIT %s
"""
# The marks from before an interval of what entered to behind it.
_MARKS = """
    WITH block(n, cycle, first, until) AS (VALUES {blocks})
    SELECT b.n, m.route_pool_id, m.order_id, m.start_fen, p.is_red
    FROM block b JOIN pool p ON p.id = %s JOIN line_mark m ON m.pool_id = p.id AND m.cycle = b.cycle
        AND m.start_fen >= (
            SELECT MAX(start_fen) FROM line_mark WHERE pool_id = p.id AND cycle = b.cycle AND start_fen <= b.first
        ) AND m.start_fen <= COALESCE((
            SELECT MIN(start_fen) FROM line_mark WHERE pool_id = p.id AND cycle = b.cycle AND start_fen >= b.until
        ), b.until)
    ORDER BY b.n, m.start_fen, m.route_pool_id, m.order_id
"""
_MARK_OF = """
    SELECT r.target_at, m.route_pool_id, m.order_id, m.start_fen, p.is_red FROM line_mark m
    JOIN pool p ON p.id = m.pool_id
    JOIN fen_run r ON r.pool_id = m.pool_id AND r.source = 'orders' AND r.source_at = m.cycle
    WHERE m.pool_id = %s AND m.cycle = %s AND (m.route_pool_id, m.order_id) <= (%s, %s)
    ORDER BY m.route_pool_id DESC, m.order_id DESC LIMIT 1
"""
_BLOCK = "block(n, cycle, route, first_id, end_route, end_id, start_fen, first, until)"
_OVER = """
    SELECT n, id, CAST(CASE WHEN place < first THEN first - place ELSE 0 END AS BIGINT),
        CAST(CASE WHEN place + part > until THEN until ELSE place + part END
            - CASE WHEN place < first THEN first ELSE place END AS BIGINT)
    FROM entered WHERE place < until AND place + part > first ORDER BY n, route, id
"""
_GREEN_ORDERS = f"""
    WITH {_BLOCK} AS (VALUES {{blocks}}),
    entered AS (
        SELECT b.n, b.first, b.until, o.pool_id AS route, o.id, o.green_part_fen AS part,
            b.start_fen + SUM(o.green_part_fen) OVER (PARTITION BY b.n ORDER BY o.id ROWS UNBOUNDED PRECEDING)
                - o.green_part_fen AS place
        FROM block b JOIN orders o ON o.entry_cycle = b.cycle AND o.pool_id = b.route AND o.id >= b.first_id
            AND o.id < b.end_id
    ) {_OVER}
"""  # noqa: S608  parts of this file
_RED_ORDERS = f"""
    WITH {_BLOCK} AS (VALUES {{blocks}}),
    entered AS (
        SELECT b.n, b.first, b.until, o.pool_id AS route, o.id, o.red_part_fen AS part,
            b.start_fen + SUM(o.red_part_fen) OVER (
                PARTITION BY b.n ORDER BY o.pool_id, o.id ROWS UNBOUNDED PRECEDING
            ) - o.red_part_fen AS place
        FROM block b JOIN orders o ON o.entry_cycle = b.cycle AND (o.pool_id, o.id) >= (b.route, b.first_id)
            AND (o.pool_id, o.id) < (b.end_route, b.end_id)
        JOIN rule_version v ON v.id = o.rules_id AND v.red_pool_id = %s
    ) {_OVER}
"""  # noqa: S608
_IN_ONE = "o.pool_id = %s AND o.id >= %s AND o.id < %s"
_OVER_POOLS = "(o.pool_id, o.id) >= (%s, %s) AND (o.pool_id, o.id) < (%s, %s)"
_GREEN_BETWEEN = "SELECT SUM(o.green_part_fen) FROM orders o WHERE o.entry_cycle = %s AND {where}"
_RED_BETWEEN = """
    SELECT SUM(o.red_part_fen) FROM orders o JOIN rule_version v ON v.id = o.rules_id
    WHERE o.entry_cycle = %s AND {where} AND v.red_pool_id = %s
"""
# Vouchers say whose they are, and holders' few uses and changes are found by that. The row of a voucher itself is
# (released at, holder, face). One statement: three that travel together take half a millisecond longer (measured).
# CROSS JOIN tells SQLite to begin with the vouchers; it would read all uses there are.
_PAPERS = f"""
    WITH wanted AS (SELECT id, account_id, pool_id, face_fen, journal_id FROM voucher WHERE id IN ({{keys}}))
    SELECT w.id, 0, r.source_at, '', w.account_id, w.face_fen FROM wanted w
    LEFT JOIN fen_run r ON r.pool_id = w.pool_id AND r.target = 'voucher' AND r.target_at = w.id
    WHERE w.journal_id IS NOT NULL
    UNION ALL
    SELECT w.id, 1, o.journal_id, '{USE}', u.order_id, u.amount_fen FROM wanted w
    CROSS JOIN voucher_use u JOIN orders o ON o.id = u.order_id
    WHERE u.account_id = w.account_id AND u.voucher_id = w.id
    UNION ALL
    SELECT w.id, 1, c.journal_id, c.kind, c.order_id, c.amount_fen FROM wanted w
    CROSS JOIN voucher_change c WHERE c.account_id = w.account_id AND c.voucher_id = w.id
"""  # noqa: S608  core's word for it
