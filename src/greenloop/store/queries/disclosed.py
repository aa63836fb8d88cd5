"""What everybody is shown of an alliance (guardrails.md): live figures, read once a minute however many ask."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from greenloop.core.money import PPM
from greenloop.store import sql
from greenloop.store.queries import bounds, multiples, overview
from greenloop.store.queries.bounds import Released, Rules
from greenloop.store.queries.multiples import CohortRow, Multiples
from greenloop.store.queries.overview import PoolRow, Pools, TrustBook

KEPT = timedelta(minutes=1)
ENTRIES = 40
"""Of so many entry cycles, the newest, it is told what their points have released."""


@dataclass(frozen=True, slots=True)
class Entry:
    """All green points that entered in one of the alliance's cycles, and what they have released."""

    cycle: int
    stand: Multiples


@dataclass(frozen=True, slots=True)
class Inflow:
    """What entered the green pools in the newest cycle that has closed, in fen, and what of it new members' orders did.

    New is who enrolled since `since_at`: the rules' days for new members before the cycle began.
    """

    cycle: int
    since_at: datetime
    fen: int
    new_fen: int

    @property
    def new_ppm(self) -> int | None:
        """Return the share of new members, in ppm; None where nothing came in."""
        return self.new_fen * PPM // self.fen if self.fen else None


@dataclass(frozen=True, slots=True)
class Disclosed:
    """Everything that is disclosed, of one moment; `stands` are the shown pools with what their points released."""

    at: datetime
    rules: Rules
    released: Released | None
    pools: Pools
    stands: Sequence[tuple[PoolRow, Multiples]]
    entries: Sequence[Entry]
    inflow: Inflow | None
    trust: TrustBook


_kept: dict[str, Disclosed] = {}
"""What was read last, by database."""


def disclosed(at: datetime) -> Disclosed:
    """Return what is disclosed at an instant, or up to a minute before it."""
    database = str(connection.settings_dict["NAME"])
    known = _kept.get(database)
    if known is None or not timedelta(0) <= at - known.at < KEPT:
        with sql.snapshot():
            known = _read(at)
        _kept.clear()
        _kept[database] = known
    return known


def _read(at: datetime) -> Disclosed:
    rules, pools, cohorts = bounds.rules_at(at), overview.pools(), multiples.green_cohorts()
    green = [pool for pool in pools.shown if pool.id in cohorts]
    paths = multiples.paths([pool.id for pool in green])
    stands = [(pool, multiples.multiples(cohorts[pool.id], paths.get(pool.id, ()))) for pool in green]
    return Disclosed(
        at,
        rules,
        bounds.released(),
        pools,
        [(pool, stand) for pool, stand in stands if stand],
        _entries([row for rows in cohorts.values() for row in rows]),
        _inflow(rules),
        overview.trust_book(),
    )


def _entries(rows: Sequence[CohortRow]) -> list[Entry]:
    by_cycle: dict[int, list[CohortRow]] = defaultdict(list)
    for row in rows:
        by_cycle[row.entry].append(row)
    newest = sorted(by_cycle, reverse=True)[:ENTRIES]
    return [Entry(cycle, stand) for cycle in newest if (stand := multiples.multiples(by_cycle[cycle]))]


def _inflow(rules: Rules) -> Inflow | None:
    cycle = sql.value("SELECT MAX(first_cycle + settled_cycle - 1) FROM pool WHERE settled_cycle > 0")
    if rules.now is None or cycle is None:
        return None
    calendar = rules.now.rules.calendar
    since_at = calendar.cutoff_at(cycle) - timedelta(days=calendar.cycle_days + rules.now.rules.new_member_days)
    fen, new_fen = sql.rows(_INFLOW, [sql.instant(since_at), cycle])[0]
    return Inflow(cycle, since_at, int(fen or 0), int(new_fen or 0))


_INFLOW = """
    SELECT SUM(o.green_part_fen), SUM(CASE WHEN m.enrolled_at >= %s THEN o.green_part_fen ELSE 0 END)
    FROM orders o LEFT JOIN member m ON m.account_id = o.member_id WHERE o.entry_cycle = %s
"""
