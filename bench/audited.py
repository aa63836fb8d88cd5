"""An economy of any size to verify, made set-based by DuckDB: orders of half a year, and all that follows from them.

Every order vests into one green pool and, where somebody brought its shopper, the red one; 26 cycles are settled. Then
every second shopper draws all there is; a tenth of those lets it expire, another pays with it; of the others' orders
one in fifty goes back whole, late. The books follow to the fen.
"""

import json
from datetime import date
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

import duckdb

from greenloop.core.loop import settlement
from greenloop.core.loop.plan import Plan, PoolTerms
from greenloop.core.loop.presets import preset_document
from greenloop.core.loop.settlement import Cohort, PoolState
from greenloop.core.money import SCALE
from greenloop.insight.sheets import SHEETS

OPENS_DATE = date(2026, 1, 5)
CYCLES = 26
KINDS = {"whole": "BIGINT", "text": "VARCHAR", "flag": "BOOLEAN", "day": "DATE", "instant": "TIMESTAMPTZ"}
SQL = (Path(__file__).parent / "audited.sql").read_text("utf-8")
POOLS = {1: ("green", "steady"), 2: ("red", "red")}


def make(folder: Path, *, orders: int, lines: bool) -> None:
    """Write the bundle of an economy of so many orders into a folder; `lines` also as JSON Lines."""
    (folder / "parquet").mkdir(parents=True)
    work = duckdb.connect(str(folder / "work.duckdb"))
    work.execute("SET preserve_insertion_order = false")
    for sheet in SHEETS:
        columns = ", ".join(f'"{name}" {KINDS[kind]}' for name, kind in sheet.columns)
        work.execute(f"CREATE TABLE {sheet.name} ({columns})")
    numbers = {"orders": orders, "members": max(100, orders // 10), "shops": max(20, orders // 2_000)}
    _rules(work)
    for name, text in _sections():
        if name == "settle":
            _settle(work)
        for key, value in numbers.items():
            text = text.replace(f"${key}", str(value))  # noqa: PLW2901
        work.execute(text)
    _tell(work)
    files = {}
    for sheet in SHEETS:
        rows = work.execute(f"SELECT COUNT(*) FROM {sheet.name}").fetchall()[0][0]
        for name, how in _forms(sheet.name, lines=lines):
            order = f" ORDER BY {', '.join(sheet.order)}" if lines else ""
            work.execute(f"COPY (SELECT * FROM {sheet.name}{order}) TO '{folder / name}' ({how})")
            with (folder / name).open("rb") as stream:
                digest = file_digest(stream, "sha256").hexdigest()
            files[name] = {"table": sheet.name, "rows": rows, "sha256": digest}
    work.close()
    (folder / "work.duckdb").unlink()
    (folder / "bundle.json").write_text(json.dumps({"format": "greenloop-bundle/1", "files": files}), "utf-8")


def _forms(table: str, *, lines: bool) -> list[tuple[str, str]]:
    parquet = (f"parquet/{table}.parquet", "FORMAT parquet, COMPRESSION zstd")
    return [parquet, (f"{table}.jsonl.gz", "FORMAT json, COMPRESSION gzip")] if lines else [parquet]


def _sections() -> list[tuple[str, str]]:
    parts = [part.split("\n", 1) for part in SQL.split("-- @")[1:]]
    return [(name.strip(), text) for name, text in parts]


def _rules(work: duckdb.DuckDBPyConnection) -> None:
    document: Any = preset_document("steady", opens_date=OPENS_DATE, cycle_days=7)
    terms = {1: document["pools"]["green"], 2: document["red_terms"]}
    for number, (name, plan) in POOLS.items():
        work.execute(
            "INSERT INTO pools BY NAME SELECT ? AS id, ? AS name, ? AS terms, 1 AS first_cycle",
            [number, name, json.dumps(terms[number])],
        )
        text = json.dumps(document["plans"][plan] | {"name": plan})
        work.execute("INSERT INTO plans BY NAME SELECT ? AS id, ? AS name, ? AS terms", [number, plan, text])
    work.execute(
        "INSERT INTO rules BY NAME SELECT 1 AS id, ? AS document, 2 AS red_pool_id, 2 AS red_plan_id",
        [json.dumps(document)],
    )


def _tell(work: duckdb.DuckDBPyConnection) -> None:
    """Write the leaves of the public log: the rules, and each settlement."""
    document = work.execute("SELECT document FROM rules").fetchall()[0][0]
    told: list[tuple[str, str, dict[str, Any]]] = [("rules", "rules/1", {"document_sha256": _sha256(document)})]
    amounts = ("inflow_fen", "issued_fen", "free_fen", "backing_fen", "spent_fen")
    for name, cycle, answer, indices, *values in work.execute(
        f"SELECT p.name, s.cycle, answer, indices, {', '.join('s.' + each for each in amounts)} "
        "FROM settled_cycles s JOIN pools p ON p.id = s.pool_id ORDER BY s.cycle, p.id"
    ).fetchall():
        facts = dict(zip(amounts, values, strict=True))
        facts |= {"answer_sha256": _sha256(answer), "indices_sha256": _sha256(indices)}
        told.append(("settlement", f"settlement/{name}/{cycle}", facts))
    for number, (kind, about, facts) in enumerate(told):
        body = json.dumps({"about": about, "facts": facts, "kind": kind, "number": number})
        leaf = sha256(b"\x00" + body.encode()).hexdigest()
        work.execute(
            "INSERT INTO log_leaves BY NAME SELECT ? AS number, ? AS kind, ? AS about, ? AS body, ? AS leaf_hash",
            [number, kind, about, body, leaf],
        )


def _sha256(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _settle(work: duckdb.DuckDBPyConnection) -> None:
    """Settle every cycle of both pools from the sums of their lots, with the product's own arithmetic."""
    sums = work.execute("SELECT pool_id, cycle, fen, points FROM entered ORDER BY pool_id, cycle").fetchall()
    for number, terms, plan in work.execute(
        "SELECT p.id, p.terms, l.terms FROM pools p JOIN plans l USING (id) ORDER BY p.id"
    ).fetchall():
        mine = [(fen, points) for pool, _, fen, points in sums if pool == number]
        facts = json.loads(terms).items()
        pairs: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in facts}
        _settle_pool(work, number, PoolTerms(**pairs), Plan(**json.loads(plan)), mine)


def _settle_pool(
    work: duckdb.DuckDBPyConnection, number: int, terms: PoolTerms, plan: Plan, sums: list[tuple[int, int]]
) -> None:
    cohorts: tuple[Cohort, ...] = ()
    free = backing = 0
    for cycle in range(1, CYCLES + 1):
        inflow = [int(fen) for fen, _ in sums[:cycle]]
        cohorts += (Cohort(plan.name, cycle, int(sums[cycle - 1][1])),)
        state = PoolState(terms, cycle, free + inflow[-1], backing, inflow)
        done = settlement.settle(pool=state, cohorts=cohorts, plans={plan.name: plan})
        before, cohorts, free, backing = cohorts, done.cohorts, done.free_fen, done.backing_fen
        changed = [
            [2 * each.entry - 2 + number, each.index] for each, old in zip(cohorts, before, strict=True) if each != old
        ]
        work.execute(
            "INSERT INTO settled_cycles BY NAME SELECT ? AS pool_id, ? AS cycle, ? AS inflow_fen, ? AS issued_fen, "
            "? AS free_fen, ? AS backing_fen, 0 AS spent_fen, ? AS answer, ? AS indices, ? AS journal_id",
            [
                *(number, cycle, inflow[-1], done.moved_fen, free, backing),
                *(json.dumps(done.answer(), separators=(",", ":")), json.dumps(changed, separators=(",", ":"))),
                1000 * number + cycle if done.moved_fen else None,
            ],
        )
    for each in cohorts:
        work.execute(
            "INSERT INTO cohorts BY NAME SELECT ? AS id, ? AS pool_id, ? AS plan_id, ? AS entry, ? AS points, "
            "? AS release_index, ? AS index_cap, ? AS age, ? AS rate, ? AS base",
            [
                *(2 * each.entry - 2 + number, number, number, each.entry, each.points),
                *(each.index, plan.cap, each.age, each.rate, each.base),
            ],
        )
    ensured = sum(each.points * each.index for each in cohorts)
    assert backing == -(-ensured // SCALE)
