"""Growing a tree of liabilities into a file: holders in, a kept tree out, in two processes where there are many.

What is done to bytes is core's (core/trust/liability_tree.py); here is where they come from, who works, and the file.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import current_process, get_context
from pathlib import Path
from typing import BinaryIO, ParamSpec, TypeVar

from greenloop.core.faults import breach
from greenloop.core.trust.kept_tree import HEAD, MAGIC
from greenloop.core.trust.liabilities import NODE_BYTES
from greenloop.core.trust.liability_tree import (
    BLOCK,
    BLOCK_LEVELS,
    BUCKETS,
    ENTRY_BYTES,
    OWED,
    fillers,
    folded,
    leaves,
    scattered,
    upper_levels,
)

POOLED_MIN = 200_000
"""So many holders are worth the start of a second process."""
WORKERS_MAX = 4
AHEAD = 4
"""Pieces of work that a process may be ahead of its reader: what waits is memory."""
FOLD_BYTES = 4_096 * BLOCK * NODE_BYTES
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Grown:
    """A tree that was grown: its top and leaves, how many holders, and the sums of what they are owed, in fen."""

    top: bytes
    leaves: int
    holders: int
    sums_fen: tuple[int, int, int, int]


def grow(
    rows: Iterable[Sequence[tuple[int, int, int, int, int]]],
    *,
    path: Path,
    secret: bytes,
    nonce: bytes,
    holders_about: int,
) -> Grown:
    """Write the tree of all holders to a file; `rows` are parts of them: account, claimable, unspent, coupons, dues.

    The file holds all amounts, so only its owner may read it. It appears under its name once it is whole.

    :raises Breach: an amount is negative, or more than any can be.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    with _workers(holders_about) as work, _private(unfinished) as stream:
        tally = _Tally()
        buckets = _scattered(work, tally.packed(rows), secret)
        count = sum(map(len, buckets)) // ENTRY_BYTES
        for entry in fillers(count, secret):
            buckets[entry[0]] += entry
        count = sum(map(len, buckets)) // ENTRY_BYTES
        stream.write(HEAD.pack(MAGIC, count, secret, nonce))
        blocks = b"".join(_spread(work, folded, _blocks(_leaves(work, buckets, nonce, stream))))
        for level in upper_levels(blocks):
            top = level
            stream.write(level)
        stream.flush()
        os.fsync(stream.fileno())
    unfinished.replace(path)
    return Grown(top, count, tally.holders, tally.sums_fen)


class _Tally:
    """Packs holders and counts what it packs."""

    def __init__(self) -> None:
        self.holders = 0
        self.sums_fen = (0, 0, 0, 0)

    def packed(self, rows: Iterable[Sequence[tuple[int, int, int, int, int]]]) -> Iterator[bytes]:
        """Yield parts of holders as bytes, each in any order."""
        for part in rows:
            self.holders += len(part)
            _, *columns = zip(*part, strict=True)
            if min(map(min, columns)) < 0:
                account, *owed_fen = next(row for row in part if min(row[1:]) < 0)
                breach(f"account {account} can't be owed less than nothing: {owed_fen} fen")
            claimable, unspent, coupons, dues = map(sum, columns)
            before = self.sums_fen
            self.sums_fen = (before[0] + claimable, before[1] + unspent, before[2] + coupons, before[3] + dues)
            yield b"".join([OWED.pack(*row) for row in part])


def _scattered(work: Executor | None, packed: Iterable[bytes], secret: bytes) -> list[bytearray]:
    buckets = [bytearray() for _ in range(BUCKETS)]
    for found in _spread(work, scattered, ((part, secret) for part in packed)):
        for bucket, entries in zip(buckets, found, strict=True):
            bucket.extend(entries)
    return buckets


def _leaves(work: Executor | None, buckets: list[bytearray], nonce: bytes, stream: BinaryIO) -> Iterator[bytes]:
    """Write each bucket's records and yield its nodes; a bucket that is done gives its memory back."""

    def taken() -> Iterator[tuple[bytes, bytes]]:
        for place, bucket in enumerate(buckets):
            buckets[place] = bytearray()
            yield bytes(bucket), nonce

    for records, nodes in _spread(work, leaves, taken()):
        stream.write(records)
        yield nodes


def _blocks(runs: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
    """Yield runs of leaves cut into whole blocks."""
    rest = bytearray()
    for nodes in runs:
        rest += nodes
        if len(rest) >= FOLD_BYTES:
            yield bytes(rest[:FOLD_BYTES]), BLOCK_LEVELS
            del rest[:FOLD_BYTES]
    if rest:
        yield bytes(rest), BLOCK_LEVELS


def _spread(work: Executor | None, function: Callable[..., R], tasks: Iterable[tuple[object, ...]]) -> Iterator[R]:
    """Yield what a function makes of each task, in their order; in other processes where there are some."""
    if work is None:
        for task in tasks:
            yield function(*task)
        return
    waiting: deque[Future[R]] = deque()
    for task in tasks:
        waiting.append(work.submit(function, *task))
        if len(waiting) > AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


@contextmanager
def _workers(holders: int) -> Iterator[Executor | None]:
    """Give other processes to work in: fresh ones, as this may have threads. A server's worker can't start any."""
    if holders < POOLED_MIN or current_process().daemon:
        yield None
        return
    count = min(WORKERS_MAX, os.cpu_count() or 1)
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as work:
        yield work


@contextmanager
def _private(path: Path) -> Iterator[BinaryIO]:
    """Open a new file that only its owner can read; it is removed where the block fails."""
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
    except BaseException:
        path.unlink(missing_ok=True)
        raise
