"""A connection of its own for one request of somebody who only reads, in place of the ordinary one.

Whatever the request runs, whether it reads by SQL or by models and however deep, goes over it. SQLite opens the file
read-only; PostgreSQL begins every transaction read-only, and where `GREENLOOP_READER_URL` names a role of its own, with
that role's credentials, which may select and no more.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any
from urllib.parse import quote

import dj_database_url
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import load_backend

from greenloop.store.reader import masks

PATIENCE = "60s"
"""For so long a statement of theirs may work on a server: what sells there waits for none of theirs."""
NEVER = frozenset({sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH})
"""What a file opened read-only could still be got round by: opening it a second time."""


@contextmanager
def only_reading() -> Iterator[None]:
    """Let all that this thread asks of the database in this block go over a connection that can't write."""
    ordinary = connections[DEFAULT_DB_ALIAS]
    reader = _made(ordinary)
    try:
        _confine(reader)
        connections[DEFAULT_DB_ALIAS] = reader
        yield
    finally:
        connections[DEFAULT_DB_ALIAS] = ordinary
        reader.close()


def _made(ordinary: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    known = deepcopy(ordinary.settings_dict)
    if ordinary.vendor == "postgresql" and settings.GREENLOOP_READER_URL:
        found: dict[str, Any] = dict(dj_database_url.parse(settings.GREENLOOP_READER_URL))
        known = connections.configure_settings({DEFAULT_DB_ALIAS: found})[DEFAULT_DB_ALIAS]
    options = known.setdefault("OPTIONS", {})
    options.pop("pool", None)  # one request's own: nothing of it may be left for the next
    if ordinary.vendor == "sqlite":
        # Its name stays what it is: what lies beside the database is found by it, the trust book and trees.
        options["database"] = f"file:{quote(str(known['NAME']))}?mode=ro"
        options.pop("transaction_mode", None)  # to begin one that may write is to be refused by itself
        options["init_command"] = "PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-65536"
    wrapper: BaseDatabaseWrapper = load_backend(known["ENGINE"]).DatabaseWrapper(known, DEFAULT_DB_ALIAS)
    return wrapper


def _confine(reader: BaseDatabaseWrapper) -> None:
    """Put the masks on, and then let nothing be written any more."""
    masks.put_on(reader, by_role=bool(settings.GREENLOOP_READER_URL))
    last = "PRAGMA query_only=ON"
    if reader.vendor == "postgresql":
        last = f"SET statement_timeout = '{PATIENCE}'; SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"
    with reader.cursor() as cursor:
        cursor.execute(last)
    if reader.vendor == "sqlite":
        reader.connection.set_authorizer(_allowed)


def _allowed(action: int, first: str | None, second: str | None, place: str | None, _: str | None) -> int:
    """Tell SQLite whether a statement may do something, when it is read."""
    lifts = action == sqlite3.SQLITE_PRAGMA and (first or "").lower() == "query_only" and second is not None
    looks_under = action == sqlite3.SQLITE_READ and place == "main" and _is_masked(first or "", second or "")
    return sqlite3.SQLITE_DENY if lifts or looks_under or action in NEVER else sqlite3.SQLITE_OK


def _is_masked(table: str, column: str) -> bool:
    named = table.lower()
    return named in masks.CLOSED or named in masks.ONLY or column.lower() in masks.MASKS.get(named, ())
