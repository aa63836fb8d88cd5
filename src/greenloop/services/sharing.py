"""Let processes that serve together add up what they count: named before `measures` is imported, so nothing is here."""

import os
import sys
from pathlib import Path

from greenloop.core.faults import ensure

FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def share_measures(home: Path) -> None:
    """Name the folder that processes started from here count in, unless the environment does; empty it.

    :raises Breach: this process counts for itself already, and so would those that it forks.
    """
    ensure(
        "prometheus_client" not in sys.modules or FOLDER in os.environ, "measures were imported before they are shared"
    )
    folder = Path(os.environ.setdefault(FOLDER, str((home / "metrics").absolute())))
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob("*.db"):
        left.unlink(missing_ok=True)
