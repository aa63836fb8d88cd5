"""The second implementation: plain SQL over the Parquet files of a bundle, for any size (`sql/`).

It works by induction: each settled cycle is computed from the claimed state before it, so that no cycle has to wait for
another and nothing has to be replayed in order. The text is the same on every engine; only `floor_div` is defined for
each in its prelude. What the bundle keeps as JSON in a column is laid out in rows here, before any SQL runs.
"""

import hashlib
import json
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greenloop_verify.engines import ENGINES, Engine
from greenloop_verify.verify import TOLD_MAX, Bundle, Findings, check_log, check_roots

SQL = Path(__file__).parent / "sql"
SECTION = re.compile(r"^-- @(table|check) (.+)$", re.MULTILINE)
TERMS = "cycles r0 index_cap coupling fixed_cycles g_min g_max r_max"
ANSWER = ("driver", "growth", "budget_fen", "need", "scaled", "dividend", "moved_fen", "free_fen", "backing_fen")
CLAIMS = "Nobody has claimed more than was released to them."


@dataclass(frozen=True, slots=True)
class Section:
    """One statement of a file: a table to keep under a name, or a check of rows that should not be."""

    kind: str
    name: str
    on: str
    text: str


def sections() -> Iterator[Section]:
    """Yield the statements of all files in their order."""
    for path in sorted(SQL.glob("[0-9]*.sql")):
        parts = SECTION.split(path.read_text("utf-8"))[1:]
        for kind, head, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
            name, _, on = head.partition(" on ")
            yield Section(kind, name.strip(), on.strip(), text.strip())


def verify_tables(folder: Path, engine: str = "duckdb", **options: str) -> Findings:
    """Verify a bundle in SQL; `options` are settings of the engine, such as memory_limit for DuckDB."""
    findings = Findings()
    findings.by_name["claims"].what = CLAIMS
    with tempfile.TemporaryDirectory(prefix="greenloop-verify-") as scratch:
        running = ENGINES[engine](Path(scratch), SQL / f"prelude.{engine}.sql", options)
        try:
            _load(running, folder, findings, Path(scratch))
            for section in sections():
                if section.kind == "table":
                    running.keep(section.name, section.text)
                else:
                    _check(running, section, findings)
        finally:
            running.close()
    # Hashes in a row have no form that every engine has, and there are few of them.
    bundle = Bundle(folder)
    if "log_leaves.jsonl.gz" in bundle.manifest["files"]:
        check_log(bundle, findings)
        check_roots(bundle, findings)
    return findings


def _check(running: Engine, section: Section, findings: Findings) -> None:
    """Run a check: how many rows were looked at, how many should not be, and the first of them by name."""
    statement = findings.by_name[section.name]
    statement.looked_at += running.count(section.on)
    running.keep("wrong", section.text)
    wrong = running.count("wrong")
    if wrong:
        first = running.rows(f"SELECT what, found, due FROM wrong ORDER BY place, what LIMIT {TOLD_MAX}")  # noqa: S608
        told = [f"{what}: {found}, should be {due}" for what, found, due in first]
        statement.first += told[: TOLD_MAX - len(statement.first)]
        statement.differences += wrong


def _load(running: Engine, folder: Path, findings: Findings, scratch: Path) -> None:
    manifest = json.loads((folder / "bundle.json").read_text("utf-8"))
    for name, told in manifest["files"].items():
        if not name.endswith(".parquet"):
            continue
        with (folder / name).open("rb") as stream:
            findings.same("files", name, hashlib.file_digest(stream, "sha256").hexdigest(), told["sha256"])
        running.open(told["table"], folder / name)
        findings.same("files", f"rows of {name}", running.count(told["table"]), told["rows"])
    for name, columns, rows in (_plans(running), _pools(running), _splits(running), *_settled(running, findings)):
        path = scratch / f"{name}.jsonl"
        with path.open("w", encoding="utf-8") as stream:
            stream.writelines(json.dumps(dict(zip(columns.split(), row, strict=True))) + "\n" for row in rows)
        running.lay_out(name, columns.split(), path)


Laid = tuple[str, str, Iterable[tuple[Any, ...]]]


def _plans(running: Engine) -> Laid:
    rows = [(number, json.loads(terms)) for number, terms in running.rows("SELECT id, terms FROM plans")]
    names = TERMS.replace("index_cap", "cap").split()
    return "plan_terms", f"plan_id {TERMS}", [(number, *(terms[name] for name in names)) for number, terms in rows]


def _pools(running: Engine) -> Laid:
    rows = running.rows("SELECT id, name, terms FROM pools")
    columns = "pool_id name spend_part spend_whole cycle_cap_fen threshold share_part share_whole window_cycles"
    laid = []
    for number, name, text in rows:
        terms = json.loads(text)
        laid.append(
            (
                *(number, name, *terms["spend"], terms["cycle_cap_fen"], terms["dividend_threshold"]),
                *(*terms["dividend_share"], terms["window"]),
            )
        )
    return "pool_terms", columns, laid


def _splits(running: Engine) -> Laid:
    names = ("green_ppm", "red_ppm", "coupon_ppm", "fee_ppm")
    rows = [(number, json.loads(text)["split"]) for number, text in running.rows("SELECT id, document FROM rules")]
    return (
        "splits",
        "rules_id " + " ".join(names),
        [(number, *(split[name] for name in names)) for number, split in rows],
    )


def _settled(running: Engine, findings: Findings) -> tuple[Laid, Laid]:
    """Lay out the stored answers and indices; their text has to be the one way in which such facts are written."""
    answers, steps = [], []
    for pool, cycle, answer, indices in running.rows("SELECT pool_id, cycle, answer, indices FROM settled_cycles"):
        facts, pairs = json.loads(answer), json.loads(indices)
        for text, value in ((answer, {name: facts.get(name) for name in ANSWER}), (indices, pairs)):
            findings.same("settlements", f"pool {pool}, cycle {cycle}", text, json.dumps(value, separators=(",", ":")))
        answers.append((pool, cycle, *(int(value) if value is not None else None for value in facts.values())))
        steps += [(pool, cycle, cohort, index) for cohort, index in pairs]
    columns = "pool_id cycle " + " ".join(ANSWER)
    return ("answers", columns, answers), ("index_steps", "pool_id cycle cohort_id release_index", steps)
