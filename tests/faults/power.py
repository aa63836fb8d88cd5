"""The power of a folder: what was synced stays; of what wasn't, nothing does, or a part that the dice choose."""

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.faults.skipping import left_out

SOURCE = Path(__file__).with_name("powerloss.c")
PAGE = 4_096


@dataclass(frozen=True, slots=True)
class Power:
    """A folder on a disk that forgets, by powerloss.c. `live` is what processes see, `disk` what a cut leaves."""

    live: Path
    disk: Path
    dirty: Path
    library: Path

    def environment(self) -> dict[str, str]:
        """Return what a process needs in its environment to write to this disk."""
        return {
            "LD_PRELOAD": str(self.library),
            "GREENLOOP_POWER_LIVE": str(self.live),
            "GREENLOOP_POWER_DISK": str(self.disk),
            "GREENLOOP_POWER_DIRTY": str(self.dirty),
        }

    def switch_on(self) -> None:
        """Say that all of the folder is on the disk. No process may be writing."""
        self._copy(self.live, self.disk)
        self._forget()

    def cut(self, dice: random.Random) -> int:
        """Leave in the folder what was on the disk, every writer being dead; return how many unsynced pages were lost.

        One time in two nothing unsynced survives; else each page of a file that the disk knows does with one chance,
        itself drawn: the machine had written some back by itself, in no order.
        """
        share = dice.choice((0.0, dice.random()))
        lost = 0
        for map_path, page in self._unsynced():
            name = map_path.relative_to(self.dirty)
            kept = (self.disk / name).is_file() and dice.random() < share
            lost += not kept
            if kept:
                _copy_page(self.live / name, self.disk / name, page)
        self._copy(self.disk, self.live)
        self._forget()
        return lost

    def _unsynced(self) -> Iterator[tuple[Path, int]]:
        for map_path in sorted(path for path in self.dirty.rglob("*") if path.is_file()):
            for page, mark in enumerate(map_path.read_bytes()):
                if mark:
                    yield map_path, page

    def _forget(self) -> None:
        for path in self.dirty.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    @staticmethod
    def _copy(source: Path, target: Path) -> None:
        """Make `target` equal to `source`, owners and all, where it isn't; the folder itself stays, with its own."""
        for path in sorted(target.rglob("*"), reverse=True):  # what is in a folder comes before it
            if not _alike(source / path.relative_to(target), path):
                path.rmdir() if path.is_dir() else path.unlink()
        for path in sorted(source.rglob("*")):
            copy = target / path.relative_to(source)
            if not copy.exists():
                copy.mkdir() if path.is_dir() else shutil.copyfile(path, copy)
                shutil.copystat(path, copy)
                os.chown(copy, path.stat().st_uid, path.stat().st_gid)


def _alike(one: Path, other: Path) -> bool:
    """Tell whether two paths are folders, or files with the same bytes."""
    if one.is_dir() or other.is_dir():
        return one.is_dir() and other.is_dir()
    sizes_alike = one.is_file() and one.stat().st_size == other.stat().st_size
    return sizes_alike and one.read_bytes() == other.read_bytes()


def _copy_page(source: Path, target: Path, page: int) -> None:
    with source.open("rb") as live, target.open("r+b") as disk:
        live.seek(page * PAGE)
        if found := live.read(PAGE):
            disk.seek(page * PAGE)
            disk.write(found)


def power_of(folder: Path) -> Power:
    """Compile the disk that forgets into `folder`, and lay its three folders there.

    Skips the test, loudly, where no C compiler is.
    """
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        left_out("there is no C compiler to cut the power with")
    library = folder / "powerloss.so"
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run([compiler, *flags, "-o", str(library), str(SOURCE), "-ldl"], check=True)
    power = Power(folder / "live", folder / "disk", folder / "dirty", library)
    for each in (power.live, power.disk, power.dirty):
        each.mkdir(mode=0o700)
    return power
