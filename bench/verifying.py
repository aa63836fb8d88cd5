"""How long it takes to verify an economy, and in how much memory: `python -m bench.verifying`.

It makes the bundle of ten million orders (`audited`), verifies it in SQL on DuckDB, and on Spark with --spark; a sample
of it goes through the verifier that needs nothing but Python. Each runs in a process of its own.
"""

import argparse
import os
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

from bench.audited import make


def verified(folder: Path, engine: str, python: str) -> tuple[float, float, float]:
    """Verify in a process of its own; return its seconds, those of the processor, and in MiB its most memory.

    Of Spark only the seconds are whole: its work is done by a Java process of its own, which may hold 4 GiB.
    """
    command = [python, "-m", "greenloop_verify", "--engine", engine, str(folder)]
    begun = time.perf_counter()
    process = os.posix_spawnp(python, command, {**os.environ, "PYTHONPATH": "src"})
    _, status, used = os.wait4(process, 0)
    assert status == 0, f"{engine} found differences"
    return time.perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def _made(folder: Path, *, orders: int, lines: bool) -> None:
    """Make a bundle in a process of its own: what is begun from a large one counts that one's memory as its own."""
    making = get_context("spawn").Process(target=make, args=(folder,), kwargs={"orders": orders, "lines": lines})
    making.start()
    making.join()
    assert making.exitcode == 0, "the bundle could not be made"


def main() -> None:
    """Make, verify, and print a line each."""
    parser = argparse.ArgumentParser(prog="python -m bench.verifying")
    parser.add_argument("--orders", type=int, default=10_000_000)
    parser.add_argument("--sample", type=int, default=200_000, help="orders for the verifier in Python alone")
    parser.add_argument("--spark", metavar="PYTHON", help="a Python with requirements/spark.txt: measure Spark too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="greenloop-bench-") as name:
        found = []
        for orders, engines in ((options.sample, ("python", "duckdb")), (options.orders, ("duckdb", "spark"))):
            folder = Path(name) / str(orders)
            _made(folder, orders=orders, lines="python" in engines)
            for engine in engines:
                if engine != "spark" or options.spark:
                    took = verified(folder, engine, options.spark if engine == "spark" else sys.executable)
                    found.append((engine, orders, *took))
        for engine, orders, seconds, processor, mib in found:
            print(f"{engine:8}{orders:>12} orders {seconds:8.1f} s {processor:8.1f} s of processor {mib:8.0f} MiB")


if __name__ == "__main__":
    main()
