"""The disk is filled under load and freed again: clear errors meanwhile, nothing half written, nothing lost."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.cluster import Cluster, cluster_in, empty_folder, server_folder
from tests.faults.counting import count
from tests.faults.file import file_in
from tests.faults.profile import PROFILE, SEED, Tally, tallied
from tests.faults.smalldisk import SmallDisk, small_disk
from tests.faults.tills import Till, django_at, tills
from tests.faults.trade import found_alliance

PATIENCE_S = 60
QUIET_S = 0.8
CLEAR = {"OperationalError", "InterfaceError"}
NEW_SEGMENTS = {"wal_recycle": "off"}  # else the log goes round in the segments it has, and needs no room at all
FULL = ("disk is full", "No space left on device")


def fill_until_nothing_is_taken(disk: SmallDisk, till: Till) -> None:
    """Fill the disk, and all that is freed on it, until the till has heard nothing but errors for a while.

    What the database had reserved before may last for some more orders; they count like all others.
    """
    deadline = time.monotonic() + PATIENCE_S
    quiet_since, acknowledged, errors = time.monotonic(), till.acknowledged(), till.errors.total()
    while time.monotonic() < quiet_since + QUIET_S or till.errors.total() == errors:
        assert time.monotonic() < deadline, f"seed {SEED}: orders are still taken on a full disk"
        disk.fill()
        time.sleep(0.05)
        if till.acknowledged() > acknowledged:
            quiet_since, acknowledged, errors = time.monotonic(), till.acknowledged(), till.errors.total()


def fill_again_and_again(tally: Tally, disk: SmallDisk, till: Till, revive: Callable[[], None]) -> None:
    """Fill and free the disk under a till that goes on selling, then see that all is there, the errors clear."""
    till.start()
    for _ in range(PROFILE.disk_fills):
        till.wait_for_more(4)
        fill_until_nothing_is_taken(disk, till)
        disk.free()
        revive()
        tally.counts["fills"] += 1
    till.wait_for_more(4)
    till.finish()
    count(tally, [till])
    assert set(till.errors) <= CLEAR, f"seed {SEED}: {till.errors}"
    tally.assert_exact()


def test_sqlite_on_a_full_disk_refuses_and_goes_on_by_itself_when_there_is_room(tmp_path: Path) -> None:
    with ExitStack() as open_:
        disk = open_.enter_context(small_disk(48))
        url = file_in(disk.folder)
        open_.enter_context(django_at(url))
        found_alliance()
        tally = open_.enter_context(tallied("disk full", "sqlite"))
        [till] = open_.enter_context(tills(["d"], url, tmp_path))
        fill_again_and_again(tally, disk, till, lambda: None)
        assert any(sentence in said for said in till.said for sentence in FULL), till.said


def revived(server: Cluster, tally: Tally) -> None:
    """Wait for the server to recover; start it if the full disk has ended it, as whoever freed the disk would."""
    deadline = time.monotonic() + PATIENCE_S
    while not server.answers():
        assert time.monotonic() < deadline, f"seed {SEED}: the server doesn't answer\n{server.log()[-2000:]}"
        if server.process is not None and server.process.poll() is not None:
            server.start()
            tally.counts["restarts"] += 1
        time.sleep(0.05)


@pytest.mark.parametrize("full", ["data and log", "log"])
def test_postgresql_on_a_full_disk_refuses_and_goes_on_when_there_is_room(full: str, tmp_path: Path) -> None:
    with ExitStack() as open_:
        folder = open_.enter_context(server_folder())
        disk = open_.enter_context(small_disk(32 if full == "log" else 128))
        small = empty_folder(disk.folder / "small")
        data, log = (empty_folder(folder / "data"), small) if full == "log" else (small, None)
        server = open_.enter_context(cluster_in(folder, data, log=log, extra=NEW_SEGMENTS))
        open_.enter_context(django_at(server.url))
        found_alliance()
        tally = open_.enter_context(tallied(f"disk full ({full})", "postgresql"))
        [till] = open_.enter_context(tills(["d"], server.url, tmp_path))
        fill_again_and_again(tally, disk, till, lambda: revived(server, tally))
        assert FULL[1] in server.log()
