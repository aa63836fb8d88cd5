"""How much lies with how few, and how far rewards reach for whom somebody brought: measured from rows.

Each measure is one statement over all holders. No page waits for that: the clock measures once a day, and a page shows
what it found. Only an alliance so small that it takes no time is measured as it is looked at.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from greenloop.core.money import PPM
from greenloop.store import sql

TASK = "measure"
"""What the clock calls it; the outcome of its run is where the figures are kept."""
SMALL = 20_000
"""So many positions, and as many orders, are read while somebody waits."""
CYCLES = 4
"""What came in is measured over so many of the newest cycles."""
HERFINDAHL = 10_000
"""The index of Herfindahl and Hirschman of a single holder, as it is usually written."""


@dataclass(frozen=True, slots=True)
class Measure:
    """How something lies with its holders: shares in ppm of `total`, which is fen or hundredths of points.

    `gini_ppm` is 0 where all have the same, and nears 1 000 000 where one has all. `hhi` is the sum of the squared
    shares, × 10 000.
    """

    what: str
    holders: int
    total: int
    first_ppm: int
    ten_ppm: int
    percent_ppm: int
    gini_ppm: int
    hhi: int


@dataclass(frozen=True, slots=True)
class Reach:
    """How far rewards reach, measured from orders: how many paid red points, by how many steps up they were paid.

    `by_depth` are the orders whose reward went to the shopper's own referrer (1), to that one's referrer (2), and so on
    up to 4; `beyond` those whose reward went to nobody up there. `unearned` are holders of red points without any such
    order. `red_ppm` is what red points are of all points.
    """

    by_depth: tuple[int, int, int, int]
    beyond: int
    unearned: int
    red_ppm: int

    @property
    def deepest(self) -> int:
        """Return the largest number of steps that any reward went; 5 where one went to nobody up there."""
        if self.beyond or self.unearned:
            return len(self.by_depth) + 1
        return max((depth for depth, count in enumerate(self.by_depth, 1) if count), default=0)


@dataclass(frozen=True, slots=True)
class Concentration:
    """All measures, of one moment."""

    at: datetime
    measures: Sequence[Measure]
    reach: Reach


def newest(at: datetime) -> Concentration | None:
    """Return what the clock has measured last, or of a small alliance what is so at an instant; None before either."""
    if sql.rows(_SMALL, [SMALL] * 4)[0][0]:
        return measured(at)
    found = sql.rows(_LAST, [TASK])
    return _read(json.loads(found[0][1]), sql.moment(found[0][0])) if found else None


def measured(at: datetime) -> Concentration:
    """Read all positions, wallets and orders, and return the measures of an instant."""
    with sql.snapshot():
        return Concentration(at, [_measure(row) for row in sql.rows(_ALL)], _reach())


def told(found: Concentration) -> Mapping[str, object]:
    """Return measures as the clock's run keeps them."""
    holders = max(each.holders for each in found.measures)
    return {"holders": holders, "measures": [asdict(each) for each in found.measures], "reach": asdict(found.reach)}


def _read(kept: Mapping[str, Any], at: datetime) -> Concentration:
    reach = {**kept["reach"], "by_depth": tuple(kept["reach"]["by_depth"])}
    return Concentration(at, [Measure(**each) for each in kept["measures"]], Reach(**reach))


def _measure(row: sql.Row) -> Measure:
    name, holders, total, first, ten, percent, ranked, squares = row
    whole = float(total or 0)
    if not holders or whole <= 0:
        return Measure(name, int(holders or 0), 0, 0, 0, 0, 0, 0)
    gini = 2 * float(ranked) / (holders * whole) - (holders + 1) / holders
    parts = (round(float(part) * PPM / whole) for part in (first, ten, percent))
    first_ppm, ten_ppm, percent_ppm = parts
    hhi = round(float(squares) * HERFINDAHL / (whole * whole))
    return Measure(name, int(holders), round(whole), first_ppm, ten_ppm, percent_ppm, max(0, round(gini * PPM)), hhi)


def _reach() -> Reach:
    first, second, third, fourth, beyond, unearned, red, every = (int(each or 0) for each in sql.rows(_REACH)[0])
    return Reach((first, second, third, fourth), beyond, unearned, red * PPM // every if every else 0)


# Sums are taken as double precision: shares are shown to a hundredth of a per cent, and products of points and indices
# don't fit 64 bits.
_SHARES = """
    SELECT '{name}', COUNT(*), SUM(value), SUM(CASE WHEN place = 1 THEN value ELSE 0 END),
           SUM(CASE WHEN place <= 10 THEN value ELSE 0 END),
           SUM(CASE WHEN place <= (holders + 99) / 100 THEN value ELSE 0 END),
           SUM((holders + 1 - place) * value), SUM(value * value)
    FROM (
        SELECT value, ROW_NUMBER() OVER (ORDER BY value DESC) AS place, COUNT(*) OVER () AS holders
        FROM (SELECT CAST(amount AS double precision) AS value FROM ({query}) AS found WHERE amount > 0) AS counted
    ) AS ranked
"""
_NEWEST = f"(SELECT COALESCE(MAX(first_cycle + settled_cycle - 1), 0) - {CYCLES} FROM pool WHERE settled_cycle > 0)"  # noqa: S608
MEASURED = {
    "points": "SELECT SUM(points) AS amount FROM position GROUP BY account_id",
    "released": """
        SELECT SUM(fen) AS amount FROM (
            SELECT p.account_id, CAST(p.points AS double precision) * c.release_index / 1e12 AS fen
            FROM position p JOIN cohort c ON c.id = p.cohort_id
            UNION ALL SELECT account_id, -CAST(claimed_fen AS double precision) FROM wallet
        ) AS parts GROUP BY account_id
    """,
    "vouchers": "SELECT SUM(voucher_fen) AS amount FROM wallet GROUP BY account_id",
    "bought": f"""
        SELECT SUM(entered_fen) AS amount FROM orders WHERE entry_cycle > {_NEWEST} GROUP BY member_id
    """,  # noqa: S608
    "sold": f"""
        SELECT SUM(entered_fen) AS amount FROM orders WHERE entry_cycle > {_NEWEST} GROUP BY merchant_id
    """,  # noqa: S608
}
"""By what is measured, the query of each holder's part: fen, or points."""
_ALL = " UNION ALL ".join(_SHARES.format(name=name, query=query) for name, query in MEASURED.items())
_SMALL = """
    SELECT (SELECT COUNT(*) FROM (SELECT 1 AS one FROM position LIMIT %s) AS p) < %s
       AND (SELECT COUNT(*) FROM (SELECT 1 AS one FROM orders LIMIT %s) AS o) < %s
"""
_LAST = """
    SELECT started_at, outcome FROM run WHERE task = %s AND state = 'done' ORDER BY id DESC LIMIT 1
"""
# Orders that paid red points, by the steps up to whom they paid; holders without such an order; red points and all.
_REACH = """
    SELECT SUM(CASE WHEN depth = 1 THEN 1 ELSE 0 END), SUM(CASE WHEN depth = 2 THEN 1 ELSE 0 END),
           SUM(CASE WHEN depth = 3 THEN 1 ELSE 0 END), SUM(CASE WHEN depth = 4 THEN 1 ELSE 0 END),
           SUM(CASE WHEN depth = 5 THEN 1 ELSE 0 END),
           (SELECT COUNT(DISTINCT p.account_id) FROM pool r JOIN cohort c ON c.pool_id = r.id
                JOIN position p ON p.cohort_id = c.id
            WHERE r.is_red AND p.points > 0 AND NOT EXISTS (
                SELECT 1 FROM orders o WHERE o.referrer_id = p.account_id AND o.red_points > 0)),
           (SELECT SUM(c.points) FROM cohort c JOIN pool p ON p.id = c.pool_id WHERE p.is_red),
           (SELECT SUM(points) FROM cohort)
    FROM (
        SELECT CASE WHEN o.referrer_id = m.referrer_id THEN 1 WHEN o.referrer_id = m2.referrer_id THEN 2
                    WHEN o.referrer_id = m3.referrer_id THEN 3 WHEN o.referrer_id = m4.referrer_id THEN 4
                    ELSE 5 END AS depth
        FROM orders o LEFT JOIN member m ON m.account_id = o.member_id
            LEFT JOIN member m2 ON m2.account_id = m.referrer_id LEFT JOIN member m3 ON m3.account_id = m2.referrer_id
            LEFT JOIN member m4 ON m4.account_id = m3.referrer_id
        WHERE o.red_points > 0
    ) AS reached
"""
