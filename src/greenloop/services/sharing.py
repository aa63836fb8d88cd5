"""Let processes that serve together add up what they count: named before `measures` is imported, so nothing is here."""

import os
import sys
from pathlib import Path

from greenloop.core.faults import ensure

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
RUNTIME = "RUNTIME_DIRECTORY"
"""Where systemd says that a service may keep what ends with it: in memory, whatever fills the disks."""


def share_measures(home: Path) -> None:
    """Name the folder that processes started from here count in, unless the environment does.

    They count in mapped files, and who writes to one that its disk has no room for any more is killed (SIGBUS): so the
    folder is in memory where systemd gives one, and at home otherwise.

    What processes left there that have ended is removed; the worker may be counting there already.

    :raises Breach: this process counts for itself already, and so would those that it forks.
    """
    ensure(
        "prometheus_client" not in sys.modules or FOLDER in os.environ, "measures were imported before they are shared"
    )
    own = os.environ.get(RUNTIME) or str((home / "metrics").absolute())
    folder = Path(os.environ.setdefault(FOLDER, own))
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob("*.db"):
        if not runs(left):
            left.unlink(missing_ok=True)


def runs(file: Path) -> bool:
    """Tell whether the process that counts in a file still runs; its number ends the file's name."""
    number = file.stem.rpartition("_")[2]
    try:
        os.kill(int(number), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
