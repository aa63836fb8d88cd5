"""Where a published log is read from: a folder of this machine, or a folder of a web server."""

from pathlib import Path
from typing import Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from greenloop.core.faults import Refusal, say

FILE_BYTES_MAX = 64 * 1024 * 1024
PATIENCE_S = 30
GONE = frozenset({404, 410})


class Source(Protocol):
    """Gives the files of a published log by name."""

    def text(self, name: str) -> str | None:
        """Return a file, None where there is none.

        :raises Refusal: it can't be read.
        """


def source(named: str) -> Source:
    """Return where a log is: an address that begins with http:// or https://, else a folder."""
    return Served(named) if urlsplit(named).scheme in {"http", "https"} else Folder(Path(named))


class Folder:
    """A folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def text(self, name: str) -> str | None:
        """Return a file, None where there is none.

        :raises Refusal: it is no text.
        """
        path = self.folder / name
        return _text(path.read_bytes(), name) if path.is_file() else None


class Served:
    """A folder of a web server."""

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")

    def text(self, name: str) -> str | None:
        """Return a file, None where there is none.

        :raises Refusal: the server can't be reached, answers something else, or the file is no text or too large.
        """
        asked = Request(f"{self.address}/{name}", headers={"Accept": "text/plain, */*"})  # noqa: S310  http or https
        try:
            with urlopen(asked, timeout=PATIENCE_S) as answer:  # noqa: S310  http or https  # nosec B310
                told = answer.read(FILE_BYTES_MAX + 1)
        except HTTPError as fault:
            if fault.code in GONE:
                return None
            raise self._unreachable(fault.code) from fault
        except (URLError, OSError) as fault:
            raise self._unreachable(getattr(fault, "reason", fault)) from fault
        if len(told) > FILE_BYTES_MAX:
            raise Refusal("log.file", say("The file {name} is too large for one of a log."), field="FOLDER", name=name)
        return _text(told, name)

    def _unreachable(self, reason: object) -> Refusal:
        message = say("{address} can't be read: {reason}.")
        return Refusal("log.unreachable", message, field="FOLDER", address=self.address, reason=reason)


def _text(told: bytes, name: str) -> str:
    try:
        return told.decode()
    except UnicodeDecodeError:
        raise Refusal("log.file", say("The file {name} is no text."), field="FOLDER", name=name) from None
