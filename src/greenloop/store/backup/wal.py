"""SQLite's write-ahead log: how far it is committed, and the frames up to there.

Formats: sqlite.org/fileformat2.html#walformat for the log, sqlite.org/walformat.html for the index beside it. The index
says how many frames are committed and with which running checksum the last one ends; each frame carries the log's
salts. A page's checksum isn't computed here (137 µs a page in Python, measured): SQLite computes all of them when it
replays the log, and says how many frames it believed.
"""

import os
import struct
import sys
from dataclasses import dataclass

from greenloop.core.faults import ensure

LOG_HEADER, FRAME_HEADER = 32, 24
MAGIC = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
INDEX_HEADER, INDEX_VERSION = 48, 3_007_000
NATIVE = "<" if sys.byteorder == "little" else ">"
TRIES = 1000
PART_BYTES = 1 << 26


@dataclass(frozen=True, slots=True)
class Committed:
    """How far a log is committed: its salts, its page size in bytes, its frames, and the checksum of the last."""

    salts: bytes
    page_bytes: int
    frames: int
    checksum: tuple[int, int]

    @property
    def restarts(self) -> int:
        """Return the counter that grows by one whenever the log starts again from its beginning (32 bits)."""
        return int.from_bytes(self.salts[:4], "big")


def committed(index: int) -> Committed:
    """Read the index beside a log by its file descriptor. It is there twice; both alike: nobody was writing it.

    :raises Breach: it is of a version that isn't known, or never comes to rest.
    """
    for _ in range(TRIES):
        first, second = os.pread(index, INDEX_HEADER, 0), os.pread(index, INDEX_HEADER, INDEX_HEADER)
        if first == second and len(first) == INDEX_HEADER and first[12]:
            break
    else:
        ensure(condition=False, message="the index of SQLite's log never came to rest")
    version, page, frames = struct.unpack(f"{NATIVE}I10xHI", first[:20])
    checksum = struct.unpack(f"{NATIVE}2I", first[24:32])
    ensure(version == INDEX_VERSION, f"SQLite's log has an index of version {version}, which isn't known here")
    return Committed(first[32:40], 65536 if page == 1 else page, frames, checksum)


def frames(log: int, upto: Committed, *, first: int) -> bytes:
    """Read the frames from `first` (the oldest is 0) to the last committed; from 0 on, the log's header before them.

    The caller holds a read transaction that keeps the log from starting again meanwhile.

    :raises Breach: what the file holds isn't what the index says.
    """
    size = FRAME_HEADER + upto.page_bytes
    begin = LOG_HEADER + first * size if first else 0
    data = _read(log, begin, LOG_HEADER + upto.frames * size)
    if not first:
        ensure(data[:4] in MAGIC and data[16:24] == upto.salts, "the header of SQLite's log isn't the one in its index")
    salts = {data[at + 8 : at + 16] for at in range(0 if first else LOG_HEADER, len(data), size)}
    ensure(salts == {upto.salts}, "a frame of SQLite's log belongs to an earlier run of it")
    last = data[-size:]
    ensure(last[4:8] != bytes(4), "the last committed frame of SQLite's log ends no transaction")
    ensure(struct.unpack(">2I", last[16:24]) == upto.checksum, "the last frame's checksum isn't the one in the index")
    return data


def _read(handle: int, begin: int, end: int) -> bytes:
    parts = []
    while begin < end:
        part = os.pread(handle, min(end - begin, PART_BYTES), begin)
        ensure(part != b"", "SQLite's log is shorter than its index says")
        parts.append(part)
        begin += len(part)
    return b"".join(parts)
