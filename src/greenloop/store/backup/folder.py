"""The folder of an archive says what it is of, so that no database is ever put among another's copies."""

import json
from collections.abc import Mapping
from pathlib import Path

from greenloop.core.faults import Refusal, say
from greenloop.store.backup import files

NOTE = "archive.json"
LOCK = "archive.lock"
FORMAT = 1
SAME = ("engine", "database", "system")


def claim(folder: Path, facts: Mapping[str, object]) -> None:
    """Make the folder of an archive, or see that it is of this very database.

    :raises Refusal: it is of another one, or something else.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    note = folder / NOTE
    if not note.exists():
        if any(path.name != LOCK for path in folder.iterdir()):
            message = say("{folder} is no archive and not empty. Name another folder.")
            raise Refusal("backup.folder", message, field="--to", folder=folder)
        files.put(note, json.dumps({"format": FORMAT, **facts}, indent=2).encode() + b"\n")
        return
    found = read(folder)
    if any(found.get(name) != facts.get(name) for name in SAME):
        message = say("{folder} is the archive of {other}. Keep each database's archive in a folder of its own.")
        raise Refusal("backup.other", message, field="--to", folder=folder, other=found.get("database"))


def read(folder: Path) -> Mapping[str, str]:
    """Return what an archive is of: `engine`, `database`, and on PostgreSQL `role` and `system`.

    :raises Refusal: the folder is no archive.
    """
    try:
        found: Mapping[str, str] = json.loads((folder / NOTE).read_text("utf-8"))
    except (OSError, ValueError):
        message = say("{folder} is no archive of this program. Name the folder that greenloop backup wrote to.")
        raise Refusal("restore.folder", message, field="--from", folder=folder) from None
    return found
