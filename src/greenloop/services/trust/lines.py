"""Keep the pools' lines of fen behind the books: what was posted since is appended, by a fixed number of statements.

Nothing here is a book: the lines follow from journals, vouchers and orders, and `check` compares them with those.
"""

from dataclasses import dataclass
from datetime import datetime

from greenloop.core.trust.trace import Ends, Run, extended
from greenloop.services.verb import verb
from greenloop.store import locks, sql
from greenloop.store.queries import moved

MARK_EVERY = 128
"""A mark is kept for the first of so many orders; who looks for one in between reads so many at most."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Up to which journal lines are kept, and how many runs this call added. `more` asks for another call."""

    journal_id: int
    runs: int
    more: bool


def keep_up(*, at: datetime) -> int:
    """Keep lines up to the last journal that they may hold; return how many runs that took."""
    runs, more = 0, moved.kept_until() < moved.settled_until()
    while more:
        kept = keep_lines(at=at)
        runs, more = runs + kept.runs, kept.more
    return runs


@verb
def keep_lines(*, at: datetime) -> Kept:
    """Append to the pools' lines what journals moved since the last time, or the first some thousands of them.

    A cycle's orders enter once their entry has closed: until then a refund may still change what they bring.
    """
    del at
    # Whoever moves a pool's money has locked it before its journal got a number: none below the last is missing.
    locks.every_pool()
    after, until = moved.kept_until(), moved.settled_until()
    if until <= after:
        return Kept(after, 0, more=False)
    found = moved.news(after, until)
    before, runs = moved.ends(), list[sql.Row]()
    lines: list[sql.Row] = [(moved.NO_POOL, found.until, *_ends_row(Ends()))]
    for pool, moves in sorted(found.moves.items()):
        ends, new = extended(before.get(pool, Ends()), moves, found.drawn)
        runs += [_run_row(pool, run) for run in new]
        lines.append((pool, found.until, *_ends_row(ends)))
    sql.load("fen_run", _RUN, runs)
    sql.run_many(_LINE, lines)
    for cycle in found.cycles:
        _mark(cycle)
    return Kept(found.until, len(runs), found.more)


def _mark(cycle: int) -> None:
    """Note where every so manieth order of a cycle begins in its green pool, and in its red one."""
    facts = {"cycle": cycle, "every": MARK_EVERY}
    sql.run(_MARK_GREEN, facts)
    sql.run(_MARK_RED, facts)


def _run_row(pool: int, run: Run) -> sql.Row:
    return pool, run.target, run.target_at, run.source, run.source_at, run.fen, run.journal_id


def _ends_row(ends: Ends) -> sql.Row:
    return ends.free_in, ends.free_out, ends.released_in, ends.released_out, ends.reserve_in


_RUN = ("pool_id", "target", "target_at", "source", "source_at", "amount_fen", "journal_id")
_LINE = """
    INSERT INTO fen_line (pool_id, journal_id, free_in, free_out, released_in, released_out, reserve_in)
    VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (pool_id) DO UPDATE SET journal_id = excluded.journal_id,
        free_in = excluded.free_in, free_out = excluded.free_out, released_in = excluded.released_in,
        released_out = excluded.released_out, reserve_in = excluded.reserve_in
"""
_MARK_GREEN = """
    INSERT INTO line_mark (pool_id, cycle, route_pool_id, order_id, start_fen)
    SELECT pool_id, %(cycle)s, pool_id, id, CAST(start_fen AS BIGINT) FROM (
        SELECT pool_id, id,
            SUM(green_part_fen) OVER (PARTITION BY pool_id ORDER BY id ROWS UNBOUNDED PRECEDING) - green_part_fen
                AS start_fen,
            ROW_NUMBER() OVER (PARTITION BY pool_id ORDER BY id) AS place
        FROM orders WHERE entry_cycle = %(cycle)s
    ) AS entered WHERE place %% %(every)s = 1
"""
_MARK_RED = """
    INSERT INTO line_mark (pool_id, cycle, route_pool_id, order_id, start_fen)
    SELECT red_pool_id, %(cycle)s, pool_id, id, CAST(start_fen AS BIGINT) FROM (
        SELECT v.red_pool_id, o.pool_id, o.id,
            SUM(o.red_part_fen) OVER (PARTITION BY v.red_pool_id ORDER BY o.pool_id, o.id ROWS UNBOUNDED PRECEDING)
                - o.red_part_fen AS start_fen,
            ROW_NUMBER() OVER (PARTITION BY v.red_pool_id ORDER BY o.pool_id, o.id) AS place
        FROM orders o JOIN rule_version v ON v.id = o.rules_id WHERE o.entry_cycle = %(cycle)s
    ) AS entered WHERE place %% %(every)s = 1
"""
