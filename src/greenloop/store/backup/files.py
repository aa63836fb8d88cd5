"""Files that are there whole or not at all, also after the power failed: written aside, synced, renamed.

What they hold is members' and merchants' money and sealed names: only their owner reads them, whatever the umask is.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import file_digest
from pathlib import Path


def put(path: Path, data: bytes) -> None:
    """Write a file whole, and make sure that it stays."""
    with whole(path) as part:
        part.write_bytes(data)


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give an empty file to write to; when the block ends well, what is there gets the name `path` and is synced."""
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    own(part)
    yield part
    sync(part)
    part.replace(path)
    sync(path.parent)


def own(path: Path) -> None:
    """Make an empty file that only its owner reads."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def sync(path: Path) -> None:
    """Wait until a file or a folder's list of names is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def digest(path: Path) -> str:
    """Return a file's SHA-256 in hex."""
    with path.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()
