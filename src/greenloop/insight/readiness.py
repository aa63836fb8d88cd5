"""Whether this process can do its work now: asked every few seconds by whoever sends it requests."""

import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock, Thread

from django.conf import settings
from django.db import DatabaseError, connection

from greenloop.insight import archived
from greenloop.store.queries import clockwork, keeping, vitals
from greenloop.store.queries.soundness import broken

PATIENCE_S = 1
"""How long the database may take to answer before this process counts as not ready."""
DISK_FREE_MIN_BYTES = 256 * 2**20
CLOCK_BACK_MAX = timedelta(seconds=5)
LATE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Readiness:
    """Codes of what keeps this process from its work (`reasons`), and of what people should see to (`notices`)."""

    reasons: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        """Tell whether requests may be sent here."""
        return not self.reasons


SLOW, GONE = Readiness(("database.slow",)), Readiness(("database.unreachable",))
_beginning = Lock()


def readiness() -> Readiness:
    """Return whether this process is ready; it takes a second and a little at most."""
    reasons = []
    if not (settings.SECRET_KEY_KEPT and settings.GREENLOOP_IDENTITY_KEY_KEPT):
        reasons.append("keys.unkept")
    if disk_free_bytes() < DISK_FREE_MIN_BYTES:
        reasons.append("disk.full")
    of_the_database = _within_patience()
    return Readiness((*reasons, *of_the_database.reasons), of_the_database.notices)


def disk_free_bytes() -> int:
    """Return the least that is free where this process writes: its home, and the folder of an SQLite file."""
    folders = [Path(settings.HOME).absolute()]
    if connection.vendor == "sqlite":
        folders.append(Path(connection.settings_dict["NAME"]).absolute().parent)
    return min(shutil.disk_usage(_nearest(folder)).free for folder in folders)


def _nearest(folder: Path) -> Path:
    """Return a folder, or the one above it that it would be made in."""
    return next(each for each in (folder, *folder.parents) if each.exists())


class _Probe(Thread):
    """Asks the database in a thread of its own, whose connection ends with it; whoever is slow is left behind."""

    under_way: "_Probe | None" = None
    """One probe waits for the database at a time, and all who ask meanwhile are given its answer."""

    def __init__(self) -> None:
        super().__init__(name="greenloop-readiness", daemon=True)
        self.begun_s = time.monotonic()
        self.found = SLOW

    def run(self) -> None:
        """Ask."""
        try:
            self.found = _of_the_database(datetime.now(UTC))
        except (DatabaseError, OSError):
            self.found = GONE
        finally:
            connection.close()


def _within_patience() -> Readiness:
    """Return what the probe under way finds, or a new one; that the database is slow once its time is up."""
    vitals.shipped()  # read once, from files: that is no time of the database's
    with _beginning:
        probe = _Probe.under_way
        if probe is None or not probe.is_alive():
            _Probe.under_way = probe = _Probe()
            probe.start()
    probe.join(max(0, probe.begun_s + PATIENCE_S - time.monotonic()))
    return SLOW if probe.is_alive() else probe.found


def _of_the_database(now: datetime) -> Readiness:
    vitals.alive()
    if vitals.missing_migrations():
        return Readiness(("database.migrations",))
    newest = vitals.newest_journal_at()
    waiting, beat = vitals.waiting(), clockwork.beat()
    notices = {
        "books.broken": broken() is not None,
        "archive.behind": archived.behind(newest_journal_at=newest, now=now),
        "clockwork.late": bool(clockwork.late(now)),
        "root.missing": clockwork.rootless(now) is not None,
        "settlement.held": waiting.held > 0,
        "trust.behind": keeping.lag().behind(now),
        "worker.away": beat is not None and beat.away(now),
    }
    return Readiness(
        ("clock.behind",) if newest is not None and newest - now > CLOCK_BACK_MAX else (),
        tuple(code for code, is_so in notices.items() if is_so),
    )
