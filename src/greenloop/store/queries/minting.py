"""Whether purchases make points, since when, and what was decided on it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from greenloop.core.loop.minting import Turn
from greenloop.store import sql

KEPT = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether what is paid now makes points, since when that is so, and the next turn that is decided, if any."""

    mints: bool
    since_at: datetime | None
    following: Turn | None


AS_EVER = Standing(True, None, None)


@dataclass(frozen=True, slots=True)
class _Known:
    at: datetime
    turns: tuple[Turn, ...]


_kept: dict[str, _Known] = {}
"""What was read last, by database."""


def turns() -> tuple[Turn, ...]:
    """Return every turn that is decided, oldest first."""
    found = sql.rows("SELECT mints, effective_at FROM minting ORDER BY effective_at")
    return tuple(Turn(bool(mints), sql.moment(effective_at)) for mints, effective_at in found)


def standing(at: datetime) -> Standing:
    """Return how it stands at an instant, by what is decided now."""
    return _standing(turns(), at)


def shown(at: datetime) -> Standing:
    """Return how it stands at an instant, as every page shows it: what is decided is read once a minute at most."""
    database = str(connection.settings_dict["NAME"])
    known = _kept.get(database)
    if known is None or not timedelta(0) <= at - known.at < KEPT:
        known = _Known(at, turns())
        _kept.clear()
        _kept[database] = known
    return _standing(known.turns, at)


def _standing(known: tuple[Turn, ...], at: datetime) -> Standing:
    """Return how it stands; a turn that changes nothing, because another came before it, is told by nobody."""
    mints, since_at = True, None
    for turn in known:
        if turn.mints == mints:
            continue
        if turn.effective_at > at:
            return Standing(mints, since_at, turn)
        mints, since_at = turn.mints, turn.effective_at
    return Standing(mints, since_at, None)
