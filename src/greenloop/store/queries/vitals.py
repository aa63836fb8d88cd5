"""What tells whether the service is well: asked by probes and by scrapes, so each read is small."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache

from django.db import connection
from django.db.migrations.loader import MigrationLoader

from greenloop.store import sql


@dataclass(frozen=True, slots=True)
class PoolVitals:
    """One pool: its money in fen, and the last of the alliance's cycles that it has settled."""

    name: str
    free_fen: int
    owed_fen: int
    settled_cycle: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits: events on their way, events given up, settlements held for people; and settlements without a root."""

    deliveries: int
    given_up: int
    held: int
    rootless: int


def alive() -> None:
    """Ask the database for nothing but an answer."""
    sql.value("SELECT 1")


def missing_migrations() -> list[str]:
    """Return the migrations of this release that the database hasn't had."""
    if "django_migrations" not in connection.introspection.table_names():
        return ["all"]
    had = set(sql.rows("SELECT app, name FROM django_migrations"))
    return [f"{app}.{name}" for app, name in sorted(shipped() - had)]


@cache
def shipped() -> frozenset[tuple[str, str]]:
    """Return the migrations of this release; read from its files once, which takes a good part of a second."""
    return frozenset(MigrationLoader(None, replace_migrations=False).disk_migrations)


def newest_journal_at() -> datetime | None:
    """Return when the newest journal was recorded, by the clock of the process that did it."""
    raw = sql.value("SELECT recorded_at FROM journal ORDER BY id DESC LIMIT 1")
    return None if raw is None else sql.moment(raw)


def rules_in_force(at: datetime) -> bool:
    """Tell whether a rule set is in force."""
    return bool(sql.value("SELECT 1 FROM rule_version WHERE effective_at <= %s LIMIT 1", [sql.instant(at)]))


def pools() -> list[PoolVitals]:
    """Return every pool, oldest first."""
    return [
        PoolVitals(name, int(free), int(owed), int(settled))
        for name, free, owed, settled in sql.rows(
            "SELECT name, free_fen, backing_fen - spent_fen, first_cycle + settled_cycle - 1 FROM pool ORDER BY id"
        )
    ]


def waiting() -> Waiting:
    """Return what waits."""
    return Waiting(*map(int, sql.rows(_WAITING)[0]))


_WAITING = """
    SELECT (SELECT COUNT(*) FROM delivery WHERE state = 'waiting'),
           (SELECT COUNT(*) FROM delivery WHERE state = 'given_up'),
           (SELECT COUNT(*) FROM settlement_run WHERE state = 'held'),
           (SELECT COUNT(*) FROM log_leaf WHERE kind = 'rootless')
"""
