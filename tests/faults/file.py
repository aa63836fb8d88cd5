"""An SQLite file of the test's own: a copy of one that is migrated once a process."""

import shutil
from functools import cache
from pathlib import Path

from tests.faults.cluster import kept, server_folder
from tests.support.databases import Sqlite


@cache
def migrated() -> Path:
    """Return the file that is copied."""
    return Sqlite(kept.enter_context(server_folder())).template


def file_in(folder: Path) -> str:
    """Lay a migrated file into a folder and return its URL."""
    path = folder / "trade.sqlite3"
    shutil.copyfile(migrated(), path)
    return f"sqlite:///{path}"
