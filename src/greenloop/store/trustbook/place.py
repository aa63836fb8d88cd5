"""Where the trust book's own database is: named by GREENLOOP_TRUST_URL, else a file beside an SQLite file."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from django.conf import settings
from django.db import connection

SQLITE = "sqlite:///"
_apart: ContextVar[bool] = ContextVar("apart", default=False)


def address() -> str | None:
    """Return its address; None where none is named beside a server, and while a copy of the business is looked at."""
    if _apart.get():
        return None
    if settings.GREENLOOP_TRUST_URL:
        return str(settings.GREENLOOP_TRUST_URL)
    if connection.vendor != "sqlite":
        return None
    business = Path(connection.settings_dict["NAME"]).absolute()
    return f"{SQLITE}{business.with_suffix('.trust.sqlite3').as_posix()}"


def file() -> Path | None:
    """Return the file that it is, None where it is on a server or nowhere."""
    named = address()
    return Path(named.removeprefix(SQLITE)) if named and named.startswith(SQLITE) else None


def there() -> bool:
    """Tell whether one is named and, where it is a file, whether that has been made."""
    made = file()
    return made.exists() if made is not None else address() is not None


@contextmanager
def apart() -> Iterator[None]:
    """Read the business alone until the block ends: a copy of it is older than the trust book, and that is right."""
    token = _apart.set(True)
    try:
        yield
    finally:
        _apart.reset(token)
