"""The pools' lines of fen: they tile without gap or overlap, and their runs add up to what the journals moved (7)."""

from collections.abc import Iterator, Mapping

from greenloop.core.faults import say
from greenloop.insight.proof import Proof, no_rows
from greenloop.store import sql
from greenloop.store.queries import moved

Sums = Mapping[tuple[int, str, str], int]
"""Fen by pool, from which line, to which line."""


def proofs() -> Iterator[Proof]:
    """Prove the lines as far as they are kept, and single vouchers as they stand."""
    for end in ("target", "source"):
        what = say("The lines of each pool are tiled by their runs, without gap or overlap.")
        yield no_rows("7", f"lines:{end}", what, _UNTILED.format(end=end), "SELECT COUNT(*) FROM fen_run")
    what = say("The lines end where their last runs end.")
    yield no_rows("7", "line ends", what, _ENDS, "SELECT COUNT(*) FROM fen_line")
    yield _turnover()
    what = say("Each order's place on its line follows from the orders before it.")
    yield no_rows("7", "line marks", what, _MARKS, "SELECT COUNT(*) FROM line_mark")
    what = say("Each voucher that was drawn lies on the released fen that paid for it.")
    yield no_rows("7", "line vouchers", what, _DRAWN, "SELECT COUNT(*) FROM voucher WHERE journal_id IS NOT NULL")
    what = say("What came back from vouchers lies on its line by where it was drawn, each fen once.")
    yield no_rows("7", "line returns", what, _RETURNED, "SELECT COUNT(*) FROM fen_run WHERE source = 'voucher'")
    what = say("Each voucher is what was drawn and came back, less what was spent, expired and was taken back.")
    yield no_rows("7", "voucher changes", what, _VOUCHERS, "SELECT COUNT(*) FROM voucher WHERE journal_id IS NOT NULL")


def _turnover() -> Proof:
    until = moved.kept_until()
    runs = {(pool, source, target): int(fen) for pool, source, target, fen in sql.rows(_RUNS)}
    books = {(pool, source, target): int(fen) for pool, source, target, fen in sql.rows(_BOOKS, [until, until])}
    # What a refund takes from a pool and gives it back is one move, not two.
    pairs = {_netted(key) for key in (*runs, *books)}
    off = sum(abs(_net(runs, key) - _net(books, key)) for key in pairs)
    what = say("The runs between lines add up to what the journals moved between the pools' accounts.")
    return Proof("7", "line turnover", what, sum(runs.values()), off, f"journal {until}")


def _netted(key: tuple[int, str, str]) -> tuple[int, str, str]:
    pool, source, target = key
    return (pool, target, source) if (source, target) == ("released", "free") else key


def _net(sums: Sums, key: tuple[int, str, str]) -> int:
    pool, source, target = key
    back = sums.get((pool, target, source), 0) if (source, target) == ("free", "released") else 0
    return sums.get(key, 0) - back


_UNTILED = """
    SELECT pool_id, line, place FROM (
        SELECT pool_id, {end} AS line, {end}_at AS place,
            LAG({end}_at + amount_fen, 1, 0) OVER (PARTITION BY pool_id, {end} ORDER BY {end}_at) AS due
        FROM fen_run WHERE {end} IN ('free', 'released', 'reserve')
    ) AS runs WHERE place <> due
"""
_ENDS = """
    SELECT l.pool_id FROM fen_line l LEFT JOIN (
        SELECT pool_id,
            SUM(CASE WHEN target = 'free' THEN amount_fen ELSE 0 END) AS free_in,
            SUM(CASE WHEN source = 'free' THEN amount_fen ELSE 0 END) AS free_out,
            SUM(CASE WHEN target = 'released' THEN amount_fen ELSE 0 END) AS released_in,
            SUM(CASE WHEN source = 'released' THEN amount_fen ELSE 0 END) AS released_out,
            SUM(CASE WHEN target = 'reserve' THEN amount_fen ELSE 0 END) AS reserve_in
        FROM fen_run GROUP BY pool_id
    ) r ON r.pool_id = l.pool_id
    WHERE l.free_in <> COALESCE(r.free_in, 0) OR l.free_out <> COALESCE(r.free_out, 0)
        OR l.released_in <> COALESCE(r.released_in, 0) OR l.released_out <> COALESCE(r.released_out, 0)
        OR l.reserve_in <> COALESCE(r.reserve_in, 0) OR l.free_out > l.free_in
        OR l.released_out > l.released_in
"""
_RUNS = "SELECT pool_id, source, target, SUM(amount_fen) FROM fen_run GROUP BY pool_id, source, target"
# What an open cycle's orders brought is what their pool says once it has closed, not what was posted at vesting.
_BOOKS = """
    SELECT l.id, k.source, k.target, SUM(p.fen) FROM (
        SELECT debit_id, credit_id, SUM(amount_fen) AS fen FROM posting WHERE journal_id <= %s
        GROUP BY debit_id, credit_id
    ) p JOIN ledger_account d ON d.id = p.debit_id JOIN ledger_account c ON c.id = p.credit_id
    JOIN (
        SELECT 'trust:pool' AS debit, 'trust:accrued' AS credit, 'free' AS source, 'released' AS target
        UNION ALL SELECT 'trust:accrued', 'trust:pool', 'released', 'free'
        UNION ALL SELECT 'trust:accrued', 'trust:voucher', 'released', 'voucher'
        UNION ALL SELECT 'trust:accrued', 'trust:reserve', 'released', 'reserve'
        UNION ALL SELECT 'trust:voucher', 'trust:pool', 'voucher', 'free'
        UNION ALL SELECT 'trust:voucher', 'trust:accrued', 'voucher', 'released'
        UNION ALL SELECT 'trust:merchant_payable', 'trust:accrued', 'refund', 'released'
        UNION ALL SELECT 'trust:reserve', 'trust:accrued', 'refund', 'released'
    ) k ON k.debit = d.account_class AND k.credit = c.account_class
    JOIN pool l ON d.name = d.account_class || ':' || l.name OR c.name = c.account_class || ':' || l.name
    GROUP BY l.id, k.source, k.target
    UNION ALL
    SELECT c.pool_id, 'orders', 'free', SUM(c.inflow_fen) FROM pool_cycle c JOIN pool p ON p.id = c.pool_id
    JOIN journal j ON j.book = 'trust' AND j.key = 'vest/' || (p.first_cycle + c.cycle - 1)
    WHERE j.id <= %s GROUP BY c.pool_id
"""
_MARKS = """
    SELECT m.pool_id, m.cycle, m.order_id FROM line_mark m LEFT JOIN (
        SELECT pool_id AS line_id, entry_cycle, pool_id, id,
            SUM(green_part_fen) OVER (PARTITION BY entry_cycle, pool_id ORDER BY id ROWS UNBOUNDED PRECEDING)
                - green_part_fen AS start_fen
        FROM orders WHERE entry_cycle IS NOT NULL
        UNION ALL
        SELECT v.red_pool_id, o.entry_cycle, o.pool_id, o.id,
            SUM(o.red_part_fen) OVER (
                PARTITION BY o.entry_cycle, v.red_pool_id ORDER BY o.pool_id, o.id ROWS UNBOUNDED PRECEDING
            ) - o.red_part_fen
        FROM orders o JOIN rule_version v ON v.id = o.rules_id WHERE o.entry_cycle IS NOT NULL
    ) o ON o.line_id = m.pool_id AND o.entry_cycle = m.cycle AND o.pool_id = m.route_pool_id AND o.id = m.order_id
    WHERE o.start_fen IS NULL OR o.start_fen <> m.start_fen
"""
_DRAWN = """
    SELECT v.id FROM voucher v LEFT JOIN fen_run r
        ON r.pool_id = v.pool_id AND r.target = 'voucher' AND r.target_at = v.id
    WHERE v.journal_id <= (SELECT MAX(journal_id) FROM fen_line)
        AND (r.amount_fen IS NULL OR r.amount_fen <> v.face_fen OR r.journal_id <> v.journal_id)
"""
# What expired and was taken back is told by runs that begin where the voucher was drawn; none of them overlap.
_RETURNED = """
    SELECT c.voucher_id FROM voucher_change c JOIN fen_run d
        ON d.pool_id = c.pool_id AND d.target = 'voucher' AND d.target_at = c.voucher_id
    LEFT JOIN fen_run r ON r.pool_id = c.pool_id AND r.source = 'voucher' AND r.journal_id = c.journal_id
        AND r.source_at >= d.source_at AND r.source_at + r.amount_fen <= d.source_at + d.amount_fen
    WHERE c.kind IN ('expire', 'claw') AND c.journal_id <= (SELECT MAX(journal_id) FROM fen_line)
    GROUP BY c.voucher_id, c.journal_id, c.kind, c.amount_fen HAVING COALESCE(SUM(r.amount_fen), 0) <> c.amount_fen
    UNION ALL
    SELECT place FROM (
        SELECT source_at AS place, LAG(source_at + amount_fen) OVER (PARTITION BY pool_id ORDER BY source_at) AS due
        FROM fen_run WHERE source = 'voucher' AND source_at >= 0
    ) AS runs WHERE place < due
"""
_VOUCHERS = """
    SELECT v.id FROM voucher v LEFT JOIN (
        SELECT voucher_id, SUM(amount_fen) AS fen, SUM(returned_fen) AS back FROM voucher_use GROUP BY voucher_id
    ) u ON u.voucher_id = v.id LEFT JOIN (
        SELECT voucher_id, SUM(CASE WHEN kind = 'return' THEN amount_fen ELSE 0 END) AS back,
            SUM(CASE WHEN kind = 'return' THEN 0 ELSE amount_fen END) AS gone
        FROM voucher_change GROUP BY voucher_id
    ) c ON c.voucher_id = v.id
    WHERE v.journal_id IS NOT NULL AND (
        v.left_fen <> v.face_fen - COALESCE(u.fen, 0) + COALESCE(c.back, 0) - COALESCE(c.gone, 0)
        OR COALESCE(c.back, 0) <> COALESCE(u.back, 0)
    )
"""
