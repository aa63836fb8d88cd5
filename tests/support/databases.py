"""A database for each test: a clone of a migrated template, dropped afterwards.

Verbs open their own outermost transactions and the journal can't be rolled back or flushed, so a test can't share.
"""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

NOWHERE = "sqlite:////nowhere/ask-for-the-database-fixture.sqlite3"
POSTGRES_VERSION_MIN = 150000


@dataclass(frozen=True, slots=True)
class Database:
    """Where a test's own database is: `url` is also in GREENLOOP_DATABASE_URL, for commands the test starts."""

    engine: str
    url: str


class Engine(Protocol):
    """Hands out clones of a migrated template."""

    def clone(self) -> AbstractContextManager[Database]:
        """Make a clone, hand it over, drop it."""

    def close(self) -> None:
        """Drop the template."""


def point_django_at(url: str) -> None:
    """Close Django's connections and let the next one open `url`."""
    from django.db import connections

    from greenloop.config.settings import database

    connections.close_all()
    connections.settings["default"] = connections.configure_settings({"default": database(url)})["default"]
    if connections.all(initialized_only=True):
        del connections["default"]


def migrate(url: str) -> None:
    """Bring the empty database at `url` up to the newest migration."""
    from django.core.management import call_command

    point_django_at(url)
    call_command("migrate", verbosity=0, interactive=False)
    point_django_at(NOWHERE)


class Sqlite:
    """SQLite: a clone is a copy of the file, about a millisecond."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.template = folder / "template.sqlite3"
        migrate(f"sqlite:///{self.template}")

    @contextmanager
    def clone(self) -> Iterator[Database]:
        """Copy the template's file; afterwards remove the copy and what SQLite put beside it."""
        path = self.folder / f"{secrets.token_hex(6)}.sqlite3"
        shutil.copyfile(self.template, path)
        try:
            yield Database(engine="sqlite", url=f"sqlite:///{path}")
        finally:
            for beside in self.folder.glob(f"{path.stem}*"):
                beside.unlink()

    def close(self) -> None:
        """Leave the template to pytest, which removes its folders."""


class Postgres:
    """PostgreSQL: a clone is CREATE DATABASE … TEMPLATE on the server at `url`, some tens of milliseconds."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.admin = psycopg.connect(url, autocommit=True)
        self.template = f"greenloop_test_{secrets.token_hex(6)}"
        self._do("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0", self.template)
        migrate(self._url_of(self.template))

    @contextmanager
    def clone(self) -> Iterator[Database]:
        """Create a database from the template; afterwards drop it, with whatever is still connected to it."""
        name = f"{self.template}_{secrets.token_hex(4)}"
        self._do("CREATE DATABASE {} TEMPLATE {}", name, self.template)
        try:
            yield Database(engine="postgresql", url=self._url_of(name))
        finally:
            self._do("DROP DATABASE {} WITH (FORCE)", name)

    def close(self) -> None:
        """Drop the template and leave the server as it was."""
        self._do("DROP DATABASE {} WITH (FORCE)", self.template)
        self.admin.close()

    def _do(self, statement: str, *names: str) -> None:
        self.admin.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def _url_of(self, name: str) -> str:
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))


def postgres_url() -> tuple[str | None, str]:
    """Return the URL of a PostgreSQL that tests may create databases on, or None and why there is none."""
    if named := os.environ.get("GREENLOOP_TEST_DATABASE_URL"):
        fault = _postgres_fault(named)
        if fault:
            message = f"GREENLOOP_TEST_DATABASE_URL can't be used: {fault}"
            raise RuntimeError(message)
        return named, ""
    fault = "no server listens on its usual socket"
    for folder in (os.environ.get("PGHOST", ""), "/var/run/postgresql", "/tmp"):  # noqa: S108 - the usual places
        if folder.startswith("/") and any(Path(folder).glob(".s.PGSQL.*[0-9]")):
            url = f"postgresql://{folder.replace('/', '%2F')}/postgres"
            fault = _postgres_fault(url)
            if not fault:
                return url, ""
    return None, fault


def _postgres_fault(url: str) -> str:
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            row = connection.execute("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user")
            if not (row.fetchone() or (False,))[0]:
                return f"the role {connection.info.user} may not create databases"
            if connection.info.server_version < POSTGRES_VERSION_MIN:
                return f"it is version {connection.info.server_version // 10_000}, and 15 is the oldest supported"
    except psycopg.Error as error:
        return " ".join(str(error).split())
    return ""
