"""The keys that sign and seal: from the environment, else a file in the home, else drawn for this process alone."""

import os
import secrets
from pathlib import Path

LENGTH_MIN = 32


def found(path: Path, named: str | None) -> tuple[str, bool]:
    """Return a key and whether it outlives this process: `named` by the environment, else what `path` holds."""
    if named:
        return named, True
    try:
        kept = path.read_text("ascii").strip()
    except OSError:
        kept = ""
    return (kept, True) if len(kept) >= LENGTH_MIN else (secrets.token_urlsafe(48), False)


def keep(path: Path, key: str) -> None:
    """Write a key where only its owner can read it; one that is there already stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(f"{key}\n")
