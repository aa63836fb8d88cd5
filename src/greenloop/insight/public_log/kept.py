"""What a checker keeps between checks, in a file of its own: the keys, and the newest checkpoint found in order."""

from pathlib import Path

from greenloop.core.faults import Refusal, say
from greenloop.core.trust import canonical
from greenloop.core.trust.checkpoint import read_key, read_note
from greenloop.insight.public_log.checking import Seen


def read_seen(path: Path) -> Seen:
    """Return what was kept; nothing where there is no such file yet.

    :raises Refusal: the file isn't one that `write_seen` wrote.
    """
    if not path.exists():
        return Seen()
    try:
        kept = canonical.read(path.read_text("utf-8").removesuffix("\n"))
        return Seen(tuple(map(read_key, kept["keys"])), read_note(kept["checkpoint"]))
    except (Refusal, KeyError, TypeError, AttributeError, UnicodeDecodeError):
        message = say("{path} isn't what a check of a log keeps. Name another file, or one that isn't there yet.")
        raise Refusal("log.seen", message, field="--seen", path=path) from None


def write_seen(path: Path, seen: Seen) -> None:
    """Keep what was found in order; the file appears whole."""
    note = seen.note.text if seen.note else None
    text = canonical.text_of({"checkpoint": note, "keys": [key.text for key in seen.keys]})
    part = path.with_name(f"{path.name}.part")
    part.write_text(f"{text}\n", "utf-8")
    part.replace(path)
