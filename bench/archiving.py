"""What archiving SQLite's log costs its writer, and how long a copy takes: `python -m bench.archiving`.

The file has 215 MB and an index in no order; the writer commits twenty rows at a time, synced, as fast as it can. Each
line is the median of three rounds of five seconds, the longest wait the worst of all.
"""

import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from threading import Event, Thread

from greenloop.store.backup import chain
from greenloop.store.backup.shipping import Shipper

ROUNDS, SECONDS, ROWS = 3, 5, 600_000
WRITER = """
import random, sqlite3, sys, time
database = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
database.execute("PRAGMA synchronous=FULL")
database.execute("PRAGMA wal_autocheckpoint=4000")
dice, end, waits = random.Random(5), time.monotonic() + float(sys.argv[2]), []
while time.monotonic() < end:
    begun = time.monotonic()
    database.execute("BEGIN IMMEDIATE")
    rows = ((dice.getrandbits(40), bytes(300)) for _ in range(20))
    database.executemany("INSERT INTO written (number, filler) VALUES (?, ?)", rows)
    database.execute("COMMIT")
    waits.append(time.monotonic() - begun)
print(len(waits) / float(sys.argv[2]), max(waits))
"""


def now() -> datetime:
    """Return this instant: a bench owns its clock."""
    return datetime.now(UTC)


def fill(path: Path) -> None:
    """Make the file."""
    dice = random.Random(1)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE written (id INTEGER PRIMARY KEY, number INT, filler BLOB)")
        database.execute("CREATE INDEX by_number ON written (number)")
        rows = ((dice.getrandbits(40), dice.randbytes(60) * 5) for _ in range(ROWS))
        database.executemany("INSERT INTO written (number, filler) VALUES (?, ?)", rows)
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def followed(path: Path, folder: Path) -> Iterator[None]:
    """Ship the log every second until the block ends."""
    shipper = Shipper(path, folder / chain.stamp(now()), now=now)
    stop = Event()
    thread = Thread(target=shipper.keep_on, args=(stop, 1.0))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        shipper.close()


def written(path: Path, beside: Callable[[], object]) -> tuple[float, float, float]:
    """Write for some seconds and do `beside` meanwhile: transactions a second, longest wait, seconds of `beside`."""
    command = [sys.executable, "-c", WRITER, str(path), str(SECONDS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        time.sleep(0.5)
        begun = time.monotonic()
        beside()
        took = time.monotonic() - begun
        rate, longest = map(float, writer.communicate()[0].split())
    return rate, longest, took


def copied(path: Path, into: Path, *, held: bool) -> None:
    """Copy by SQLite's backup interface, from one read transaction or from as many as it takes."""
    with closing(sqlite3.connect(path, isolation_level=None)) as source, closing(sqlite3.connect(into)) as copy:
        if held:
            source.execute("BEGIN")
            source.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        source.backup(copy, pages=4096)
    into.unlink()


def vacuumed(path: Path, into: Path) -> None:
    """Copy by VACUUM INTO."""
    with closing(sqlite3.connect(path)) as source:
        source.execute("VACUUM INTO ?", (str(into),))
    into.unlink()


def main() -> None:
    """Measure and print a line each."""
    with tempfile.TemporaryDirectory(prefix="greenloop-bench-") as name:
        folder = Path(name)
        path, into = folder / "written.sqlite3", folder / "copy"
        fill(path)
        found: dict[str, list[tuple[float, float, float]]] = {}
        for _ in range(ROUNDS):
            found.setdefault("alone", []).append(written(path, lambda: None))
            with followed(path, folder / "archive"):
                found.setdefault("followed", []).append(written(path, lambda: None))
            found.setdefault("copied, read held", []).append(written(path, lambda: copied(path, into, held=True)))
            found.setdefault("copied, not held", []).append(written(path, lambda: copied(path, into, held=False)))
            found.setdefault("VACUUM INTO", []).append(written(path, lambda: vacuumed(path, into)))
        for what, rounds in found.items():
            rates, waits, tooks = zip(*rounds, strict=True)
            print(f"{what:20}{median(rates):7.0f} tx/s  longest {max(waits):.2f} s  beside {median(tooks):.2f} s")


if __name__ == "__main__":
    main()
