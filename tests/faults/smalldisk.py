"""A disk of some megabytes, in memory, that a ballast can fill to the last page."""

import errno
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.skipping import left_out

PAGE = 4_096
CANT = "no small disk can be mounted here, as root or in a namespace of its own"


@dataclass(slots=True)
class SmallDisk:
    """The disk's folder. The ballast is a file in it."""

    folder: Path

    def fill(self) -> None:
        """Take all that is free, in ever smaller pieces; to be called again while others write and remove files."""
        told = os.statvfs(self.folder)
        piece = told.f_bavail * told.f_frsize
        with (self.folder / "ballast").open("ab") as ballast:
            while piece >= PAGE:
                try:
                    os.posix_fallocate(ballast.fileno(), os.fstat(ballast.fileno()).st_size, piece)
                except OSError as fault:
                    if fault.errno != errno.ENOSPC:
                        raise
                    piece //= 2

    def free(self) -> None:
        """Throw the ballast away."""
        (self.folder / "ballast").unlink()


@contextmanager
def small_disk(megabytes: int) -> Iterator[SmallDisk]:
    """Mount a disk of this size; skip the test, loudly, where that can't be done."""
    mounted = _by_root(megabytes) if os.geteuid() == 0 else _in_a_namespace(megabytes)
    with mounted as folder:
        yield SmallDisk(folder)


@contextmanager
def _by_root(megabytes: int) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="gl-"))
    options = ["-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", str(folder)]
    try:
        if subprocess.run(["mount", *options], check=False, capture_output=True).returncode:
            left_out(CANT)
        try:
            yield folder
        finally:
            # A process that was killed a moment ago may still hold a file; lazily, the disk goes when it does.
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
    finally:
        folder.rmdir()


@contextmanager
def _in_a_namespace(megabytes: int) -> Iterator[Path]:
    """Let a process with a file system of its own hold the disk; its owner reaches it through /proc."""
    with tempfile.TemporaryDirectory(prefix="gl-") as folder:
        script = f'mount -t tmpfs -o size={megabytes}m tmpfs "$0" && echo mounted && exec cat'
        command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, folder]
        holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        with holder:
            assert holder.stdout is not None
            assert holder.stdin is not None
            if holder.stdout.readline() != b"mounted\n":
                left_out(CANT)
            try:
                yield Path(f"/proc/{holder.pid}/root{folder}")
            finally:
                holder.stdin.close()
