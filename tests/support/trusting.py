"""A trust book of the test's own beside its database: a file, or a database on the same server."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg
from django.conf import settings
from psycopg import sql

from greenloop.store.trustbook import founding, place, tables
from greenloop.store.trustbook.session import Session, opened
from tests.support.databases import Database


@contextmanager
def trust_book(database: Database) -> Iterator[str]:
    """Make a trust book for a database and name it in the settings; yield its address; drop it."""
    if database.engine == "sqlite":
        url = place.address() or ""
        with opened(url, new=True) as session:
            tables.make(session)
        yield url
        return
    name = f"greenloop_trust_{secrets.token_hex(6)}"
    parts = urlsplit(database.url)
    url = urlunsplit(parts._replace(path=f"/{name}"))
    with psycopg.connect(database.url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(name)))
        before, settings.GREENLOOP_TRUST_URL = settings.GREENLOOP_TRUST_URL, url
        try:
            with opened(url) as session:
                tables.make(session)
            yield url
        finally:
            settings.GREENLOOP_TRUST_URL = before
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def read_at(admin: psycopg.Connection, url: str) -> str:
    """Make a trust book at `url`, on a server that asks for no passwords, and return the address of its reader."""
    owned = urlsplit(url)
    server = owned.netloc.rpartition("@")[2]
    admin.execute("CREATE ROLE vault LOGIN CREATEROLE")
    admin.execute(sql.SQL("CREATE DATABASE {} OWNER vault TEMPLATE template0").format(sql.Identifier(owned.path[1:])))
    founding.create(urlunsplit(owned._replace(netloc=f"vault@{server}")), keeper="keeper", reader="reader")
    return urlunsplit(owned._replace(netloc=f"reader@{server}"))


@contextmanager
def looked_into() -> Iterator[Session]:
    """Open the trust book of the test's database."""
    with opened(place.address() or "") as session:
        yield session


def held() -> dict[str, str]:
    """Return the SHA-256 of every journal that the trust book holds, by key."""
    with looked_into() as session:
        return dict(session.rows("SELECT key, sha256 FROM trust_journal"))
