"""The root of what ten million holders are owed: read, grown, held against the books, published; then proofs from it.

Beside it, as anchors, the tree alone from amounts at hand, and as many plain SHA-256 of as many bytes in one process.
"""

import os
import random
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from time import perf_counter

from bench import world
from bench.measure import Figure, Helpers, each, forget_peak, median, p99, peak_mib, seconds
from greenloop.core.trust.liabilities import included_fen
from greenloop.services.trust.growing import grow
from greenloop.services.trust.roots import build, publish_root
from greenloop.store import sql
from greenloop.store.queries import trees

PART = 20_000
HASHES = 6
"""SHA-256 of a holder: salt and binding two each, its leaf, and about one node above."""
ANCHOR = 1_000_000
AT = datetime(2026, 10, 20, tzinfo=UTC)
INDEX = 10**11
"""A tenth of a voucher per point."""


def rooting(engine: str, holders: int) -> Iterator[Figure]:
    """Publish the root of `holders` holders from a database, and read proofs."""
    world.found_city()
    _owe(holders)
    forget_peak()
    cpu, begun = _cpu_s(), perf_counter()
    with Helpers() as helpers:
        built = build(cycle=40, at=AT)
    root = publish_root(built=built, at=AT)
    took, spent = perf_counter() - begun, _cpu_s() - cpu
    yield Figure(engine, f"publish the root of {holders:,} holders", took, "s", "≤ 120")
    yield Figure(engine, "the same, processor time of Python", spent, "s")
    yield Figure(engine, "the same, most memory at once", peak_mib() + helpers.peak_mib, "MiB", "≤ 2 048")
    chance = random.Random(7)
    picks = [1 + chance.randrange(holders) for _ in range(1_000)]
    times = each([lambda pick=pick: _proved(root, pick) for pick in picks])  # type: ignore[misc]
    yield Figure(engine, "a holder's proof, read and checked, median", median(times) * 1e3, "ms")
    yield Figure(engine, "the same, p99", p99(times) * 1e3, "ms")


def growing(holders: int) -> Iterator[Figure]:
    """Grow the tree alone from amounts at hand, beside plain SHA-256 of the same bytes."""
    with tempfile.TemporaryDirectory(dir=world.FOLDER) as folder:
        path = Path(folder) / "alone.tree"
        cpu, begun = _cpu_s(), perf_counter()
        with Helpers() as helpers:
            grow(_amounts(holders), path=path, secret=b"s" * 32, nonce=b"n" * 32, holders_about=holders)
        yield Figure("core", f"grow the tree of {holders:,} holders", perf_counter() - begun, "s", "≤ 120")
        yield Figure("core", "the same, processor time", _cpu_s() - cpu, "s")
        yield Figure("core", "the same, most memory at once", peak_mib() + helpers.peak_mib, "MiB", "≤ 2 048")
        yield Figure("core", "its file", path.stat().st_size / 2**20, "MiB")
    yield Figure("core", "as many plain SHA-256, one process", _hash_s(ANCHOR) * holders / ANCHOR, "s")


def _amounts(holders: int) -> Iterator[list[tuple[int, int, int, int, int]]]:
    for first in range(1, holders + 1, PART):
        yield [(n, n % 5_000, n % 300, 7, 0) for n in range(first, min(first + PART, holders + 1))]


def _hash_s(holders: int) -> float:
    message = bytes(81)

    def hash_all() -> None:
        for _ in range(HASHES * holders):
            sha256(message).digest()

    return seconds(hash_all)


def _proved(root: object, account: int) -> None:
    found = trees.proof(root, account)  # type: ignore[arg-type]
    assert found is not None
    fen = included_fen(root.root, holder=account, nonce=found.nonce, leaves=found.leaves)  # type: ignore[attr-defined]
    assert fen == found.owed.amount_fen


def _cpu_s() -> float:
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def _owe(holders: int) -> None:
    """Give holders, numbered from 1, a wallet and points of one cohort each, and the books what that comes to."""
    plan = sql.value("SELECT id FROM plan WHERE name = 'steady'")
    pool = sql.value("SELECT id FROM pool WHERE NOT is_red")
    columns = ("pool_id", "plan_id", "entry", "points", "release_index", "index_cap", "age", "rate", "base")
    sql.load("cohort", columns, [(pool, plan, 1, 0, INDEX, 5 * 10**12, 20, 0, 0)])
    cohort = sql.value("SELECT MAX(id) FROM cohort")
    facts = {"holders": holders, "cohort": cohort, "pool": pool}
    sql.run(_POSITIONS, facts)
    sql.run(_WALLETS, facts)
    points = int(sql.value("SELECT SUM(points) FROM position"))
    sql.run("UPDATE cohort SET points = %s WHERE id = %s", [points, cohort])
    backing_fen = -(-points * INDEX // 10**12)
    sql.run("UPDATE pool SET backing_fen = %s, entry_cycle = 41, settled_cycle = 40 WHERE id = %s", [backing_fen, pool])
    world.grow_account("debits_fen", "trust:bank", backing_fen)
    world.grow_account("credits_fen", "trust:accrued:green", backing_fen)
    sql.run(
        "INSERT INTO settlement_run (cycle, state, issued_fen, proposal, proposed_by, proposed_at) "
        "VALUES (40, 'posted', %s, '{}', 'bench', %s)",
        [backing_fen, sql.instant(AT)],
    )
    sql.run("ANALYZE")


_POSITIONS = """
    INSERT INTO position (account_id, cohort_id, points)
    WITH RECURSIVE holder(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM holder WHERE n < %(holders)s)
    SELECT n, %(cohort)s, 1000 + n * 37 %% 50000 FROM holder ORDER BY n
"""
_WALLETS = """
    INSERT INTO wallet (account_id, pool_id)
    WITH RECURSIVE holder(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM holder WHERE n < %(holders)s)
    SELECT n, %(pool)s FROM holder ORDER BY n
"""
