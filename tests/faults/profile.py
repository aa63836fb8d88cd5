"""How hard the product is tried, by which seed, and what is counted.

The short profile is part of every run of the tests; `GREENLOOP_FAULTS=long` tries for much longer. Where the moments of
faults are drawn, they come from one seed a run, which every row names and `GREENLOOP_FAULTS_SEED` repeats: it repeats
what is drawn, not how the machine's processes interleave.
"""

import json
import os
import random
import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic


@dataclass(frozen=True, slots=True)
class Profile:
    """How often each fault is inflicted. A test of another fault scales its own figure by `scale`."""

    name: str
    server_kills: int
    sqlite_kills: int
    disk_fills: int
    power_cuts: int
    scale: int


SHORT = Profile("short", server_kills=3, sqlite_kills=5, disk_fills=1, power_cuts=3, scale=1)
LONG = Profile("long", server_kills=25, sqlite_kills=40, disk_fills=5, power_cuts=25, scale=10)
PROFILE = LONG if os.environ.get("GREENLOOP_FAULTS") == "long" else SHORT


def _seed() -> int:
    """Return the run's seed: the one that is asked for, one that all of xdist's processes share, or a new one."""
    if named := os.environ.get("GREENLOOP_FAULTS_SEED"):
        return int(named)
    shared = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    return int(shared[:8], 16) if shared else secrets.randbits(32)


SEED = _seed()
RECORDS = Path(os.environ.get("GREENLOOP_FAULTS_RECORDS") or Path(os.environ["GREENLOOP_HOME"]) / "faults").absolute()
"""Where each test's counts are written, a line a test; `make faults` names a folder that outlives the tests."""


def chance(name: str) -> random.Random:
    """Return the run's dice for one purpose: they don't depend on which tests ran before."""
    return random.Random(f"{SEED}/{name}")


@dataclass(slots=True)
class Tally:
    """What one fault did: verbs acknowledged, of them lost or there twice, vouchers spent twice.

    `residual_fen` is by how much the books' proofs are off. `counts` are whatever else is worth a number.
    """

    fault: str
    database: str
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    double_spent: int = 0
    residual_fen: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def prove_books(self) -> None:
        """Add what the proofs of the database that Django is pointed at find to be off."""
        from greenloop.insight.check import check

        self.residual_fen += sum(abs(proof.difference) for proof in check())

    def assert_exact(self) -> None:
        """Fail unless something was acknowledged, and all of it is there, once, with books that hold."""
        wrong = (self.lost, self.doubled, self.double_spent, self.residual_fen)
        assert wrong == (0, 0, 0, 0), f"seed {SEED}: {self}"
        assert self.acknowledged > 0, f"seed {SEED}: nothing was acknowledged, so nothing was tried: {self}"


@contextmanager
def tallied(fault: str, database: str) -> Iterator[Tally]:
    """Count what a fault does, and keep the counts, with the seed and the time it took, when the block ends."""
    print(f"GREENLOOP_FAULTS_SEED={SEED} ({PROFILE.name} profile): {fault}, {database}")
    tally, began = Tally(fault, database), monotonic()
    try:
        yield tally
    finally:
        tally.seconds = round(monotonic() - began, 1)
        RECORDS.mkdir(parents=True, exist_ok=True)
        facts = {name: getattr(tally, name) for name in Tally.__slots__}  # asdict would rebuild the counter, wrongly
        row = {**facts, "counts": dict(tally.counts), "profile": PROFILE.name, "seed": SEED}
        (RECORDS / f"{secrets.token_hex(8)}.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
